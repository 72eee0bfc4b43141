"""When a password is due: windows of a time zone, and accounts spread over days and hours.

A window opens once for every date of its time zone. Where clocks are put forward over its start,
it opens when they would have shown it; where they are put back, at the first of the two times.
Source: PEP 495 (a time that does not exist or is ambiguous, with fold=0).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from muster.model.names import AccountId
from muster.model.rotation import Rotation, RotationSettings, Window

_FIRST_PAUSE = timedelta(minutes=30)
_LONGEST_PAUSE = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When an account is rotated, and the due date that this serves."""

    at: datetime
    slot: str

    def is_due(self, now: datetime) -> bool:
        """Say whether it is to be rotated now."""
        return self.at <= now


def find_due(
    account: AccountId, rotation: Rotation, settings: RotationSettings, now: datetime
) -> Due | None:
    """Return when an account is rotated next; a moment up to now means now.

    What was missed is made up for in the next window. None: the policy has no window.
    """
    window = settings.window
    if window is None:
        return None
    day = _first_day(account, rotation, settings, window, now)
    planned = _opens(window, day) + _place_in(account, window)
    slot = _opens(window, day).isoformat()
    earliest = max(planned, _after_failures(rotation) or planned)
    if earliest > now:
        # After a failure, a moment outside of the windows waits for the next one.
        at = planned if earliest == planned else _within(window, earliest)
        return Due(at=at, slot=slot)
    return Due(at=_within(window, now), slot=slot)


def window_date(window: Window, moment: datetime) -> date:
    """Return the date of the last window that opened before a moment."""
    day = moment.astimezone(ZoneInfo(window.time_zone)).date()
    return day if _opens(window, day) <= moment else day - timedelta(days=1)


def _first_day(
    account: AccountId,
    rotation: Rotation,
    settings: RotationSettings,
    window: Window,
    now: datetime,
) -> date:
    """Return the date of the due window: `every` after the last change, the first one spread."""
    if rotation.last is not None:
        return window_date(window, rotation.last) + settings.every
    began = window_date(window, rotation.since or now)
    return began + timedelta(days=1 + int(_share(account, "day") * settings.every.days))


def _after_failures(rotation: Rotation) -> datetime | None:
    """Return when a failed rotation may be tried again; each time later."""
    if not rotation.failures or rotation.failed_at is None:
        return None
    times: int = 2 ** min(rotation.failures - 1, 10)
    return rotation.failed_at + min(_FIRST_PAUSE * times, _LONGEST_PAUSE)


def _opens(window: Window, day: date) -> datetime:
    zone = ZoneInfo(window.time_zone)
    return datetime.combine(day, window.start, tzinfo=zone).astimezone(UTC)


def _within(window: Window, moment: datetime) -> datetime:
    """Return the moment itself in an open window, else when the next one opens."""
    day = window_date(window, moment)
    if moment < _opens(window, day) + window.duration:
        return moment
    return _opens(window, day + timedelta(days=1))


def _place_in(account: AccountId, window: Window) -> timedelta:
    """Return an account's place in the first half of its first window; later ones do not wait."""
    return timedelta(seconds=int(_share(account, "hour") * window.duration.total_seconds() / 2))


def _share(account: AccountId, what: str) -> float:
    """Return a number from 0 to 1 that an account always has."""
    digest = hashlib.sha256(f"{what}/{account}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
