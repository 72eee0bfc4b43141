"""A customer that is renamed, and an organization that vanishes: told, and nothing else happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muster.lab.itglue.state import KeyRights
from muster.lab.lab import Lab

from .conftest import Result, Shell, accounts
from .test_bad_days import edit


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of one customer that has been applied by each test."""
    with Lab(customers=1, people=4) as running:
        yield running


def plan(muster: Shell) -> Any:
    """Return the plan of the customer."""
    return muster("plan", "-o", "json").data["customers"][0]


def reasons(findings: list[Any]) -> set[str]:
    """Return the reasons of findings."""
    return {finding["reason"] for finding in findings}


def status(muster: Shell) -> Any:
    """Return the customer's status."""
    return muster.ok("get", "customers", "-o", "json").data["items"][0]["status"]


def condition(muster: Shell, kind: str) -> Any:
    """Return a condition of the customer, or None."""
    found = (one for one in status(muster)["conditions"] if one["type"] == kind)
    return next(found, None)


def links(result: Result) -> list[tuple[Any, Any]]:
    """Return the links of all accounts."""
    return [(one["status"]["vault"], one["status"]["psa"]) for one in accounts(result)]


def rename_here(muster: Shell, lab: Lab) -> None:
    """Give the customer another name in git."""
    page = muster.estate / "customers" / "contoso.yaml"
    edit(page, "displayName: Contoso Ltd", "displayName: Contoso International")


def rename_there(muster: Shell, lab: Lab) -> None:
    """Give the organization and the company another name."""
    lab.itglue.add_organization("Globex", id=lab.organization_ids["contoso"])
    lab.connectwise.add_company("Globex", id=lab.company_ids["contoso"])


@pytest.mark.parametrize("rename", [rename_here, rename_there])
def test_a_rename_is_told_and_changes_nothing(
    muster: Shell, lab: Lab, rename: Callable[[Shell, Lab], None]
) -> None:
    """No change is planned or written, Ready stays, and both systems are named in the status."""
    muster.ok("apply")
    assert "NameDiffers" not in reasons(status(muster)["findings"])
    before, written = links(muster.ok("get", "accounts", "-o", "json")), lab.writes()
    rename(muster, lab)
    try:
        told = [one for one in plan(muster)["findings"] if one["reason"] == "NameDiffers"]
        assert {one["system"] for one in told} == {"vault", "psa"}
        assert plan(muster)["changes"] == []
        muster.ok("apply")
    finally:
        lab.itglue.add_organization("Contoso Ltd", id=lab.organization_ids["contoso"])
        lab.connectwise.add_company("Contoso Ltd", id=lab.company_ids["contoso"])
    assert (links(muster.ok("get", "accounts", "-o", "json")), lab.writes()) == (before, written)
    assert "NameDiffers" in reasons(status(muster)["findings"])
    assert condition(muster, "Ready")["status"] == "True"


def hide_organization(lab: Lab) -> None:
    """Let the organization vanish from the vault."""
    lab.itglue.grant(lab.itglue.key, KeyRights(organizations=frozenset({1})))


def delete_company(lab: Lab) -> None:
    """Delete the company in the PSA, which keeps it as deleted."""
    lab.connectwise.add_company("Contoso Ltd", id=lab.company_ids["contoso"], deleted=True)


@pytest.mark.parametrize(
    ("vanish", "field"),
    [(hide_organization, "spec.vault.organizationId"), (delete_company, "spec.psa.companyId")],
)
def test_a_vanished_organization_breaks_the_link_and_nothing_more(
    muster: Shell, lab: Lab, vanish: Callable[[Lab], None], field: str
) -> None:
    """Nothing is created, unlinked or released; the status says what to correct; it heals."""
    muster.ok("apply")
    before = links(muster.ok("get", "accounts", "-o", "json"))
    vanish(lab)
    domain = lab.domains["contoso"]
    system = field.split(".")[1]
    name = f"new-{system}"
    domain.add_user(f"New {system}", name, parent=f"OU=Staff,{domain.dn}")
    written = lab.writes()
    assert muster("apply").code == 1
    try:
        created = [one for one in plan(muster)["changes"] if one["action"] == "Create"]
        assert [one for one in created if one["system"] == system] == []
        ready, stalled = condition(muster, "Ready"), condition(muster, "Stalled")
        assert (ready["status"], ready["reason"]) == ("False", "LinkBroken")
        assert (stalled["status"], stalled["reason"]) == ("True", "LinkBroken")
        assert field in ready["message"]
        assert "LinkBroken" in muster.ok("describe", "customer", "contoso").out
        after = accounts(muster.ok("get", "accounts", "-o", "json"))
        kept = [one for one in after if one["status"]["samAccountName"] != name]
        assert [(one["status"]["vault"], one["status"]["psa"]) for one in kept] == before
        assert lab.writes() <= written + 1
    finally:
        lab.itglue.grant(lab.itglue.key, KeyRights())
        lab.connectwise.add_company("Contoso Ltd", id=lab.company_ids["contoso"])
    muster.ok("apply")
    assert condition(muster, "Ready")["reason"] == "InAgreement"
    assert condition(muster, "Stalled") is None
