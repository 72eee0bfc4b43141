"""What a contact may look like after a POST or a PATCH.

Sources: tjone270/pyconnectwise-psa (field limits), amp-labs/connectors, connectwise (bodies of
refused writes, PATCH on live tenants).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from muster.lab.connectwise.answers import InvalidPatchError, refuse_object
from muster.lab.connectwise.items import Items
from muster.lab.connectwise.state import CwRow, CwState, Json, company_reference

_TEXT = {"firstName": 30, "lastName": 30, "title": 100, "securityIdentifier": 184}
_FLAGS = frozenset(
    {
        "inactiveFlag",
        "defaultFlag",
        "defaultBillingFlag",
        "disablePortalLoginFlag",
        "unsubscribeFlag",
        "ignoreDuplicates",
    }
)
_REFERENCES = frozenset({"company", "site"})


class Drafts:
    """Turns what a request sends into a contact's record, or refuses it."""

    def __init__(self, state: CwState, *, demands_custom_fields: bool) -> None:
        self._state = state
        self._items = Items(state)
        self._demands_custom_fields = demands_custom_fields

    def create(self, sent: Json) -> tuple[CwRow | None, Json]:
        """Return the company and the values of a new contact; only firstName is required."""
        plain = {name: sent[name] for name in (*_TEXT, *_FLAGS) if sent.get(name) is not None}
        values: Json = {**plain, "customFields": sent.get("customFields") or []}
        company = None
        if sent.get("company"):
            company = self._company(sent["company"])
        if sent.get("site"):
            values["site"] = _site(sent["site"])
        values["types"] = [{"id": each, "name": f"Type {each}"} for each in sent.get("typeIds", [])]
        items = sent.get("communicationItems") or []
        if not isinstance(items, list):
            refuse_object("contact", "communicationItems", "communicationItems must be an array.")
        values["communicationItems"] = [self._items.build(item) for item in items]
        check_contact(values)
        return company, values

    def patch(self, row: CwRow, operations: Any) -> Json:
        """Return the record after a list of operations; all or nothing."""
        if not isinstance(operations, list):
            raise InvalidPatchError("a patch must be an array of operations")
        record = copy.deepcopy(dict(row.record))
        paths = [self._operate(record, operation) for operation in operations]
        if self._demands_custom_fields and ["customFields"] not in paths:
            refuse_object("contact", "customFields", "The customFields field is required.")
        check_contact(record)
        return record

    def patch_item(self, row: CwRow, item_id: int, operations: Any) -> Json:
        """Return the record after operations on one of its communication items."""
        record = copy.deepcopy(dict(row.record))
        items = record.get("communicationItems", [])
        index = next(place for place, item in enumerate(items) if item["id"] == item_id)
        if not isinstance(operations, list):
            raise InvalidPatchError("a patch must be an array of operations")
        for operation in operations:
            _, path, value = read_operation(operation)
            self._items.change(items, index, "/".join(path), value)
        return record

    def add_item(self, row: CwRow, sent: Any) -> Json:
        """Return the record with one communication item more, the last one."""
        record = copy.deepcopy(dict(row.record))
        record.setdefault("communicationItems", []).append(self._items.build(sent))
        return record

    def _operate(self, record: Json, operation: Any) -> list[str]:
        op, path, value = read_operation(operation)
        name, rest = path[0], path[1:]
        if name == "communicationItems":
            items = record.get(name, [])
            record[name] = self._items.patch(items, op, rest, value)
        elif rest and name in _REFERENCES:
            pass  # answers 200 and changes nothing. Unconfirmed: one public report.
        elif rest or name not in {*_TEXT, *_FLAGS, *_REFERENCES, "customFields"}:
            # Names are case-sensitive; `types` is rejected in a PATCH.
            raise InvalidPatchError(f"{'/'.join(path)} cannot be patched")
        else:
            self._set(record, name, None if op == "remove" else value)
        return path

    def _set(self, record: Json, name: str, value: Any) -> None:
        if name in _TEXT and not isinstance(value, str | None):
            raise InvalidPatchError(f"{name} must be a string")
        if name in _FLAGS and not isinstance(value, bool):
            raise InvalidPatchError(f"{name} must be a boolean")
        if name == "customFields" and not isinstance(value, list):
            raise InvalidPatchError("customFields must be an array")
        if name == "company":
            record[name] = company_reference(self._company(value)) if value else None
        elif name == "site":
            record[name] = _site(value) if value else {}
        elif name != "customFields" or value:  # an empty array there clears nothing
            record[name] = value

    def _company(self, reference: Any) -> CwRow:
        wanted = str(reference.get("id", "")) if isinstance(reference, Mapping) else ""
        row = self._state.companies.find(int(wanted)) if wanted.isdigit() else None
        return row or refuse_object("contact", "company", "The company does not exist.")


def read_operation(operation: Any) -> tuple[str, list[str], Any]:
    """Return op, path and value of an operation; the leading slash of a path is optional."""
    if not isinstance(operation, Mapping) or operation.get("op") not in {
        "add",
        "replace",
        "remove",
    }:
        raise InvalidPatchError("an operation needs op: add, replace or remove")
    path = operation.get("path")
    if not isinstance(path, str) or not path.strip("/"):
        raise InvalidPatchError("an operation needs a path")
    return operation["op"], path.strip("/").split("/"), operation.get("value")


def check_contact(record: Mapping[str, Any]) -> None:
    """Refuse a contact without a first name, or with a text over its limit."""
    if not record.get("firstName"):
        refuse_object("contact", "firstName", "The firstName field is required.")
    for name, limit in _TEXT.items():
        if len(record.get(name) or "") > limit:
            refuse_object("contact", name, f"{name} is longer than {limit} characters.")


def _site(reference: Any) -> Json:
    if not isinstance(reference, Mapping) or "id" not in reference:
        refuse_object("contact", "site", "The site does not exist.")
    return {"id": reference["id"], "name": "Main"}
