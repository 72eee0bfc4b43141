"""Reads a company's entries: as a whole list, or only what changed since the last time.

Decides when changes are enough. Whatever the size of a list, its changes cost no more requests,
and bring a few rows where it brings all of them, each with its secrets. So they are asked for by
every process that keeps its adapter. They show neither what was deleted nor what now belongs to
another company: the whole list is read again after an hour, and after every write of Muster's own.

Changes begin at the last edit that was read, which is Hudu's own time; no other clock is compared
with it. Each answer must show that edit again, which proves that Hudu filters.

Source: the vendor's OpenAPI of Hudu 2.44, parameter `updated_at` of GET /asset_passwords.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx

from muster.adapters.hudu.answers import Record
from muster.adapters.hudu.entries import edited_at, entry_of, is_live, require_owner
from muster.adapters.hudu.pages import read_all
from muster.errors import RateLimited, Rejected, RemoteError, Unavailable
from muster.model.records import VaultEntry
from muster.ports import Clock
from muster.transport.http import Transport

MOST_ENTRIES = 100_000
"""Kept for all companies together, some 70 MB. Lists that do not fit are always read whole."""

FULL_AFTER = timedelta(hours=1)
"""The first read after it shows what was deleted, or moved to another company."""

_OVERLAP = timedelta(minutes=5)
"""For edits that are dated before another one and seen after it: slow ones, and several clocks."""

_SETTLED = timedelta(seconds=1)
"""Remains of the overlap once it was read over again, so that the last edit is still shown."""

_WHOLE_FOR = timedelta(days=1)
"""How long a Hudu that does not filter is not asked for changes; somebody may update it."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"


class _Unfiltered(Exception):
    """A row is older than what was asked for, or does not say how old it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """The last edit of a company, and the row, live or not, that shows it."""

    id: str
    at: datetime
    """By Hudu's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """The live entries of one company as they were last read. No secret is among them."""

    entries: Mapping[str, VaultEntry] = field(repr=False)
    last: _Edit
    since: datetime
    """Where the next changes begin, by Hudu's clock; before the last edit."""
    seen_at: datetime
    """When a read that showed the last edit began, by ours."""
    full_at: datetime
    """When the last whole read began, by ours."""


_Read = tuple[tuple[VaultEntry, ...], _Memory | None]
"""The live entries, and what to remember of them."""


