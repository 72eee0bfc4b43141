"""What the simulated ConnectWise holds: companies, contacts, communication types, members.

It decides ids, dates and which item is the default of its channel. Rights, conditions and
answers are left to the routes. Ids are given out in order, so that the same calls lead to
the same state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from muster.lab.table import Table

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CwRow:
    """One record as its GET answers it, without `communicationItems` when there are none."""

    id: int
    record: Mapping[str, Any]
    owner: int | None = None
    _shown: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def json(self, view: str, shape: Callable[[Mapping[str, Any]], Json]) -> bytes:
        """Return the record under a view, shaped once and remembered."""
        if view not in self._shown:
            self._shown[view] = json.dumps(shape(self.record)).encode()
        return self._shown[view]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An API member: its private key and what its security role allows."""

    private_key: str = field(repr=False)
    read_only: bool = False
    blank_company: bool = False


class CwState:
    """Tables and the writes on them. The caller holds the lock."""

    company_id = "msp"
    """The MSP's own company id, as it stands in the user name."""

    def __init__(self, clock: Callable[[], datetime], email_type_id: int) -> None:
        self._clock = clock
        self._last_id = 250
        self.members: dict[str, Member] = {}
        self.companies: Table[CwRow] = Table()
        self.contacts: Table[CwRow] = Table()
        self.types: Table[CwRow] = Table()
        self.default_email_type = email_type_id
        self._add_types(email_type_id)

    def begin_write(self) -> None:
        """Start a new last write over all tables."""
        for table in (self.companies, self.contacts):
            table.begin_write()

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """Hide the last write for a while."""
        with ExitStack() as stack:
            for table in (self.companies, self.contacts):
                stack.enter_context(table.before_last_write())
            yield

    def new_id(self, wanted: str | None = None) -> int:
        """Return the wanted id, or the next free one."""
        if wanted is not None:
            self._last_id = max(self._last_id, int(wanted))
            return int(wanted)
        self._last_id += 1
        return self._last_id

    def info(self) -> Json:
        """Return `_info` of a record that is written now: UTC, whole seconds."""
        stamp = self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"lastUpdated": stamp, "updatedBy": "lab"}

    def add_company(self, name: str, wanted: str | None = None, *, deleted: bool = False) -> CwRow:
        """Add a company."""
        row_id = self.new_id(wanted)
        record: Json = {
            "id": row_id,
            "identifier": f"CUST{row_id}",
            "name": name,
            "status": {"id": 1, "name": "Active"},
            "types": [],
            "site": {"id": row_id, "name": "Main"},
            "phoneNumber": None,
            "website": None,
            "deletedFlag": deleted,
            "dateDeleted": self.info()["lastUpdated"] if deleted else None,
            "customFields": [],
            "_info": self.info(),
        }
        row = CwRow(id=row_id, record=record, owner=row_id)
        self.companies.put(row)
        return row

    def add_contact(self, company: CwRow | None, values: Mapping[str, Any]) -> CwRow:
        """Add a contact; duplicates of names and e-mails are allowed."""
        row_id = self.new_id()
        reference = company_reference(company) if company else None
        record = {**_NEW_CONTACT, "id": row_id, "company": reference, **values}
        return self.put_contact(record)

    def put_contact(self, record: Mapping[str, Any]) -> CwRow:
        """Store a contact's record as of now."""
        kept = {**record, "_info": self.info()}
        items = settle_defaults(kept.pop("communicationItems", []))
        if items:  # Unconfirmed by the vendor: the key is absent when there are none
            kept["communicationItems"] = items
        company = kept["company"]
        row = CwRow(id=kept["id"], record=kept, owner=company["id"] if company else None)
        self.contacts.put(row)
        return row

    def email_item(self, address: str, *, default: bool) -> Json:
        """Return a new e-mail item of the tenant's default type."""
        return self._item(self.default_email_type, address, default=default)

    def phone_item(self, number: str) -> Json:
        """Return a new phone item of the tenant's default type."""
        return self._item(self.default_email_type + 1, number, default=False)

    def _item(self, type_id: int, value: str, *, default: bool) -> Json:
        kind = self.types.find(type_id)
        assert kind is not None  # noqa: S101 - added by the constructor
        return new_item(self.new_id(), kind.record, value, default=default)

    def _add_types(self, email_type_id: int) -> None:
        rows = (
            (email_type_id, "Email", "Email", True),
            (email_type_id + 12, "Private Mail", "Email", False),
            (email_type_id + 1, "Direct", "Phone", True),
            (email_type_id + 2, "Fax", "Fax", True),
        )
        for type_id, name, channel, default in rows:
            record = {
                "id": type_id,
                "description": name,
                "phoneFlag": channel == "Phone",
                "faxFlag": channel == "Fax",
                "emailFlag": channel == "Email",
                "defaultFlag": default,
            }
            self.types.put(CwRow(id=type_id, record=record))


def company_reference(company: CwRow) -> Json:
    """Return how a contact names its company."""
    return {key: company.record[key] for key in ("id", "identifier", "name")}


def channel_of(kind: Mapping[str, Any]) -> str:
    """Return the channel of a communication type."""
    if kind["emailFlag"]:
        return "Email"
    return "Fax" if kind["faxFlag"] else "Phone"


def new_item(item_id: int, kind: Mapping[str, Any], value: str, *, default: bool) -> Json:
    """Return a communication item; `domain` is there for e-mails only."""
    item: Json = {
        "id": item_id,
        "type": {"id": kind["id"], "name": kind["description"]},
        "value": value,
        "defaultFlag": default,
        "communicationType": channel_of(kind),
    }
    if item["communicationType"] == "Email" and "@" in value:
        item["domain"] = "@" + value.rsplit("@", 1)[1]
    return item


def settle_defaults(items: Sequence[Json]) -> list[Json]:
    """Leave exactly one default per channel: the last that claims it, or the first of all.

    Source: amp-labs/connectors, connectwise: adding a default item takes the flag from the
    previous one.
    """
    chosen: dict[str, int] = {}
    for index, item in enumerate(items):
        if item["defaultFlag"] or item["communicationType"] not in chosen:
            chosen[item["communicationType"]] = index
    return [
        {**item, "defaultFlag": chosen[item["communicationType"]] == index}
        for index, item in enumerate(items)
    ]


_NEW_CONTACT: Mapping[str, Any] = {
    "id": 0,
    "firstName": "",
    "lastName": None,
    "company": None,
    "site": {},
    "inactiveFlag": False,
    "title": None,
    "defaultFlag": False,
    "defaultBillingFlag": False,
    "disablePortalLoginFlag": True,
    "unsubscribeFlag": False,
    "securityIdentifier": None,
    "types": [],
    "customFields": [],
    "ignoreDuplicates": False,
}
