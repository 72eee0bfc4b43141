"""The made-up MSP: the same for the same seed, believable, and with every oddity in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from dataclasses import replace

import pytest

from muster.lab.generate.msp import generate_msp
from muster.lab.generate.seeds import EndUsersBy, MspPlan, Oddity, PlannedAccount, PlannedCustomer
from muster.model.names import LinkState
from muster.model.reasons import Reason
from muster.plan.keys import fold


@pytest.fixture(scope="module")
def msp() -> MspPlan:
    """Draw the default MSP."""
    return generate_msp()


@pytest.fixture(scope="module")
def large() -> PlannedCustomer:
    """Draw one large customer."""
    return generate_msp(customers=1, people_per_customer=10_000).customers[0]


def _accounts(msp: MspPlan) -> list[PlannedAccount]:
    return [account for customer in msp.customers for account in customer.accounts]


def _share(count: int, whole: int) -> float:
    return count / whole


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_same_seed_gives_the_same_bytes(msp: MspPlan, hash_seed: str) -> None:
    """Another process, in which sets have another order, draws the same characters."""
    program = "from muster.lab.generate.msp import generate_msp; print(ascii(generate_msp()))"
    drawn = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert drawn.stdout.strip() == ascii(msp)


def test_another_seed_gives_other_people(msp: MspPlan) -> None:
    """The seed decides who the people are."""
    other = {account.display_name for account in _accounts(generate_msp(seed=8))}
    same = {account.display_name for account in _accounts(msp)}
    assert len(same & other) < len(same) / 2


def test_more_customers_leave_the_first_ones_as_they_are(msp: MspPlan) -> None:
    """The first three of nine customers have the same names and domains as those of three."""
    facts = [customer.facts for customer in generate_msp(customers=9).customers]
    assert facts[:3] == [customer.facts for customer in msp.customers]


@pytest.mark.parametrize("customers", [1, 2, 3, 5])
def test_every_oddity_occurs(customers: int) -> None:
    """However few customers there are, the MSP shows every oddity at least once."""
    shown = {account.oddity for account in _accounts(generate_msp(customers=customers))}
    assert shown == set(Oddity)


def test_the_small_estate_has_every_outcome(msp: MspPlan) -> None:
    """Three customers of forty people show each outcome that a reader should meet."""
    expected = [account.expected for account in _accounts(msp)]
    assert {one.reason for one in expected} == {
        Reason.IN_ORGANIZATIONAL_UNIT,
        Reason.IN_GROUP,
        Reason.NOT_SELECTED,
        Reason.ONLY_IN_NESTED_GROUP,
        Reason.EXCLUDED_CONTAINER,
        Reason.EXCLUDED_DISABLED,
        Reason.EXCLUDED_EXPIRED,
        Reason.EXCLUDED_PRIVILEGED,
        Reason.EXCLUDED_WELL_KNOWN,
    }
    assert {one.vault for one in expected if one.imported} >= {
        LinkState.LINKED,
        LinkState.CREATED,
        LinkState.AMBIGUOUS,
        LinkState.UNCATEGORIZED_CANDIDATE,
        LinkState.UNUSABLE,
    }
    assert {one.psa for one in expected if one.imported} >= {
        LinkState.LINKED,
        LinkState.CREATED,
        LinkState.AMBIGUOUS,
        LinkState.CONFLICT,
        LinkState.UNMATCHED,
        LinkState.UNUSABLE,
        LinkState.SKIPPED,
    }


@pytest.mark.parametrize("customers", [1, 3, 9])
def test_the_guards_default_limits_let_the_small_estate_pass(customers: int) -> None:
    """No customer creates more than ten records in a system, and most people link."""
    for customer in generate_msp(customers=customers).customers:
        imported = [one.expected for one in customer.accounts if one.expected.imported]
        vault = Counter(one.vault for one in imported)
        psa = Counter(one.psa for one in imported)
        assert vault[LinkState.CREATED] + psa[LinkState.CREATED] <= 10
        assert vault[LinkState.LINKED] > len(imported) / 2
        assert psa[LinkState.LINKED] > len(imported) / 2


def test_names_that_must_be_unique_are(large: PlannedCustomer) -> None:
    """Logon names, UPNs and common names are unique in ten thousand people."""
    accounts = large.accounts
    for keys in (
        [fold(account.sam) for account in accounts],
        [fold(account.upn) for account in accounts if account.upn],
        [(account.parent, fold(account.name)) for account in accounts],
    ):
        assert len(set(keys)) == len(keys)


def test_only_namesakes_share_a_name(large: PlannedCustomer) -> None:
    """Otherwise a contact without an address could belong to two people by accident."""
    names = Counter(
        (account.given_name, account.surname) for account in large.accounts if account.surname
    )
    shared = {name for name, count in names.items() if count > 1}
    namesakes = {
        (account.given_name, account.surname) for account in large.showing(Oddity.SAME_NAME)
    }
    assert shared == namesakes
    assert ("John", "Smith") in namesakes


def test_logon_names_fit_into_a_directory(msp: MspPlan) -> None:
    """A sAMAccountName has at most 20 characters, and one of them had to be cut."""
    assert max(len(account.sam) for account in _accounts(msp)) == 20
    assert all(not set(account.sam) & set('"/\\[]:;|=,+*?<>') for account in _accounts(msp))


def test_names_come_from_many_alphabets(large: PlannedCustomer) -> None:
    """Names are not all ASCII, and some are written in other scripts than Latin."""
    letters = {letter for account in large.accounts for letter in account.display_name or ""}
    scripts = {unicodedata.name(letter).split()[0] for letter in letters if letter.isalpha()}
    assert {"LATIN", "CJK"} <= scripts
    assert {"ë", "ø", "Ł"} <= letters


def test_a_look_alike_is_another_name(large: PlannedCustomer) -> None:
    """The entry of a look-alike reads the same and is not."""
    usernames = {fold(entry.username) for entry in large.entries}
    for account in large.showing(Oddity.ENTRY_LOOK_ALIKE):
        assert fold(account.sam) not in usernames


def test_a_decomposed_username_is_the_same_name(large: PlannedCustomer) -> None:
    """Umlauts in two characters differ in bytes, and are one name once normalized."""
    written = {entry.username for entry in large.entries}
    for account in large.showing(Oddity.ENTRY_DECOMPOSED):
        assert account.sam not in written
        assert fold(account.sam) in {fold(username) for username in written}


@pytest.mark.parametrize(
    ("oddity", "least", "most"),
    [
        (Oddity.ORDINARY, 0.5, 0.7),
        (Oddity.DISABLED, 0.05, 0.08),
        (Oddity.ENTRY_MISSING, 0.02, 0.04),
        (Oddity.CONTACT_MISSING, 0.02, 0.04),
        (Oddity.ENTRIES_BY_TWO_KEYS, 0.01, 0.02),
        (Oddity.ENTRY_LOOK_ALIKE, 0.0005, 0.002),
        (Oddity.SAME_NAME, 0.002, 0.006),
    ],
)
def test_oddities_keep_their_share(
    large: PlannedCustomer, oddity: Oddity, least: float, most: float
) -> None:
    """A large customer is not odder than a real one."""
    assert least <= _share(len(large.showing(oddity)), 10_000) <= most


def test_the_number_of_people_is_kept(large: PlannedCustomer) -> None:
    """Ten thousand people are ten thousand, beside administrators and system accounts."""
    people = [account for account in large.accounts if account.oddity not in _NO_PEOPLE]
    assert len(people) == 10_000


def test_ten_thousand_people_take_seconds() -> None:
    """Drawing is cheap enough to do in every test."""
    before = time.process_time()
    generate_msp(customers=1, people_per_customer=10_000)
    assert time.process_time() - before < 5


def test_customers_differ_in_name_and_domain() -> None:
    """Thirty customers have thirty names, DNS names and NetBIOS names of at most 15 characters."""
    facts = [customer.facts for customer in generate_msp(1, 30, 1).customers]
    assert len({one.name for one in facts}) == len({one.dns_name for one in facts}) == 30
    assert all(len(one.netbios_name) <= 15 for one in facts)
    assert {one.end_users_by for one in facts} == set(EndUsersBy)


def test_groups_only_hold_what_stands_before_them(msp: MspPlan) -> None:
    """Members are accounts or earlier groups, so that groups can be made in order."""
    for customer in msp.customers:
        known = {account.sam for account in customer.accounts}
        for group in customer.groups:
            assert set(group.members) <= known
            known.add(group.sam)


def test_plans_are_values(msp: MspPlan) -> None:
    """A plan is compared by what it says, so a test may change it and compare again."""
    assert replace(msp, seed=8) != msp
    assert hash(msp) == hash(generate_msp())


_NO_PEOPLE = {
    Oddity.SERVICE_ACCOUNT,
    Oddity.SHARED_MAILBOX,
    Oddity.SYNC_ACCOUNT,
    Oddity.HEALTH_MAILBOX,
    Oddity.ADMINISTRATOR,
    Oddity.ADMINISTRATOR_TWO_GROUPS_DEEP,
    Oddity.ADMINISTRATOR_ENTRY_MISSING,
    Oddity.ADMINISTRATOR_DISABLED,
}
