"""What the simulated Hudu holds: companies, passwords and keys.

It decides ids, slugs, dates and what a write changes. Rights, filters and answers are left to
the routes. Ids are given out in order, so that the same calls lead to the same state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from muster.lab.table import Table

WRITABLE = frozenset(
    {
        "name",
        "company_id",
        "password",
        "username",
        "description",
        "password_type",
        "password_folder_id",
        "otp_secret",
        "in_portal",
        "passwordable_type",
        "passwordable_id",
    }
)
"""What a write may hold beside `url` (the vendor's OpenAPI)."""


@dataclass(frozen=True, kw_only=True)
class HuduRow:
    """One record. The values of a password record hold its secrets, as every answer does."""

    id: int
    owner: int | None
    values: Mapping[str, Any] = field(repr=False)

    @cached_property
    def json(self) -> bytes:
        """The record as lists show it."""
        return json.dumps(dict(self.values)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What an API key may do; chosen when it is made. `companies` None: every company."""

    passwords: bool = True
    destructive: bool = False
    companies: frozenset[int] | None = None

    def sees(self, company: int | None) -> bool:
        """Whether the key may touch records of a company."""
        return self.companies is None or company in self.companies


class HuduState:
    """Tables and the writes on them. The caller holds the lock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last_id = 2_000
        self.keys: dict[str, KeyRights] = {}
        self.companies: Table[HuduRow] = Table()
        self.passwords: Table[HuduRow] = Table()

    def begin_write(self) -> None:
        """Start a new last write over both tables."""
        self.companies.begin_write()
        self.passwords.begin_write()

    @contextmanager
    def before_last_write(self) -> Iterator[None]:
        """Hide the last write for a while."""
        with self.companies.before_last_write(), self.passwords.before_last_write():
            yield

    def now(self) -> str:
        """Return the time as Hudu writes it: UTC with milliseconds."""
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def add_company(self, name: str, wanted: str | None = None) -> HuduRow:
        """Add a company; the caller has checked that the name is free."""
        row_id, now = self._new_id(wanted), self.now()
        slug = _slug(row_id)
        values: dict[str, Any] = {
            **dict.fromkeys(_COMPANY_TEXTS, ""),
            **dict.fromkeys(_COMPANY_NULLS),
            "id": row_id,
            "slug": slug,
            "name": name,
            "archived": False,
            "object_type": "Company",
            "url": f"/c/{slug}",
            "full_url": f"https://hudu.lab.example/c/{slug}",
            "passwords_url": f"/passwords?c={slug}",
            "knowledge_base_url": f"/c/{slug}/kba",
            "created_at": now,
            "updated_at": now,
            "integrations": [],
        }
        return self._keep(self.companies, HuduRow(id=row_id, owner=row_id, values=values))

    def find_company(self, name: str) -> HuduRow | None:
        """Return the company of that name, upper or lower case."""
        wanted = name.casefold()
        return next((r for r in self.companies if r.values["name"].casefold() == wanted), None)

    def add_password(self, company: int, values: Mapping[str, Any]) -> HuduRow:
        """Add an entry; duplicates of every kind are allowed."""
        row_id, now = self._new_id(), self.now()
        complete = {
            **dict.fromkeys(_PASSWORD_NULLS),
            "id": row_id,
            "slug": _slug(row_id),
            "name": "",
            "password": "",
            "archived": False,
            "in_portal": False,
            "created_at": now,
            "updated_at": now,
            **values,
            "company_id": company,
        }
        return self._keep(self.passwords, HuduRow(id=row_id, owner=company, values=complete))

    def edit_password(self, row: HuduRow, values: Mapping[str, Any]) -> HuduRow:
        """Change what is sent and nothing else; `updated_at` moves."""
        changed = {**row.values, **values, "updated_at": self.now()}
        edited = HuduRow(id=row.id, owner=int(changed["company_id"]), values=changed)
        return self._keep(self.passwords, edited)

    def _keep(self, table: Table[HuduRow], row: HuduRow) -> HuduRow:
        table.put(row)
        return row

    def _new_id(self, wanted: str | None = None) -> int:
        number = self._last_id + 1 if wanted is None else int(wanted)
        self._last_id = max(self._last_id, number)
        return number


_COMPANY_TEXTS = (
    "nickname",
    "address_line_1",
    "city",
    "state",
    "zip",
    "phone_number",
    "fax_number",
    "website",
    "id_number",
)
_COMPANY_NULLS = (
    "address_line_2",
    "country_name",
    "company_type",
    "parent_company_id",
    "parent_company_name",
    "notes",
)
_PASSWORD_NULLS = (
    "passwordable_id",
    "passwordable_type",
    "username",
    "description",
    "otp_secret",
    "password_type",
    "login_url",
    "password_folder_id",
    "password_folder_name",
)


def _slug(row_id: int) -> str:
    """Return an opaque text of twelve hexadecimal digits, as Hudu's slugs are."""
    return f"{row_id * 0x9E3779B97F4A % 2**48:012x}"
