"""Questions to the simulated Autotask: queries, counts, pages and single records.

Source: https://ww1.autotask.net/help/DeveloperHelp/Content/APIs/REST/API_Calls/REST_Basic_Query_Calls.htm
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.wrappers import Request

from muster.lab.autotask.answers import answer, errors, not_allowed, refuse
from muster.lab.autotask.entities import COMPANIES, Entity, Json
from muster.lab.autotask.filters import Filters, Predicate, fixed_company
from muster.lab.autotask.knobs import AutotaskKnobs
from muster.lab.autotask.state import AtRow, AtState
from muster.lab.faults import DropRows, ForeignNextLink, Struck, WrongRow, find_fault
from muster.lab.http_server import Reply
from muster.lab.table import Table

MOST_RECORDS = 500
_REMEMBERED_PAGES = 50
"""Older pages are forgotten. Unconfirmed: one condensed reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request and what befalls it."""

    request: Request
    struck: Struck
    base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    entity: Entity
    method: str
    body: Mapping[str, Any]
    after: int = -1
    """Only records with a greater id: where the page before ended."""

    @property
    def size(self) -> int:
        size = self.body.get("maxrecords", MOST_RECORDS)
        if not isinstance(size, int) or not 1 <= size <= MOST_RECORDS:
            refuse(f"MaxRecords must be between 1 and {MOST_RECORDS}.")
        return size

    @property
    def fields(self) -> tuple[str, ...]:
        names = self.body.get("includefields") or [f.name for f in self.entity.fields.values()]
        found = [(name, self.entity.find(str(name))) for name in names]
        for name, field in found:
            if field is None:
                refuse(f"Unable to find {name} in the {self.entity.singular} Entity")
        return tuple(field.name for _, field in found if field)


class Queries:
    """Answers reads of companies and contacts."""

    def __init__(self, state: AtState, knobs: AutotaskKnobs, contacts: Entity) -> None:
        self._state = state
        self._knobs = knobs
        self.entities = {"companies": COMPANIES, "contacts": contacts}
        self._pages: OrderedDict[str, _Question] = OrderedDict()
        self._last_page = 0

    def query(self, call: Call, entity: str) -> Reply:
        """Answer the first page of a query."""
        return self._page(call, self._asked(call, entity))

    def follow(self, call: Call, entity: str) -> Reply:
        """Answer a later page: by the method, and with the body, of the first one."""
        question = self._pages.get(call.request.args.get("paging", ""))
        if question is None or question.entity is not self.entities[entity]:
            return errors(500, "The page is no longer available.")
        if call.request.method != question.method:
            return not_allowed(call.request.method)
        if question.method == "POST" and _lowered(_json(call.request)) != question.body:
            return errors(500, "The body is not that of the query.")
        return self._page(call, question)

    def count(self, call: Call, entity: str) -> Reply:
        """Count under the same filter as a query."""
        return answer({"queryCount": len(self._select(self._asked(call, entity)))})

    def list_children(self, call: Call, company: int) -> Reply:
        """List the contacts of a company, without any filter."""
        condition = {"op": "eq", "field": "companyID", "value": company}
        body = {"filter": [condition]}
        question = _Question(entity=self.entities["contacts"], method="GET", body=body)
        return self._page(call, question)

    def show(self, _: Call, entity: str, number: int) -> Reply:
        """Show one record."""
        row = None if self._hidden(entity) else self._table(entity).find(number)
        if row is None and self._knobs.unknown_item_is_404:
            return errors(404, "The resource does not exist.")
        return answer({"item": self._shown(row) if row else None})

    def _shown(self, row: AtRow) -> Json:
        return {**row.record, "userDefinedFields": []}

    def _asked(self, call: Call, entity: str) -> _Question:
        request = call.request
        body = _json(request) if request.method == "POST" else _search(request)
        return _Question(entity=self.entities[entity], method=request.method, body=_lowered(body))

    def _select(self, question: _Question) -> list[AtRow]:
        conditions = question.body.get("filter")
        holds = Filters(question.entity, self._knobs).parse(conditions)
        name = question.entity.name.lower()
        if self._hidden(name):
            return []
        rows = self._candidates(name, conditions)
        return _in_order(rows, holds, question.after)

    def _candidates(self, name: str, conditions: Any) -> list[AtRow]:
        company = fixed_company(conditions) if name == "contacts" else None
        table = self._table(name)
        return list(table) if company is None else table.owned_by(company)

    def _page(self, call: Call, question: _Question) -> Reply:
        size, fields = question.size, question.fields
        rows = self._select(question)
        page = rows[:size]
        link = None
        if len(rows) > size:
            link = self._link(call, replace(question, after=page[-1].id))
        items = [self._item(row, question, fields) for row in self._struck(call, question, page)]
        details = {
            "count": len(items),
            "requestCount": size,
            "prevPageUrl": None,
            "nextPageUrl": link,
        }
        return answer({"items": items, "pageDetails": details})

    def _item(self, row: AtRow, question: _Question, fields: tuple[str, ...]) -> Json:
        if "includefields" not in question.body:
            return self._shown(row)
        return {name: row.record[name] for name in fields}

    def _struck(self, call: Call, question: _Question, page: list[AtRow]) -> list[AtRow]:
        drop = find_fault(call.struck, DropRows)
        if drop and drop.count:
            return page[: -drop.count]
        if page and find_fault(call.struck, WrongRow) and question.entity is not COMPANIES:
            return sorted([*page, self._wrong_row(page)], key=lambda row: row.id)
        return page

    def _wrong_row(self, page: list[AtRow]) -> AtRow:
        own = {row.owner for row in page}
        for row in self._state.contacts:
            if row.owner not in own:
                return row
        record = {**page[0].record, "id": page[-1].id + 1, "companyID": 999_999}
        return AtRow(id=record["id"], record=record, owner=999_999)

    def _link(self, call: Call, question: _Question) -> str:
        self._last_page += 1
        token = str(self._last_page)
        self._pages[token] = question
        if len(self._pages) > _REMEMBERED_PAGES:
            self._pages.popitem(last=False)
        foreign = find_fault(call.struck, ForeignNextLink)
        base = f"https://{foreign.host}" if foreign else call.base
        return f"{base}/ATServicesRest/V1.0/{question.entity.name}/query/next?paging={token}"

    def _table(self, entity: str) -> Table[AtRow]:
        return self._state.contacts if entity == "contacts" else self._state.companies

    def _hidden(self, entity: str) -> bool:
        return entity == "contacts" and self._knobs.hides_contacts


def _in_order(rows: list[AtRow], holds: Predicate, after: int) -> list[AtRow]:
    found = [row for row in rows if row.id > after and holds(row.record)]
    return sorted(found, key=lambda row: row.id)


def _lowered(body: Any) -> Json:
    """Return a query with the names of its parts in lower case; their case does not matter."""
    if not isinstance(body, Mapping):
        refuse("The query must be an object.")
    return {str(key).lower(): value for key, value in body.items()}


def _search(request: Request) -> Any:
    try:
        return json.loads(request.args.get("search", ""))
    except ValueError:
        refuse("The search parameter is not JSON.")


def _json(request: Request) -> Any:
    try:
        return json.loads(request.get_data())
    except ValueError:
        refuse("The body is not JSON.")
