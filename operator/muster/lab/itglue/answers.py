"""The shapes of IT Glue's answers: errors, single resources, pages with meta and links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode

from muster.lab.http_server import Reply
from muster.lab.itglue.state import ItGlueRow

MEDIA_TYPE = "application/vnd.api+json"
MAX_PAGE = 1000
DEFAULT_PAGE = 50


class ProblemError(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def problem(
    status: int, title: str, *, detail: str | None = None, pointer: str | None = ""
) -> Reply:
    """Return an error; `detail` may be absent and the pointer is null, or absent when empty.

    Source: bodies quoted in itglue/automation issues 4, 32 and 38: `status` is a number there.
    """
    error: dict[str, Any] = {"status": status, "title": title}
    if detail is not None:
        error["detail"] = detail
    if pointer != "":
        error["source"] = {"pointer": pointer}
    return _json(status, json.dumps({"errors": [error]}).encode())


def refuse(
    status: int, title: str, *, detail: str | None = None, pointer: str | None = ""
) -> NoReturn:
    """Raise the problem."""
    raise ProblemError(problem(status, title, detail=detail, pointer=pointer))


def single(
    row: ItGlueRow,
    *,
    status: int = 200,
    extra: dict[str, Any] | None = None,
    included: list[dict[str, Any]] | None = None,
) -> Reply:
    """Return one resource; `extra` attributes may hold the secret."""
    document = row.document()
    document["attributes"].update(extra or {})
    beside = {} if included is None else {"included": included}
    return _json(status, json.dumps({"data": document, **beside}).encode())


def several(rows: Sequence[ItGlueRow], *, status: int = 200) -> Reply:
    """Return the answer to a bulk write."""
    return _json(status, b'{"data":[' + b",".join(row.json for row in rows) + b"]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list, and where it stands."""

    rows: Sequence[ItGlueRow]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are; none for an empty list (powershellwrapper issue 76)."""
        return -(-self.total // self.size)

    def answer(self, base: str, query: Sequence[tuple[str, str]], next_base: str) -> Reply:
        """Return the page; `next_base` differs from `base` only under a fault."""
        following = self.number + 1 if self.number < self.pages else None
        previous = self.number - 1 if 1 < self.number <= self.pages + 1 else None
        meta: dict[str, Any] = {
            "current-page": self.number,
            "next-page": following,
            "prev-page": previous,
            "total-pages": self.pages,
            "total-count": self.total,
            "filters": {},
        }
        links = {
            "self": _link(base, query, self.number, self.size),
            "first": _link(base, query, 1, self.size),
            "prev": _link(base, query, previous, self.size),
            "next": _link(next_base, query, following, self.size),
            "last": _link(base, query, max(self.pages, 1), self.size),
        }
        data = b",".join(row.json for row in self.rows)
        tail = json.dumps({"meta": meta, "links": links})[1:].encode()
        return _json(200, b'{"data":[' + data + b"]," + tail)


def _link(base: str, query: Sequence[tuple[str, str]], page: int | None, size: int) -> str | None:
    if page is None:
        return None
    kept = [(key, value) for key, value in query if not key.startswith("page[")]
    return base + "?" + urlencode([*kept, ("page[number]", page), ("page[size]", size)])


def _json(status: int, body: bytes) -> Reply:
    return Reply(status=status, body=body, content_type=MEDIA_TYPE)
