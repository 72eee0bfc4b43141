"""How records become pages: `$select`, `$top`, and opaque links to what follows.

Source: https://learn.microsoft.com/graph/paging
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from muster.lab.faults import CircularNextLink, DropRows, ForeignNextLink, find_fault
from muster.lab.graph.answers import Outcome, refuse
from muster.lab.graph.calls import Call
from muster.lab.graph.knobs import GraphKnobs
from muster.lab.graph.state import Cursor, GraphState, Json

DEFAULT_PAGE = 100
_ELSEWHERE = frozenset({"aboutMe", "birthday", "interests", "mailboxSettings", "mySite", "skills"})
"""Properties of other stores: 501 on a collection (microsoft-graph-docs-contrib, user-list.md)."""


class Lists:
    """Cuts lists into pages and finds the next page by its link."""

    def __init__(
        self,
        state: GraphState,
        knobs: GraphKnobs,
        base: Callable[[], str],
        clock: Callable[[], datetime],
    ) -> None:
        self.state = state
        self.knobs = knobs
        self.clock = clock
        self._base = base

    def page(self, call: Call, rows: Sequence[Json]) -> Outcome:
        """Return the first page of some rows, or the one that the request's link stands for."""
        size = self._size(call)
        if token := call.parameters.get("$skiptoken"):
            rows, first = self.cursor(call, token).rows, False
        else:
            first = True
        cut = 0 if first and self.knobs.empty_pages else size
        body: Json = {"@odata.context": f"{self._base()}/v1.0/$metadata#{call.path.strip('/')}"}
        if first and call.is_advanced:
            body["@odata.count"] = len(rows)
        if itself := self.circle(call):
            body["@odata.nextLink"] = itself
        elif rest := tuple(rows[cut:]):
            body["@odata.nextLink"] = self.link(call, "$skiptoken", rows=rest)
        shown = list(rows[:cut])
        if drop := find_fault(call.struck, DropRows):
            shown = shown[: -drop.count]
        return Outcome(body={**body, "value": shown})

    def cursor(self, call: Call, token: str) -> Cursor:
        """Return what a token of this tenant and path stands for."""
        cursor = self.state.cursors.get(token)
        if cursor and (cursor.tenant, cursor.path) == (call.caller.tenant.id, call.path):
            return cursor
        raise refuse(400, "Directory_ExpiredPageToken", "The specified page token is not valid.")

    def link(
        self,
        call: Call,
        kind: str,
        *,
        rows: Sequence[Json] = (),
        position: int = 0,
        fields: Sequence[str] = (),
    ) -> str:
        """Return a link whose token the client must not take apart."""
        token = self.state.keep(
            Cursor(
                tenant=call.caller.tenant.id,
                path=call.path,
                rows=tuple(rows),
                position=position,
                fields=tuple(fields),
                at=self.clock(),
            )
        )
        foreign = find_fault(call.struck, ForeignNextLink)
        host = f"https://{foreign.host}" if foreign else self._base()
        kept = "".join(
            f"{name}={call.parameters[name]}&"
            for name in ("$top", "$count")
            if name in call.parameters and kind == "$skiptoken"
        )
        return f"{host}/v1.0{call.path}?{kept}{kind}={token}"

    def circle(self, call: Call) -> str | None:
        """Return the link to a page that is to be followed by itself; None without that fault."""
        if find_fault(call.struck, CircularNextLink) is None:
            return None
        query = "&".join(f"{name}={value}" for name, value in call.parameters.items())
        return f"{self._base()}/v1.0{call.path}?{query}"

    def _size(self, call: Call) -> int:
        top = call.parameters.get("$top", str(DEFAULT_PAGE))
        if not top.isdigit() or not 1 <= int(top) <= 999:
            raise refuse(400, "Request_UnsupportedQuery", f"Invalid page size specified: '{top}'.")
        return min(int(top), self.knobs.max_page)


def fields_of(call: Call, default: Sequence[str], known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the properties that a request selects; `default` without a selection."""
    selected = call.parameters.get("$select")
    if not selected:
        return tuple(default)
    names = tuple(selected.split(","))
    for name in names:
        if name in _ELSEWHERE:
            raise refuse(501, "NotImplemented", "This operation target is not yet supported.")
        if name not in known:
            raise refuse(400, "BadRequest", f"Could not find a property named '{name}'.")
    return names


def shaped(record: Mapping[str, Any], fields: Sequence[str]) -> Json:
    """Return the selected properties of a record; `id` and its type always come along."""
    always = {name: record[name] for name in ("@odata.type",) if name in record}
    return {**always, "id": record["id"], **{name: record[name] for name in fields}}
