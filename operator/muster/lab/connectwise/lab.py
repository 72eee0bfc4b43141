"""The simulated ConnectWise as tests and the demo see it: seed it, start it, ask what it saw."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

import trustme
from werkzeug.wrappers import Request

from muster.lab.connectwise.answers import failure
from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.routes import CwRoutes
from muster.lab.connectwise.state import CwRow, CwState, Member, company_reference
from muster.lab.faults import Faults, Struck
from muster.lab.http import HttpLab
from muster.lab.http_server import Reply


class ContactEdit(TypedDict, total=False):
    """What a technician can edit of a contact; `emails` replaces all e-mail items."""

    given_name: str
    surname: str | None
    active: bool
    emails: Sequence[str]
    title: str | None
    company_id: str | None


class ConnectWiseLab(HttpLab):
    """ConnectWise PSA over TLS on loopback; the REST root is `/v4_6_release/apis/3.0`.

    Source: tjone270/pyconnectwise-psa (the generated OpenAPI pages) and the public clients
    named beside each quirk.
    """

    company_id = CwState.company_id
    public_key = "lab-public"
    private_key = "lab-private"
    client_id = "11111111-2222-4333-8444-555555555555"

    def __init__(
        self,
        *,
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        knobs: ConnectWiseKnobs | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.knobs = knobs or ConnectWiseKnobs()
        super().__init__(ca=ca, faults=faults, clock=clock, rate_limit=self.knobs.rate_limit())
        self._state = CwState(self.clock, self.knobs.email_type_id)
        self._state.members[self.public_key] = Member(
            private_key=self.private_key,
            read_only=self.knobs.read_only,
            blank_company=self.knobs.blank_company,
        )
        self._routes = CwRoutes(self._state, self.knobs, lambda: self.endpoint)

    def add_member(self, public_key: str, member: Member) -> None:
        """Add an API member, or change one."""
        with self.lock:
            self._state.members[public_key] = member

    def add_company(self, name: str, *, id: str | None = None, deleted: bool = False) -> str:
        """Add a company and return its id."""
        with self.lock:
            self._state.begin_write()
            return str(self._state.add_company(name, id, deleted=deleted).id)

    def add_contact(
        self,
        company_id: str | None,
        given_name: str,
        surname: str = "",
        *,
        emails: Sequence[str] = (),
        active: bool = True,
    ) -> str:
        """Add a contact and return its id. The first e-mail is the default one."""
        with self.lock:
            self._state.begin_write()
            company = None if company_id is None else self._company(company_id)
            values = {
                "firstName": given_name,
                "lastName": surname or None,
                "inactiveFlag": not active,
                "communicationItems": self._emails(emails),
            }
            return str(self._state.add_contact(company, values).id)

    def add_phone(self, contact_id: str, number: str) -> None:
        """Add a phone item to a contact."""
        with self.lock:
            self._state.begin_write()
            record = copy.deepcopy(dict(self._contact(contact_id).record))
            record.setdefault("communicationItems", []).append(self._state.phone_item(number))
            self._state.put_contact(record)

    def edit_contact(self, id: str, **changes: Unpack[ContactEdit]) -> None:
        """Change a contact as a technician would."""
        with self.lock:
            self._state.begin_write()
            record = copy.deepcopy(dict(self._contact(id).record))
            self._apply(record, changes)
            self._state.put_contact(record)

    def delete_contact(self, id: str) -> None:
        """Delete a contact as a technician would."""
        with self.lock:
            self._state.begin_write()
            self._state.contacts.remove(self._contact(id).id)

    def contacts(self, company_id: str | None) -> list[dict[str, Any]]:
        """Return the records of a company's contacts; None: of those without a company."""
        with self.lock:
            rows = self._state.contacts.owned_by(None if company_id is None else int(company_id))
            return [copy.deepcopy(dict(row.record)) for row in rows]

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Process one request; called with the lock held."""
        return self._routes.answer(request, struck)

    def error(self, status: int, title: str) -> Reply:
        """Return an error in ConnectWise's envelope."""
        return failure(status, "ConnectWiseApi", title)

    def _apply(self, record: dict[str, Any], changes: ContactEdit) -> None:
        if "given_name" in changes:
            record["firstName"] = changes["given_name"]
        if "surname" in changes:
            record["lastName"] = changes["surname"]
        if "active" in changes:
            record["inactiveFlag"] = not changes["active"]
        if "title" in changes:
            record["title"] = changes["title"]
        if "emails" in changes:
            old = record.get("communicationItems", [])
            others = [item for item in old if item["communicationType"] != "Email"]
            record["communicationItems"] = [*self._emails(changes["emails"]), *others]
        if "company_id" in changes:
            company = changes["company_id"]
            record["company"] = company and company_reference(self._company(company))

    def _emails(self, emails: Sequence[str]) -> list[dict[str, Any]]:
        return [
            self._state.email_item(address, default=index == 0)
            for index, address in enumerate(emails)
        ]

    def _company(self, company_id: str) -> CwRow:
        row = self._state.companies.find(int(company_id))
        if row is None:
            raise KeyError(f"the lab has no company {company_id}")
        return row

    def _contact(self, contact_id: str) -> CwRow:
        row = self._state.contacts.find(int(contact_id))
        if row is None:
            raise KeyError(f"the lab has no contact {contact_id}")
        return row
