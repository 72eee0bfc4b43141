"""Reads a Hudu list to its end, or says that it could not.

Hudu counts nothing: no total, no link (live probes in msoukhomlinov/node-hudu). A list ends at
a page of fewer rows than any page size that Hudu is known to cut to, or at an empty one.
Rows shift when somebody edits meanwhile, so a list of several pages counts only when two walks
in a row show the same rows. That rows are missing from a single page cannot be noticed.
"""

from __future__ import annotations

from collections.abc import Callable

from muster.adapters.hudu.answers import Record, record
from muster.errors import Unavailable, Unexpected
from muster.transport.answers import Answer
from muster.transport.http import Parameters, Transport

PAGE_SIZE = 1000
"""The maximum that newer endpoints document, and what lwhitelock/HuduAPI asks for."""

_SMALLEST_PAGE = 25
"""What Hudu serves when it does not heed `page_size`. A page of more rows may have been cut."""

_WALKS = 4
"""How often a list of several pages is read, at most."""


def read_all(
    transport: Transport,
    name: str,
    parameters: Parameters = (),
    require: Callable[[Record], None] = lambda _: None,
) -> tuple[Record, ...]:
    """Return every record of a list once; `name` is its path and its key.

    `require` sees each record first, and raises when the answer cannot be trusted.

    Raises:
        Unavailable: no two walks in a row showed the same records.
        Unexpected: an answer is no such list, or a page is shown again and again.
    """
    records, pages = _walk(transport, name, parameters, require)
    if pages == 1:
        return tuple(records.values())
    for _ in range(_WALKS - 1):
        before = records
        records, _ = _walk(transport, name, parameters, require)
        if records.keys() == before.keys():
            return tuple(records.values())
    raise Unavailable(
        f"Hudu: the list of {name} changed during each of {_WALKS} readings, or a page was cut."
        " Nothing is concluded from it; the next run reads it again."
    )


def _walk(
    transport: Transport, name: str, parameters: Parameters, require: Callable[[Record], None]
) -> tuple[dict[str, Record], int]:
    """Return the records by id, and how many pages held some."""
    records: dict[str, Record] = {}
    number = 1
    while True:
        paging = (("page", str(number)), ("page_size", str(PAGE_SIZE)))
        page = _page_of(transport.get(f"/{name}", (*parameters, *paging)), name)
        for one in page:
            require(one)
        before = len(records)
        records.update((one.id, one) for one in page)
        if len(page) < _SMALLEST_PAGE:
            return records, number if page else max(number - 1, 1)
        if len(records) == before:
            raise Unexpected(f"Hudu: page {number} of {name} shows nothing new; it has no end.")
        number += 1


def _page_of(answer: Answer, name: str) -> tuple[Record, ...]:
    rows = answer.body.get(name) if isinstance(answer.body, dict) else None
    if not isinstance(rows, list):
        raise Unexpected(f"Hudu answered no list of {name}; check the endpoint.")
    return tuple(record(row) for row in rows)
