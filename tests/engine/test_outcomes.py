"""Whatever the systems are, people come to what the made-up MSP is there to show of each of them.

The rules are the product's (statements 2, 4, 6 to 10, 13, 14 and 19 of the behaviour
specification), planned by tables elsewhere. Here every one of them is met over the wire: through
each directory, vault and PSA, with the real client libraries. What a product cannot show is a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from tests.engine.test_mixes import NOW, run

from muster.lab.generate.seeds import Oddity, PlannedAccount
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.accounts import AccountRecord
from muster.model.names import AccountType, LinkState
from muster.model.plans import CustomerPlan

Outcome = tuple[AccountType, LinkState, LinkState] | None
"""Type, vault and PSA of an account that is imported."""

END_USER = AccountType.END_USER
CREATED, LINKED = LinkState.CREATED, LinkState.LINKED
PLAIN = (END_USER, LINKED, LINKED)
NEW_ENTRY = (END_USER, CREATED, LINKED)

NO_PERSONAL_ENTRIES: Mapping[Oddity, Outcome] = {
    Oddity.ENTRY_HOST_PROOF: NEW_ENTRY,
    Oddity.ENTRY_PERSONAL: NEW_ENTRY,
}
"""Hudu knows no such entries, so that these people have none."""

ONE_ADDRESS_IN_LISTS: Mapping[Oddity, Outcome] = {
    Oddity.CONTACT_SECOND_EMAIL: (END_USER, LINKED, LinkState.AMBIGUOUS),
}
"""HaloPSA's lists do not show a second address, so that only the name is alike: a question."""

CLOUD_ONLY: Mapping[Oddity, Outcome] = {
    # What Active Directory leaves out is no rule of Entra: containers, its groups, expiry.
    Oddity.IN_USERS_CONTAINER: PLAIN,
    Oddity.PRIVILEGED_STAFF: PLAIN,
    Oddity.PRIVILEGED_BY_PRIMARY_GROUP: PLAIN,
    Oddity.EXPIRED: PLAIN,
    # Without an address nobody has a mailbox, nor the plan for one.
    Oddity.MAIL_MISSING: None,
    Oddity.MAIL_MISSING_AND_CONTACT_TOO: None,
    # Both categories are Entra's there.
    Oddity.ENTRY_OF_OTHER_CATEGORY: PLAIN,
    Oddity.ENTRIES_OF_TWO_CATEGORIES: (END_USER, LinkState.AMBIGUOUS, LINKED),
    # Only the user principal name counts (statement 7), and these entries have the other name.
    Oddity.ENTRY_DECOMPOSED: NEW_ENTRY,
    Oddity.UPN_MISSING: NEW_ENTRY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A mix, and which oddities come to something else there."""

    mix: str
    other: Mapping[Oddity, Outcome] = field(default_factory=dict)
    empty_vault: bool = False

    def expected(self, account: PlannedAccount) -> Outcome:
        """Return what an account comes to."""
        plain = account.expected
        found: Outcome = None
        if plain.account_type and plain.vault and plain.psa:
            found = plain.account_type, plain.vault, plain.psa
        found = self.other.get(account.oddity, found)
        return (found[0], CREATED, found[2]) if found and self.empty_vault else found


ROWS = (
    Row(mix="hybrid-hudu-autotask", other=NO_PERSONAL_ENTRIES),
    Row(mix="hybrid-itglue-halopsa", other=ONE_ADDRESS_IN_LISTS),
    Row(mix="entra-hudu-connectwise", other={**CLOUD_ONLY, **NO_PERSONAL_ENTRIES}),
    Row(mix="ad-native-connectwise", empty_vault=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """A first run's plan, and for whom it was."""

    row: Row
    plan: CustomerPlan
    accounts: tuple[PlannedAccount, ...]

    def record(self, account: PlannedAccount) -> AccountRecord | None:
        """Return the account's record, by the names that it has in either directory."""
        names = {account.sam, account.upn, f"{account.sam}@corp.contoso.example"}
        found = (
            one
            for one in self.plan.records
            if names & {one.identity.sam, one.identity.upn} - {None}
        )
        return next(found, None)

    def of(self, oddity: Oddity) -> AccountRecord:
        """Return the record of somebody who shows an oddity."""
        person = next(one for one in self.accounts if one.oddity is oddity)
        record = self.record(person)
        assert record is not None
        return record


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: row.mix)
def first(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[First]:
    """Run a customer with every oddity once."""
    row: Row = request.param
    folder = tmp_path_factory.mktemp("first")
    with Lab(customers=1, people=60, mix=Mix.parse(row.mix)) as lab:
        lab.write_estate(folder / "estate")
        plan = run(folder, NOW).proposal.plan
        yield First(row=row, plan=plan, accounts=lab.plan.customer("contoso").accounts)


def test_everybody_comes_to_what_is_expected(first: First) -> None:
    """Decision, entry and contact of every account, oddities and all; nothing else is a row."""
    assert {one.oddity for one in first.accounts} >= first.row.other.keys()
    differing = {}
    for account in first.accounts:
        record = first.record(account)
        found = (record.account_type, record.vault.state, record.psa.state) if record else None
        if found != first.row.expected(account):
            differing[account.oddity, account.sam] = (first.row.expected(account), found)
    assert differing == {}


def test_s14_two_contacts_of_one_address_are_a_question_in_every_psa(first: First) -> None:
    """14: HaloPSA with two hits is Ambiguous, and so are the others; both are shown."""
    link = first.of(Oddity.CONTACTS_SHARE_EMAIL).psa
    assert (link.state, link.id, len(link.candidates)) == (LinkState.AMBIGUOUS, None, 2)


def test_s08_two_entries_are_a_question_in_every_vault(first: First) -> None:
    """8: Neither is linked, both are shown with what speaks for them."""
    link = first.of(Oddity.ENTRIES_BY_TWO_KEYS).vault
    if first.row.empty_vault:
        assert link.state is CREATED
    else:
        assert (link.state, link.id, len(link.candidates)) == (LinkState.AMBIGUOUS, None, 2)


def test_s19_where_the_address_comes_from(first: First) -> None:
    """19: Of a pair and of a cloud account it is Entra's; without a tenant the domain's."""
    sources = {str(one.identity.email.source) for one in first.plan.records if one.identity.email}
    tenant = Mix.parse(first.row.mix).has_tenant
    assert sources == ({"Entra"} if tenant else {"ActiveDirectory"})
