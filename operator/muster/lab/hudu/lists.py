"""Which rows a list request of Hudu shows: filters, pages, and the faults that meet them.

Source: live probes of Hudu 2.45.1 (msoukhomlinov/node-hudu): `name` is exact and `search` a
substring, both in any case; what the server does not know it ignores, and shows everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.wrappers import Request

from muster.lab.faults import DropRows, Struck, WrongRow, find_fault
from muster.lab.hudu.answers import DEFAULT_PAGE, refuse
from muster.lab.hudu.knobs import HuduKnobs, TimeFilter
from muster.lab.hudu.state import HuduRow, KeyRights


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request with what it is allowed and what befalls it."""

    request: Request
    rights: KeyRights
    struck: Struck


def select(
    rows: Iterable[HuduRow], query: Mapping[str, str], searched: tuple[str, ...]
) -> list[HuduRow]:
    """Return the rows that `name`, `slug` and `search` leave."""
    chosen = list(rows)
    if name := query.get("name"):
        chosen = [row for row in chosen if _folded(row, "name") == name.casefold()]
    if slug := query.get("slug"):
        chosen = [row for row in chosen if row.values["slug"] == slug]
    if part := query.get("search", "").casefold():
        chosen = [row for row in chosen if any(part in _folded(row, key) for key in searched)]
    return chosen


def select_edited(
    rows: list[HuduRow], query: Mapping[str, str], how: TimeFilter = TimeFilter.RANGE
) -> list[HuduRow]:
    """Return the rows that `updated_at` leaves."""
    moments = query.get("updated_at")
    if not moments or how is TimeFilter.IGNORED:
        return rows
    if how is TimeFilter.REFUSED:
        refuse(400, "updated_at is not a valid filter parameter.")
    if how is TimeFilter.EXACT:
        moments = moments.partition(",")[0]
    return [row for row in rows if _within(str(row.values["updated_at"]), moments)]


def select_archived(
    rows: list[HuduRow], query: Mapping[str, str], knobs: HuduKnobs
) -> list[HuduRow]:
    """Return what `archived` leaves."""
    word = query.get("archived") if knobs.archived_filter else None
    if word is None:
        return rows if knobs.archived_in_lists else _archived(rows, False)
    return _archived(rows, word in ("true", "1"))


def page_of(
    call: Call, rows: list[HuduRow], knobs: HuduKnobs, others: Iterable[HuduRow] = ()
) -> list[HuduRow]:
    """Return the asked page; one past the end is empty.

    A wrong row, where that fault is there, is taken from `others`.
    """
    args = call.request.args
    asked = args.get("page_size", DEFAULT_PAGE, type=int)
    size = min(asked, knobs.max_page) if asked > 0 else DEFAULT_PAGE
    start = (max(args.get("page", 1, type=int), 1) - 1) * size
    page = rows[start : start + size]
    drop = find_fault(call.struck, DropRows)
    if drop and drop.count:
        page = page[: -drop.count]
    if rows and find_fault(call.struck, WrongRow):
        return [*page, _foreign(rows, others)]
    return page


def _archived(rows: list[HuduRow], wanted: bool) -> list[HuduRow]:
    return [row for row in rows if row.values["archived"] is wanted]


def _folded(row: HuduRow, key: str) -> str:
    value = row.values.get(key)
    return value.casefold() if isinstance(value, str) else ""


def _within(moment: str, range_text: str) -> bool:
    """Compare times as texts: all are UTC and of one form, but for the fraction."""
    start, comma, end = range_text.partition(",")
    second = moment[:19]
    if not comma:
        return second == start[:19]
    return (not start or start[:19] <= second) and (not end or second <= end[:19])


def _foreign(rows: list[HuduRow], others: Iterable[HuduRow]) -> HuduRow:
    own = {row.owner for row in rows}
    found = next((row for row in others if row.owner not in own), None)
    return found or _invented(rows[0])


def _invented(row: HuduRow) -> HuduRow:
    owner = (row.owner or 0) + 1_000_000
    values: dict[str, Any] = {**row.values, "id": row.id + 1_000_000, "company_id": owner}
    return replace(row, id=row.id + 1_000_000, owner=owner, values=values)
