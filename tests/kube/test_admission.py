"""The webhook refuses what a new or changed resource makes wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from tests.kube.estates import (
    Raw,
    connectwise,
    customer,
    imports,
    it_glue,
    override,
    policy,
    resource,
    store_of,
)

from muster.kube.admission import find_refusals

GOLD = {"tier": "gold"}
FOR_GOLD = {"selector": {"matchLabels": GOLD}}


def judge(known: Iterable[Raw], raw: Raw, accounts: Iterable[Raw] = ()) -> tuple[str, ...]:
    """Return why a resource is refused beside these."""
    store = store_of(*known)
    return find_refusals(raw, store.parsed(), store.view(), lambda _: accounts)


TWO = (customer("a", labels=GOLD), customer("b"))
LINKED = customer("a", vault=("it-glue", "1"))


@pytest.mark.parametrize(
    ("known", "raw", "words"),
    [
        pytest.param(
            (),
            resource("Customer", "a", {"displayName": "x", "x": 1}),
            "Unknown field",
            id="not-readable",
        ),
        pytest.param(
            (connectwise(),),
            customer("a", vault=("connectwise", "1")),
            "is no vault",
            id="wrong-integration",
        ),
        pytest.param(
            (it_glue(), LINKED),
            customer("b", vault=("it-glue", "1")),
            "linked to the same organization",
            id="tenant-is-taken",
        ),
        pytest.param(
            (it_glue(), it_glue("us", region="US"), LINKED, customer("b", vault=("us", "1"))),
            it_glue("us", region="EU"),
            "linked to the same organization",
            id="an-integration-that-joins-two-tenants",
        ),
        pytest.param(
            (*TWO, policy("one", {"default": True})),
            policy("two", {"default": True}),
            "is the default for the same",
            id="second-default",
        ),
        pytest.param(
            (policy("one", {"default": True}),),
            policy("two", {"default": True}),
            "is the default for the same",
            id="second-default-for-nobody-yet",
        ),
        pytest.param(
            (*TWO, policy("one", {"names": ["a"]})),
            policy("two", FOR_GOLD),
            "covers the same customer",
            id="second-policy",
        ),
        pytest.param(
            (*TWO, policy("one", {"names": ["b"]}), policy("two", FOR_GOLD)),
            customer("b", labels=GOLD),
            "covers the same customer",
            id="a-label-that-makes-two-policies-meet",
        ),
        pytest.param(
            (*TWO, override("x", "a", "anna")),
            override("y", "a", "ANNA"),
            "decides about the same account",
            id="second-override",
        ),
        pytest.param(
            (*TWO, override("x", "a", "anna", psa={"contactId": "7"})),
            override("y", "a", "bert", psa={"contactId": "7"}),
            "pins the same contact",
            id="second-pin",
        ),
    ],
)
def test_what_makes_a_contradiction_is_refused(
    known: tuple[Raw, ...], raw: Raw, words: str
) -> None:
    """Each rule between resources is kept at admission, and says what is wrong."""
    refusals = judge(known, raw)
    assert len(refusals) == 1
    assert words in refusals[0]


@pytest.mark.parametrize(
    ("known", "raw"),
    [
        pytest.param((), customer("a", vault=("it-glue", "1")), id="customer-before-integration"),
        pytest.param((), policy("one", {"names": ["a", "b"]}), id="policy-before-customers"),
        pytest.param((), override("x", "a", "anna"), id="override-before-customer"),
        pytest.param((*TWO, policy("one", FOR_GOLD)), policy("one", FOR_GOLD), id="no-change"),
        pytest.param(
            (*TWO, policy("one", FOR_GOLD)),
            policy("two", FOR_GOLD, "Administrator"),
            id="another-account-type",
        ),
        pytest.param(
            (customer("a", labels=GOLD, imports=[imports()]), policy("one", FOR_GOLD)),
            policy("two", {"names": ["a"]}),
            id="overlap-where-the-customer-has-its-own",
        ),
        pytest.param(
            (*TWO, resource("AutomaticImportPolicy", "old", {"mode": "Sometimes"})),
            customer("c"),
            id="new-customer-beside-an-unreadable-policy",
        ),
    ],
)
def test_what_contradicts_nothing_is_admitted(known: tuple[Raw, ...], raw: Raw) -> None:
    """References to what comes later in the same commit pass, and so does what is sound."""
    assert judge(known, raw) == ()


FAULTY = (
    customer("a", labels=GOLD),
    customer("b", labels=GOLD),
    policy("one", FOR_GOLD),
    policy("two", {"names": ["b", "a"]}),
)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(policy("two", {"names": ["b"]}), id="half-of-the-mend"),
        pytest.param(policy("two", {"default": True}), id="the-whole-mend"),
        pytest.param(customer("b"), id="a-mend-on-the-other-side"),
        pytest.param(policy("two", {"names": ["b", "a"]}, mode="Enforce"), id="something-else"),
        pytest.param(customer("c"), id="something-apart"),
    ],
)
def test_an_old_fault_does_not_block_its_mend(raw: Raw) -> None:
    """A resource with a fault that is there already may change, also when the fault stays."""
    assert judge(FAULTY, raw) == ()


def test_an_old_fault_may_not_grow() -> None:
    """Two policies that meet for one customer must not come to meet for another."""
    known = (*FAULTY[:3], policy("two", {"names": ["b"]}))
    assert judge((customer("c", labels=GOLD), *known), FAULTY[3])


def account(name: str, sam: str, **status: Any) -> Raw:
    """Return an Account of customer a."""
    spec = {"identity": {"objectId": f"id-{name}"}}
    return resource("Account", name, spec) | {"status": {"samAccountName": sam, **status}}


@pytest.mark.parametrize(
    ("accounts", "refused"),
    [
        pytest.param([], False, id="free"),
        pytest.param([account("one", "bert", vault={"id": "8"})], False, id="another-entry"),
        pytest.param([account("one", "bert", psa={"id": "7"})], False, id="another-system"),
        pytest.param([account("one", "Anna", vault={"id": "7"})], False, id="its-own"),
        pytest.param([account("one", "bert", vault={"id": "7"})], True, id="taken"),
        pytest.param(
            [account("one", "bert", vault={"id": "7"}, releasedAt="2026-01-01T00:00:00Z")],
            False,
            id="released",
        ),
        pytest.param([{**account("one", "x"), "status": None}], False, id="half-written"),
    ],
)
def test_a_record_of_another_account_is_not_pinned(accounts: list[Raw], *, refused: bool) -> None:
    """A pin is refused while another live account holds the record, and names that account."""
    refusals = judge(TWO, override("x", "a", "anna", vault={"entryId": "7"}), accounts)
    assert bool(refusals) is refused
    assert all("7 is linked to Account one" in text for text in refusals)


@pytest.mark.parametrize(("place", "refused"), [("it-glue/1", True), ("hudu/1", False)])
def test_a_record_of_another_vault_may_be_pinned(place: str, *, refused: bool) -> None:
    """After a change of the vault, old links do not hold ids that are others' in the new one."""
    here = (it_glue(), customer("a", vault=("it-glue", "1")))
    held = account("one", "bert", vault={"id": "7", "place": place})
    assert bool(judge(here, override("x", "a", "anna", vault={"entryId": "7"}), [held])) is refused


def test_accounts_are_only_listed_for_a_pin() -> None:
    """An override that pins nothing costs no request."""
    asked: list[str] = []
    store = store_of(*TWO)

    def list_accounts(name: str) -> tuple[Raw, ...]:
        asked.append(name)
        return ()

    for raw in (override("x", "a", "anna"), override("y", "a", "bert", psa={"contactId": "7"})):
        find_refusals(raw, store.parsed(), store.view(), list_accounts)
    assert asked == ["a"]
