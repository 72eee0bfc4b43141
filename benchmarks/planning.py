"""How many accounts a second the planner decides, and whether that depends on how many there are.

Measured is `make_plan` alone, on snapshots that are already in memory: nothing is read, guarded,
applied or stored. Seconds are CPU seconds of this one thread, the median of several runs. The
garbage collector stays on with the thresholds of a real run, so that its work is
part of the number; it runs once to the end before each measured run, and the previous plan is
freed outside the measured time. One column shows the cost with the collector switched off.

Run by hand: `python -m benchmarks.planning [ACCOUNTS ...]`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from benchmarks.made_up import Situation, after, first_run
from rich.console import Console
from rich.table import Table

from muster.garbage import collect_rarely
from muster.model.plans import CustomerPlan
from muster.plan.make import make_plan

SIZES = (1_000, 10_000, 100_000)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
_LATER = datetime(2026, 11, 21, 11, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One row: how long one plan took."""

    accounts: int
    cpu_s: float
    uncollected_s: float
    """The same with the garbage collector switched off."""
    plan: CustomerPlan

    @property
    def each_us(self) -> float:
        """CPU microseconds for one account."""
        return self.cpu_s / self.accounts * 1_000_000

    @property
    def uncollected_us(self) -> float:
        """The same without the garbage collector."""
        return self.uncollected_s / self.accounts * 1_000_000


def main(sizes: Sequence[int] = SIZES) -> None:
    """Measure every size and print both tables."""
    collect_rarely()
    first: list[Measured] = []
    again: list[Measured] = []
    for size in sizes:
        fresh = first_run(size)
        first.append(measure(fresh, NOW))
        again.append(measure(after(first[-1].plan, fresh), _LATER))
    console = Console(width=100)
    console.print(_table("first run, empty registry", first))
    console.print(_table("no-change run, every record known", again))


def measure(situation: Situation, now: datetime) -> Measured:
    """Plan a situation several times, and return the medians."""
    directory = situation.observed.directory
    accounts = len(directory.users) if directory else 0
    runs = max(3, min(15, 30_000 // accounts))
    seconds = [_time(situation, now)[0] for _ in range(runs - 1)]
    last, plan = _time(situation, now)
    gc.disable()
    uncollected = [_time(situation, now)[0] for _ in range(runs // 3)]
    gc.enable()
    return Measured(
        accounts=accounts,
        cpu_s=median([*seconds, last]),
        uncollected_s=median(uncollected),
        plan=plan,
    )


def _time(situation: Situation, now: datetime) -> tuple[float, CustomerPlan]:
    gc.collect()
    started = time.process_time()
    plan = make_plan(situation.desired, situation.observed, situation.known, now)
    return time.process_time() - started, plan


def _table(title: str, rows: Sequence[Measured]) -> Table:
    names = ("accounts", "CPU s", "accounts/s", "µs each", "ratio", "µs, no gc", "ratio", "changes")
    table = Table(*names, title=f"planning: {title}")
    for row in rows:
        table.add_row(
            f"{row.accounts:,}",
            f"{row.cpu_s:.3f}",
            f"{row.accounts / row.cpu_s:,.0f}",
            f"{row.each_us:.1f}",
            f"{row.each_us / rows[0].each_us:.2f}",
            f"{row.uncollected_us:.1f}",
            f"{row.uncollected_us / rows[0].uncollected_us:.2f}",
            f"{len(row.plan.changes):,}",
        )
    return table


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or SIZES)
