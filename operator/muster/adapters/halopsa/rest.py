"""Sends requests to HaloPSA and reads its lists to their end, or says that it could not.

A page holds 100 rows whatever size is asked for, so the size says nothing about the end: a
list ends at a page that is empty or shows nothing new. Fewer rows than `record_count` are an
error, because missing rows would read as missing contacts.

Source: https://github.com/homotechsual/HaloAPI/issues/90 and the vendor's OpenAPI, "Halo API v2".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from muster.errors import Unavailable, Unexpected
from muster.transport.budget import RequestLimit
from muster.transport.http import Parameters, Transport
from muster.transport.options import Vendor

ADVICE = (
    "check client id and client secret, and the API application (Configuration > Integrations >"
    " HaloPSA API > View Applications): it needs read:customers and edit:customers, and an agent"
    " who may see every client and edit its users."
)

PAGE_SIZE = 100
"""More is not given (HaloAPI issue 90)."""

_WALKS = 3
"""How often a list is read again when it changed meanwhile."""

_MAYBE_404 = frozenset({404})

_EVERYONE = (("includeactive", "true"), ("includeinactive", "true"))
"""Lists hide what is inactive unless it is asked for."""

Record = Mapping[str, Any]


def explain(body: Any) -> str:
    """Return the words of an error body; there is no one shape (homotechsual/HaloAPI, Private)."""
    if isinstance(body, str):
        return body
    if not isinstance(body, dict):
        return ""
    names = ("errorMessage", "error_description", "Message", "message", "error", "title")
    words = next((body[name] for name in names if isinstance(body.get(name), str)), "")
    code = body.get("error")
    return f"{code}: {words}" if isinstance(code, str) and code != words else words


VENDOR = Vendor(
    name="HaloPSA",
    # Unconfirmed: no number of the vendor's is public. This is the middle of what is quoted
    # (https://wiki.mspbots.ai, the page on Halo).
    limit=RequestLimit(requests=450, window_s=300),
    explain=explain,
    access_advice=ADVICE,
    secret_keys=frozenset(
        {"access_token", "refresh_token", "id_token", "new_password", "api_access_clientsecret"}
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One of HaloPSA's lists: its path, and where in the answer its rows are."""

    path: str
    key: str


CLIENTS = Listing(path="/Client", key="clients")
USERS = Listing(path="/Users", key="users")


def read_all(
    transport: Transport,
    listing: Listing,
    parameters: Parameters = (),
    *,
    require: Callable[[Record], None] = lambda _: None,
) -> tuple[Record, ...]:
    """Return every record of a list once, inactive ones too, in the order of ids.

    `require` sees each record first, and raises when the answer cannot be trusted.

    Raises:
        Unavailable: no walk of three was whole: the counts changed, or rows are missing.
    """
    walk = _Walk()
    for _ in range(_WALKS):
        walk = _walk(transport, listing, (*_EVERYONE, *parameters))
        for record in walk.records.values():
            require(record)
        if walk.whole:
            return tuple(walk.records[number] for number in sorted(walk.records))
    raise Unavailable(
        f"HaloPSA: {listing.path} showed {len(walk.records)} records but counts"
        f" {' or '.join(map(str, sorted(walk.counts)))}; it is being edited, or rows are withheld."
        " Nothing is concluded from it."
    )


def read_page(transport: Transport, listing: Listing, size: int) -> tuple[list[Record], int | None]:
    """Return the first page of a list and, where it is said, how many records there are."""
    body = transport.get(listing.path, (*_EVERYONE, *_page(1, size))).body
    return _rows(body, listing), whole_number(body.get("record_count"))


def read_record(transport: Transport, path: str) -> Record | None:
    """Return one record with its details, or None when it answers 404 or another thing."""
    answer = transport.get(path, (("includedetails", "true"),), read_anyway=_MAYBE_404)
    if answer.status == 404 or not isinstance(answer.body, dict):
        return None
    return answer.body


def written_record(body: Any, listing: Listing) -> Record:
    """Return the record that a write answered.

    Unconfirmed: which of the shapes that public clients expect is the right one: the record
    alone, in an array, or under the list's key.
    """
    if isinstance(body, dict) and listing.key in body:
        body = body[listing.key]
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    return body if isinstance(body, dict) else {}


def whole_number(value: Any) -> int | None:
    """Return an id or a count; ids also come as `95.0` (vendor's OpenAPI: site_id is a double)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) else None


class _Walk:
    """What one walk through a list showed."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self.counts: set[int] = set()

    @property
    def whole(self) -> bool:
        """Whether no page contradicts that everything was seen.

        When the count changes under way, rows may have moved to a page that was read already.
        """
        return len(self.counts) < 2 and len(self.records) >= max(self.counts, default=0)


def _walk(transport: Transport, listing: Listing, parameters: Parameters) -> _Walk:
    walk = _Walk()
    for number in itertools.count(1):
        body = transport.get(listing.path, (*parameters, *_page(number, PAGE_SIZE))).body
        seen = {_id_of(row, listing): row for row in _rows(body, listing)}
        if not seen.keys() - walk.records.keys():
            # A count without rows is not read: a page past the end may count what it shows.
            if number == 1:
                walk.counts = _counted(body)
            return walk
        walk.counts |= _counted(body)
        walk.records |= seen
    raise AssertionError("the walk ends by a page without news")


def _page(number: int, size: int) -> Parameters:
    """Return the parameters of a page; `pageinate` is the vendor's spelling."""
    paging = (("pageinate", "true"), ("page_no", str(number)), ("page_size", str(size)))
    return (*paging, ("order", "id"))


def _counted(body: Any) -> set[int]:
    count = whole_number(body.get("record_count"))
    return set() if count is None else {count}


def _rows(body: Any, listing: Listing) -> list[Record]:
    rows = body.get(listing.key) if isinstance(body, dict) else None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise Unexpected(f"HaloPSA: {listing.path} answered something that is no list of records.")


def _id_of(row: Record, listing: Listing) -> int:
    number = whole_number(row.get("id"))
    if number is None:
        raise Unexpected(f"HaloPSA: {listing.path} answered a record without an id.")
    return number
