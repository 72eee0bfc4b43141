"""Decisions of people: whom they are about, and when they cannot be followed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan.world import (
    CONTOSO,
    EVERYTHING,
    IGNORE,
    World,
    actions,
    entry,
    finding,
    link,
    override,
    person,
    pin,
    reasons,
    record,
    settings,
    user,
)

from muster.model.accounts import EmailSource
from muster.model.names import (
    AccountId,
    Action,
    DecisionState,
    LinkState,
    MatchKey,
    RemoteId,
    System,
)
from muster.model.reasons import Reason
from muster.model.records import VaultEntry
from muster.model.settings import AccountOverride, AccountSelector
from muster.plan.identity import selects

JOHN = person("John", "Smith")
ALONE = World(users=(JOHN,), policies=(settings(options=EVERYTHING),))


@pytest.mark.parametrize(
    "selector",
    [
        AccountSelector(object_id=JOHN.id),
        AccountSelector(user_principal_name="JSMITH@corp.example.test"),
        AccountSelector(sam_account_name="JSmith"),
    ],
)
def test_an_override_names_an_account_in_three_ways(selector: AccountSelector) -> None:
    """By objectGUID, UPN or sAMAccountName, whatever the case."""
    one = AccountOverride(name="one", customer=CONTOSO, account=selector, vault=pin(5))
    world = replace(ALONE, entries=(entry(5, "else"),), overrides=(one,))
    found = world.vault_link(JOHN)
    assert (found.state, found.id) == (LinkState.LINKED_BY_OVERRIDE, RemoteId("5"))
    assert (found.reason, found.key) == (Reason.PINNED, MatchKey.OVERRIDE)


@pytest.mark.parametrize(
    "selector",
    [
        AccountSelector(sam_account_name="jsmith@corp.example.test"),
        AccountSelector(sam_account_name=JOHN.id),
        AccountSelector(user_principal_name="jsmith"),
        AccountSelector(object_id=AccountId("jsmith")),
    ],
)
def test_a_selector_honours_its_field(selector: AccountSelector) -> None:
    """The name of another kind fits nobody, even where it is the account's own."""
    one = AccountOverride(name="one", customer=CONTOSO, account=selector, exclude=True)
    world = replace(ALONE, overrides=(one,))
    assert world.plan().changes == ALONE.plan().changes
    assert "one" in finding(world.plan(), Reason.OVERRIDE_STALE).message
    assert not selects(selector, JOHN.id, JOHN.sam, JOHN.upn)


def test_a_name_that_looks_like_an_address_is_not_taken_for_one() -> None:
    """A sAMAccountName that equals another account's UPN does not reach that account."""
    odd = user("jsmith@corp.example.test", upn=None)
    by_upn = override(JOHN, "upn", exclude=True)
    world = replace(ALONE, users=(JOHN, odd), overrides=(by_upn,))
    assert world.decision(JOHN).state is DecisionState.EXCLUDED
    assert world.decision(odd).state is DecisionState.IMPORTED
    assert selects(by_upn.account, JOHN.id, JOHN.sam, JOHN.upn)


def test_an_override_of_nobody_is_told() -> None:
    """An override that fits no account is reported with its name, and nothing else changes."""
    world = replace(ALONE, overrides=(override(user("nobody"), "typo", exclude=True),))
    assert "typo" in finding(world.plan(), Reason.OVERRIDE_STALE).message
    assert world.plan().changes == ALONE.plan().changes


def test_two_overrides_under_two_names_of_one_account_are_not_followed() -> None:
    """Neither is chosen, whatever their order; a finding names both."""
    by_sam = AccountOverride(
        name="second",
        customer=CONTOSO,
        account=AccountSelector(sam_account_name="jsmith"),
        vault=pin(1),
    )
    both = (override(JOHN, "first", vault=IGNORE), by_sam)
    world = replace(ALONE, entries=(entry(1, "else"),), overrides=both)
    assert world.plan() == replace(world, overrides=both[::-1]).plan()
    assert "first, second" in finding(world.plan(), Reason.OVERRIDE_INVALID).message
    assert world.vault_link(JOHN).state is LinkState.CREATED


@pytest.mark.parametrize(
    ("entries", "state", "says"),
    [
        ((), LinkState.UNMATCHED, "does not exist"),
        ((entry(1, "x", host_proof=True),), LinkState.UNUSABLE, "host-proof"),
        ((entry(1, "x", personal=True),), LinkState.UNUSABLE, "personal"),
        ((entry(1, "x", embedded=True),), LinkState.UNUSABLE, "embedded"),
    ],
)
def test_an_invalid_pin(entries: tuple[VaultEntry, ...], state: LinkState, says: str) -> None:
    """A pin on what is not there or cannot be used links nothing and creates nothing."""
    world = replace(ALONE, entries=entries, overrides=(override(JOHN, vault=pin(1)),))
    found = world.vault_link(JOHN)
    assert (found.state, found.reason) == (state, Reason.OVERRIDE_INVALID)
    assert says in found.message
    assert Reason.OVERRIDE_INVALID in reasons(world.plan().findings)
    assert Action.CREATE not in actions(world.plan(), System.VAULT)


def test_a_pin_beats_matches_and_categories() -> None:
    """A person's word counts more than any username or category."""
    world = replace(
        ALONE,
        entries=(entry(1, "jsmith"), entry(2, "else", "Office 365")),
        overrides=(override(JOHN, vault=pin(2)),),
    )
    assert world.vault_link(JOHN).id == RemoteId("2")


def test_a_new_pin_replaces_a_link() -> None:
    """Pinning another record re-links, and the plan says so and where it was asked for."""
    world = replace(
        ALONE,
        entries=(entry(1, "jsmith"), entry(2, "else")),
        records=(record(JOHN, vault=link(1)),),
        overrides=(override(JOHN, "choice", vault=pin(2)),),
    )
    (change,) = [one for one in world.plan().changes if one.system is System.VAULT]
    assert (change.action, change.target) == (Action.RELINK, "2")
    assert change.because == "AccountOverride/choice#/spec/vault/entryId"


def test_ignore_leaves_an_account_alone() -> None:
    """Ignored means unmatched: no link, no create, and an old link is dropped."""
    world = replace(
        ALONE,
        entries=(entry(1, "jsmith"),),
        records=(record(JOHN, vault=link(1)),),
        overrides=(override(JOHN, vault=IGNORE),),
    )
    assert (world.vault_link(JOHN).reason, world.vault_link(JOHN).id) == (Reason.IGNORED, None)
    assert actions(world.plan(), System.VAULT) == [Action.RELINK]


def test_an_override_supplies_an_address() -> None:
    """A missing e-mail comes from git, and is known to come from there."""
    mute = person("John", "Smith", mail=None)
    world = replace(ALONE, users=(mute,), overrides=(override(mute, email="js@example.test"),))
    email = world.record_of(mute).identity.email
    assert email is not None
    assert (email.address, email.source) == ("js@example.test", EmailSource.OVERRIDE)
    assert world.psa_link(mute).state is LinkState.CREATED


def test_an_override_excludes() -> None:
    """An excluded account is left out, with the override's name as the reason."""
    world = replace(ALONE, overrides=(override(JOHN, "left-company", exclude=True),))
    decision = world.decision(JOHN)
    assert (decision.state, decision.reason) == (
        DecisionState.EXCLUDED,
        Reason.EXCLUDED_BY_OVERRIDE,
    )
    assert decision.via == "left-company"
