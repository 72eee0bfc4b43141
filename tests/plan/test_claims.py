"""One record belongs to one account: who keeps it, and who is told that it is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan.world import (
    EVERYTHING,
    NOW,
    World,
    actions,
    entry,
    forbid,
    link,
    override,
    owners,
    pin,
    record,
    settings,
    user,
)

from muster.model.directory import DirectoryUser
from muster.model.names import LinkState, MatchKey, RemoteId, System
from muster.model.reasons import Reason
from muster.model.settings import OrganizationalUnit, SelectActiveDirectory

ANNA, BERT = user("anna"), user("bert")
ADMINS = SelectActiveDirectory(organizational_units=(OrganizationalUnit(path="OU=Admins"),))
BOTH = World(users=(ANNA, BERT), policies=(settings(options=EVERYTHING),))
PLAIN = (settings(),)


def test_a_returning_account_does_not_take_its_record_back() -> None:
    """A record that found a new owner stays with it when the released account returns."""
    world = replace(
        BOTH,
        entries=(entry(1, "anna"), entry(2, "carla")),
        records=(record(ANNA, vault=link(1), released_at=NOW), record(BERT, vault=link(1))),
    )
    assert owners(world, System.VAULT) == {RemoteId("1"): [BERT.id]}
    returned = world.vault_link(ANNA)
    assert (returned.state, returned.reason) == (LinkState.CONFLICT, Reason.SHARED_MATCH)
    assert "bert@corp.example.test" in returned.message
    after = world.applied()
    assert actions(after.plan()) == []
    let_go = replace(after, users=(ANNA,))
    assert let_go.applied().vault_link(ANNA).state is LinkState.LINKED


def test_two_accounts_that_return_to_one_record_both_wait() -> None:
    """Between two equally old links nobody is chosen."""
    old = [record(one, vault=link(1), released_at=NOW) for one in (ANNA, BERT)]
    world = replace(BOTH, entries=(entry(1, "carla"),), records=tuple(old))
    assert owners(world, System.VAULT) == {}
    assert world.vault_link(ANNA).state is LinkState.CONFLICT
    assert world.vault_link(BERT).state is LinkState.CONFLICT
    assert actions(world.applied().plan()) == []


def test_a_link_that_was_only_remembered_yields_to_one_in_force() -> None:
    """An account that was not matched for a while does not take its record back either."""
    skipped = link(1, LinkState.SKIPPED, reason=Reason.MATCHING_OFF)
    world = replace(
        BOTH,
        entries=(entry(1, "bert"),),
        records=(record(ANNA, vault=skipped), record(BERT, vault=link(1))),
    )
    assert owners(world, System.VAULT) == {RemoteId("1"): [BERT.id]}


def test_two_pins_on_one_record_link_nobody() -> None:
    """Two overrides that pin the same record contradict each other; neither is followed."""
    world = replace(
        BOTH,
        entries=(entry(1, "carla"),),
        overrides=(override(ANNA, "first", vault=pin(1)), override(BERT, "second", vault=pin(1))),
    )
    assert owners(world, System.VAULT) == {}
    for one in (ANNA, BERT):
        assert world.vault_link(one).reason is Reason.OVERRIDE_INVALID
        assert world.vault_link(one).state is LinkState.CONFLICT


def test_a_pin_settles_a_dispute() -> None:
    """Of two accounts with equal claims, the one that a person names gets the record."""
    old = [record(one, vault=link(1), released_at=NOW) for one in (ANNA, BERT)]
    world = replace(
        BOTH,
        entries=(entry(1, "carla"),),
        records=tuple(old),
        overrides=(override(ANNA, vault=pin(1)),),
    )
    assert owners(world, System.VAULT) == {RemoteId("1"): [ANNA.id]}


@pytest.mark.parametrize(("wants", "has"), [(ANNA, BERT), (BERT, ANNA)])
def test_a_pin_does_not_take_what_another_holds(wants: DirectoryUser, has: DirectoryUser) -> None:
    """A pinned record that another account holds is taken away from it first, by a person."""
    world = replace(
        BOTH,
        entries=(entry(1, "carla"),),
        records=(record(has, vault=link(1)),),
        overrides=(override(wants, vault=pin(1)),),
    )
    assert world.vault_link(wants).reason is Reason.OVERRIDE_INVALID
    assert owners(world, System.VAULT) == {RemoteId("1"): [has.id]}
    settled = replace(world, overrides=(*world.overrides, override(has, "b", vault=forbid(1))))
    assert owners(settled, System.VAULT)[RemoteId("1")] == [wants.id]


@pytest.mark.parametrize(("has", "wants"), [(ANNA, BERT), (BERT, ANNA)])
def test_a_second_pin_does_not_undo_the_first(has: DirectoryUser, wants: DirectoryUser) -> None:
    """Who has the record that two overrides pin keeps it; the other one is told who that is."""
    world = replace(
        BOTH,
        entries=(entry(1, "carla"),),
        records=(record(has, vault=link(1)),),
        overrides=(override(has, "first", vault=pin(1)), override(wants, "second", vault=pin(1))),
    )
    assert owners(world, System.VAULT) == {RemoteId("1"): [has.id]}
    assert world.vault_link(has).state is LinkState.LINKED_BY_OVERRIDE
    refused = world.vault_link(wants)
    assert (refused.state, refused.reason) == (LinkState.CONFLICT, Reason.OVERRIDE_INVALID)
    assert f"linked to {has.upn}" in refused.message


def test_what_a_person_took_away_is_not_lost_when_it_is_gone() -> None:
    """A deleted entry that was forbidden before is no link to look for."""
    world = replace(BOTH, users=(ANNA,), records=(record(ANNA, vault=link(1)),), policies=PLAIN)
    assert world.vault_link(ANNA).state is LinkState.MATCH_LOST
    forbidden = replace(world, overrides=(override(ANNA, vault=forbid(1)),))
    assert forbidden.vault_link(ANNA).state is LinkState.UNMATCHED


def test_two_accounts_that_match_one_record_conflict() -> None:
    """A record that two accounts reach by the same tier is linked to neither."""
    namesake = user("anna", "OU=Admins", id=user("other").id)
    world = World(
        users=(ANNA, namesake),
        policies=(settings(), settings(policy="more", select=ADMINS)),
        entries=(entry(1, "anna"),),
    )
    assert owners(world, System.VAULT) == {}
    assert world.vault_link(ANNA).state is LinkState.CONFLICT
    assert [one.id for one in world.vault_link(ANNA).candidates] == ["1"]


def test_the_mark_is_stronger_than_the_username() -> None:
    """The entry that Muster made for an account is its own, whoever else it is called after."""
    made = entry(1, "bert", mark=f"contoso/{ANNA.id}")
    world = replace(BOTH, entries=(made,))
    assert owners(world, System.VAULT) == {RemoteId("1"): [ANNA.id]}
    assert world.vault_link(ANNA).key is MatchKey.MARK
    assert world.vault_link(BERT).state is LinkState.CONFLICT
