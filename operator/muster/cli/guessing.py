"""Says which name a person may have meant, for the commands."""

from __future__ import annotations

from collections.abc import Iterable

from muster.resources.problems import nearest

_SHOWN = 5


def guess(name: str, known: Iterable[str]) -> str:
    """Return a sentence that names the known one most like a wrong name, or some of them."""
    if near := nearest(name, known := sorted(known)):
        return f"Did you mean {near}?"
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"Known: {', '.join(known[:_SHOWN]) or 'none'}{more}."
