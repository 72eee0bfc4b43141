"""How a list request of ConnectWise becomes a bare array with a Link header.

Source: the vendor's paging guide as described at
https://www.thelazyadministrator.com/2024/06/06/how-the-connectwise-manage-api-handles-pagination-with-powershell/
and christaylorcodes/ConnectWiseManageAPI (forward-only: the last page has an empty Link).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from werkzeug.wrappers import Request

from muster.lab.connectwise.answers import FailureError, failure, raw
from muster.lab.connectwise.comparison import look_up
from muster.lab.connectwise.state import CwRow, Json, Member
from muster.lab.faults import DropRows, ForeignNextLink, Struck, find_fault
from muster.lab.http_server import Reply

DEFAULT_PAGE = 25
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a caller sees a record: which fields, and whether its role blanks the company."""

    fields: tuple[str, ...] = ()
    blank_company: bool = False

    @property
    def key(self) -> str:
        """A name under which a shaped record may be remembered."""
        return f"{self.blank_company}:{','.join(self.fields)}"

    def shape(self, record: Mapping[str, Any]) -> Json:
        """Return the record as the caller sees it."""
        seen = dict(record)
        if self.blank_company and "firstName" in seen:
            seen |= {"company": None, "site": None}
        if not self.fields:
            return seen
        kept: Json = {}
        for name in self.fields:  # _info goes too unless it is named
            _keep(kept, seen, name.split("/"))
        return kept


def _keep(kept: Json, record: Mapping[str, Any], path: Sequence[str]) -> None:
    head, rest = path[0], path[1:]
    if head not in record:
        return
    value = record[head]
    if not rest or value is None:
        kept[head] = value
    elif isinstance(value, list):
        shaped = kept.setdefault(head, [{} for _ in value])
        for target, item in zip(shaped, value, strict=True):
            _keep(target, item, rest)
    elif isinstance(value, Mapping):
        _keep(kept.setdefault(head, {}), value, rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, who makes it, and what befalls it."""

    request: Request
    member: Member
    struck: Struck
    base: str

    @property
    def view(self) -> View:
        """How the caller sees a record."""
        names = self.request.args.get("fields", "").split(",")
        fields = tuple(name.strip() for name in names if name.strip())
        return View(fields=fields, blank_company=self.member.blank_company)


def list_page(call: Call, rows: list[CwRow], *, wrong: CwRow | None = None) -> Reply:
    """Answer one page of the rows, by number or forward-only.

    `wrong` is a row that does not belong there, put into the page by a fault.
    """
    request, struck, view = call.request, call.struck, call.view
    size = _size(request)
    if request.headers.get("pagination-type", "").lower() == "forward-only":
        page, link = _forward(request, rows, size, call.base)
    else:
        page, link = _numbered(request, rows, size, call.base)
    drop, foreign = find_fault(struck, DropRows), find_fault(struck, ForeignNextLink)
    shown = page[: -drop.count] if drop and drop.count else page
    if wrong and page:
        shown = [*shown, wrong]
    if foreign and link:
        link = link.replace(call.base, f"https://{foreign.host}")
    body = b"[" + b",".join(row.json(view.key, view.shape) for row in shown) + b"]"
    return raw(body, headers=() if link is None else (("Link", link),))


def _size(request: Request) -> int:
    # Above the cap: silently capped. Unconfirmed: one public report.
    size = request.args.get("pageSize", DEFAULT_PAGE, type=int)
    return min(size, MAX_PAGE) if size > 0 else DEFAULT_PAGE


def _forward(
    request: Request, rows: list[CwRow], size: int, base: str
) -> tuple[list[CwRow], str | None]:
    if "orderBy" in request.args:
        raise FailureError(
            failure(400, "InvalidParameter", "orderBy cannot be used with forward-only paging")
        )
    after = request.args.get("pageId", 0, type=int)
    rest = sorted((row for row in rows if row.id > after), key=lambda row: row.id)
    page = rest[:size]
    if len(rest) <= size:
        return page, ""
    return page, _link(request, base, "next", pageId=page[-1].id)


def _numbered(
    request: Request, rows: list[CwRow], size: int, base: str
) -> tuple[list[CwRow], str | None]:
    number = max(request.args.get("page", 1, type=int), 1)
    last = max(-(-len(rows) // size), 1)
    ordered = _ordered(rows, request.args.get("orderBy", ""))
    targets = {"next": number + 1 if number < last else 0, "last": last if number < last else 0}
    targets |= {"prev": number - 1, "first": 1 if number > 1 else 0}
    links = [_link(request, base, rel, page=page) for rel, page in targets.items() if page]
    return ordered[(number - 1) * size : number * size], ", ".join(links) or None


def _ordered(rows: list[CwRow], text: str) -> list[CwRow]:
    ordered = sorted(rows, key=lambda row: row.id)
    for clause in reversed([part.split() for part in text.split(",") if part.strip()]):
        reverse = clause[1:2] in (["desc"], ["DESC"])
        ordered.sort(key=_sort_key(clause[0]), reverse=reverse)
    return ordered


def _sort_key(name: str) -> Callable[[CwRow], tuple[bool, Any]]:
    def key(row: CwRow) -> tuple[bool, Any]:
        value = look_up(row.record, name)
        return (value is not None, value.casefold() if isinstance(value, str) else value or 0)

    return key


def _link(request: Request, base: str, rel: str, **changed: int) -> str:
    kept = [(key, value) for key, value in request.args.items(multi=True) if key not in changed]
    query = urlencode([*kept, *changed.items()], quote_via=quote)
    return f'<{base}{request.path}?{query}>; rel="{rel}"'
