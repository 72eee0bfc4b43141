"""What goes wrong on purpose, and when.

A `Faults` script decides which fault meets which request. What a fault means for one product
(its error shape, its rows) is decided by that product's simulator.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Answer 429; `retry_after` is seconds, a moment (sent as an HTTP date) or left out."""

    retry_after: int | datetime | None = None
    html: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerError:
    """Answer `status` in the vendor's JSON shape, before the request takes effect."""

    status: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlError:
    """Answer `status` with an HTML page, as a gateway in front of the vendor does."""

    status: int = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Wait `delay_s` seconds, then process and answer."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class CutBody:
    """Process, then announce the full length, send half of the body and close."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection before the request takes effect."""


@dataclass(frozen=True, slots=True)
class LostReply:
    """Let the request take effect, then close the connection without an answer."""


@dataclass(frozen=True, slots=True)
class WrongRow:
    """Put a row of another organization or company into the list."""


@dataclass(frozen=True, slots=True)
class StaleRead:
    """Answer a read as of before the last write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRows:
    """Leave the last `count` rows of the page out, without any sign of it."""

    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignNextLink:
    """Let the link to the next page point to another host."""

    host: str = "elsewhere.invalid"


@dataclass(frozen=True, slots=True)
class CircularNextLink:
    """Let each page link to itself as the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanwhile:
    """Run `action` after the request was processed and before the next: someone else's edit."""

    action: Callable[[], object]


FaultKind = (
    Throttle
    | ServerError
    | HtmlError
    | Slow
    | CutBody
    | Disconnect
    | LostReply
    | WrongRow
    | StaleRead
    | DropRows
    | ForeignNextLink
    | CircularNextLink
    | Meanwhile
)

Struck = tuple[FaultKind, ...]
"""The faults that meet one request."""

_Kind = TypeVar("_Kind", bound=FaultKind)


def find_fault(struck: Struck, kind: type[_Kind]) -> _Kind | None:
    """Return the first of the faults that is of a kind."""
    return next((fault for fault in struck if isinstance(fault, kind)), None)


@dataclass(slots=True)
class _Line:
    kind: FaultKind
    method: str | None
    target: re.Pattern[str] | None
    after: int
    times: int

    def take(self, method: str, target: str) -> bool:
        if self.times == 0 or (self.method and self.method != method):
            return False
        if self.target and not self.target.search(target):
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Faults:
    """A script of faults, safe to share between threads and simulators."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[_Line] = []

    def add(
        self,
        kind: FaultKind,
        *,
        method: str | None = None,
        path: str | None = None,
        after: int = 0,
        times: int = 1,
    ) -> None:
        """Let `times` matching requests meet a fault, once `after` of them have passed.

        `path` is a regular expression, searched in the path with its decoded query, so that
        `page\\[number\\]=2` picks a page. A negative `times` means for ever.
        """
        pattern = re.compile(path) if path else None
        line = _Line(kind, method.upper() if method else None, pattern, after, times)
        with self._lock:
            self._lines.append(line)

    def claim(self, method: str, target: str) -> Struck:
        """Return the faults that meet this request, and count them as used."""
        with self._lock:
            return tuple(line.kind for line in self._lines if line.take(method, target))

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._lines.clear()

    @property
    def pending(self) -> tuple[FaultKind, ...]:
        """The faults that have not been used up; a test may insist that there are none."""
        with self._lock:
            return tuple(line.kind for line in self._lines if line.times)
