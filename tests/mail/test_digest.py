"""The daily digest: what it tells, when it is due, and that a day has one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.contract.registry.suite import make_job
from tests.engine.doubles import FileMailer, Shelf
from tests.plan.world import CONTOSO, MAIL, person, record

from muster.digests import DailyDigests
from muster.errors import Unavailable
from muster.mail.digest import CustomerDigest, digest_customer, due_slot, write_digest
from muster.model.accounts import Known
from muster.model.causes import Cause
from muster.model.mail import DigestSettings, Welcome, WelcomeState
from muster.model.names import CustomerName
from muster.model.passwords import JobEnd, JobKind, JobState, end_of
from muster.model.reasons import Reason
from muster.registry.sqlite import SqliteRegistry

NOW = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
TORONTO = DigestSettings(to=("noc@msp.example",), at=time(8), time_zone="America/Toronto")
JOHN = record(person("John", "Smith"))


def _end(**fields: Any) -> JobEnd:
    ended = end_of(replace(make_job(), state=JobState.CONFIRMED, ended_at=NOW))
    return replace(ended, kind=JobKind.ROTATION, account=JOHN.identity.id, **fields)


def test_what_happened_is_counted_and_named() -> None:
    """Rotations of the last day, failures, refusals, matches, drift and doubtful mails are told."""
    doubtful = Welcome(
        state=WelcomeState.UNKNOWN, reason=Reason.WELCOME_EMAIL_UNKNOWN, at=NOW - timedelta(hours=1)
    )
    failure = {"action": "Create", "system": "vault", "account": "x\r\ny", "problem": "503"}
    status = {
        "ambiguous": 3,
        "drift": 2,
        "failures": [failure],
        "refusals": [{"message": "12 changes exceed the limit."}],
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "PlanRefused", "message": "m"}
        ],
    }
    known = Known(
        records=(replace(JOHN, welcome=doubtful),),
        job_ends=(
            _end(),
            _end(state=JobState.FAILED, problem="no rights", cause=Cause.DIRECTORY_DENIED),
            _end(state=JobState.REFUSED, ended_at=NOW - timedelta(hours=25)),
            replace(_end(), kind=JobKind.RESET),
        ),
        status=status,
    )
    told = digest_customer(CONTOSO, known, NOW)
    assert (told.rotated, told.unsure_mails, told.ambiguous, told.drift) == (1, 1, 3, 2)
    assert told.not_rotated == (f"{JOHN.identity.user}: Failed (DirectoryDenied), no rights",)
    message = write_digest([told, CustomerDigest(customer=CustomerName("calm"))], ("a@b.c",), NOW)
    assert message.subject == "Muster: 1 of 2 customers in need of somebody"
    for line in (
        "  failed: Create vault x y: 503",
        "  failed: refused: 12 changes exceed the limit.",
        "  matches that wait (muster matches -c contoso): 3",
        "In agreement: calm",
    ):
        assert line in message.text.splitlines()


@pytest.mark.parametrize(
    ("hour_utc", "sent", "slot"),
    [
        (12, "", ""),
        (13, "", "2026-11-22T08:00:00-05:00"),
        (13, "2026-11-21T08:00:00-05:00", "2026-11-22T08:00:00-05:00"),
        (13, "2026-11-22T08:00:00-05:00", ""),
        (18, "", "2026-11-22T08:00:00-05:00"),
        (20, "", ""),
    ],
    ids=["before", "at", "the next day", "served", "late", "too late"],
)
def test_a_digest_is_due_once_a_day_by_the_clock_on_the_wall(
    hour_utc: int, sent: str, slot: str
) -> None:
    """The time is local; a late start catches up, and a day that was missed is left out."""
    assert due_slot(TORONTO, sent, datetime(2026, 11, 22, hour_utc, 5, tzinfo=UTC)) == slot


def test_the_clock_change_neither_doubles_nor_loses_a_digest() -> None:
    """Over a year, looked at every hour, there is one slot per day."""
    settings = replace(TORONTO, at=time(1, 30))
    sent, served = "", []
    for hour in range(24 * 365):
        slot = due_slot(settings, sent, NOW + timedelta(hours=hour))
        if slot:
            sent = slot
            served.append(slot[:10])
    assert len(served) == len(set(served)) == 365


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SqliteRegistry]:
    """A registry on disk."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as opened:
        yield opened


def test_a_restart_sends_no_second_digest(registry: SqliteRegistry, tmp_path: Path) -> None:
    """What was sent is on disk: another process, on the same day, sends nothing."""
    shelf = Shelf(tmp_path / "mail.json")
    mail = replace(MAIL, digest=TORONTO)

    def look(now: datetime) -> tuple[str, ...]:
        fresh = DailyDigests(registry.load, registry, lambda _: FileMailer(shelf))
        return fresh.send_due([mail, MAIL], [CONTOSO], now)

    assert look(NOW) == ("The daily digest was sent to noc@msp.example.",)
    assert look(NOW + timedelta(hours=1)) == ()
    assert len(look(NOW + timedelta(days=1))) == 1
    assert len(shelf.rows()) == 2


@pytest.mark.parametrize(("maybe", "again"), [(False, 1), (True, 0)], ids=["not taken", "doubt"])
def test_only_a_digest_that_did_not_leave_is_repeated(
    registry: SqliteRegistry, tmp_path: Path, maybe: bool, again: int
) -> None:
    """A server that refused for now is asked again after some minutes; a lost answer is not."""
    shelf = Shelf(tmp_path / "mail.json", failure=Unavailable("No.", maybe_applied=maybe))
    digests = DailyDigests(registry.load, registry, lambda _: FileMailer(shelf))
    mail = replace(MAIL, digest=TORONTO)
    (line,) = digests.send_due([mail], [CONTOSO], NOW)
    assert ("may have been" in line) is maybe
    assert digests.send_due([mail], [CONTOSO], NOW + timedelta(minutes=1)) == ()
    assert len(digests.send_due([mail], [CONTOSO], NOW + timedelta(minutes=11))) == again
