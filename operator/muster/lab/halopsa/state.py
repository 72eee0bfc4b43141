"""What the simulated HaloPSA holds: clients, sites, users, and the tokens it gave out.

It decides ids, dates and what belongs to a new client. Rights, lists and answers are left to
the routes. Ids are given out in order, so that the same calls lead to the same state.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from muster.lab.table import Table

Json = dict[str, Any]

GENERAL_USER = "General User"
NO_DATE = "1900-01-01T00:00:00"
"""How HaloPSA writes that there is no date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloRow:
    """One record as its single GET answers it."""

    id: int
    record: Mapping[str, Any]
    owner: int | None = None
    general: bool = False
    """The nobody that every site has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A token that was given out."""

    until: datetime
    scopes: frozenset[str] = field(default_factory=frozenset)


class HaloState:
    """Tables and the writes on them. The caller holds the lock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last_id = 90
        self.clients: Table[HaloRow] = Table()
        self.sites: Table[HaloRow] = Table()
        self.users: Table[HaloRow] = Table()
        self.tokens: dict[str, Issued] = {}

    def begin_write(self) -> None:
        """Start a new last write over all tables."""
        for table in (self.clients, self.sites, self.users):
            table.begin_write()

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """Hide the last write for a while."""
        with ExitStack() as stack:
            for table in (self.clients, self.sites, self.users):
                stack.enter_context(table.before_last_write())
            yield

    def issue(self, scopes: frozenset[str], life_s: int) -> str:
        """Return a new token."""
        token = secrets.token_urlsafe(32)
        until = self._clock() + timedelta(seconds=life_s)
        self.tokens[token] = Issued(until=until, scopes=scopes)
        return token

    def find_token(self, token: str) -> Issued | None:
        """Return a token that is still good."""
        issued = self.tokens.get(token)
        return issued if issued and self._clock() < issued.until else None

    def add_client(self, name: str, *, inactive: bool = False, main_site: bool = True) -> HaloRow:
        """Add a client, with its main site and that site's general user."""
        number = self._new_id()
        site = self._new_id()
        record: Json = {
            "id": number,
            "name": name,
            "toplevel_id": 12,
            "toplevel_name": "Customers",
            "inactive": inactive,
            "colour": "#9afb29",
            "customfields": [],
            "main_site_id": site if main_site else None,
            "main_site_name": "Main" if main_site else None,
        }
        row = HaloRow(id=number, record=record, owner=number)
        self.clients.put(row)
        if main_site:
            self._add_site(row, site)
        return row

    def add_user(self, values: Mapping[str, Any], *, general: bool = False) -> HaloRow:
        """Add a user of the client and site that the values name."""
        number = self._new_id()
        record = {**_NEW_USER, "datecreated": self._stamp(), **values, "id": number}
        return self.put_user(record, general=general)

    def put_user(self, record: Mapping[str, Any], *, general: bool = False) -> HaloRow:
        """Store a user's record as of now."""
        kept = {**record, "ulastupdate": self._stamp()}
        client = self.clients.find(kept["client_id"])
        kept["client_name"] = client.record["name"] if client else None
        kept["site_id"] = float(kept["site_id_int"])  # a double (the vendor's OpenAPI)
        site = self.sites.find(kept["site_id_int"])
        kept["site_name"] = site.record["name"] if site else None
        row = HaloRow(id=kept["id"], record=kept, owner=kept["client_id"], general=general)
        self.users.put(row)
        return row

    def _add_site(self, client: HaloRow, number: int) -> None:
        record = {
            "id": number,
            "name": "Main",
            "client_id": float(client.id),
            "client_name": client.record["name"],
            "inactive": False,
        }
        self.sites.put(HaloRow(id=number, record=record, owner=client.id))
        nobody = {"name": GENERAL_USER, "client_id": client.id, "site_id_int": number}
        self.add_user(nobody, general=True)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _stamp(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-4]


_NEW_USER: Mapping[str, Any] = {
    "id": 0,
    "name": "",
    "firstname": "",
    "surname": "",
    "initials": "",
    "title": "",
    "emailaddress": "",
    "email2": "",
    "email3": "",
    "phonenumber": "",
    "mobilenumber": "",
    "login": "",
    "inactive": False,
    "isserviceaccount": False,
    "isimportantcontact": False,
    "neversendemails": False,
    "linked_agent_id": 0,
    "azure_id": "",
    "azureoid": "",
    "samaccountname": "",
    "activedirectory_dn": "",
    "customfields": [],
    "use": "user",
    "azure_last_login_date": NO_DATE,
}
