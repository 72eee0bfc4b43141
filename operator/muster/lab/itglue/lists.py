"""How a list request becomes a page, faults included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from werkzeug.wrappers import Request

from muster.lab.faults import DropRows, ForeignNextLink, Struck, WrongRow, find_fault
from muster.lab.http_server import Reply
from muster.lab.itglue.answers import DEFAULT_PAGE, MAX_PAGE, Page, refuse
from muster.lab.itglue.filters import order
from muster.lab.itglue.knobs import ItGlueKnobs
from muster.lab.itglue.state import ItGlueRow, ItGlueState, KeyRights


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request with what it is allowed and what befalls it."""

    request: Request
    rights: KeyRights
    struck: Struck
    base: str


def list_page(
    call: Call,
    rows: list[ItGlueRow],
    kind: str,
    knobs: ItGlueKnobs,
    *,
    others: Iterable[ItGlueRow] = (),
) -> Reply:
    """Sort the rows and answer the asked page; a page past the end is empty.

    A wrong row, where that fault is there, is taken from `others`.
    """
    args = call.request.args
    size = _size(call.request, knobs)
    number = max(args.get("page[number]", 1, type=int), 1)
    ordered = order(rows, args.get("sort"), kind)
    page = Page(
        rows=_shown(call, ordered[(number - 1) * size : number * size], others),
        number=number,
        size=size,
        total=len(rows),
    )
    here = call.base + call.request.path
    foreign = find_fault(call.struck, ForeignNextLink)
    following = f"https://{foreign.host}{call.request.path}" if foreign else here
    return page.answer(here, list(args.items(multi=True)), following)


def _size(request: Request, knobs: ItGlueKnobs) -> int:
    size = request.args.get("page[size]", DEFAULT_PAGE, type=int)
    if size > MAX_PAGE and knobs.oversize_page_status is not None:
        refuse(knobs.oversize_page_status, "page[size] is too large")
    return min(size, MAX_PAGE) if size > 0 else DEFAULT_PAGE


def _shown(call: Call, rows: list[ItGlueRow], others: Iterable[ItGlueRow]) -> list[ItGlueRow]:
    drop = find_fault(call.struck, DropRows)
    shown = rows[: -drop.count] if drop and drop.count else rows
    if not find_fault(call.struck, WrongRow) or not rows:
        return shown
    own = {row.owner for row in rows}
    other = next((row for row in others if row.owner not in own), None)
    return [*shown, other or _invented(rows[0])]


def _invented(row: ItGlueRow) -> ItGlueRow:
    owner = (row.owner or 0) + 1_000_000
    attributes = {**row.attributes, "organization-id": owner, "organization-name": "Someone Else"}
    return replace(row, id=row.id + 1_000_000, owner=owner, attributes=attributes)


def count_categories(state: ItGlueState) -> list[ItGlueRow]:
    """Return the categories with their present number of entries."""
    return [
        replace(
            row, attributes={**row.attributes, "passwords-count": state.passwords_count(row.id)}
        )
        for row in state.categories
    ]
