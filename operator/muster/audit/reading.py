"""Reads an audit back for a person: each effect once, with what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muster.audit.trail import BEGUN
from muster.audit.verify import parse_line

UNKNOWN = "Unknown"
"""The result of an effect whose second line is missing: it is under way, or a crash cut it off."""

_OF_THE_CHAIN = ("audit", "chain", "number", "previous", "effect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which effects are asked for; what is empty leaves none out."""

    customers: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    since: datetime | None = None

    def fits(self, fields: dict[str, Any]) -> bool:
        """Say whether a line is about what is asked for."""
        return (
            (not self.customers or str(fields.get("customer")) in self.customers)
            and (not self.actions or str(fields.get("action")) in self.actions)
            and not (self.since and _is_before(fields, self.since))
        )


def read_effects(lines: Iterable[bytes], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the fields of each effect, in the order in which they began; torn lines are left out.

    An effect's `at` is when it began; `endedAt` is when its result was known.
    """
    found: list[dict[str, Any]] = []
    open_ones: dict[str, dict[str, Any]] = {}
    for line in lines:
        fields = parse_line(line)
        if fields is None:
            continue
        name = str(fields.get("effect", ""))
        begun = open_ones.pop(name, None) if name else None
        if begun is not None:
            begun |= {"result": fields.get("result", ""), "endedAt": fields.get("at", "")}
            begun |= {key: fields[key] for key in ("detail", "cause") if fields.get(key)}
        elif wanted.fits(fields):
            shown = {key: one for key, one in fields.items() if key not in _OF_THE_CHAIN}
            found.append(shown)
            if name and fields.get("result") == BEGUN:
                shown["result"] = UNKNOWN
                open_ones[name] = shown
    yield from found


def _is_before(fields: dict[str, Any], since: datetime) -> bool:
    """Say whether a line is older; one that was altered so that nobody can tell is not."""
    try:
        return datetime.fromisoformat(str(fields.get("at"))) < since
    except (ValueError, TypeError):
        return False
