"""Translates between IT Glue's password records and ours."""

from __future__ import annotations

from typing import Any

from muster.adapters.itglue.pages import Row
from muster.adapters.json_values import id_text, moment_or_none, number_of, text_or_none
from muster.adapters.ownership_mark import mark_in, notes_with
from muster.errors import Unexpected
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, Organization, VaultCategory, VaultEntry


def organization_of(row: Row) -> Organization:
    """Return an organization. Its status is a word that the MSP chose, so it is not read."""
    return Organization(id=RemoteId(row.id), name=text_or_none(row.attributes.get("name")) or "")


def category_of(row: Row) -> VaultCategory:
    """Return a category."""
    return VaultCategory(id=RemoteId(row.id), name=text_or_none(row.attributes.get("name")) or "")


def is_live(row: Row) -> bool:
    """Return whether an entry is not archived."""
    return row.attributes.get("archived") is not True


def require_owner(row: Row, organization: int) -> None:
    """Raise Unexpected when a row is not the organization's: then a filter was ignored.

    Source: itglue/powershellwrapper issues 69 and 86; unknown filters are ignored, and the
    whole account comes back.
    """
    owner = id_text(row.attributes.get("organization-id"))
    if owner != str(organization):
        raise Unexpected(
            f"IT Glue: entry {row.id} was listed for organization {organization} but belongs to"
            f" {owner or 'none'}; nothing of this answer is used."
        )


def entry_of(row: Row) -> VaultEntry:
    """Return an entry. Source of the attribute names: Private-Universe/itglue passwords.go."""
    values = row.attributes
    return VaultEntry(
        id=RemoteId(row.id),
        name=text_or_none(values.get("name")) or "",
        username=text_or_none(values.get("username")),
        category=text_or_none(values.get("password-category-name")),
        host_proof=is_host_proof(row),
        personal=values.get("personal") is True,
        embedded=values.get("resource-id") is not None,
        mark=mark_in(values.get("notes")),
        updated_at=moment_or_none(values.get("updated-at")),
        url=text_or_none(values.get("resource-url")),
    )


def is_host_proof(row: Row) -> bool:
    """Return whether only people's browsers can decrypt the entry.

    Source: https://intercom.help/pulseway/en/articles/8562998-the-vault
    """
    return row.attributes.get("vault-id") is not None


def draft_attributes(draft: EntryDraft) -> dict[str, Any]:
    """Return the attributes of a new entry; it gets no password, because none is known.

    Unconfirmed: that IT Glue accepts an entry without one. Entries with an empty password
    exist (lwhitelock/ITGlue-Hudu-Migration issue 44).
    """
    return {
        "name": draft.name,
        "username": draft.username,
        "password-category-id": number_of(draft.category.id, "IT Glue: the category id"),
        "notes": notes_with(draft.mark),
        "archived": False,
    }


def change_attributes(change: EntryChange) -> dict[str, Any]:
    """Return only the attributes that change; what is not sent stays as it is."""
    attributes: dict[str, Any] = {}
    if change.name is not None:
        attributes["name"] = change.name
    if change.username is not None:
        attributes["username"] = change.username
    if change.category is not None:
        category = number_of(change.category.id, "IT Glue: the category id")
        attributes["password-category-id"] = category
    return attributes
