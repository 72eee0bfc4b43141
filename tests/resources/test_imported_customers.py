"""Imported customers: names that Kubernetes takes, and files that every reader takes alike."""

from __future__ import annotations

import re
import textwrap

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.model.connections import Integration
from muster.model.names import RemoteId, System
from muster.model.records import Organization
from muster.model.settings import Customer, Estate
from muster.resources import parse_resource
from muster.resources.references import linked_tenants
from muster.resources.slugs import choose_slugs, slug_of
from muster.resources.writing import customer_text, display_name, link_field, scalar

VALID = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def organization(record: str, name: str) -> Organization:
    """Return an organization."""
    return Organization(id=RemoteId(record), name=name)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Contoso Ltd.", "contoso-ltd"),
        ("  O'Neill & Söhne (Køln) ", "oneill-sohne-koln"),
        ("Straße Łódź ﬁn", "strasse-lodz-fin"),
        ("---", ""),
        ("日本商事", ""),
        ("Кафе 24", ""),
        ("x" * 80, "x" * 63),
        ("a" * 62 + " b", "a" * 62),
    ],
)
def test_a_slug_is_what_people_would_write(name: str, slug: str) -> None:
    """Accents go, other scripts are not guessed, the length is what Kubernetes allows."""
    assert slug_of(name) == slug


def test_names_that_would_be_the_same_get_their_id() -> None:
    """Neither the order nor what else is taken moves a name from one organization to another."""
    rows = [
        organization("1", "Acme"),
        organization("2", "ACME."),
        organization("3", "Contoso"),
        organization("4", "Fabrikam"),
        organization("5", "Acme 2"),
    ]
    expected = {"1": "acme-1", "2": "acme-2", "3": "contoso-3", "4": "fabrikam", "5": "acme-2-5"}
    assert choose_slugs(rows, {"contoso"}) == expected
    assert choose_slugs(rows[::-1], {"contoso"}) == expected


NAMES = st.one_of(
    st.text(max_size=300),
    st.sampled_from(["yes", "Null", "1e3", "0x1F", "12:30", "a: b", "a #b", "- x", "~", "=", "{}"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=6))
def test_every_name_becomes_a_sound_customer(names: list[str]) -> None:
    """The slugs are valid and different; each file is a Customer that says what was meant."""
    rows = [organization(str(index), name) for index, name in enumerate(names, 1)]
    slugs = choose_slugs(rows, set())
    assert len(set(slugs.values())) == len(rows)
    for row in rows:
        slug = slugs[row.id]
        assert VALID.fullmatch(slug)
        text = customer_text(slug, row, link_field(System.VAULT, "it-glue", row.id))
        customer = parse_resource(yaml.safe_load(text))
        assert isinstance(customer, Customer), customer
        assert customer.display_name == (display_name(row.name) or slug)
        assert customer.vault is not None
        assert (customer.name, customer.vault.organization_id) == (slug, row.id)


@pytest.mark.parametrize("text", ["1e3", "0x1", "yes", "Off", "null", "~", "2026-01-01", "4711"])
def test_what_a_reader_may_take_for_something_else_is_quoted(text: str) -> None:
    """A name that looks like a number, a date, a boolean or nothing stands in quotes."""
    assert scalar(text) == f'"{text}"'


def test_what_is_linked_counts_through_every_integration() -> None:
    """Two integrations with one address show the same records, so a link through one is known."""
    resources = """
        {kind: Integration, metadata: {name: one}, spec: {hudu: {endpoint: "https://H.example",
          apiKeyRef: {name: a, key: k}}}}
        ---
        {kind: Integration, metadata: {name: two}, spec: {hudu: {endpoint: "https://h.example/",
          apiKeyRef: {name: b, key: k}}}}
        ---
        {kind: Integration, metadata: {name: three}, spec: {hudu: {endpoint: "https://i.example",
          apiKeyRef: {name: b, key: k}}}}
        ---
        {kind: Customer, metadata: {name: acme}, spec: {displayName: Acme,
          vault: {integrationRef: {name: one}, organizationId: "7"}}}
    """
    parsed = [
        parse_resource({"apiVersion": "muster.dev/v1alpha1", **document})
        for document in yaml.safe_load_all(textwrap.dedent(resources))
    ]
    estate = Estate(
        customers=tuple(one for one in parsed if isinstance(one, Customer)),
        integrations=tuple(one for one in parsed if isinstance(one, Integration)),
    )
    linked = [linked_tenants(estate, one) for one in estate.integrations]
    assert linked == [{"7": "acme"}, {"7": "acme"}, {}]
