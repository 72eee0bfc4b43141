"""The simulated IT Glue as tests and the demo see it: seed it, start it, ask what it saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack

import trustme
from werkzeug.wrappers import Request

from muster.lab.faults import Faults, Struck
from muster.lab.http import HttpLab
from muster.lab.http_server import Reply
from muster.lab.itglue.answers import problem
from muster.lab.itglue.knobs import ItGlueKnobs
from muster.lab.itglue.routes import ItGlueRoutes
from muster.lab.itglue.state import ItGlueRow, ItGlueState, KeyRights


class PasswordSeed(TypedDict, total=False):
    """Attributes of an entry beside its name; `category` is a category's name."""

    username: str | None
    category: str | None
    notes: str | None
    url: str | None
    vault_id: int | None
    personal: bool
    resource_id: int | None
    archived: bool
    password: str | None


class PasswordEdit(PasswordSeed, total=False):
    """What can be edited of an entry."""

    name: str


class ItGlueLab(HttpLab):
    """IT Glue over TLS on loopback.

    Source: https://api.itglue.com/developer/ and the public clients named beside each quirk.
    """

    key = "ITG.lab-0001"
    """A key that may do everything."""

    def __init__(
        self,
        *,
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        knobs: ItGlueKnobs | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.knobs = knobs or ItGlueKnobs()
        super().__init__(ca=ca, faults=faults, clock=clock, rate_limit=self.knobs.rate_limit())
        # Asked each time, so that a test may turn the clock.
        self._state = ItGlueState(lambda: self.clock())  # noqa: PLW0108
        self._state.keys[self.key] = KeyRights()
        self._routes = ItGlueRoutes(self._state, self.knobs, lambda: self.endpoint)

    def grant(self, key: str, rights: KeyRights) -> str:
        """Add a key, or change what a key may do; returns the key."""
        with self.lock:
            self._state.keys[key] = rights
        return key

    def add_organization(self, name: str, *, id: str | None = None) -> str:
        """Add an organization and return its id."""
        with self.lock:
            self._state.begin_write()
            return str(self._state.add_organization(name, id).id)

    def add_category(self, name: str) -> str:
        """Add a password category and return its id."""
        with self.lock:
            self._state.begin_write()
            return str(self._state.add_category(name).id)

    def add_password(
        self, organization_id: str, name: str, **attributes: Unpack[PasswordSeed]
    ) -> str:
        """Add an entry and return its id. An unknown category name is added first."""
        with self.lock:
            self._state.begin_write()
            organization = self._state.organizations.find(int(organization_id))
            if organization is None:
                raise KeyError(f"the lab has no organization {organization_id}")
            values = {"name": name, **self._attributes(attributes)}
            secret = attributes.get("password")
            return str(self._state.add_password(organization, values, secret).id)

    def edit_password(self, id: str, **attributes: Unpack[PasswordEdit]) -> None:
        """Change an entry as a technician would."""
        with self.lock:
            self._state.begin_write()
            row, secret = self._entry(id), attributes.get("password")
            values = self._attributes(attributes)
            self._state.edit_password(row, values, secret, moves=secret is not None)

    def delete_password(self, id: str) -> None:
        """Delete an entry as a technician would."""
        with self.lock:
            self._state.begin_write()
            self._state.delete_password(self._entry(id))

    def passwords(self, organization_id: str) -> list[dict[str, Any]]:
        """Return the entries of an organization: id, attributes and `password`."""
        with self.lock:
            rows = self._state.passwords.owned_by(int(organization_id))
        return [{"id": str(row.id), **row.attributes, "password": row.secret} for row in rows]

    def categories(self) -> dict[str, str]:
        """Return the ids of the categories by name."""
        with self.lock:
            return {str(r.attributes["name"]): str(r.id) for r in self._state.categories}

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Process one request; called with the lock held."""
        return self._routes.answer(request, struck)

    def error(self, status: int, title: str) -> Reply:
        """Return an error in IT Glue's JSON:API shape."""
        return problem(status, title)

    def _entry(self, entry_id: str) -> ItGlueRow:
        row = self._state.passwords.find(int(entry_id))
        if row is None:
            raise KeyError(f"the lab has no password {entry_id}")
        return row

    def _attributes(self, seed: Mapping[str, Any]) -> dict[str, Any]:
        values = {
            key.replace("_", "-"): value
            for key, value in seed.items()
            if key not in {"password", "category"}
        }
        if seed.get("resource_id") is not None:
            values["resource-type"] = "flexible-asset-traits"
        if "category" in seed:
            values["password-category-id"] = self._category_id(seed["category"])
        return values

    def _category_id(self, name: str | None) -> int | None:
        if name is None:
            return None
        return (self._state.find_category(name) or self._state.add_category(name)).id
