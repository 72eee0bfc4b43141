"""One piece of work per customer at a time: runs and password resets share its registry."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Hands out turns without waiting; thread-safe."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def take(self, customer: str) -> Iterator[bool]:
        """Yield whether the customer is ours until the end; another worker may have it."""
        lock = self._locks[customer]
        mine = lock.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                lock.release()
