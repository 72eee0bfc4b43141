"""Reads single values out of a vendor's JSON, without trusting their types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from muster.errors import SpecError
from muster.model.names import RemoteId

_FIRST_YEAR = 1970
"""Vendors write a date of long ago where there is none: .NET the year 1 (learn.microsoft.com,
`DateTime.MinValue`), SQL Server the year 1900 (`datetime`, default value)."""


def text_or_none(value: Any) -> str | None:
    """Return a text, and None for anything else and for an empty text.

    Half of a surrogate pair becomes U+FFFD: JSON can hold one and UTF-8 cannot, so that it could
    be neither written nor shown.
    """
    if not isinstance(value, str) or not value:
        return None
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def id_text(value: Any) -> str:
    """Return a record's id, a number or its text, as text; empty when it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return str(value)


def moment_or_none(value: Any) -> datetime | None:
    """Return an RFC 3339 time in UTC, or None where there is none or it is no time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return utc if utc.year >= _FIRST_YEAR else None


def number_of(remote: RemoteId, what: str) -> int:
    """Return an id as the number it must be.

    Raises:
        SpecError: it is no number, and would change the meaning of a path or a filter.
    """
    if remote.isascii() and remote.isdecimal():
        return int(remote)
    raise SpecError((f'{what} "{remote}" is no number; copy it from the address of its page.',))
