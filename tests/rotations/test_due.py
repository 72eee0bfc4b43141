"""When a password is due: windows, time zones, spreading, failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from tests.plan.world import account_id

from muster.model.names import AccountId
from muster.model.rotation import Rotation, RotationSettings, Window
from muster.plan.rotation_times import find_due, window_date

TORONTO = Window(start=time(2, 0), duration=timedelta(hours=3), time_zone="America/Toronto")
MONTHLY = RotationSettings(every=timedelta(days=30), window=TORONTO)
ANNA = account_id("anna")
BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)


def due_at(rotation: Rotation, now: datetime, settings: RotationSettings = MONTHLY) -> datetime:
    """Return when Anna is due."""
    due = find_due(ANNA, rotation, settings, now)
    assert due is not None
    return due.at


def test_the_next_rotation_is_in_the_window_when_the_password_is_old_enough() -> None:
    """Thirty days after the last one it is due, between two and five o'clock in Toronto."""
    last = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)  # 03:00 in Toronto
    at = due_at(Rotation(last=last), last + timedelta(days=1))
    opens = datetime(2026, 3, 31, 6, 0, tzinfo=UTC)  # 02:00, by then in summer time
    assert opens <= at < opens + timedelta(hours=1, minutes=30)


def test_a_missed_window_is_made_up_for_in_the_next_and_never_outside() -> None:
    """An hour before the window it waits for it; within it, it is due at once."""
    rotation = Rotation(last=datetime(2026, 3, 1, 8, tzinfo=UTC))
    opens = datetime(2026, 6, 1, 6, tzinfo=UTC)
    assert due_at(rotation, opens - timedelta(hours=1)) == opens
    assert due_at(rotation, opens + timedelta(seconds=1)) == opens + timedelta(seconds=1)
    assert due_at(rotation, opens + timedelta(hours=3)) == opens + timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 3, 7), "2026-03-07T07:30:00+00:00"),
        (date(2026, 3, 8), "2026-03-08T07:30:00+00:00"),  # 02:30 does not exist
        (date(2026, 3, 9), "2026-03-09T06:30:00+00:00"),
        (date(2026, 11, 1), "2026-11-01T07:30:00+00:00"),
    ],
)
def test_a_window_opens_once_a_day_when_clocks_change(day: date, opens: str) -> None:
    """A start that the clock leaps over, as on 8 March 2026, still opens a window."""
    window = replace(TORONTO, start=time(2, 30))
    moment = datetime.fromisoformat(opens)
    assert window_date(window, moment) == day
    assert window_date(window, moment - timedelta(seconds=1)) != day


def test_a_start_that_comes_twice_opens_one_window() -> None:
    """On 1 November 2026 half past one comes twice in Toronto: the first one counts."""
    window = replace(TORONTO, start=time(1, 30))
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    days = [window_date(window, first + timedelta(minutes=minute)) for minute in (-1, 0, 60, 61)]
    assert [one.day for one in days] == [31, 1, 1, 1]


def test_a_window_may_pass_midnight() -> None:
    """From 23:00 for three hours: one o'clock belongs to the day before."""
    window = Window(start=time(23), duration=timedelta(hours=3), time_zone="Europe/Berlin")
    settings = RotationSettings(every=timedelta(days=1), window=window)
    one_o_clock = datetime(2026, 6, 2, 23, tzinfo=UTC)
    assert window_date(window, one_o_clock).day == 2
    old = Rotation(last=datetime(2026, 5, 1, tzinfo=UTC))
    assert due_at(old, one_o_clock, settings) == one_o_clock


def test_first_rotations_are_spread_over_the_days_between_two() -> None:
    """Of 600 new accounts about twenty come on each of thirty days, at different times."""
    accounts = [account_id(f"admin {number}") for number in range(600)]
    found = [find_due(one, Rotation(since=BEGAN), MONTHLY, BEGAN) for one in accounts]
    moments = [one.at for one in found if one]
    days = Counter(moment.date() for moment in moments)
    assert len(days) == 30
    assert max(days.values()) < 40
    assert len(set(moments)) > 500
    assert all(BEGAN <= one < BEGAN + timedelta(days=31) for one in moments)


def test_an_account_that_missed_its_place_in_a_window_does_not_starve() -> None:
    """A run at the beginning of each window comes to every account within a day more."""
    late = next(
        one
        for one in (account_id(f"late {number}") for number in range(100))
        if _place(one) > timedelta(hours=1)
    )
    began = Rotation(since=BEGAN)
    due = find_due(late, began, MONTHLY, BEGAN)
    assert due is not None
    day = window_date(TORONTO, due.at)
    opens = due.at - _place(late)
    early = find_due(late, began, MONTHLY, opens)
    next_day = find_due(late, began, MONTHLY, opens + timedelta(days=1))
    assert early is not None
    assert not early.is_due(opens)
    assert next_day is not None
    assert next_day.is_due(opens + timedelta(days=1))
    assert next_day.slot == due.slot == opens.isoformat()
    assert window_date(TORONTO, opens) == day


def _place(account: AccountId) -> timedelta:
    due = find_due(account, Rotation(since=BEGAN), MONTHLY, BEGAN)
    assert due is not None
    return due.at - datetime.fromisoformat(due.slot)


def test_failures_make_it_wait_longer_each_time_and_stay_in_windows() -> None:
    """Half an hour, an hour, two hours … a day; what falls outside waits for the next window."""
    opens = datetime(2026, 6, 1, 6, tzinfo=UTC)
    failed = Rotation(last=datetime(2026, 1, 1, tzinfo=UTC), failures=1, failed_at=opens)
    assert due_at(failed, opens) == opens + timedelta(minutes=30)
    third = replace(failed, failures=3)
    assert due_at(third, opens) == opens + timedelta(hours=2)
    fourth = replace(failed, failures=4)
    assert due_at(fourth, opens) == opens + timedelta(days=1)
    waits = [due_at(replace(failed, failures=count), opens) - opens for count in range(1, 20)]
    assert all(before <= after for before, after in pairwise(waits))
    assert waits[-1] == timedelta(days=1)


def test_the_due_date_stays_the_same_while_it_is_tried_again() -> None:
    """A rotation that failed serves the same due date, so that it never takes place twice."""
    last = datetime(2026, 1, 1, 8, tzinfo=UTC)
    slots = {
        found.slot
        for days in range(29, 50)
        if (found := find_due(ANNA, Rotation(last=last), MONTHLY, last + timedelta(days=days)))
    }
    assert slots == {"2026-01-31T07:00:00+00:00"}


def test_without_a_window_nothing_is_due() -> None:
    """A policy that says nothing rotates nothing."""
    assert find_due(ANNA, Rotation(), RotationSettings(), BEGAN) is None
