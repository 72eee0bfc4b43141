"""Translates between Hudu's passwords and our entries.

Source of the field names: the vendor's OpenAPI of Hudu 2.44, definition `Asset_Password`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx

from muster.adapters.hudu.answers import Record
from muster.adapters.json_values import id_text, moment_or_none, number_of, text_or_none
from muster.adapters.ownership_mark import mark_in, notes_with
from muster.errors import NotFound, Rejected, Unexpected
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, Organization, VaultCategory, VaultEntry

UNKNOWN_PASSWORD = "not known to Muster yet"  # noqa: S105 - the opposite of a password
"""Stands in a new entry, because Hudu refuses a blank one.

Words, so that nobody takes them for a password. Source: lwhitelock/ITGlue-Hudu-Migration
issue 44.
"""

TYPES = (
    "Active Directory",
    "Office 365",
    "Microsoft 365",
    "Azure AD",
    "Azure Active Directory",
    "Local Account",
)
"""The types that tools of MSPs agree on. Hudu has no list of types: each entry's is a text.

Source: https://support.getquickpass.com/hc/en-us/articles/4408662234519
"""


def organization_of(company: Record) -> Organization:
    """Return a company."""
    return Organization(
        id=RemoteId(company.id),
        name=text_or_none(company.values.get("name")) or "",
        active=company.values.get("archived") is not True,
    )


def category_of(name: str) -> VaultCategory:
    """Return a type as a category; its name is its id."""
    return VaultCategory(id=RemoteId(name), name=name)


def is_live(entry: Record) -> bool:
    """Return whether an entry is not archived."""
    return entry.values.get("archived") is not True


def require_owner(entry: Record, company: int) -> None:
    """Raise Unexpected when a row is not the company's: then the filter was ignored.

    Source: live probes in msoukhomlinov/node-hudu: unknown filters are ignored, and an
    unfiltered page comes back.
    """
    if owner_of(entry) != str(company):
        raise Unexpected(
            f"Hudu: entry {entry.id} was answered for company {company} but belongs to"
            f" {owner_of(entry) or 'none'}; nothing of this answer is used."
        )


def require_created(entry: Record | None, company: int) -> Record:
    """Return the entry that was created; raises Unexpected unless it is the company's."""
    if entry is None:
        raise Unexpected("Hudu answered nothing when asked to create an entry.")
    require_owner(entry, company)
    return entry


def require_found(entry: Record | None, number: int, company: int) -> Record:
    """Return the entry that was asked for; raises Rejected unless it is the company's.

    Any key may change any entry that it sees, whatever its company, so we look first.
    """
    if entry is None:
        raise NotFound(
            f"Hudu has no entry {number}; it was deleted, or is out of the key's companies."
        )
    if entry.id != str(number):
        raise Unexpected(f"Hudu answered entry {entry.id} when asked for {number}.")
    if owner_of(entry) != str(company):
        raise Rejected(
            f"Hudu: entry {number} does not belong to company {company}; check the company's id."
        )
    return entry


def owner_of(entry: Record) -> str:
    """Return the id of an entry's company."""
    return id_text(entry.values.get("company_id"))


def edited_at(entry: Record) -> datetime | None:
    """Return when an entry was last edited, by Hudu's clock."""
    return moment_or_none(entry.values.get("updated_at"))


def entry_of(entry: Record, endpoint: httpx.URL) -> VaultEntry:
    """Return an entry. Hudu knows neither host-proof nor personal ones."""
    values = entry.values
    return VaultEntry(
        id=RemoteId(entry.id),
        name=text_or_none(values.get("name")) or "",
        username=text_or_none(values.get("username")),
        category=text_or_none(values.get("password_type")),
        embedded=values.get("passwordable_id") is not None,
        mark=mark_in(values.get("description")),
        updated_at=edited_at(entry),
        url=_link_of(values, endpoint),
    )


def draft_values(draft: EntryDraft, company: int) -> dict[str, Any]:
    """Return the fields of a new entry. It is kept out of the customer's portal."""
    return {
        "name": draft.name,
        "company_id": company,
        "username": draft.username,
        "password": UNKNOWN_PASSWORD,
        "password_type": draft.category.name,
        "description": notes_with(draft.mark),
        "in_portal": False,
    }


def change_values(change: EntryChange) -> dict[str, Any]:
    """Return only the fields that change; what is not sent stays as it is.

    Source: dracon80/CSharp-HuduAPI-Client, whose tests update single fields.
    """
    category = change.category.name if change.category else None
    named = {"name": change.name, "username": change.username, "password_type": category}
    return {key: value for key, value in named.items() if value is not None}


def number_of_company(organization: RemoteId) -> int:
    """Return a company's id as the number it must be; raises SpecError."""
    return number_of(organization, "Hudu: the company's id")


def _link_of(values: Any, endpoint: httpx.URL) -> str | None:
    """Return the address of an entry's page, or None.

    Unconfirmed: that `url` is the entry's own path and not the website's. So it counts only
    when it holds the entry's slug.
    """
    url, slug = text_or_none(values.get("url")), text_or_none(values.get("slug"))
    if url is None or slug is None or not url.endswith(f"/{slug}"):
        return None
    return f"{endpoint.scheme}://{endpoint.netloc.decode()}{url}" if url.startswith("/") else url
