"""Writes of contacts in the simulated Autotask; all of them go through the company's path.

Sources: KelvinTegelaar/AutotaskAPI, v1.json (paths);
https://ww1.autotask.net/help/DeveloperHelp/Content/APIs/REST/Entities/ContactsEntity.htm (what
is required, what stands in the way of a deletion). Unconfirmed: the words of most refusals.
"""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Request

from muster.lab.autotask.answers import answer, refuse
from muster.lab.autotask.entities import Entity, Field, Json, units
from muster.lab.autotask.knobs import AutotaskKnobs
from muster.lab.autotask.state import AtRow, AtState
from muster.lab.http import html_page
from muster.lab.http_server import Reply

_GONE = "No matching records found."


class Contacts:
    """Creates, changes and deletes."""

    def __init__(self, state: AtState, knobs: AutotaskKnobs, entity: Entity) -> None:
        self._state = state
        self._knobs = knobs
        self._entity = entity

    def create(self, request: Request, company: int) -> Reply:
        """Create; duplicates are not refused, and nothing makes a repeat safe."""
        self._require_rights("Create")
        sent = self._values(request, company)
        if self._state.companies.find(company) is None:
            refuse("Reference value on field: companyID of type: Account does not exist.")
        if sent.pop("id", 0):
            refuse("The id of a new record must be 0.")
        self._require(sent)
        self._state.begin_write()
        return answer({"itemId": self._state.add_contact(company, sent).id})

    def patch(self, request: Request, company: int) -> Reply:
        """Change the fields that the body names; null clears one."""
        if self._knobs.no_patch:
            return html_page(404)
        return self._change(request, company, lambda row: dict(row.record))

    def put(self, request: Request, company: int) -> Reply:
        """Replace: every field that the body leaves out becomes null."""
        kept = ("id", "companyID", "createDate", "lastActivityDate")
        blank = {**self._entity.blank(), "primaryContact": False}
        return self._change(
            request, company, lambda row: {**blank, **{name: row.record[name] for name in kept}}
        )

    def delete(self, company: int, number: int) -> Reply:
        """Delete what nothing refers to."""
        self._require_rights("Delete")
        row = self._find(company, number)
        if row.record["primaryContact"] or number in self._state.referenced:
            refuse("The contact cannot be deleted because other records refer to it.")
        self._state.begin_write()
        self._state.contacts.remove(number)
        return answer({"itemId": number})

    def _change(self, request: Request, company: int, start: Any) -> Reply:
        self._require_rights("Update")
        sent = self._values(request, company)
        number = sent.pop("id", None)
        if not isinstance(number, int):
            refuse("Value does not exist for the required field id.")
        row = self._find(company, number)
        record = {**start(row), **sent}
        self._require(record)
        if not self._knobs.forgets_patches:
            self._state.begin_write()
            self._state.put_contact(record)
        return answer({"itemId": number})

    def _find(self, company: int, number: int) -> AtRow:
        row = self._state.contacts.find(number)
        if row is None or row.owner != company:
            refuse(_GONE)
        return row

    def _values(self, request: Request, company: int) -> Json:
        """Return the known fields of a body; others are passed over. Unconfirmed."""
        try:
            body = json.loads(request.get_data())
        except ValueError:
            refuse("The body is not JSON.")
        if not isinstance(body, dict):
            refuse("The body must be an object.")
        values: Json = {}
        for name, value in body.items():
            field = self._entity.find(name)
            if field is not None and (field.name == "id" or not field.read_only):
                values[field.name] = _checked(field, value)
        if values.pop("companyID", company) != company:
            refuse("The companyID of a contact cannot be another one than the path's.")
        return values

    def _require(self, record: Json) -> None:
        for field in self._entity.fields.values():
            missing = record.get(field.name) in (None, "")
            if field.required and missing and field.name not in {"id", "companyID"}:
                refuse(f"Value does not exist for the required field {field.name}.")

    def _require_rights(self, what: str) -> None:
        if self._knobs.read_only:
            # KerkhoffTechnologies/django-autotask, djautotask/api.py
            refuse(
                "The logged in Resource does not have the adequate permissions to"
                f" {what.lower()} this entity type."
            )


def _checked(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.kind == "string":
        if not isinstance(value, str):
            refuse(f"The value of {field.name} is not a string.")
        if field.length and units(value) > field.length:
            refuse(f"The value of {field.name} exceeds {field.length} characters.")
        return value
    if field.kind == "boolean":
        if not isinstance(value, bool):
            refuse(f"The value of {field.name} is not a boolean.")
        return value
    if not isinstance(value, int):
        refuse(f"The value of {field.name} is not a number.")
    return int(value)
