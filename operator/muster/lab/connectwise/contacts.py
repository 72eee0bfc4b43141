"""The contact routes of the simulated ConnectWise."""

from __future__ import annotations

import json
from typing import Any

from muster.lab.connectwise.answers import FailureError, answer, failure
from muster.lab.connectwise.drafts import Drafts
from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.lists import Call
from muster.lab.connectwise.reading import Reading, not_found
from muster.lab.connectwise.state import CwRow, CwState, Json
from muster.lab.http_server import Reply


class ContactRoutes:
    """Reads and writes of contacts and of their communications."""

    def __init__(self, state: CwState, knobs: ConnectWiseKnobs, reading: Reading) -> None:
        self._state = state
        self._reading = reading
        self._drafts = Drafts(state, demands_custom_fields=knobs.demands_custom_fields)

    def list_contacts(self, call: Call) -> Reply:
        """List; inactive contacts are there unless a condition leaves them out."""
        return self._reading.list_contacts(call)

    def count_contacts(self, call: Call) -> Reply:
        """Count under the same conditions as a list."""
        return self._reading.count(call, "contacts")

    def show(self, call: Call, contact: int) -> Reply:
        """Show one contact."""
        return self._reading.show(call, self._find(contact))

    def create(self, call: Call) -> Reply:
        """Create; duplicates are not refused, and nothing makes a repeat safe."""
        company, values = self._drafts.create(_body(call, dict))
        self._state.begin_write()
        row = self._state.add_contact(company, values)
        return self._reading.show(call, row, status=201)

    def update(self, call: Call, contact: int) -> Reply:
        """Apply a JSON patch and answer the whole record."""
        record = self._drafts.patch(self._find(contact), _body(call))
        return self._reading.show(call, self._store(record))

    def delete(self, call: Call, contact: int) -> Reply:
        """Delete; the OpenAPI file requires transferContactId (tjone270/pyconnectwise-psa)."""
        row = self._find(contact)
        target = call.request.args.get("transferContactId", type=int)
        if target is None or self._state.contacts.find(target) is None:
            message = "The transferContactId field is required."
            return failure(400, "MissingRequiredField", message)
        self._state.begin_write()
        self._state.contacts.remove(row.id)
        return Reply(status=204)

    def list_items(self, _: Call, contact: int) -> Reply:
        """List the communications of a contact."""
        return answer(_items(self._find(contact)))

    def show_item(self, _: Call, contact: int, item: int) -> Reply:
        """Show one communication."""
        return answer(_item(self._find(contact), item))

    def create_item(self, call: Call, contact: int) -> Reply:
        """Add a communication."""
        record = self._drafts.add_item(self._find(contact), _body(call, dict))
        stored = self._store(record)
        return answer(_items(stored)[-1], status=201)

    def update_item(self, call: Call, contact: int, item: int) -> Reply:
        """Apply a JSON patch to one communication."""
        row = self._find(contact)
        _item(row, item)
        stored = self._store(self._drafts.patch_item(row, item, _body(call)))
        return answer(_item(stored, item))

    def delete_item(self, _: Call, contact: int, item: int) -> Reply:
        """Delete one communication."""
        row = self._find(contact)
        _item(row, item)
        kept = [each for each in _items(row) if each["id"] != item]
        self._store({**row.record, "communicationItems": kept})
        return Reply(status=204)

    def _store(self, record: Json) -> CwRow:
        self._state.begin_write()
        return self._state.put_contact(record)

    def _find(self, contact: int) -> CwRow:
        return self._state.contacts.find(contact) or not_found("Contact", contact)


def _items(row: CwRow) -> list[Json]:
    return list(row.record.get("communicationItems", []))


def _item(row: CwRow, item_id: int) -> Json:
    found = next((item for item in _items(row) if item["id"] == item_id), None)
    return found or not_found("Communication", item_id)


def _body(call: Call, kind: type = object) -> Any:
    if call.request.mimetype != "application/json":
        raise FailureError(failure(415, "UnsupportedMediaType", "send application/json"))
    try:
        body = json.loads(call.request.get_data())
    except ValueError as error:
        raise FailureError(failure(400, "InvalidObject", "the body is not JSON")) from error
    if not isinstance(body, kind):
        raise FailureError(failure(400, "InvalidObject", "the body must be an object"))
    return body
