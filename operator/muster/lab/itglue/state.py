"""What the simulated IT Glue holds: organizations, categories, passwords and keys.

It decides ids, dates and what a write changes. Rights, filters and answers are left to the
routes. Ids are given out in order, so that the same calls lead to the same state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from muster.lab.table import Table

READ_ONLY_TYPES = {
    # The words for resource-type differ between write and read
    # (Private-Universe/terraform-provider-itglue, resource_itglue_password.go).
    "Configuration": "configurations",
    "Contact": "contacts",
    "Document": "documents",
    "Domain": "domains",
    "Location": "locations",
    "SSL Certificate": "ssl-certificates",
    "Flexible Asset": "flexible-asset-traits",
    "Ticket": "tickets",
}

WRITABLE = frozenset(
    {
        "name",
        "username",
        "url",
        "notes",
        "autofill-selectors",
        "password-category-id",
        "password-folder-id",
        "resource-id",
        "resource-type",
        "archived",
        "restricted",
        "shareable",
        "my-glue",
    }
)


@dataclass(frozen=True, kw_only=True)
class ItGlueRow:
    """One resource. `secret` is kept apart, so that no list can show it by mistake."""

    id: int
    type: str
    attributes: Mapping[str, Any]
    owner: int | None = None
    secret: str | None = field(default=None, repr=False)

    @cached_property
    def json(self) -> bytes:
        """The resource as a list shows it."""
        return json.dumps(self.document()).encode()

    def document(self) -> dict[str, Any]:
        """Return the JSON:API resource without its secret; ids are strings there."""
        return {
            "id": str(self.id),
            "type": self.type,
            "attributes": dict(self.attributes),
            "relationships": {},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What an API key may do. `organizations` None: every organization."""

    password_access: bool = True
    organizations: frozenset[int] | None = None
    paused: bool = False

    def sees(self, organization: int | None) -> bool:
        """Whether the key may touch records of an organization."""
        return self.organizations is None or organization in self.organizations


class ItGlueState:
    """Tables and the writes on them. The caller holds the lock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last_id = 4_410_000
        self.keys: dict[str, KeyRights] = {}
        self.organizations: Table[ItGlueRow] = Table()
        self.categories: Table[ItGlueRow] = Table()
        self.passwords: Table[ItGlueRow] = Table()
        self._counts: dict[int, int] = {}
        self._versions: dict[int, list[int]] = {}

    def begin_write(self) -> None:
        """Start a new last write over all tables."""
        for table in (self.organizations, self.categories, self.passwords):
            table.begin_write()

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """Hide the last write for a while."""
        with ExitStack() as stack:
            for table in (self.organizations, self.categories, self.passwords):
                stack.enter_context(table.before_last_write())
            yield

    def new_id(self, wanted: str | None = None) -> int:
        """Return the wanted id, or the next free one."""
        if wanted is not None:
            self._last_id = max(self._last_id, int(wanted))
            return int(wanted)
        self._last_id += 1
        return self._last_id

    def now(self) -> str:
        """Return the time as IT Glue writes it: UTC with milliseconds."""
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def add_organization(self, name: str, wanted: str | None = None) -> ItGlueRow:
        """Add an organization; names need not be unique (ITGlue-Hudu-Migration issue 34)."""
        row_id, now = self.new_id(wanted), self.now()
        attributes = {
            "name": name,
            "alert": None,
            "description": None,
            "organization-type-id": 11,
            "organization-type-name": "Customer",
            "organization-status-id": 7,
            "organization-status-name": "Active",
            "primary": False,
            "logo": None,
            "quick-notes": None,
            "short-name": None,
            "my-glue-account-id": None,
            "psa-integration": None,
            "created-at": now,
            "updated-at": now,
        }
        row = ItGlueRow(id=row_id, type="organizations", attributes=attributes, owner=row_id)
        self.organizations.put(row)
        return row

    def add_category(self, name: str) -> ItGlueRow:
        """Add a password category."""
        now = self.now()
        attributes = {"name": name, "created-at": now, "updated-at": now, "passwords-count": 0}
        row = ItGlueRow(id=self.new_id(), type="password-categories", attributes=attributes)
        self.categories.put(row)
        return row

    def find_category(self, name: str) -> ItGlueRow | None:
        """Return the first category of that name."""
        return next((row for row in self.categories if row.attributes["name"] == name), None)

    def add_password(
        self, organization: ItGlueRow, attributes: Mapping[str, Any], secret: str | None
    ) -> ItGlueRow:
        """Add an entry; duplicates of every kind are allowed."""
        row_id, now = self.new_id(), self.now()
        row = ItGlueRow(
            id=row_id,
            type="passwords",
            attributes={
                **_new_password(row_id, organization, now),
                **self._derived(attributes),
                "password-updated-at": now if secret is not None else None,
            },
            owner=organization.id,
            secret=secret,
        )
        self.passwords.put(row)
        self._count(row, 1)
        return row

    def edit_password(
        self, row: ItGlueRow, attributes: Mapping[str, Any], secret: str | None, *, moves: bool
    ) -> ItGlueRow:
        """Change what is sent and nothing else; `moves` also moves `password-updated-at`."""
        now = self.now()
        changed = {**row.attributes, **self._derived(attributes), "updated-at": now}
        if moves:
            changed["password-updated-at"] = now
        edited = ItGlueRow(
            id=row.id,
            type=row.type,
            attributes=changed,
            owner=row.owner,
            secret=row.secret if secret is None else secret,
        )
        self._count(row, -1)
        self.passwords.put(edited)
        self._count(edited, 1)
        self._versions.setdefault(row.id, []).append(self.new_id())
        return edited

    def versions(self, entry: int) -> list[int]:
        """Return the ids of an entry's revisions, oldest first; each edit makes one."""
        return self._versions.get(entry, [])

    def delete_password(self, row: ItGlueRow) -> None:
        """Take an entry out."""
        self._count(row, -1)
        self.passwords.remove(row.id)

    def passwords_count(self, category: int) -> int:
        """Return how many entries carry a category."""
        return self._counts.get(category, 0)

    def _count(self, row: ItGlueRow, step: int) -> None:
        category = row.attributes["password-category-id"]
        if category is not None:
            self._counts[category] = self._counts.get(category, 0) + step

    def _derived(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(attributes)
        if "password-category-id" in values:
            category_id = values["password-category-id"]
            category = self.categories.find(category_id) if category_id is not None else None
            values["password-category-name"] = category and category.attributes["name"]
        if values.get("resource-type") in READ_ONLY_TYPES:
            values["resource-type"] = READ_ONLY_TYPES[values["resource-type"]]
        return values


def _new_password(row_id: int, organization: ItGlueRow, now: str) -> dict[str, Any]:
    """Return the attributes of a fresh entry (names: Private-Universe/itglue passwords.go)."""
    return {
        "organization-id": organization.id,
        "organization-name": organization.attributes["name"],
        "resource-url": f"https://lab.itglue.com/{organization.id}/passwords/{row_id}",
        "restricted": False,
        "my-glue": False,
        "shareable": False,
        "name": "",
        "autofill-selectors": None,
        "username": None,
        "url": None,
        "notes": None,
        "password-updated-at": None,
        "updated-by": 5512,
        "updated-by-type": "User",
        "resource-id": None,
        "resource-type": None,
        "cached-resource-type-name": None,
        "cached-resource-name": None,
        "password-category-id": None,
        "password-category-name": None,
        "created-at": now,
        "updated-at": now,
        "otp-enabled": False,
        "password-folder-id": None,
        "parent-url": None,
        "vault-id": None,
        "personal": False,
        "archived": False,
    }
