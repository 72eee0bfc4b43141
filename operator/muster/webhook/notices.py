"""The notices that wait to be looked into: few, one for each entry, none too often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from muster.following import Edited

MOST = 1000
"""So many entries may wait; more are turned away, to be told again."""

EVERY_S = 30.0
"""An entry is not looked at more often; a second edit within this time waits for its end."""

_TRIES = 6
_FIRST_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    due: float
    tries: int = 0


class Notices:
    """Thread-safe. What waits is lost when the process ends: whoever edits can edit again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: dict[Edited, _Waiting] = {}
        self._looked: dict[Edited, float] = {}
        self._closed = False

    def put(self, edited: Edited) -> bool:
        """Take a notice; False when too many wait."""
        with self._changed:
            if edited in self._waiting:
                return True
            if len(self._waiting) >= MOST:
                return False
            due = max(self._clock(), self._looked.get(edited, float("-inf")) + EVERY_S)
            self._waiting[edited] = _Waiting(due)
            self._changed.notify_all()
            return True

    def again(self, edited: Edited, tries: int) -> bool:
        """Look once more, each time later; False after the last try."""
        with self._changed:
            if tries + 1 >= _TRIES or self._closed:
                return False
            due = self._clock() + _FIRST_RETRY_S * 2**tries
            self._waiting.setdefault(edited, _Waiting(due, tries + 1))
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float | None = None) -> tuple[Edited, int] | None:
        """Wait for the next one that is due, with the tries before; None after `close`."""
        until = None if timeout_s is None else self._clock() + timeout_s
        with self._changed:
            while not self._closed:
                now = self._clock()
                first = min(self._waiting, key=lambda one: self._waiting[one].due, default=None)
                if first is not None and self._waiting[first].due <= now:
                    tries = self._waiting.pop(first).tries
                    self._note(first, now)
                    return first, tries
                if until is not None and now >= until:
                    return None
                dues = [self._waiting[first].due] if first is not None else []
                ends = min([*dues, *([until] if until is not None else [])], default=None)
                self._changed.wait(None if ends is None else max(ends - now, 0.001))
            return None

    def close(self) -> None:
        """Wake everybody who waits; nothing is handed out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _note(self, edited: Edited, now: float) -> None:
        if len(self._looked) >= MOST:
            self._looked = {one: at for one, at in self._looked.items() if at > now - EVERY_S}
        self._looked[edited] = now
