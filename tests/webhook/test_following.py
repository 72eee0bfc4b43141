"""An edit in IT Glue reaches the directory once; what is repeated, forged or our own does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.webhook.follow_world import NEW, World, open_world

from muster.audit import verify
from muster.errors import SpecError
from muster.following import FollowState
from muster.lab.lab import Lab
from muster.model.causes import Cause
from muster.model.names import AccountType, Mode, RemoteId
from muster.model.reasons import Reason
from muster.reconcile import reconcile


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A lab whose first customer was reconciled once."""
    with Lab(customers=1, people=8) as lab, open_world(lab, tmp_path) as opened:
        yield opened


def test_an_edit_reaches_the_directory_once(world: World) -> None:
    """Directory and entry agree; a replay, a forgery and the echo of our own write do nothing."""
    person = world.person()
    edited = world.edit(person)
    assert world.follow(edited).state is FollowState.FOLLOWED
    assert world.live(person) == NEW
    assert world.kept(person) == NEW
    writes = world.lab.itglue.writes()
    for _ in range(3):
        assert world.follow(edited).state is FollowState.NOTHING_NEW
    assert world.lab.itglue.writes() == writes
    assert world.live(person) == NEW
    world.minutes = 10
    assert world.follow(edited).state is FollowState.NOTHING_NEW
    text = (world.folder / "audit.jsonl").read_text()
    assert NEW not in text
    lines = [json.loads(line) for line in text.splitlines()]
    set_ = [one for one in lines if one["action"] == "SetPassword" and one["result"] == "Begun"]
    assert len(set_) == 1
    assert set_[0]["requested_by"].startswith("it-glue")
    assert any(one["action"] == "ReadPassword" for one in lines)
    verify(world.folder / "audit.jsonl")


def test_a_second_edit_is_followed_too(world: World) -> None:
    """Also right after the first, where our own write is near."""
    person = world.person(AccountType.ADMINISTRATOR)
    world.follow(world.edit(person))
    again = world.edit(person, "Another-Choice-78-words")
    assert world.follow(again).state is FollowState.FOLLOWED
    assert world.live(person) == "Another-Choice-78-words"


def test_a_forged_notice_of_an_old_entry_changes_nothing(world: World) -> None:
    """An entry that nobody edited lately is never written over the directory's password."""
    person = world.person()
    before = world.live(person)
    assert world.follow(world.notice(person)).state is FollowState.NOTHING_NEW
    late = world.edit(person)
    world.minutes = 25 * 60
    assert world.follow(late).state is FollowState.NOTHING_NEW
    assert world.live(person) == before


def test_what_the_policy_does_not_want_is_not_read(world: World) -> None:
    """Switched off, observing or suspended: no password is read, whatever is told."""
    person = world.person()
    before, edited = world.live(person), world.edit(person)
    off = replace(world.desired, customer=replace(world.desired.customer, suspend=True))
    observing = replace(
        world.desired,
        sources=tuple(
            replace(one, settings=replace(one.settings, mode=Mode.OBSERVE))
            for one in world.desired.sources
        ),
    )
    without = replace(
        world.desired,
        sources=tuple(
            replace(
                one,
                settings=replace(
                    one.settings,
                    options=replace(
                        one.settings.options,
                        vault=replace(one.settings.options.vault, follow_edits=False),
                    ),
                ),
            )
            for one in world.desired.sources
        ),
    )
    for desired in (off, observing, without):
        assert world.follow(edited, desired).state is FollowState.NOT_WANTED
    assert world.live(person) == before
    assert "ReadPassword" not in (world.folder / "audit.jsonl").read_text()
    strange = replace(edited, entry=RemoteId("999999"))
    assert world.follow(strange).state is FollowState.NOT_OURS
    elsewhere = replace(edited, organization=RemoteId("999999"))
    assert world.follow(elsewhere).state is FollowState.NOT_OURS


def test_without_its_directory_nothing_is_set(world: World) -> None:
    """A customer whose domain was taken out of git: the edit is told why it is not followed."""
    edited = world.edit(world.person())
    customer = replace(world.desired.customer, active_directory=None)
    with pytest.raises(SpecError, match="ActiveDirectory is not connected"):
        world.follow(edited, replace(world.desired, customer=customer))


def test_a_password_below_the_rules_is_a_finding(world: World) -> None:
    """The directory keeps its own; the next plan says so, until a good one is set."""
    person = world.person()
    before = world.live(person)
    refused = world.follow(world.edit(person, "short"))
    assert refused.state is FollowState.REFUSED
    assert world.live(person) == before
    assert "short" not in refused.message.replace("shortest", "").replace("shorter", "")

    def findings() -> list[str]:
        report = reconcile(world.desired, world.assembly.ports(world.desired))
        found = report.proposal.plan.findings
        return [one.user for one in found if one.reason is Reason.EDIT_REFUSED]

    assert findings() == [person.identity.user]
    registry = world.assembly.ports(world.desired).registry
    (end,) = registry.load(person.customer).job_ends
    assert end.cause is Cause.PASSWORD_REFUSED
    assert world.follow(world.notice(person)).state is FollowState.NOTHING_NEW
    assert world.follow(world.edit(person)).state is FollowState.FOLLOWED
    assert findings() == []
    assert world.live(person) == NEW
