"""Rows in memory, indexed by their owner, with the last write kept so that it can be hidden.

Rows are replaced, never changed in place; that is what makes a stale read possible.
Locking is left to the simulator that owns the table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """What a table needs to know of a row."""

    @property
    def id(self) -> int:
        """The key within the table."""
        ...

    @property
    def owner(self) -> int | None:
        """The organization or company that the row belongs to."""
        ...


RowT = TypeVar("RowT", bound=Row)


class Table(Generic[RowT]):
    """Rows by id, and by owner."""

    def __init__(self) -> None:
        self._rows: dict[int, RowT] = {}
        self._owned: dict[int | None, dict[int, RowT]] = {}
        self._before: dict[int, RowT | None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RowT]:
        return iter(list(self._rows.values()))

    def find(self, row_id: int) -> RowT | None:
        """Return a row, or None."""
        return self._rows.get(row_id)

    def owned_by(self, owner: int | None) -> list[RowT]:
        """Return the rows of one owner, in the order in which they came."""
        return list(self._owned.get(owner, {}).values())

    def begin_write(self) -> None:
        """Start a new last write; what was the last one is now settled."""
        self._before.clear()

    def put(self, row: RowT) -> None:
        """Add a row, or replace the one with its id."""
        self._before.setdefault(row.id, self._rows.get(row.id))
        self._set(row.id, row)

    def remove(self, row_id: int) -> None:
        """Take a row out."""
        self._before.setdefault(row_id, self._rows.get(row_id))
        self._set(row_id, None)

    @contextlib.contextmanager
    def before_last_write(self) -> Iterator[None]:
        """Hide the last write for a while."""
        after = {row_id: self._rows.get(row_id) for row_id in self._before}
        self._restore(self._before)
        try:
            yield
        finally:
            self._restore(after)

    def _restore(self, rows: dict[int, RowT | None]) -> None:
        for row_id, row in rows.items():
            self._set(row_id, row)

    def _set(self, row_id: int, row: RowT | None) -> None:
        old = self._rows.pop(row_id, None) if row is None else self._rows.get(row_id)
        if old is not None and (row is None or old.owner != row.owner):
            self._owned[old.owner].pop(row_id, None)
        if row is not None:
            self._rows[row_id] = row
            self._owned.setdefault(row.owner, {})[row_id] = row
