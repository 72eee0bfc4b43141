"""The clock of this machine. Whoever needs a time takes a `Clock`; this is the usual one."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)
