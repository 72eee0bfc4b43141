"""How much one run may change at one customer before the guard refuses it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most changes of one kind: `percent` of a population, but never less than `floor`.

    `maximum`, where given, is an absolute bound that no percentage lifts.
    """

    percent: int
    floor: int
    maximum: int | None = None

    def allowed(self, population: int) -> int:
        """Return how many changes pass for a population of this size."""
        share = max(self.floor, population * self.percent // 100)
        return share if self.maximum is None else min(share, self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The guard's limits, per run and customer."""

    create: Limit = Limit(percent=20, floor=10)
    update: Limit = Limit(percent=30, floor=10)
    release: Limit = Limit(percent=10, floor=5)
    relink: Limit = Limit(percent=2, floor=2)
    rotate: Limit = Limit(percent=100, floor=10)
    shrink: Limit = Limit(percent=50, floor=10)
    """By how much a source may shrink between two runs."""
