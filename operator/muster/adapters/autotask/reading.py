"""Reads Autotask's lists to their end, or says that it could not.

Pages are asked for by id (`id` greater than the last one), as the vendor suggests. The links
between pages must be POSTed with the query's own body, and a client that GETs them silently
ends at 500 (https://github.com/WYRE-AI/autotask-mcp/pull/170). What was read is compared with
the count under the same filter.

Source: https://ww1.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_Basic_Query_Calls.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from muster.adapters.autotask.session import Session
from muster.adapters.autotask.zones import VERSION
from muster.errors import Unavailable, Unexpected

PAGE_SIZE = 500
"""The most that `MaxRecords` may ask for; it is the size of a page, not of the whole."""

_WALKS = 3
"""How often a list is read again when it changed meanwhile."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which records of an entity to read, and what of them."""

    entity: str
    fields: tuple[str, ...]
    """`id` must be among them."""
    company: int | None = None
    """Only the records of this company."""
    require: Callable[[Record], None] = lambda _: None
    """Sees each record first, and raises when the answer cannot be trusted."""

    def filter_after(self, last: int | None) -> list[dict[str, Any]]:
        """Return the filter for the records beyond an id; for None of all records.

        The `and` is written out: a condition that is missed would show other companies. Only
        operators that exist may be used, as an unknown one can mean "everything".
        """
        own = [] if self.company is None else [_condition("eq", "companyID", self.company)]
        place = _condition("gte", "id", 0) if last is None else _condition("gt", "id", last)
        return [{"op": "and", "items": [*own, place]}]


def read_all(session: Session, listing: Listing) -> tuple[Record, ...]:
    """Return every record once, in the order of ids.

    Raises:
        Unavailable: three walks did not show as many records as Autotask counts.
        Unexpected: pages that are no pages, or not in the order of ids.
    """
    seen, count = 0, 0
    for _ in range(_WALKS):
        records = _walk(session, listing)
        seen, count = len(records), count_of(session, listing)
        if seen == count:
            return records
    raise Unavailable(
        f"Autotask: {listing.entity} showed {seen} records but counts {count}; it is being edited."
        " Nothing is concluded from it."
    )


def count_of(session: Session, listing: Listing) -> int:
    """Return how many records there are."""
    path = f"{VERSION}/{listing.entity}/query/count"
    body = session.query(path, {"filter": listing.filter_after(None)})
    count = body.get("queryCount") if isinstance(body, dict) else None
    if not isinstance(count, int):
        raise Unexpected(f"Autotask: {listing.entity} was counted without a number.")
    return count


def read_item(session: Session, entity: str, number: int) -> Record | None:
    """Return one record, or None when Autotask does not know it or hides it.

    Unknown ids are `{"item": null}` with 200 (KerkhoffTechnologies/django-autotask).
    """
    body = session.get_item(f"{VERSION}/{entity}/{number}")
    if body is None:
        return None
    if not isinstance(body, dict) or "item" not in body:
        raise Unexpected(f"Autotask: {entity} {number} was answered without an item.")
    item = body["item"]
    if item is None:
        return None
    if not isinstance(item, dict) or item.get("id") != number:
        raise Unexpected(f"Autotask answered another record when asked for {entity} {number}.")
    return item


def _walk(session: Session, listing: Listing) -> tuple[Record, ...]:
    records: list[Record] = []
    last: int | None = None
    while True:
        page, more = _page(session, listing, listing.filter_after(last))
        for record in page:
            number = _number(record)
            if last is not None and number <= last:
                raise Unexpected(f"Autotask: {listing.entity} came in no order of ids.")
            listing.require(record)
            records.append(record)
            last = number
        if not more:
            return tuple(records)
        if not page:
            raise Unexpected(f"Autotask: {listing.entity} has a next page but showed nothing.")


def _page(
    session: Session, listing: Listing, conditions: list[dict[str, Any]]
) -> tuple[list[Record], bool]:
    """Return a page and whether there is another one."""
    body = session.query(
        f"{VERSION}/{listing.entity}/query",
        {"MaxRecords": PAGE_SIZE, "IncludeFields": list(listing.fields), "filter": conditions},
    )
    items = body.get("items") if isinstance(body, dict) else None
    details = body.get("pageDetails") if isinstance(body, dict) else None
    if not isinstance(items, list) or not isinstance(details, dict):
        raise Unexpected(f"Autotask: {listing.entity} was answered without a page.")
    if not all(isinstance(item, dict) for item in items):
        raise Unexpected(f"Autotask: {listing.entity} showed something that is no record.")
    return items, bool(details.get("nextPageUrl")) or len(items) >= PAGE_SIZE


def _number(record: Record) -> int:
    number = record.get("id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise Unexpected("Autotask answered a record without an id.")
    return number


def _condition(operator: str, field: str, value: int) -> dict[str, Any]:
    # Always with its value: company 0, which is the MSP itself, is as real as the others.
    return {"op": operator, "field": field, "value": value}
