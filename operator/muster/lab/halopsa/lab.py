"""The simulated HaloPSA as tests and the demo see it: seed it, start it, ask what it saw."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

import trustme
from werkzeug.wrappers import Request

from muster.lab.faults import Faults, Struck
from muster.lab.halopsa.answers import failure
from muster.lab.halopsa.knobs import HaloPsaKnobs
from muster.lab.halopsa.routes import HaloRoutes
from muster.lab.halopsa.sign_in import CLIENT_ID, TOKEN_PATH
from muster.lab.halopsa.state import HaloRow, HaloState
from muster.lab.http import HttpLab
from muster.lab.http_server import Reply

_ADDRESSES = ("emailaddress", "email2", "email3")


class UserEdit(TypedDict, total=False):
    """What a technician can edit of a user; `emails` replaces all three addresses."""

    name: str
    given_name: str
    surname: str
    active: bool
    emails: Sequence[str]
    phone: str
    client_id: str


class HaloPsaLab(HttpLab):
    """HaloPSA over TLS on loopback; the API is below `/api`, the authorization below `/auth`.

    Source: the vendor's OpenAPI, "Halo API v2", and the public clients named beside each quirk.
    """

    client_id = CLIENT_ID
    client_secret = "lab-halo-client-secret"  # noqa: S105 - opens nothing but the lab

    def __init__(
        self,
        *,
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        knobs: HaloPsaKnobs | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.knobs = knobs or HaloPsaKnobs()
        super().__init__(ca=ca, faults=faults, clock=clock, rate_limit=self.knobs.rate_limit())
        self._state = HaloState(self.clock)
        self._routes = HaloRoutes(
            self._state, self.knobs, self.client_secret, lambda: self.endpoint
        )

    def add_client(self, name: str, *, inactive: bool = False) -> str:
        """Add a client with its main site, and return its id."""
        with self.lock:
            self._state.begin_write()
            main_site = self.knobs.main_sites
            return str(self._state.add_client(name, inactive=inactive, main_site=main_site).id)

    def add_user(
        self,
        client: str,
        given_name: str,
        surname: str = "",
        *,
        emails: Sequence[str] = (),
        active: bool = True,
        **more: Any,
    ) -> str:
        """Add a user and return its id; at most three e-mails, the first is the primary one.

        `more` are HaloPSA's own fields, such as `name` or `isserviceaccount`.
        """
        with self.lock:
            self._state.begin_write()
            row = self._client(client)
            values = {
                "name": f"{given_name} {surname}".strip(),
                "firstname": given_name,
                "surname": surname,
                **_addresses(emails),
                "inactive": not active,
                "client_id": row.id,
                "site_id_int": row.record["main_site_id"] or 0,
                **more,
            }
            return str(self._state.add_user(values).id)

    def edit_user(self, id: str, **changes: Unpack[UserEdit]) -> None:
        """Change a user as a technician would."""
        with self.lock:
            self._state.begin_write()
            record = copy.deepcopy(dict(self._user(id).record))
            names = {
                "name": "name",
                "given_name": "firstname",
                "surname": "surname",
                "phone": "phonenumber",
            }
            for ours, theirs in names.items():
                if ours in changes:
                    record[theirs] = changes[ours]  # type: ignore[literal-required]
            if "active" in changes:
                record["inactive"] = not changes["active"]
            if "emails" in changes:
                record |= _addresses(changes["emails"])
            if "client_id" in changes:
                client = self._client(changes["client_id"])
                record |= {"client_id": client.id, "site_id_int": client.record["main_site_id"]}
            self._state.put_user(record)

    def delete_user(self, id: str) -> None:
        """Delete a user as a technician would."""
        with self.lock:
            self._state.begin_write()
            self._state.users.remove(self._user(id).id)

    def users(self, client: str) -> list[dict[str, Any]]:
        """Return the records of a client's users, without general users."""
        with self.lock:
            rows = self._state.users.owned_by(int(client))
            return [copy.deepcopy(dict(row.record)) for row in rows if not row.general]

    def revoke_tokens(self) -> None:
        """Let every token that was given out be refused from now on."""
        with self.lock:
            self._state.tokens.clear()

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Process one request; called with the lock held."""
        return self._routes.answer(request, struck)

    def error(self, status: int, title: str) -> Reply:
        """Return an error in one of HaloPSA's shapes."""
        return failure(status, title)

    def is_write(self, request: Request) -> bool:
        """Whether a request changes something; getting a token does not."""
        return super().is_write(request) and request.path.lower() != TOKEN_PATH

    def _client(self, client: str) -> HaloRow:
        row = self._state.clients.find(int(client))
        if row is None:
            raise KeyError(f"the lab has no client {client}")
        return row

    def _user(self, user: str) -> HaloRow:
        row = self._state.users.find(int(user))
        if row is None:
            raise KeyError(f"the lab has no user {user}")
        return row


def _addresses(emails: Sequence[str]) -> dict[str, str]:
    if len(emails) > len(_ADDRESSES):
        raise ValueError("a user of HaloPSA has three e-mail addresses at most")
    return dict(zip(_ADDRESSES, [*emails, "", "", ""], strict=False))
