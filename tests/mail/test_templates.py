"""What a template may say, and that nothing in a name gets out of its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plan.world import CUSTOMER, MAIL, person, record

from muster.errors import SpecError
from muster.mail.shipped import WELCOMES
from muster.mail.templates import fill, find_template_problems
from muster.mail.welcome import VARIABLES, sender_of, write_welcome
from muster.model.accounts import Email, EmailSource
from muster.model.mail import MailTemplate

JOHN_RECORD = record(person("John", "Smith"))
NAMES = {name: f"<{name}>" for name in VARIABLES}


def _template(text: str) -> MailTemplate:
    return MailTemplate(subject="Hello", text="Hello", html=text)


@pytest.mark.parametrize("language", sorted(WELCOMES))
def test_what_is_shipped_has_no_problem(language: str) -> None:
    """Every language has both parts, uses known variables and speaks of no password to be had."""
    template = WELCOMES[language]
    assert find_template_problems(template, VARIABLES) == ()
    filled = fill(template, NAMES)
    assert "&lt;user_name&gt;" in filled.html
    assert "<user_name>" in filled.text


@pytest.mark.parametrize(
    "source",
    [
        "{{ password }}",
        "{{ display_name.__class__.__mro__ }}",
        "{{ display_name['__class__'] }}",
        "{{ display_name.format(1) }}",
        "{{ display_name() }}",
        "{{ [1, 2] }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ display_name | safe }}",
        "{{ display_name | attr('x') }}",
        "{% for x in display_name %}{{ x }}{% endfor %}",
        "{% set display_name = 'x' %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% macro m() %}{% endmacro %}",
        "{% autoescape false %}{{ display_name }}{% endautoescape %}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ display_name is defined }}",
        "{{ unclosed",
        "{{ " + "(" * 3000 + ")" * 3000 + " }}",
    ],
)
def test_a_template_reaches_nothing_but_its_variables(source: str) -> None:
    """Loops, calls, attributes, other filters and other variables are refused, with the line."""
    (problem, *_) = find_template_problems(_template(f"first\n{source}"), VARIABLES)
    assert problem.part == "html"
    with pytest.raises(SpecError):
        fill(_template(source), NAMES)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ given_name or display_name }}", "John"),
        ("{% if customer == 'X' %}a{% elif surname %}b{% else %}c{% endif %}", "b"),
        ("{{ user_name | upper }} {{ ' x ' | trim }}", "JSMITH x"),
        ("{{ 'yes' if not surname else 'no' }}", "no"),
        ("{{ given_name | default('you', true) }}", "John"),
    ],
)
def test_conditions_and_filters_do_what_they_say(source: str, text: str) -> None:
    """What templates need is there."""
    values = {**NAMES, "given_name": "John", "user_name": "jsmith", "surname": "Smith"}
    assert fill(_template(source), values).html == text


@settings(max_examples=150, deadline=None)
@given(name=st.text(max_size=60))
def test_a_name_stays_text(name: str) -> None:
    """A name is never markup, template or a second line, whatever stands in it."""
    template = MailTemplate(
        subject="Hi {{ display_name }}", text="{{ display_name }}", html="<p>{{ display_name }}</p>"
    )
    hostile = f"{{{{ mail }}}}<script>{name}\r\nBcc: x@evil.example"
    filled = fill(template, {**NAMES, "display_name": hostile})
    assert "{{ mail }}" in filled.text
    assert "<script>" not in filled.html
    for part in (filled.subject, filled.text, filled.html):
        assert part.isprintable()


def test_a_welcome_goes_to_the_address_that_is_known() -> None:
    """The mail of an account has its names; the same account gives the same key, unless again."""
    email = Email(address="john@contoso.example", source=EmailSource.ENTRA)
    john = replace(JOHN_RECORD, identity=replace(JOHN_RECORD.identity, email=email))
    sender = sender_of(MAIL)
    first = write_welcome(john, CUSTOMER, sender, WELCOMES["en"])
    assert first.to == ("john@contoso.example",)
    assert john.identity.user in first.text
    assert first == write_welcome(john, CUSTOMER, sender, WELCOMES["en"])
    assert first.key != write_welcome(john, CUSTOMER, sender, WELCOMES["en"], again="2").key
