"""Reads all users of a tenant: as a whole list, or only what changed since the last time.

Decides when changes are enough. They are asked for only where that saves requests, by a process
that keeps its adapter. Two properties may change without an entry in the changes, the state of
plans and the time of the last password change (unconfirmed which of them do), so that the whole
list is read at least once a day.

Source: https://learn.microsoft.com/graph/delta-query-overview
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from muster.adapters.entra.graph import (
    PAGE_SIZE,
    Graph,
    Record,
    error_code,
    explain,
    next_link,
    note_page,
    record_in,
    records_in,
)
from muster.adapters.entra.users import NEEDS, USER_FIELDS, id_of, look_up
from muster.errors import Rejected, Unexpected
from muster.ports import Clock
from muster.transport.answers import Answer

WORTHWHILE_PAGES = 5
"""Below it, the whole list costs hardly more requests than its changes do."""

_FULL_AFTER = timedelta(days=1)
_LINK_LIVES = timedelta(days=6)
"""Graph keeps the state of directory objects for seven days (devblogs.microsoft.com, Microsoft
365 developer blog, "Duration of change tracking tokens for identity and education resources")."""

_GONE = 410
_LINK_STATES = frozenset({400, 404, _GONE})
_START_ANEW = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything known of a tenant's users at one time, and the link to what came after."""

    link: str = field(repr=False)
    link_at: datetime
    full_at: datetime
    users: Mapping[str, Record] = field(repr=False)


class UserReader:
    """Reads the users of one tenant; threads take turns.

    `cursor` may be kept elsewhere and set again before the first read.
    """

    def __init__(
        self, graph: Graph, clock: Clock, worthwhile_pages: int = WORTHWHILE_PAGES
    ) -> None:
        self.cursor: Cursor | None = None
        self._graph = graph
        self._clock = clock
        self._worthwhile_pages = worthwhile_pages
        self._pages = 0
        self._turn = threading.Lock()

    def read(self) -> dict[str, Record]:
        """Return every user by its id."""
        with self._turn:
            cursor, now = self.cursor, self._clock()
            # Forgotten first: what fails half-way is read as a whole the next time.
            self.cursor = None
            if cursor is None or _is_old(cursor, now):
                return self._read_whole(now)
            later = self._later(cursor, now)
            if later is None:
                return self._read_whole(now)
            self.cursor = later
            return dict(later.users)

    def _read_whole(self, now: datetime) -> dict[str, Record]:
        # Taken before the list: what changes while it is read comes again with the changes.
        link = self._mark() if self._pages >= self._worthwhile_pages else None
        rows, self._pages = self._graph.read_list(
            "/users", (("$select", USER_FIELDS), ("$top", str(PAGE_SIZE))), needs=NEEDS
        )
        users = {id_of(row): row for row in rows}
        if link is not None:
            self.cursor = Cursor(link=link, link_at=now, full_at=now, users=dict(users))
        return users

    def _mark(self) -> str:
        """Return the link to the changes from now on."""
        body = self._graph.find(
            "/users/delta", (("$select", USER_FIELDS), ("$deltatoken", "latest")), needs=NEEDS
        )
        return _delta_link(body or {})

    def _later(self, cursor: Cursor, now: datetime) -> Cursor | None:
        """Return the cursor after all changes, or None when Graph wants to start anew."""
        users = dict(cursor.users)
        partial: set[str] = set()
        link: str | None = cursor.link
        page: Record = {}
        followed = set[str]()
        while link is not None:
            note_page(link, followed)
            answer = self._graph.follow(link, _LINK_STATES)
            if answer.status in _LINK_STATES:
                _require_lost(answer)
                return None
            page = record_in(answer.body)
            for row in records_in(page):
                _merge(users, partial, row)
            link = next_link(page)
        users |= look_up(self._graph, partial)
        return replace(cursor, link=_delta_link(page), link_at=now, users=users)


def _is_old(cursor: Cursor, now: datetime) -> bool:
    return now - cursor.full_at >= _FULL_AFTER or now - cursor.link_at >= _LINK_LIVES


def _merge(users: dict[str, Record], partial: set[str], row: Record) -> None:
    """Take one entry over what is known: entries repeat, and the last one that arrives counts."""
    one = id_of(row)
    partial.discard(one)
    before = users.pop(one, {})
    if "@removed" in row:
        return
    merged = {**before, **row}
    if merged.get("userPrincipalName"):
        users[one] = merged
    else:
        partial.add(one)


def _delta_link(page: Record) -> str:
    link = page.get("@odata.deltaLink")
    if isinstance(link, str) and link:
        return link
    raise Unexpected("Microsoft Graph ended a list of changes without a link to the next ones.")


def _require_lost(answer: Answer) -> None:
    """Raise unless an error means that everything is to be read again."""
    if answer.status != _GONE and error_code(answer.body).lower() not in _START_ANEW:
        raise Rejected(f"Microsoft Graph answered {answer.status}: {explain(answer.body)}")
