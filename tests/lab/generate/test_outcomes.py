"""What the made-up MSP promises for each account is what the planner decides about it.

The directory is read by the real adapter. Entries and contacts are handed to the planner as
data; the adapters that read them are tested on their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from muster.adapters.active_directory.adapter import ActiveDirectoryAdapter
from muster.lab.generate.seeds import Expected, PlannedAccount, PlannedCustomer
from muster.lab.lab import Lab
from muster.model.accounts import AccountRecord, Known
from muster.model.directory import DirectorySnapshot
from muster.model.names import Action, LinkState, RemoteId, Source, System
from muster.model.observed import Observed, SourceRead
from muster.model.plans import Approved, CustomerPlan
from muster.model.reasons import Reason
from muster.model.records import (
    ContactEmail,
    Organization,
    PsaContact,
    VaultCategory,
    VaultEntry,
)
from muster.model.secret import Secret
from muster.model.settings import Desired
from muster.plan.guard import guard
from muster.plan.make import make_plan
from muster.resources import load_estate

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture(scope="module", params=[(3, 40), (3, 400)], ids=["small", "larger"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Run a lab of three customers."""
    customers, people = request.param
    with Lab(customers=customers, people=people) as running:
        yield running


@pytest.fixture(scope="module")
def desired(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Desired]:
    """Load the lab's estate."""
    directory: Path = tmp_path_factory.mktemp("estate")
    lab.write_estate(directory)
    return {one.customer.name: one for one in load_estate([directory]).estate.desired}


def _read(lab: Lab, desired: Desired) -> DirectorySnapshot:
    settings = desired.customer.active_directory
    assert settings is not None
    password = Secret(lab.reader_password(desired.customer.name))
    ca_pem = lab.ca.cert_pem.bytes().decode()
    return ActiveDirectoryAdapter(settings, password, ca_pem).read(frozenset())


def _entries(customer: PlannedCustomer) -> tuple[VaultEntry, ...]:
    return tuple(
        VaultEntry(
            id=RemoteId(str(number)),
            name=entry.name,
            username=entry.username,
            category=entry.category,
            host_proof=entry.vault_id is not None,
            personal=entry.personal,
            embedded=entry.resource_id is not None,
        )
        for number, entry in enumerate(customer.entries, start=1)
        if not entry.archived
    )


def _contacts(customer: PlannedCustomer) -> tuple[PsaContact, ...]:
    return tuple(
        PsaContact(
            id=RemoteId(str(number)),
            given_name=contact.given_name,
            surname=contact.surname,
            emails=tuple(
                ContactEmail(id=RemoteId(f"{number}{place}"), address=address, default=place == 0)
                for place, address in enumerate(contact.emails)
            ),
            active=contact.active,
        )
        for number, contact in enumerate(customer.contacts, start=1)
    )


def _observe(lab: Lab, desired: Desired) -> Observed:
    customer = lab.plan.customer(desired.customer.name)
    there = Organization(id=RemoteId("1"), name=customer.facts.display_name)
    categories = [
        VaultCategory(id=RemoteId(str(number)), name=name)
        for number, name in enumerate(lab.plan.categories, start=1)
    ]
    return Observed(
        directory=_read(lab, desired),
        entries=_entries(customer),
        categories=tuple(categories),
        organization=there,
        contacts=_contacts(customer),
        company=there,
        reads=tuple(SourceRead(source=source, size=100) for source in Source),
    )


@pytest.fixture(scope="module")
def plans(lab: Lab, desired: dict[str, Desired]) -> dict[str, CustomerPlan]:
    """Plan the first run of every customer."""
    return {name: make_plan(one, _observe(lab, one), Known(), NOW) for name, one in desired.items()}


def _came_to(plan: CustomerPlan, account: PlannedAccount) -> Expected:
    """Say what a plan comes to for one account, in the words of the made-up MSP."""
    records: list[AccountRecord] = [
        record for record in plan.records if record.identity.sam == account.sam
    ]
    if records:
        record = records[0]
        return Expected(
            reason=record.decision.reason,
            account_type=record.account_type,
            vault=record.vault.state,
            psa=record.psa.state,
        )
    user = account.upn or account.sam
    reasons = [one.decision.reason for one in plan.decisions if one.user == user]
    return Expected(reason=reasons[0] if reasons else Reason.NOT_SELECTED)


@pytest.mark.parametrize("name", ["contoso", "fabrikam", "tailspin"])
def test_every_account_comes_to_what_is_expected(
    lab: Lab, plans: dict[str, CustomerPlan], name: str
) -> None:
    """Decision, vault and PSA agree for every single account, oddities and all."""
    differing = {
        (account.oddity, account.sam): (account.expected, _came_to(plans[name], account))
        for account in lab.plan.customer(name).accounts
        if _came_to(plans[name], account) != account.expected
    }
    assert differing == {}


@pytest.mark.parametrize("name", ["contoso", "fabrikam", "tailspin"])
def test_the_default_limits_let_the_plan_pass(
    desired: dict[str, Desired], plans: dict[str, CustomerPlan], name: str
) -> None:
    """The guard approves a first run of the lab without any override."""
    verdict = guard(plans[name], desired[name], Known(), NOW)
    assert isinstance(verdict, Approved), verdict


def test_something_is_created_in_both_systems(plans: dict[str, CustomerPlan]) -> None:
    """A first run has something to show: some creates, and far more links."""
    for plan in plans.values():
        creates = [one.system for one in plan.changes if one.action is Action.CREATE]
        assert {System.VAULT, System.PSA} == set(creates)
        assert len(creates) < len(plan.records) / 4


def test_nothing_waits_that_was_not_meant_to(lab: Lab, plans: dict[str, CustomerPlan]) -> None:
    """Only the oddities that ask for a person do; everybody else is settled."""
    waiting = {LinkState.AMBIGUOUS, LinkState.CONFLICT, LinkState.UNCATEGORIZED_CANDIDATE}
    for name, plan in plans.items():
        meant = {
            account.sam
            for account in lab.plan.customer(name).accounts
            if {account.expected.vault, account.expected.psa} & waiting
        }
        found = {
            record.identity.sam
            for record in plan.records
            if {record.vault.state, record.psa.state} & waiting
        }
        assert found == meant
