"""What the simulated Autotask holds: companies and contacts.

It decides ids, dates and who is a company's primary contact. Rights, filters and answers are
left to the routes. Ids are given out in order, so that the same calls lead to the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muster.lab.autotask.entities import COMPANIES, Entity, Json
from muster.lab.table import Table

OWN_COMPANY = 0
"""The MSP itself is a company too, and its id is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRow:
    """One record as its GET answers it."""

    id: int
    record: Mapping[str, Any]
    owner: int | None = None


class AtState:
    """Tables and the writes on them. The caller holds the lock."""

    def __init__(self, clock: Callable[[], datetime], contacts: Entity) -> None:
        self._clock = clock
        self._contacts_entity = contacts
        self._last_id = 29_690_000
        self._last_company = 173
        self.companies: Table[AtRow] = Table()
        self.contacts: Table[AtRow] = Table()
        self.referenced: set[int] = set()
        """Contacts that tickets name."""
        self.add_company("Lab MSP", OWN_COMPANY)

    def begin_write(self) -> None:
        """Start a new last write over all tables."""
        self.companies.begin_write()
        self.contacts.begin_write()

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """Hide the last write for a while."""
        with ExitStack() as stack:
            stack.enter_context(self.companies.before_last_write())
            stack.enter_context(self.contacts.before_last_write())
            yield

    def add_company(self, name: str, wanted: int | None = None, *, active: bool = True) -> AtRow:
        """Add a company."""
        self._last_company = max(self._last_company + (wanted is None), wanted or 0)
        number = self._last_company if wanted is None else wanted
        record: Json = {
            **COMPANIES.blank(),
            "id": number,
            "companyName": name,
            "companyType": 1,
            "isActive": active,
            "ownerResourceID": 29_682_885,
            "phone": "555-0100",
            "createDate": self._now(),
            "lastTrackedModifiedDateTime": self._now(),
        }
        row = AtRow(id=number, record=record, owner=number)
        self.companies.put(row)
        return row

    def add_contact(self, company: int, values: Mapping[str, Any]) -> AtRow:
        """Add a contact; duplicates of names and e-mails are allowed."""
        self._last_id += 1
        record = {
            **self._contacts_entity.blank(),
            "primaryContact": False,
            "createDate": self._now(),
            **values,
            "id": self._last_id,
            "companyID": company,
        }
        return self.put_contact(record)

    def put_contact(self, record: Mapping[str, Any]) -> AtRow:
        """Store a contact's record as of now; a new primary contact takes the flag from the old."""
        if record["primaryContact"]:
            for other in self.contacts.owned_by(record["companyID"]):
                if other.id != record["id"] and other.record["primaryContact"]:
                    self.put_contact({**other.record, "primaryContact": False})
        kept = {**record, "lastModifiedDate": self._now()}
        row = AtRow(id=kept["id"], record=kept, owner=kept["companyID"])
        self.contacts.put(row)
        return row

    def _now(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
