"""The simulated Autotask as tests and the demo see it: seed it, start it, ask what it saw."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

import trustme
from werkzeug.wrappers import Request

from muster.lab.autotask.answers import OUTAGE, answer, errors
from muster.lab.autotask.entities import contacts_entity, cut
from muster.lab.autotask.knobs import AutotaskKnobs
from muster.lab.autotask.routes import AtRoutes, Tenant
from muster.lab.autotask.state import AtRow, AtState
from muster.lab.faults import Faults, Struck
from muster.lab.http import HttpLab, html_page
from muster.lab.http_server import Delivery, Reply

EMAIL_SLOTS = ("emailAddress", "emailAddress2", "emailAddress3")
_ROOT = "/atservicesrest"
_CROWDED = "muster.lab.crowded"


class ContactEdit(TypedDict, total=False):
    """What a technician can edit of a contact; `emails` fills all three slots."""

    given_name: str
    surname: str
    active: bool
    emails: Sequence[str | None]
    phone: str | None
    primary: bool


class AutotaskLab(HttpLab):
    """Autotask PSA over TLS on loopback; the REST root is `/ATServicesRest/V1.0`.

    It is the zone lookup and a zone at once. Source: KelvinTegelaar/AutotaskAPI, v1.json, and
    the public clients named beside each quirk.
    """

    user_name = "api@msp.example"
    secret = "lab$secret#1"  # noqa: S105 - signs needing care in shells, as real ones have
    integration_code = "LABCODE123"

    def __init__(
        self,
        *,
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        knobs: AutotaskKnobs | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.knobs = knobs or AutotaskKnobs()
        super().__init__(ca=ca, faults=faults, clock=clock, rate_limit=self.knobs.rate_limit())
        self.failed_sign_ins = 0
        """Since the last good one or the last unlocking."""
        self.zone_url: str | None = None
        """What the lookup answers. None: this simulator's own address."""
        self._moved = False
        contacts = contacts_entity(self.knobs.name_length, self.knobs.also_required)
        self._state = AtState(self.clock, contacts)
        self._routes = AtRoutes(
            Tenant(
                state=self._state,
                knobs=self.knobs,
                contacts=contacts,
                base=lambda: self.endpoint,
                used=lambda: len(self._recent),
            )
        )
        self._at_work: Counter[str] = Counter()
        self._at_work_lock = threading.Lock()

    def add_company(self, name: str, *, id: str | None = None, active: bool = True) -> str:
        """Add a company and return its id. Company 0, the MSP itself, is there already."""
        with self.lock:
            self._state.begin_write()
            wanted = None if id is None else int(id)
            return str(self._state.add_company(name, wanted, active=active).id)

    def add_contact(
        self,
        company_id: str,
        given_name: str,
        surname: str = "",
        *,
        emails: Sequence[str | None] = (),
        active: bool = True,
    ) -> str:
        """Add a contact and return its id; names are cut to what their fields hold.

        `emails` fills the three slots in their order; None leaves one empty.
        """
        with self.lock:
            self._state.begin_write()
            values = {
                "firstName": cut(given_name, self.knobs.name_length),
                "lastName": cut(surname, self.knobs.name_length),
                "isActive": int(active),
                **_slots(emails),
            }
            return str(self._state.add_contact(self._company(company_id).id, values).id)

    def edit_contact(self, id: str, **changes: Unpack[ContactEdit]) -> None:
        """Change a contact as a technician would."""
        with self.lock:
            self._state.begin_write()
            record = dict(self._contact(id).record)
            names = {"given_name": "firstName", "surname": "lastName", "phone": "phone"}
            record |= {names[key]: changes[key] for key in names if key in changes}  # type: ignore[literal-required]
            if "active" in changes:
                record["isActive"] = int(changes["active"])
            if "primary" in changes:
                record["primaryContact"] = changes["primary"]
            if "emails" in changes:
                record |= _slots(changes["emails"])
            self._state.put_contact(record)

    def delete_contact(self, id: str) -> None:
        """Delete a contact as a technician would."""
        with self.lock:
            self._state.begin_write()
            self._state.contacts.remove(self._contact(id).id)

    def refer_to(self, contact_id: str) -> None:
        """Let a ticket name a contact, so that it cannot be deleted."""
        with self.lock:
            self._state.referenced.add(self._contact(contact_id).id)

    def contacts(self, company_id: str) -> list[dict[str, Any]]:
        """Return the records of a company's contacts."""
        with self.lock:
            return [dict(row.record) for row in self._state.contacts.owned_by(int(company_id))]

    def move_to(self, endpoint: str) -> None:
        """Move the database to another zone: the lookup names it, and this one answers 401."""
        with self.lock:
            self.zone_url, self._moved = f"{endpoint}/ATServicesRest/", True

    def use_up(self, requests: int) -> None:
        """Let other integrations make requests of this hour."""
        with self.lock:
            self._recent.extend([self.clock()] * requests)

    def unlock(self) -> None:
        """Unlock the API user."""
        with self.lock:
            self.failed_sign_ins = 0

    def is_write(self, request: Request) -> bool:
        """Whether a request changes something: queries are POSTs too."""
        return super().is_write(request) and "/query" not in request.path.lower()

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Process one request; called with the lock held."""
        path = "/" + "/".join(part for part in request.path.lower().split("/") if part)
        if path == f"{_ROOT}/versioninformation":
            return answer({"apiVersions": ["1.0"]})
        if not path.startswith(f"{_ROOT}/v1.0/"):
            return html_page(404)
        path = path.removeprefix(f"{_ROOT}/v1.0")
        if path == "/zoneinformation":
            return self._zone(request.args.get("user", ""))
        if refusal := self._refuse_sign_in(request):
            return refusal
        if request.environ[_CROWDED]:
            return errors(429, "Too many concurrent requests for this endpoint.")
        return self._routes.answer(path, request, struck)

    def error(self, status: int, title: str) -> Reply:
        """Return an error in Autotask's shape; an outage of its own is the generic one."""
        return errors(status, OUTAGE if status == 500 else title)

    def _respond(self, request: Request) -> Delivery:
        """Count who is at work at an endpoint, before the lock puts them into a row."""
        endpoint = request.path.lower().rpartition("/v1.0/")[2].partition("/")[0]
        with self._at_work_lock:
            self._at_work[endpoint] += 1
            request.environ[_CROWDED] = self._at_work[endpoint] > self.knobs.threads
        try:
            if self.knobs.slows_down:
                self._stopping.wait(self._latency_s())
            return super()._respond(request)
        finally:
            with self._at_work_lock:
                self._at_work[endpoint] -= 1

    def _latency_s(self) -> float:
        used = len(self._recent) / self.knobs.requests_per_hour
        return 1.0 if used > 0.75 else 0.5 if used > 0.5 else 0.0

    def _zone(self, user: str) -> Reply:
        if user.lower() != self.user_name:
            # djautotask/api.py for 500; another client reads errorMessage from a 200.
            if self.knobs.unknown_user_is_200:
                return answer({"errorMessage": "The user does not exist."})
            return errors(500, "Zone information could not be determined for the user.")
        slash = "//" if self.knobs.double_slash else "/"
        return answer(
            {
                "zoneName": "Lab zone",
                "url": self.zone_url or f"{self.endpoint}{slash}ATServicesRest/",
                "webUrl": f"{self.endpoint}/",
                "ci": 1,
            }
        )

    def _refuse_sign_in(self, request: Request) -> Reply | None:
        sent = tuple(request.headers.get(n) for n in ("UserName", "Secret", "ApiIntegrationCode"))
        good = sent == (self.user_name, self.secret, self.integration_code)
        if good and not self._moved and self.failed_sign_ins < self.knobs.lock_after:
            self.failed_sign_ins = 0
            return None
        self.failed_sign_ins += 1
        words = "You are not authorized to access this resource."
        return errors(401, words) if self.knobs.says_why_401 else Reply(status=401)

    def _company(self, company_id: str) -> AtRow:
        row = self._state.companies.find(int(company_id))
        if row is None:
            raise KeyError(f"the lab has no company {company_id}")
        return row

    def _contact(self, contact_id: str) -> AtRow:
        row = self._state.contacts.find(int(contact_id))
        if row is None:
            raise KeyError(f"the lab has no contact {contact_id}")
        return row


def _slots(emails: Sequence[str | None]) -> dict[str, str | None]:
    if len(emails) > len(EMAIL_SLOTS):
        raise ValueError("a contact of Autotask's has three e-mail addresses at most")
    padded = [*emails, *[None] * (len(EMAIL_SLOTS) - len(emails))]
    return dict(zip(EMAIL_SLOTS, padded, strict=True))
