"""Lists, counts and single reads of the simulated ConnectWise, under conditions and views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from muster.lab.connectwise.answers import FailureError, answer, failure, raw
from muster.lab.connectwise.comparison import Comparison, check_names
from muster.lab.connectwise.conditions import Condition, ConditionError, fixed_number, parse
from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.lists import Call, list_page
from muster.lab.connectwise.state import CwRow, CwState
from muster.lab.faults import WrongRow, find_fault
from muster.lab.http_server import Reply
from muster.lab.table import Table

_REFERENCE = ("id", "identifier", "name")
_ITEM = ("id", "value", "extension", "defaultFlag", "domain", "communicationType", "type/id")
_DATES = ("lastUpdated", "_info/lastUpdated", "_info/updatedBy")

# Only names that a GET returns may be used (the vendor's developer guide). A contact has
# no field `name`, and `types` is a child (WYRE-AI/connectwise-manage-mcp pull 84).
FIELDS: Mapping[str, frozenset[str]] = {
    "contacts": frozenset(
        {
            "id",
            "firstName",
            "lastName",
            "inactiveFlag",
            "title",
            "defaultFlag",
            "defaultBillingFlag",
            "disablePortalLoginFlag",
            "unsubscribeFlag",
            "securityIdentifier",
            "ignoreDuplicates",
            "site/id",
            "site/name",
            *(f"company/{name}" for name in _REFERENCE),
            *_DATES,
        }
    ),
    "companies": frozenset(
        {
            *_REFERENCE,
            "deletedFlag",
            "dateDeleted",
            "phoneNumber",
            "website",
            "status/id",
            "status/name",
            "site/id",
            "site/name",
            *_DATES,
        }
    ),
    "types": frozenset({"id", "description", "phoneFlag", "faxFlag", "emailFlag", "defaultFlag"}),
}
CHILDREN = frozenset(
    {"types/id", "types/name", "communicationItems/type/name"}
    | {f"communicationItems/{name}" for name in _ITEM}
)


class Reading:
    """Answers reads of any of the tables."""

    def __init__(self, state: CwState, knobs: ConnectWiseKnobs) -> None:
        self._state = state
        self._comparison = Comparison(knobs)

    def list_rows(self, call: Call, kind: str) -> Reply:
        """List a table under the request's conditions."""
        return list_page(call, self._select(call, kind))

    def list_contacts(self, call: Call) -> Reply:
        """List contacts, with one of another company among them if the fault is there."""
        rows = self._select(call, "contacts")
        wrong = self._wrong_row(rows) if rows and find_fault(call.struck, WrongRow) else None
        return list_page(call, rows, wrong=wrong)

    def count(self, call: Call, kind: str) -> Reply:
        """Count a table under the request's conditions."""
        return answer({"count": len(self._select(call, kind))})

    def show(self, call: Call, row: CwRow, *, status: int = 200) -> Reply:
        """Answer one record as the caller may see it."""
        return raw(row.json(call.view.key, call.view.shape), status=status)

    def _table(self, kind: str) -> Table[CwRow]:
        state = self._state
        return {"contacts": state.contacts, "companies": state.companies, "types": state.types}[
            kind
        ]

    def _select(self, call: Call, kind: str) -> list[CwRow]:
        # Live callers write `childconditions` too: the name's case does not matter.
        query = {key.lower(): value for key, value in call.request.args.items()}
        try:
            own = _parsed(query.get("conditions"), FIELDS[kind])
            child = _parsed(query.get("childconditions"), CHILDREN)
            candidates = self._candidates(kind, own)
            return [row for row in candidates if self._meets(row, own, child)]
        except ConditionError as error:
            raise FailureError(failure(400, "ApiFindCondition", str(error))) from error

    def _candidates(self, kind: str, condition: Condition | None) -> Iterable[CwRow]:
        if kind == "contacts":
            company = fixed_number(condition, "company/id")
            if company is not None:
                return self._state.contacts.owned_by(company)
        return self._table(kind)

    def _meets(self, row: CwRow, own: Condition | None, child: Condition | None) -> bool:
        if own is not None and not self._comparison.matches(own, row.record):
            return False
        return child is None or self._comparison.matches_child(child, row.record)

    def _wrong_row(self, rows: list[CwRow]) -> CwRow:
        own = {row.owner for row in rows}
        for row in self._state.contacts:
            if row.owner not in own:
                return row
        company = {"id": 999_999, "identifier": "OTHER", "name": "Someone Else"}
        record = {**rows[0].record, "id": rows[0].id + 1_000_000, "company": company}
        return CwRow(id=record["id"], record=record, owner=999_999)


def not_found(what: str, number: int) -> NoReturn:
    """Raise 404 for a record (amp-labs/connectors, connectwise)."""
    raise FailureError(failure(404, "NotFound", f"{what} {number} not found"))


def _parsed(text: str | None, known: Iterable[str]) -> Condition | None:
    if not text or not text.strip():
        return None
    condition = parse(text)
    check_names(condition, known)
    return condition
