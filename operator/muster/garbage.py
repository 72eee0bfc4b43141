"""Decides how often Python looks for cycles to free; reference counts free nearly all of ours."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Let the garbage collector look less often.

    Snapshots and plans are large trees of small frozen objects without cycles. With the default
    thresholds it walks all of them again for every 700 new ones, which is a third of the time
    that a plan of 100,000 accounts takes (benchmarks/planning.py).
    """
    gc.set_threshold(50_000, 20, 50)
