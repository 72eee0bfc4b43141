"""Single values of a vendor's JSON, whatever their types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from muster.adapters.json_values import moment_or_none, text_or_none


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-03-01T08:30:00Z", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026-03-01T08:30:00+02:00", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("2026-03-01T08:30:00.4567", datetime(2026, 3, 1, 8, 30, 0, 456700, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("1900-01-01T00:00:00", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("yesterday", None),
        (20260301, None),
        (None, None),
    ],
)
def test_a_time_is_read_in_utc_and_none_is_none(value: Any, moment: datetime | None) -> None:
    """A vendor's time is read in UTC; its way to write `never` ends no run and is no date."""
    assert moment_or_none(value) == moment


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Zoë", "Zoë"),
        (" Anna ", " Anna "),
        ("\U0001f600", "\U0001f600"),
        ("\ud83d\ude00", "\U0001f600"),
        ("Ann\ud83d", "Ann\ufffd"),
        ("\ude00nn", "\ufffdnn"),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_a_text_can_be_written_again(value: Any, text: str | None) -> None:
    """A text stays as it is, but for half a character, which no system could be sent."""
    assert text_or_none(value) == text