class EntryReader:
    """Reads the live entries of companies; safe to use from many threads."""

    def __init__(
        self,
        transport: Transport,
        endpoint: httpx.URL,
        clock: Clock,
        most_entries: int = MOST_ENTRIES,
    ) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._clock = clock
        self._most_entries = most_entries
        self._lock = threading.Lock()
        self._kept: dict[int, _Memory] = {}
        self._forgotten: Counter[int] = Counter()
        self._whole_until = datetime.min.replace(tzinfo=UTC)

    def read(self, company: int) -> tuple[VaultEntry, ...]:
        """Return every live entry of a company.

        A system that does not answer leaves the memory as it was; any other error ends it.

        Raises:
            Unexpected: a row belongs to another company, or the answer is no list.
            Unavailable: nothing of what was read is used.
        """
        now = self._clock()
        with self._lock:
            before, forgotten = self._kept.get(company), self._forgotten[company]
        try:
            entries, memory = self._read(company, before, now)
        except (Unavailable, RateLimited):
            # Whole lists in place of changes would only add to a full window of requests.
            raise
        except RemoteError:
            self.forget(company)
            raise
        self._keep(company, memory, now, forgotten)
        return entries

    @contextmanager
    def changing(self, company: int) -> Iterator[None]:
        """Let the next read of a company be a whole one, however this ends."""
        try:
            yield
        finally:
            self.forget(company)

    def forget(self, company: int) -> None:
        """Let the next read of a company be a whole one, also when one is under way."""
        with self._lock:
            self._forgotten[company] += 1
            self._kept.pop(company, None)

    def _read(self, company: int, before: _Memory | None, now: datetime) -> _Read:
        if before is None or not self._is_fresh(before, now):
            return self._whole(company, now)
        later = self._later(company, before, now)
        if later:
            return tuple(later.entries.values()), later
        entries, memory = self._whole(company, now)
        if memory and memory.last == before.last:
            # It is still there, so it was missing among the changes.
            self._stop_asking(now)
        return entries, memory

    def _whole(self, company: int, now: datetime) -> _Read:
        # The filters are checked on each row: older versions ignore them.
        rows = self._rows(company, ("archived", "false"))
        live = {row.id: entry_of(row, self._endpoint) for row in rows if is_live(row)}
        return tuple(live.values()), _remembered(live, _last_edit(rows), now)

    def _later(self, company: int, before: _Memory, now: datetime) -> _Memory | None:
        """Return the memory after all changes, or None when only the whole list can tell."""
        filters = ("updated_at", f"{before.since:{_TIME}},")
        try:
            # Archived ones too: what was archived meanwhile is to leave the list.
            rows = self._rows(company, filters, before.since)
        except (_Unfiltered, Rejected):
            self._stop_asking(now)
            return None
        last = _last_edit(rows)
        if last is None or before.last.id not in {row.id for row in rows}:
            return None
        entries = dict(before.entries)
        for row in rows:
            entries.pop(row.id, None)
            if is_live(row):
                entries[row.id] = entry_of(row, self._endpoint)
        return _moved_on(replace(before, entries=entries), last, now)

    def _rows(
        self, company: int, which: tuple[str, str], since: datetime | None = None
    ) -> tuple[Record, ...]:
        def require(row: Record) -> None:
            require_owner(row, company)
            if since and not _is_since(row, since):
                raise _Unfiltered

        filters = (("company_id", str(company)), which)
        return read_all(self._transport, "asset_passwords", filters, require)

    def _is_fresh(self, memory: _Memory, now: datetime) -> bool:
        # A clock that is set back must not make the hour longer.
        return timedelta(0) <= now - memory.full_at < FULL_AFTER and now >= self._whole_until

    def _stop_asking(self, now: datetime) -> None:
        with self._lock:
            self._whole_until = now + _WHOLE_FOR
            self._kept.clear()

    def _keep(self, company: int, memory: _Memory | None, began: datetime, forgotten: int) -> None:
        now = self._clock()
        with self._lock:
            self._kept.pop(company, None)
            self._kept = {key: one for key, one in self._kept.items() if self._is_fresh(one, now)}
            size = sum(len(one.entries) for one in self._kept.values())
            if (
                memory
                and self._is_fresh(memory, now)
                and self._forgotten[company] == forgotten
                and now - began <= _OVERLAP / 2
                # From the future: it would hide what is edited now.
                and memory.last.at <= now + _OVERLAP
                and size + len(memory.entries) <= self._most_entries
            ):
                self._kept[company] = memory


def _last_edit(rows: Iterable[Record]) -> _Edit | None:
    """Return the last edit of some rows; None when one has no date, and when there are none."""
    dates = [(edited_at(row), row.id) for row in rows]
    known = [(at, row_id) for at, row_id in dates if at]
    if not known or len(known) < len(dates):
        return None
    at, row_id = max(known)
    return _Edit(id=row_id, at=at)


def _remembered(
    entries: Mapping[str, VaultEntry], last: _Edit | None, now: datetime
) -> _Memory | None:
    """Return what to remember of a whole list, if changes can follow it."""
    if last is None:
        return None
    since = _before(last, _OVERLAP)
    return _Memory(entries=entries, last=last, since=since, seen_at=now, full_at=now)


def _moved_on(memory: _Memory, last: _Edit, now: datetime) -> _Memory:
    """Return a memory with the place where the next changes begin."""
    if last != memory.last:
        return replace(memory, last=last, since=_before(last, _OVERLAP), seen_at=now)
    if now - memory.seen_at >= _OVERLAP:
        # What was dated before the last edit has had its time, and this read looked for it.
        return replace(memory, since=_before(last, _SETTLED))
    return memory


def _before(edit: _Edit, gap: timedelta) -> datetime:
    """Return a whole second, because that is what the filter's documented form holds."""
    return (edit.at - gap).replace(microsecond=0)


def _is_since(row: Record, since: datetime) -> bool:
    at = edited_at(row)
    return at is not None and at >= since
