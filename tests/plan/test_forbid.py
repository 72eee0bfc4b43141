"""What a person forbids is no candidate at all, in any tier."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan.world import (
    EVERYTHING,
    World,
    contact,
    entry,
    forbid,
    link,
    override,
    person,
    record,
    settings,
)

from muster.model.names import LinkState, MatchKey, RemoteId
from muster.model.reasons import Reason
from muster.model.records import PsaContact, VaultEntry
from muster.model.settings import AccountOverride

JOHN = person("John", "Smith")
ALONE = World(users=(JOHN,), policies=(settings(options=EVERYTHING),))
MARK = f"contoso/{JOHN.id}"


@pytest.mark.parametrize(
    "forbidden",
    [
        entry(1, "jsmith"),
        entry(1, "jsmith", None),
        entry(1, "jsmith", host_proof=True),
        entry(1, "else", mark=MARK),
    ],
    ids=["match", "uncategorized", "unusable", "marked"],
)
def test_a_forbidden_entry_holds_nothing_up(forbidden: VaultEntry) -> None:
    """Whatever spoke for a forbidden entry, a new one is created beside it."""
    world = replace(ALONE, entries=(forbidden,), overrides=(override(JOHN, vault=forbid(1)),))
    assert world.vault_link(JOHN).state is LinkState.CREATED
    assert replace(world, overrides=()).vault_link(JOHN).id in (None, "1")


@pytest.mark.parametrize(
    "forbidden",
    [
        contact(1, "Jo Smythe", "john.smith@example.test"),
        contact(1, "Jo Smythe", "john.smith@example.test", active=False),
        contact(1, "John Smith", "father@example.test"),
        contact(1, "John Smith"),
    ],
    ids=["e-mail", "inactive", "father and son", "name"],
)
def test_a_forbidden_contact_holds_nothing_up(forbidden: PsaContact) -> None:
    """Whatever spoke for a forbidden contact, a new one is created beside it."""
    world = replace(ALONE, contacts=(forbidden,), overrides=(override(JOHN, psa=forbid(1)),))
    assert world.psa_link(JOHN).state is LinkState.CREATED


def test_behind_a_forbidden_mark_the_username_counts() -> None:
    """A person who rejects Muster's own entry gets the one that was there by username."""
    world = replace(
        ALONE,
        entries=(entry(1, "jsmith", mark=MARK), entry(2, "jsmith")),
        records=(record(JOHN, vault=link(1, LinkState.CREATED, MatchKey.MARK)),),
        overrides=(override(JOHN, vault=forbid(1)),),
    )
    assert world.vault_link(JOHN).id == RemoteId("2")


def test_behind_a_forbidden_e_mail_the_name_counts() -> None:
    """A weaker tier is used when the stronger one found only what is forbidden."""
    world = replace(
        ALONE,
        contacts=(contact(1, "Jo", "john.smith@example.test"), contact(2, "John Smith")),
        overrides=(override(JOHN, psa=forbid(1)),),
    )
    assert (world.psa_link(JOHN).id, world.psa_link(JOHN).key) == (RemoteId("2"), MatchKey.NAME)


def test_of_two_matches_one_forbidden_leaves_the_other() -> None:
    """Forbidding one of two candidates settles the ambiguity."""
    world = replace(ALONE, entries=(entry(1, "jsmith"), entry(2, "CORP\\jsmith")))
    assert world.vault_link(JOHN).state is LinkState.AMBIGUOUS
    settled = replace(world, overrides=(override(JOHN, vault=forbid(1)),))
    assert settled.vault_link(JOHN).id == RemoteId("2")


@pytest.mark.parametrize("overrides", [(), (override(JOHN, vault=forbid(9)),)])
def test_a_link_outlives_its_pin(overrides: tuple[AccountOverride, ...]) -> None:
    """Without its pin a link stays, and no longer says that a person decided it."""
    pinned = link(1, LinkState.LINKED_BY_OVERRIDE, MatchKey.OVERRIDE, Reason.PINNED)
    world = replace(
        ALONE,
        entries=(entry(1, "somebody"),),
        records=(record(JOHN, vault=pinned),),
        overrides=overrides,
    )
    after = world.vault_link(JOHN)
    assert (after.state, after.reason) == (LinkState.LINKED, Reason.ALREADY_LINKED)
    assert after.id == RemoteId("1")
