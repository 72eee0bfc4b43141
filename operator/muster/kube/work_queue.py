"""Our own work queue: one worker per key, the urgent before the periodic, nothing lost.

A key that is put while it is being worked on runs once more afterwards. A later, less urgent
put never delays an earlier one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first."""

    PERSON = 0
    """A change that a person made."""
    RETRY = 1
    PERIODIC = 2


@dataclass(slots=True)
class _Entry:
    due: float
    priority: Priority


class WorkQueue:
    """Thread-safe; times are seconds of a monotonic clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._waiting: dict[str, _Entry] = {}
        self._running: dict[str, float] = {}
        self._closed = False

    def put(self, key: str, priority: Priority, delay_s: float = 0.0) -> None:
        """Ask for a run of a key, at once or after a delay."""
        due = self._monotonic() + delay_s
        with self._changed:
            known = self._waiting.get(key)
            if known:
                due, priority = min(due, known.due), min(priority, known.priority)
            self._waiting[key] = _Entry(due, priority)
            self._changed.notify_all()

    def get(self) -> str | None:
        """Wait for the next key that is due and not being worked on; None when closed."""
        with self._changed:
            while not self._closed:
                key = self._next()
                if key is not None:
                    del self._waiting[key]
                    self._running[key] = self._monotonic()
                    return key
                self._changed.wait(self._pause_s())
            return None

    def done(self, key: str) -> None:
        """Say that a key's run has ended."""
        with self._changed:
            self._running.pop(key, None)
            self._changed.notify_all()

    def forget(self, key: str) -> None:
        """Drop a key that waits; a run under way goes on."""
        with self._changed:
            self._waiting.pop(key, None)

    def close(self) -> None:
        """Let every `get` return None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def list_running(self) -> frozenset[str]:
        """Return the keys that are being worked on."""
        with self._changed:
            return frozenset(self._running)

    def depth(self) -> int:
        """Return how many keys are due and wait."""
        now = self._monotonic()
        with self._changed:
            return sum(entry.due <= now for entry in self._waiting.values())

    def oldest_s(self) -> float:
        """Return how long the longest overdue key has waited."""
        now = self._monotonic()
        with self._changed:
            return max(
                (now - entry.due for entry in self._waiting.values() if entry.due < now),
                default=0.0,
            )

    def longest_run_s(self) -> float:
        """Return how long the longest run under way has lasted."""
        now = self._monotonic()
        with self._changed:
            return max((now - start for start in self._running.values()), default=0.0)

    def _next(self) -> str | None:
        now = self._monotonic()
        due = [
            (entry.priority, entry.due, key)
            for key, entry in self._waiting.items()
            if entry.due <= now and key not in self._running
        ]
        return min(due)[2] if due else None

    def _pause_s(self) -> float | None:
        """Return how long nothing will fall due; None waits for a change."""
        now = self._monotonic()
        later = [e.due - now for key, e in self._waiting.items() if key not in self._running]
        return max(min(later), 0.0) if later else None
