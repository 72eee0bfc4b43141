"""Reads an IT Glue list to its end, or says that it could not.

Pages are counted by offset, so rows shift when somebody edits meanwhile: a walk counts only
if the total stayed the same on every page and is the number of different rows that were seen.

Source: https://help.itglue.kaseya.com/help/Content/1-admin/it-glue-api/pagination-in-the-it-glue-api.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.adapters.json_values import id_text
from muster.errors import Unavailable, Unexpected
from muster.transport.answers import Answer
from muster.transport.http import Parameters, Transport

PAGE_SIZE = 1000
"""The most that one page holds (the same source)."""

_WALKS = 3
"""How often a list is read again when it changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One JSON:API resource. The attributes hold notes, so they are kept out of `repr`."""

    id: str
    attributes: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list and what it says about the others."""

    rows: tuple[Row, ...]
    total: int
    next_number: int | None
    next_link: str | None


def read_all(
    transport: Transport,
    path: str,
    parameters: Parameters = (),
    *,
    sort: str = "id",
    require: Callable[[Row], None] = lambda _: None,
) -> tuple[Row, ...]:
    """Return every row of a list once, in the order of one field.

    `require` sees each row first, and raises when the answer cannot be trusted.

    Raises:
        Unavailable: three walks did not show as many rows as IT Glue counts.
        Unexpected: an answer is no JSON:API list, or its next link leaves the endpoint.
    """
    seen, totals = 0, {0}
    for _ in range(_WALKS):
        rows, totals = _walk(transport, path, (*parameters, ("sort", sort)))
        for row in rows:
            require(row)
        seen = len(rows)
        if totals == {seen}:
            return rows
    counted = " or ".join(str(total) for total in sorted(totals))
    raise Unavailable(
        f"IT Glue: {path} showed {seen} rows but counts {counted}; it is being edited, or a page"
        " was cut. Nothing is concluded from it; the next run reads it again."
    )


def row_of(answer: Answer) -> Row:
    """Return the single resource of an answer."""
    body = answer.body
    return _row(body.get("data") if isinstance(body, dict) else None)


def page_of(answer: Answer) -> Page:
    """Return one page of a list.

    Raises:
        Unexpected: it is no JSON:API list with a total.
    """
    body = answer.body if isinstance(answer.body, dict) else {}
    data, meta, links = body.get("data"), body.get("meta"), body.get("links")
    if not isinstance(data, list) or not isinstance(meta, dict):
        raise Unexpected("IT Glue answered something that is no list; check the endpoint.")
    total, number = meta.get("total-count"), meta.get("next-page")
    if not isinstance(total, int) or not isinstance(number, int | None):
        raise Unexpected("IT Glue answered a list without its total; it cannot be read safely.")
    return Page(
        rows=tuple(_row(resource) for resource in data),
        total=total,
        next_number=number,
        next_link=links.get("next") if isinstance(links, dict) else None,
    )


def _walk(
    transport: Transport, path: str, parameters: Parameters
) -> tuple[tuple[Row, ...], set[int]]:
    rows: dict[str, Row] = {}
    totals: set[int] = set()
    number: int | None = 1
    while number is not None:
        paging = (("page[size]", str(PAGE_SIZE)), ("page[number]", str(number)))
        page = page_of(transport.get(path, (*parameters, *paging)))
        before = len(rows)
        rows.update((row.id, row) for row in page.rows)
        totals.add(page.total)
        number = _following(transport, page, number)
        if number is not None and len(rows) == before:
            raise Unexpected(f"IT Glue: {path} names a page {number} but showed nothing new.")
    return tuple(rows.values()), totals


def _following(transport: Transport, page: Page, number: int) -> int | None:
    """Return the next page's number; the link is not used, but must not point elsewhere."""
    if page.next_link is not None:
        transport.own_url(page.next_link)
    if page.next_number is None or not page.rows:
        return None
    if page.next_number != number + 1:
        raise Unexpected(f"IT Glue names page {page.next_number} as the one after {number}.")
    return page.next_number


def _row(resource: Any) -> Row:
    if isinstance(resource, dict) and isinstance(resource.get("attributes"), dict):
        number = id_text(resource.get("id"))
        if number:
            return Row(id=number, attributes=resource["attributes"])
    raise Unexpected("IT Glue answered something that is no record.")
