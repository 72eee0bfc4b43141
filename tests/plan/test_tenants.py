"""Customers are paired with organizations by the same name only; likeness ranks, never links."""

from __future__ import annotations

from itertools import permutations

import pytest

from muster.model.names import CustomerName, RemoteId, System
from muster.model.records import Organization
from muster.model.settings import Customer, VaultRef
from muster.plan.importing import Standing, stand
from muster.plan.tenant_links import exact_links
from muster.plan.tenants import (
    CustomerPairing,
    Leftover,
    Pairing,
    Tenants,
    Unpaired,
    pair_customers,
    unpaired_tenants,
)


def customer(name: str, display_name: str, organization: str = "") -> Customer:
    """Return a customer, linked to its vault or not."""
    ref = VaultRef(integration="it-glue", organization_id=RemoteId(organization))
    return Customer(
        name=CustomerName(name),
        display_name=display_name,
        vault=ref if organization else None,
    )


def tenants(
    *rows: str, integration: str = "psa", system: System = System.PSA, **linked: str
) -> Tenants:
    """Return what an integration shows: names, whose places are the ids; `-` marks inactive."""
    return Tenants(
        integration=integration,
        system=system,
        organizations=tuple(
            Organization(id=RemoteId(str(place)), name=row.lstrip("-"), active=row[:1] != "-")
            for place, row in enumerate(rows, 1)
        ),
        linked={RemoteId(key[1:]): CustomerName(value) for key, value in linked.items()},
    )


ACME = customer("acme", "Acme")

ROWS: dict[str, tuple[tuple[Customer, ...], tuple[Tenants, ...], Pairing, list[str]]] = {
    "the same name": ((ACME,), (tenants(" ACME ", "Other"),), Pairing.EXACT, [""]),
    "two of the name": ((ACME,), (tenants("Acme", "acme"),), Pairing.AMBIGUOUS, ["", ""]),
    "one of two is linked": (
        (ACME,),
        (tenants("Acme", "Acme", _1="other"),),
        Pairing.AMBIGUOUS,
        ["linked to other", ""],
    ),
    "one of two is inactive": (
        (ACME,),
        (tenants("-Acme", "Acme"),),
        Pairing.EXACT,
        ["", "inactive"],
    ),
    "one in each of two systems": (
        (ACME,),
        (tenants("Acme"), tenants("Acme", integration="psa2")),
        Pairing.AMBIGUOUS,
        ["", ""],
    ),
    "another customer of the name": (
        (ACME, customer("acme-2", "ACME")),
        (tenants("Acme"),),
        Pairing.AMBIGUOUS,
        ["fits acme-2 as well"],
    ),
    "linked already": ((ACME,), (tenants("Acme", _1="x"),), Pairing.UNMATCHED, ["linked to x"]),
    "inactive": ((ACME,), (tenants("-Acme"),), Pairing.UNMATCHED, ["inactive"]),
    "alike": ((ACME,), (tenants("Acme Ltd", "Zzz", "Acme Inc"),), Pairing.NEAR, ["", ""]),
    "alike but inactive or taken": (
        (ACME,),
        (tenants("-Acme Ltd", "Acme Inc", _2="x"),),
        Pairing.UNMATCHED,
        [],
    ),
    "a look-alike in another script": ((ACME,), (tenants("Асме"),), Pairing.UNMATCHED, []),
    "an empty name": ((ACME,), (tenants("", " "),), Pairing.UNMATCHED, []),
    "the name in the vault": (
        (customer("a", "Other", "1"),),
        (tenants("Acme"), tenants("Acme", integration="it-glue", system=System.VAULT, _1="a")),
        Pairing.EXACT,
        [""],
    ),
    "the name here and the name in the vault differ": (
        (customer("a", "Ajax", "1"),),
        (
            tenants("Acme", "Ajax"),
            tenants("Acme", integration="it-glue", system=System.VAULT, _1="a"),
        ),
        Pairing.AMBIGUOUS,
        ["", ""],
    ),
}


