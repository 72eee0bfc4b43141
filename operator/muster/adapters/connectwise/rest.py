"""Sends requests to ConnectWise and reads its lists to their end, or says that it could not.

Two things are peculiar. A wrong company id or key can surface as 404, so a 404 where a list
is due means "maybe credentials" and never "nothing there". And a security role can hide rows
without an error, so what was read is compared with `/count`.

Source: the vendor's PSA-API-Requests and PSA-Pagination guides, copied at
https://gitea.resolutionflow.com/chihlasm/resolutionflow/src/branch/main/docs/connectwise/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from muster.errors import AccessDenied, Rejected, Unavailable, Unexpected
from muster.transport.answers import Answer
from muster.transport.http import Parameters, Transport

ADVICE = (
    "check company id, public and private key and clientId, and the security role of the API"
    " member (System > Members > API Members): it must see and edit company contacts."
)

PAGE_SIZE = 1000
"""The most that one page holds (the paging guide)."""

_FORWARD_ONLY = {"pagination-type": "forward-only"}
"""Pages by id instead of by number, so that nothing shifts when somebody adds a contact."""

_MAYBE_404 = frozenset({404})

_WALKS = 3
"""How often a list is read again when it changed meanwhile."""

Record = Mapping[str, Any]


def read_all(
    transport: Transport,
    path: str,
    fields: str,
    conditions: str = "",
    *,
    require: Callable[[Record], None] = lambda _: None,
) -> tuple[Record, ...]:
    """Return every record of a list once, in the order of ids.

    `require` sees each record first, and raises when the answer cannot be trusted.

    Raises:
        Unavailable: three walks did not show as many records as `/count` says.
        AccessDenied: the path is not there, which is how the cloud answers bad credentials.
    """
    own = (("conditions", conditions),) if conditions else ()
    seen, count = 0, 0
    for _ in range(_WALKS):
        records = _walk(transport, path, (*own, ("fields", fields)))
        for record in records:
            require(record)
        seen, count = len(records), count_of(transport, path, own)
        if seen == count:
            return records
    raise Unavailable(
        f"ConnectWise: {path} showed {seen} records but counts {count}; it is being edited, or the"
        " API member's security role hides some. Nothing is concluded from it."
    )


def count_of(transport: Transport, path: str, parameters: Parameters = ()) -> int:
    """Return how many records a list has."""
    body = read(transport, f"{path}/count", parameters)
    count = body.get("count") if isinstance(body, dict) else None
    if not isinstance(count, int):
        raise Unexpected(f"ConnectWise: {path}/count answered no number.")
    return count


def read(transport: Transport, path: str, parameters: Parameters = ()) -> Any:
    """Return the body of a path that exists in every ConnectWise.

    Raises:
        AccessDenied: it answers 404 all the same.
    """
    return _found(transport.get(path, parameters, read_anyway=_MAYBE_404)).body


def read_list(transport: Transport, path: str, parameters: Parameters = ()) -> tuple[Record, ...]:
    """Return one page of a list."""
    return _records(read(transport, path, parameters), path)


def read_record(transport: Transport, path: str, parameters: Parameters = ()) -> Record | None:
    """Return one record, or None when ConnectWise itself says that it does not exist.

    Raises:
        AccessDenied: a 404 of another kind.
    """
    answer = transport.get(path, parameters, read_anyway=_MAYBE_404)
    if answer.status == 404 and _says_not_found(answer):
        return None
    body = _found(answer).body
    if not isinstance(body, dict):
        raise Unexpected(f"ConnectWise: {path} answered no record.")
    return body


def create(transport: Transport, path: str, body: Record) -> Answer:
    """Create a record; never repeated when its outcome is unknown."""
    return _written(transport.post(path, body, read_anyway=_MAYBE_404), path)


def replace_fields(transport: Transport, path: str, values: Record) -> Answer:
    """Replace fields of a record by its id; PUT is never used, as it touches other fields.

    Source: https://github.com/amp-labs/connectors/pull/3220
    """
    operations = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
    return _written(transport.patch(path, operations, read_anyway=_MAYBE_404), path)


def explain(body: Any) -> str:
    """Return the words of an error body: its message, and the messages of its parts."""
    if not isinstance(body, dict):
        return ""
    parts = body.get("errors")
    rows = [body, *(parts if isinstance(parts, list) else [])]
    words = (row.get("message") for row in rows if isinstance(row, dict))
    return "; ".join(str(word) for word in words if word)


def _walk(transport: Transport, path: str, parameters: Parameters) -> tuple[Record, ...]:
    records: dict[Any, Record] = {}
    first = (*parameters, ("pageSize", str(PAGE_SIZE)))
    answer = _found(transport.get(path, first, headers=_FORWARD_ONLY, read_anyway=_MAYBE_404))
    while True:
        before = len(records)
        records.update((record.get("id"), record) for record in _records(answer.body, path))
        if not answer.next_url:
            return tuple(records.values())
        if len(records) == before:
            raise Unexpected(f"ConnectWise: {path} links to a next page but showed nothing new.")
        answer = _found(
            transport.follow(answer.next_url, headers=_FORWARD_ONLY, read_anyway=_MAYBE_404)
        )


def _records(body: Any, path: str) -> tuple[Record, ...]:
    if isinstance(body, list) and all(isinstance(record, dict) for record in body):
        return tuple(body)
    raise Unexpected(f"ConnectWise: {path} answered something that is no list of records.")


def _found(answer: Answer) -> Answer:
    if answer.status != 404:
        return answer
    raise AccessDenied(
        "ConnectWise answered 404 for a path that every ConnectWise has; maybe the credentials or"
        f" the endpoint are wrong: {ADVICE}"
    )


def _written(answer: Answer, path: str) -> Answer:
    if answer.status == 404 and _says_not_found(answer):
        raise Rejected(f"ConnectWise answered 404: {path} does not exist any more.")
    return _found(answer)


def _says_not_found(answer: Answer) -> bool:
    """Whether a 404 is about the record; `ConnectWiseApi` and web pages are about the path."""
    return isinstance(answer.body, dict) and answer.body.get("code") == "NotFound"
