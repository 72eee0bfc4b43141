"""The simulated Hudu as tests and the demo see it: seed it, start it, ask what it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict, Unpack

import trustme
from werkzeug.wrappers import Request

from muster.lab.faults import Faults, Struck
from muster.lab.http import HttpLab
from muster.lab.http_server import Reply
from muster.lab.hudu.answers import failure
from muster.lab.hudu.knobs import HuduKnobs
from muster.lab.hudu.routes import HuduRoutes
from muster.lab.hudu.state import HuduRow, HuduState, KeyRights


class PasswordSeed(TypedDict, total=False):
    """Fields of an entry beside its name, as Hudu names them."""

    username: str | None
    password_type: str | None
    description: str | None
    login_url: str | None
    otp_secret: str | None
    passwordable_id: int | None
    passwordable_type: str | None
    archived: bool
    password: str


class PasswordEdit(PasswordSeed, total=False):
    """What can be edited of an entry."""

    name: str


class HuduLab(HttpLab):
    """Hudu over TLS on loopback.

    Source: the vendor's OpenAPI of Hudu 2.44, and the public probes named beside each quirk.
    """

    key = "hudu-lab-key-0001"
    """A key that may do everything but delete."""

    def __init__(
        self,
        *,
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        knobs: HuduKnobs | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.knobs = knobs or HuduKnobs()
        super().__init__(ca=ca, faults=faults, clock=clock, rate_limit=self.knobs.rate_limit())
        self._state = HuduState(self._time)
        self._state.keys[self.key] = KeyRights()
        self._routes = HuduRoutes(self._state, self.knobs)

    def grant(self, key: str, rights: KeyRights) -> str:
        """Add a key, or change what a key may do; returns the key."""
        with self.lock:
            self._state.keys[key] = rights
        return key

    def add_company(self, name: str, *, id: str | None = None) -> str:
        """Add a company and return its id; names are unique (ITGlue-Hudu-Migration issue 34)."""
        with self.lock:
            if self._state.find_company(name):
                raise ValueError(f"the lab has a company {name}")
            self._state.begin_write()
            return str(self._state.add_company(name, id).id)

    def archive_company(self, id: str, *, archived: bool = True) -> None:
        """Archive a company as a technician would, or bring it back."""
        with self.lock:
            row = self._state.companies.find(int(id))
            if row is None:
                raise KeyError(f"the lab has no company {id}")
            self._state.begin_write()
            values = {**row.values, "archived": archived, "updated_at": self._state.now()}
            self._state.companies.put(replace(row, values=values))

    def add_password(self, company_id: str, name: str, **fields: Unpack[PasswordSeed]) -> str:
        """Add an entry and return its id."""
        with self.lock:
            if self._state.companies.find(int(company_id)) is None:
                raise KeyError(f"the lab has no company {company_id}")
            self._state.begin_write()
            return str(self._state.add_password(int(company_id), {"name": name, **fields}).id)

    def edit_password(self, id: str, **fields: Unpack[PasswordEdit]) -> None:
        """Change an entry as a technician would."""
        with self.lock:
            self._state.begin_write()
            self._state.edit_password(self._entry(id), fields)

    def move_password(self, id: str, company_id: str) -> None:
        """Give an entry to another company as a technician would."""
        with self.lock:
            self._state.begin_write()
            self._state.edit_password(self._entry(id), {"company_id": int(company_id)})

    def delete_password(self, id: str) -> None:
        """Delete an entry as a technician would."""
        with self.lock:
            self._state.begin_write()
            self._state.passwords.remove(self._entry(id).id)

    def passwords(self, company_id: str) -> list[dict[str, Any]]:
        """Return the entries of a company, archived ones and secrets too; `id` is a text."""
        with self.lock:
            rows = self._state.passwords.owned_by(int(company_id))
        return [{**row.values, "id": str(row.id)} for row in rows]

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Process one request; called with the lock held."""
        return self._routes.answer(request, struck)

    def error(self, status: int, title: str) -> Reply:
        """Return an error in one of Hudu's shapes."""
        return failure(status, title)

    def _time(self) -> datetime:
        """Return the time of the clock that the simulator has now; tests may change it."""
        return self.clock()

    def _entry(self, entry_id: str) -> HuduRow:
        row = self._state.passwords.find(int(entry_id))
        if row is None:
            raise KeyError(f"the lab has no password {entry_id}")
        return row