def pair(
    customers: tuple[Customer, ...], shown: tuple[Tenants, ...]
) -> tuple[CustomerPairing, ...]:
    """Look for the customers in the PSAs, with the names of the vaults."""
    vaults = [one for one in shown if one.system is System.VAULT]
    return pair_customers(customers, shown, System.PSA, vaults)


@pytest.mark.parametrize(("customers", "shown", "expected", "obstacles"), ROWS.values(), ids=ROWS)
def test_how_a_customer_is_paired(
    customers: tuple[Customer, ...],
    shown: tuple[Tenants, ...],
    expected: Pairing,
    obstacles: list[str],
) -> None:
    """One row per rule: the state, and what stands in the way of each candidate."""
    first = pair(customers, shown)[0]
    assert first.pairing is expected
    assert [one.obstacle for one in first.candidates] == obstacles
    assert (
        first.reason
        is {
            Pairing.EXACT: None,
            Pairing.AMBIGUOUS: Unpaired.NOT_ALONE,
            Pairing.NEAR: Unpaired.ONLY_ALIKE,
            Pairing.UNMATCHED: Unpaired.NOT_FREE if obstacles else Unpaired.NO_SUCH_NAME,
        }[expected]
    )
    links = exact_links(pair(customers, shown))
    assert [link.customer for link in links] == [customers[0].name] * (expected is Pairing.EXACT)


def test_one_that_has_a_link_is_left_alone() -> None:
    """A customer with a link is not looked for again, whatever the names."""
    shown = (tenants("Acme", system=System.VAULT),)
    assert pair_customers((customer("a", "Acme", "7"),), shown, System.VAULT) == ()


def test_what_is_named_after_one_customer_is_no_suggestion_for_another() -> None:
    """A record with a customer's very name is not offered to one whose name is like it."""
    acme, like = pair((ACME, customer("b", "Acme Ltd")), (tenants("Acme"),))
    assert (acme.pairing, like.pairing) == (Pairing.EXACT, Pairing.UNMATCHED)


def test_the_most_alike_comes_first() -> None:
    """Suggestions are few and ranked, and their order does not depend on the list's."""
    names = ("Northwind Traders Ltd", "Northwind Trading", "Northwind Trader", "Northwynd Traders")
    best = set()
    for order in permutations(names):
        found = pair((customer("n", "Northwind Traders"),), (tenants(*order),))[0]
        assert len(found.candidates) == 3
        assert [one.score for one in found.candidates] == sorted(
            (one.score for one in found.candidates), reverse=True
        )
        best.add(found.candidates[0].organization.name)
    assert best == {"Northwind Trader"}


def test_what_stays_without_a_customer_has_a_reason() -> None:
    """Every record that is neither linked nor paired is listed, with one reason."""
    shown = (tenants("Acme", "Twin", "Twin", "-Gone", "Free", "Linked", _6="x"),)
    pairings = pair((ACME, customer("t", "Twin")), shown)
    left = {one.organization.id: one.reason for one in unpaired_tenants(shown, pairings)}
    assert left == {
        "2": Leftover.AMBIGUOUS,
        "3": Leftover.AMBIGUOUS,
        "4": Leftover.INACTIVE,
        "5": Leftover.NO_CUSTOMER,
    }


def test_how_a_record_stands_to_the_customers() -> None:
    """Only one that is active, not linked and has nobody's name may become a customer."""
    shown = tenants("Linked", "-Gone", "Acme", "New", "-Also linked", _1="x", _5="y")
    standing = {one.organization.id: (one.standing, one.customer) for one in stand(shown, (ACME,))}
    assert standing == {
        "1": (Standing.LINKED, "x"),
        "2": (Standing.INACTIVE, None),
        "3": (Standing.SAME_NAME, "acme"),
        "4": (Standing.NEW, None),
        "5": (Standing.LINKED, "y"),
    }
