"""How long Hudu refuses requests once its limit is reached.

Source: lwhitelock/HuduAPI issue 66 and its Private/Invoke-HuduRequest.ps1: the window begins
anew at each five minutes of the clock, and 429 names no delay. Unconfirmed by the vendor, who
documents 300 requests per minute.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

_WINDOW_S = 300

_SPREAD_S = (1.0, 5.0)
"""After the mark, so that not every waiting process asks in the same moment (the same source)."""


def until_next_window_s(now: datetime) -> float:
    """Return the seconds until the clock's next five minutes."""
    return _WINDOW_S - now.timestamp() % _WINDOW_S


def pause_s() -> float:
    """Return how long to wait from now on."""
    return until_next_window_s(datetime.now(UTC)) + secrets.SystemRandom().uniform(*_SPREAD_S)
