"""How a list request of HaloPSA becomes a page: filters, order, caps and counts.

Source: the vendor's OpenAPI, "Halo API v2", for the parameters, and
https://github.com/homotechsual/HaloAPI/issues/90 for the page size that is not obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request

from muster.lab.faults import DropRows, Struck, WrongRow, find_fault
from muster.lab.halopsa.answers import FailureError, answer, failure
from muster.lab.halopsa.knobs import Count, HaloPsaKnobs
from muster.lab.halopsa.state import HaloRow, Json
from muster.lab.http_server import Reply

_DETAIL_ONLY = frozenset(
    {"datecreated", "ulastupdate", "azureoid", "samaccountname", "azure_last_login_date"}
)
_MORE_ADDRESSES = frozenset({"email2", "email3"})
_SEARCHED = ("name", "emailaddress", "login")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, and what befalls it."""

    request: Request
    struck: Struck
    number: int
    """How many requests came before."""

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean of the query."""
        text = self.request.args.get(name)
        return default if text is None else text.lower() == "true"


class Lists:
    """Answers list requests."""

    def __init__(self, knobs: HaloPsaKnobs) -> None:
        self._knobs = knobs

    def users(self, call: Call, rows: Sequence[HaloRow]) -> Reply:
        """List users. Unknown parameters are ignored without a word (HaloAPI issue 58)."""
        args = call.request.args
        found = _active(call, rows)
        for name, of in (("client_id", "client_id"), ("site_id", "site_id_int")):
            wanted = args.get(name, type=int)
            if wanted:
                found = [row for row in found if row.record[of] == wanted]
        if call.flag("exclude_generaluser", default=False):
            found = [row for row in found if not row.general]
        if call.flag("exclude_agents", default=False):
            found = [row for row in found if not row.record["linked_agent_id"]]
        if search := args.get("search", "").casefold():
            found = [row for row in found if _is_hit(row, search)]
        if "advanced_search" in args:
            raise FailureError(failure(400, "Invalid advanced search parameter"))
        wrong = find_fault(call.struck, WrongRow)
        strangers = [row for row in rows if row.owner not in {one.owner for one in found}]
        extra = strangers[-1:] if wrong and found else []
        return self._page(call, "users", found, self._shown_user, extra)

    def others(self, call: Call, key: str, rows: Sequence[HaloRow]) -> Reply:
        """List clients or sites."""
        found = _active(call, rows)
        client = call.request.args.get("client_id", type=int)
        if client and key == "sites":
            found = [row for row in found if row.owner == client]
        return self._page(call, key, found, lambda row: dict(row.record), [])

    def _shown_user(self, row: HaloRow) -> Json:
        hidden = set(_DETAIL_ONLY)
        if not self._knobs.lists_every_address:
            hidden |= _MORE_ADDRESSES
        if not self._knobs.lists_client:
            hidden |= {"client_id"}
        shown = {name: value for name, value in row.record.items() if name not in hidden}
        return {**shown, "customfields": None}

    def _page(
        self,
        call: Call,
        key: str,
        rows: Sequence[HaloRow],
        shape: Any,
        extra: Sequence[HaloRow],
    ) -> Reply:
        args = call.request.args
        ordered = _ordered(call, rows)
        body: Json = {"record_count": self._count(len(ordered))}
        if call.flag("pageinate", default=False):
            number = max(args.get("page_no", 1, type=int), 1)
            size = min(max(args.get("page_size", 50, type=int), 1), self._knobs.page_cap)
            page = ordered[(number - 1) * size : number * size]
            if not page and ordered and self._knobs.repeats_last_page:
                page = ordered[(len(ordered) - 1) // size * size :]
            body |= {"page_no": number, "page_size": args.get("page_size", 50, type=int)}
        else:
            count = args.get("count", type=int)
            if count:
                body["record_count"] = count
            page = ordered[: count or self._knobs.unpaged_rows]
        drop = find_fault(call.struck, DropRows)
        shown = page[: -drop.count] if drop and drop.count else page
        body[key] = [shape(row) for row in [*shown, *(extra if page else [])]]
        if body["record_count"] is None:
            del body["record_count"]
        return answer(body)

    def _count(self, rows: int) -> int | None:
        if self._knobs.count is Count.MISSING:
            return None
        return min(rows, self._knobs.page_cap) if self._knobs.count is Count.CAPPED else rows


def _active(call: Call, rows: Sequence[HaloRow]) -> list[HaloRow]:
    both = call.request.args.get("activeinactive", "").lower().split(",")
    active = call.flag("includeactive", default=both[0] != "false")
    inactive = call.flag("includeinactive", default=both[1:] == ["true"])
    return [row for row in rows if (inactive if row.record.get("inactive") else active)]


def _is_hit(row: HaloRow, search: str) -> bool:
    return any(search in str(row.record.get(name) or "").casefold() for name in _SEARCHED)


def _ordered(call: Call, rows: Sequence[HaloRow]) -> list[HaloRow]:
    """Return the rows in the order asked for; without one, each request has another."""
    name = call.request.args.get("order", "")
    if not name:
        turn = call.number * 7 % max(len(rows), 1)
        return [*rows[turn:], *rows[:turn]]
    reverse = call.flag("orderdesc", default=False)
    return sorted(rows, key=lambda row: _sortable(row.record, name), reverse=reverse)


def _sortable(record: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    value = record.get(name)
    return (value is not None, value.casefold() if isinstance(value, str) else value or 0)
