"""Durations, as people write them."""

from __future__ import annotations

import re
from datetime import timedelta


def parse_duration(text: str) -> timedelta:
    """Read `30d`, `3h`, `90m` or `1h30m`."""
    amounts = {unit: int(digits) for digits, unit in re.findall(r"(\d+)([dhm])", text)}
    return timedelta(
        days=amounts.get("d", 0), hours=amounts.get("h", 0), minutes=amounts.get("m", 0)
    )
