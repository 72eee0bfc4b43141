"""Who with self-serve is told of a lock-out or of a password's end, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.plan.world import MAIL, NOW, WELCOME, World, finding, person, reasons, settings

from muster.mail.notice import NOTICES, write_notice
from muster.model.mail import MailSender, Notice, NoticeKind, WelcomeState
from muster.model.names import Action, Mode
from muster.model.plans import ChangeResult, CustomerPlan
from muster.model.reasons import Reason
from muster.model.settings import Customer, Options
from muster.plan.settle import settle

ON = Options(self_serve=True)
JOHN = person("John", "Smith")
ADDRESS = "john.smith@example.test"
LOCKED = replace(JOHN, locked_since=NOW - timedelta(minutes=3))
ENDING = replace(JOHN, password_expires=NOW + timedelta(days=9))


def _policy(**fields: Any) -> Any:
    return settings(**{"options": ON, "welcome": WELCOME, **fields})


WORLD = World(users=(JOHN,), policies=(_policy(),)).applied()
"""A world in which John is imported."""


def _mails(plan: CustomerPlan) -> list[tuple[str, Reason]]:
    return [(one.target, one.reason) for one in plan.changes if one.action is Action.SEND]


@pytest.mark.parametrize(
    ("user", "reason"),
    [(LOCKED, Reason.ACCOUNT_LOCKED), (ENDING, Reason.PASSWORD_EXPIRES)],
    ids=["locked", "password expires"],
)
def test_each_event_is_told_once(user: Any, reason: Reason) -> None:
    """The mail is planned once for an event; another event of the kind is told again."""
    world = replace(WORLD, users=(user,))
    plan = world.plan()
    assert _mails(plan) == [(ADDRESS, reason)]
    (change,) = (one for one in plan.changes if one.action is Action.SEND)
    assert change.because == "AutomaticImportPolicy/staff#/spec/options/selfServe"
    told = world.applied()
    assert told.plan().changes == ()
    assert told.plan().records == ()
    assert "told by e-mail" in finding(told.plan(), reason).message
    over = replace(told, users=(JOHN,)).applied()
    assert over.record_of(JOHN).notices == ()
    assert _mails(replace(over, users=(user,)).plan()) == [(ADDRESS, reason)]
    moved = replace(
        user,
        locked_since=user.locked_since and NOW,
        password_expires=user.password_expires and NOW + timedelta(days=8),
    )
    assert _mails(replace(told, users=(moved,)).plan()) == [(ADDRESS, reason)]


@pytest.mark.parametrize(
    "quiet",
    [
        {"policies": (_policy(options=Options()),)},
        {"policies": (_policy(mode=Mode.OBSERVE),)},
        {"policies": (_policy(welcome=replace(WELCOME, max_per_run=0)),)},
        {"mail": replace(MAIL, suspend=True)},
        {"users": (replace(LOCKED, mail=None),)},
        {"users": (replace(LOCKED, mail="no address"),)},
        {"users": (replace(JOHN, password_expires=NOW + timedelta(days=11)),)},
        {"users": (replace(JOHN, password_expires=NOW - timedelta(days=1)),)},
    ],
    ids=[
        "self-serve is off",
        "observe",
        "the run is full",
        "suspended",
        "no address",
        "not an address",
        "expires later",
        "has expired",
    ],
)
def test_nobody_else_is_told(quiet: Any) -> None:
    """Only who has self-serve and an address, and only while mail is sent."""
    assert _mails(replace(WORLD, **{"users": (LOCKED,), **quiet}).plan()) == []


def test_who_is_just_imported_is_told_in_the_next_run() -> None:
    """An import mails nobody but with a welcome."""
    world = World(users=(LOCKED,), policies=(_policy(),))
    assert _mails(world.plan()) == []
    assert Reason.ACCOUNT_LOCKED in reasons(world.plan().findings)
    assert _mails(world.applied().plan()) == [(ADDRESS, Reason.ACCOUNT_LOCKED)]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [({}, "Pending"), ({"unsettled": True}, "Unknown"), ({"refused": True}, "Skipped")],
    ids=["not taken", "in doubt", "refused for good"],
)
def test_only_a_mail_that_did_not_leave_is_repeated(outcome: Any, state: str) -> None:
    """What may have been sent, or is refused for good, is not tried again for this event."""
    world = replace(WORLD, users=(LOCKED,))
    plan = world.plan()
    (change,) = (one for one in plan.changes if one.action is Action.SEND)
    result = ChangeResult(change=change, done=False, problem="No.", **outcome)
    record = settle(world.applied().record_of(JOHN), [result])
    assert [one.state.value for one in record.notices] == [state]
    later = replace(world, records=(record,)).plan()
    assert len(_mails(later)) == (state == "Pending")


@pytest.mark.parametrize(("kind", "language"), NOTICES)
def test_every_notice_can_be_written(kind: NoticeKind, language: str) -> None:
    """Each kind in each language names the account and the moment, and holds no link."""
    about = datetime(2026, 12, 1, 8, tzinfo=UTC)
    notice = Notice(kind=kind, about=about, state=WelcomeState.SENT, at=NOW)
    record = WORLD.record_of(JOHN)
    customer: Customer = WORLD.desired.customer
    mail = write_notice(record, notice, customer, MailSender(address="it@msp.example"), language)
    assert mail.to == (ADDRESS,)
    assert "2026-12-01 08:00 UTC" in mail.text
    assert record.identity.user in mail.text
    assert "http" not in mail.text
