"""Things that go wrong with a domain controller, on request.

A fault waits until a request meets it. The server asks; tests and demonstrations script.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from muster.lab.directory.protocol import Code, LdapFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFault:
    """What befalls one page of a paged search; the first page is 1."""

    failure: LdapFailure | None = None
    cut_after_entries: int | None = None
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyFault:
    """What befalls one write: an answer that refuses, a late one, or none at all."""

    failure: LdapFailure | None = None
    applied: bool = False
    latency_s: float = 0.0


class LdapFaults:
    """A script of faults; safe between threads. Nothing scripted: nothing goes wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._search_failures: list[LdapFailure] = []
            self._bind_failures: list[LdapFailure | None] = []
            self._pages: dict[int, PageFault] = {}
            self._silent_searches = 0
            self._modifies: list[ModifyFault] = []
            self._latency_s = 0.0

    def fail_searches(self, times: int, code: int = Code.BUSY, message: str = "") -> None:
        """Answer the next searches with a result code: 51 busy, 52 unavailable, ..."""
        with self._lock:
            self._search_failures += [LdapFailure(code, message or _text(code))] * times

    def fail_binds(self, times: int, code: int = Code.UNAVAILABLE, message: str = "") -> None:
        """Answer the next binds with a result code."""
        with self._lock:
            self._bind_failures += [LdapFailure(code, message or _text(code))] * times

    def fail_second_bind(self, code: int, message: str) -> None:
        """Let the next bind be, and answer the one after it with a result code."""
        with self._lock:
            self._bind_failures += [None, LdapFailure(code, message)]

    def fail_page(self, page: int, code: int = Code.UNAVAILABLE, message: str = "") -> None:
        """Answer this page of the next paged search with an error; happens once."""
        with self._lock:
            self._pages[page] = PageFault(failure=LdapFailure(code, message or _text(code)))

    def cut_page(self, page: int, after_entries: int = 1) -> None:
        """Drop the connection in the middle of this page, inside an entry; happens once."""
        with self._lock:
            self._pages[page] = PageFault(cut_after_entries=after_entries)

    def empty_page(self, page: int) -> None:
        """Answer this page with no entry and a cookie to go on with; happens once.

        Unconfirmed: that Windows does so; RFC 2696, section 3, makes the cookie decide.
        """
        with self._lock:
            self._pages[page] = PageFault(empty=True)

    def drop_searches(self, times: int = 1) -> None:
        """Hang up on the next searches before a byte is sent."""
        with self._lock:
            self._silent_searches += times

    def drop_modifies(self, times: int = 1, *, applied: bool) -> None:
        """Hang up on the next writes without an answer, after they took effect or before."""
        with self._lock:
            self._modifies += [ModifyFault(applied=applied)] * times

    def delay_modify(self, latency_s: float) -> None:
        """Answer the next write that much later than it takes effect."""
        with self._lock:
            self._modifies.append(ModifyFault(applied=True, latency_s=latency_s))

    def fail_modifies(self, times: int, code: int = Code.BUSY, message: str = "") -> None:
        """Answer the next writes with a result code; they take no effect."""
        with self._lock:
            fault = ModifyFault(failure=LdapFailure(code, message or _text(code)))
            self._modifies += [fault] * times

    def next_modify(self) -> ModifyFault | None:
        """Return what befalls this write."""
        with self._lock:
            return self._modifies.pop(0) if self._modifies else None

    def delay_answers(self, latency_s: float) -> None:
        """Wait before each answer from now on; longer than a client's patience is a hang."""
        with self._lock:
            self._latency_s = latency_s

    @property
    def latency_s(self) -> float:
        """Seconds to wait before each answer."""
        return self._latency_s

    def next_bind(self) -> LdapFailure | None:
        """Return what befalls this bind."""
        with self._lock:
            return self._bind_failures.pop(0) if self._bind_failures else None

    def next_search(self) -> LdapFailure | None:
        """Return what befalls this search."""
        with self._lock:
            return self._search_failures.pop(0) if self._search_failures else None

    def next_drop(self) -> bool:
        """Return whether to hang up on this search."""
        with self._lock:
            drop = self._silent_searches > 0
            self._silent_searches -= drop
            return drop

    def next_page(self, page: int) -> PageFault:
        """Return what befalls this page of a paged search."""
        with self._lock:
            return self._pages.pop(page, PageFault())


def _text(code: int) -> str:
    texts = {
        Code.BUSY: "0000200E: SvcErr: DSID-03210B9C, problem 5001 (BUSY), data 0\n",
        Code.UNAVAILABLE: "0000200F: SvcErr: DSID-0315103F, problem 5002 (UNAVAILABLE), data 0\n",
    }
    return texts.get(Code(code) if code in set(Code) else Code.SUCCESS, "scripted by the lab")
