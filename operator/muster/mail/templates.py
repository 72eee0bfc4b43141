"""Checks and fills templates of mails. What they may say is a closed list.

A template is Jinja with variables, conditions and a few filters, and nothing else: no loops,
calls or attributes, so that it cannot run away, and cannot reach anything but its variables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from muster.errors import SpecError
from muster.model.mail import MailTemplate

FILTERS = ("capitalize", "default", "lower", "title", "trim", "upper")
"""The filters that a template may use."""

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Keyword,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
_PARTS = ("subject", "text", "html")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateProblem:
    """What is wrong with one part of a template."""

    part: str
    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A template with its variables put in."""

    subject: str
    text: str
    html: str


def find_template_problems(
    template: MailTemplate, variables: Collection[str]
) -> tuple[TemplateProblem, ...]:
    """Return everything that is wrong with a template, part by part."""
    return tuple(
        problem
        for part in _PARTS
        for problem in _problems(part, getattr(template, part), variables)
    )


def fill(template: MailTemplate, variables: Mapping[str, str]) -> Filled:
    """Return the mail's parts; in the HTML every value is escaped.

    Raises:
        SpecError: the template cannot be filled, which `find_template_problems` would have said.
    """
    problems = find_template_problems(template, variables.keys())
    if problems:
        raise SpecError(tuple(f"The template's {one.part}: {one.message}" for one in problems))
    values = {name: _one_line(value) for name, value in variables.items()}
    try:
        subject, text = (
            _environment(escape=False).from_string(part).render(values)
            for part in (template.subject, template.text)
        )
        html = _environment(escape=True).from_string(template.html).render(values)
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise SpecError((f"The template cannot be filled: {error}",)) from error
    return Filled(subject=_one_line(subject), text=text, html=html)


def _one_line(text: str) -> str:
    """Return text without line breaks and control characters, which end a header or hide text."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


@cache
def _environment(*, escape: bool) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=escape, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.globals.clear()
    environment.tests.clear()
    return environment


def _problems(part: str, source: str, variables: Collection[str]) -> Iterator[TemplateProblem]:
    try:
        tree = _environment(escape=part == "html").parse(source)
    except TemplateSyntaxError as error:
        yield TemplateProblem(part=part, line=error.lineno, message=error.message or "is no Jinja")
        return
    except RecursionError:
        yield TemplateProblem(part=part, line=1, message="it is nested too deeply")
        return
    for node in tree.find_all(nodes.Node):
        message = _wrong(node, variables)
        if message:
            yield TemplateProblem(part=part, line=node.lineno, message=message)


def _wrong(node: nodes.Node, variables: Collection[str]) -> str:
    """Return what is wrong with one node; empty when nothing is."""
    match node:
        case nodes.Name(name=name) if name not in variables:
            return f"it has no variable `{name}`; there are {_listed(variables)}"
        case nodes.Filter(name=name) if name not in FILTERS:
            return f"the filter `{name}` is not allowed; there are {_listed(FILTERS)}"
        case _ if not isinstance(node, _ALLOWED):
            what = type(node).__name__.lower()
            return f"`{what}` is not allowed; a template has variables, `if` and filters"
    return ""


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
