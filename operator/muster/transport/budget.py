"""How many requests an integration may make, and what it has used.

Decides when the next request may leave. What to do about an answer is `muster.transport.sending`'s.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an integration has used since it was opened."""

    requests: int = 0
    """Requests that left, retries among them."""
    retries: int = 0
    throttled_s: float = 0.0
    """Seconds that callers waited for the budget or because the vendor said so, all threads."""

    def __add__(self, other: Usage) -> Usage:
        """Return what both have used."""
        return Usage(
            requests=self.requests + other.requests,
            retries=self.retries + other.retries,
            throttled_s=self.throttled_s + other.throttled_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimit:
    """A vendor's documented limit: `requests` in any `window_s` seconds."""

    requests: int
    window_s: int

    def share(self, percent: int) -> RequestLimit:
        """Return the part of the limit that Muster may use; never less than one request."""
        return replace(self, requests=max(1, self.requests * percent // 100))


class RequestBudget:
    """A moving window of requests, shared by all threads that use one integration."""

    def __init__(self, limit: RequestLimit) -> None:
        self._item = RateLimitItemPerSecond(limit.requests, limit.window_s)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._lock = threading.Lock()
        self._held_until = 0.0
        self._usage = Usage()

    def acquire(self, longest_pause_s: float) -> float:
        """Wait until one more request may leave, and count it.

        Returns 0, or the seconds of the vendor's pause when pauses take longer than
        `longest_pause_s` in all: then nothing may leave.
        """
        paused_s = 0.0
        while (wait_s := self._try()) > 0:
            held_s = self.held_s
            paused_s += held_s
            if paused_s > longest_pause_s:
                return held_s
            time.sleep(wait_s)
            with self._lock:
                self._count(throttled_s=wait_s)
        return 0.0

    def hold(self, delay_s: float) -> None:
        """Let no request leave for `delay_s` seconds: the vendor asked for a pause."""
        with self._lock:
            self._held_until = max(self._held_until, time.monotonic() + delay_s)

    @property
    def held_s(self) -> float:
        """Seconds until the vendor's pause is over; 0 when there is none."""
        return max(0.0, self._held_until - time.monotonic())

    @property
    def usage(self) -> Usage:
        """What has been used until now."""
        with self._lock:
            return self._usage

    def count_retry(self) -> None:
        """Count one repeated request."""
        with self._lock:
            self._count(retries=1)

    def _try(self) -> float:
        """Take a place in the window, or return the seconds after which to ask again."""
        with self._lock:
            if (held_s := self.held_s) > 0:
                return held_s
            if self._limiter.hit(self._item):
                self._count(requests=1)
                return 0.0
            reset_at = self._limiter.get_window_stats(self._item).reset_time
            # A little more than nothing, so that a window that ends now is not asked in a loop.
            return max(0.01, reset_at - time.time())

    def _count(self, requests: int = 0, retries: int = 0, throttled_s: float = 0.0) -> None:
        self._usage += Usage(requests=requests, retries=retries, throttled_s=throttled_s)
