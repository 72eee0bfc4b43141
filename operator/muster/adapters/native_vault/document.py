"""How an entry of the native vault looks as a document: what is secret in it is sealed.

Names, usernames, categories and times are plain, so that a list needs no key. Which revisions
there are is decided in `vault.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from muster.errors import Unexpected
from muster.model.names import RemoteId
from muster.model.records import EntryDraft, VaultEntry
from muster.ports import StoredEntry

_FORMAT = 1

_SLUG_LETTERS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One password that the entry has, or had."""

    id: str
    """A number; it grows by one and is never used again."""
    sealed: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDocument:
    """One entry."""

    organization: RemoteId
    id: RemoteId
    name: str
    username: str
    created_at: datetime
    updated_at: datetime
    category: str | None = None
    mark: str | None = None
    revisions: tuple[Revision, ...] = ()
    """The newest first."""

    def to_port(self) -> VaultEntry:
        """Return what the core sees of the entry."""
        return VaultEntry(
            id=self.id,
            name=self.name,
            username=self.username or None,
            category=self.category,
            mark=self.mark,
            updated_at=self.updated_at,
        )


def entry_id(organization: RemoteId, draft: EntryDraft, attempt: int) -> RemoteId:
    """Return an id that people can read; the same draft gives the same one.

    Another attempt gives another one, for an id that is taken.
    """
    ascii_name = unicodedata.normalize("NFKD", draft.username).encode("ascii", "ignore").decode()
    slug = re.sub("[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:_SLUG_LETTERS].strip("-")
    key = json.dumps([organization, draft.mark, attempt])
    return RemoteId(f"{slug or 'entry'}-{hashlib.sha256(key.encode()).hexdigest()[:8]}")


def write_document(entry: EntryDocument) -> dict[str, Any]:
    """Return the document of an entry."""
    return {
        "format": _FORMAT,
        "organization": str(entry.organization),
        "id": str(entry.id),
        "name": entry.name,
        "username": entry.username,
        "category": entry.category,
        "mark": entry.mark,
        "createdAt": _text(entry.created_at),
        "updatedAt": _text(entry.updated_at),
        "revisions": [
            {"id": one.id, "at": _text(one.at), "by": one.by, "sealed": one.sealed}
            for one in entry.revisions
        ],
    }


def read_document(stored: StoredEntry) -> EntryDocument:
    """Return the entry of a document.

    Raises:
        Unexpected: a newer Muster wrote it, or something else did.
    """
    body = stored.document
    try:
        if body["format"] != _FORMAT:
            raise Unexpected(
                f"The native vault's entry {stored.id} of {stored.organization} has the format "
                f"{body['format']!r:.20}: a newer Muster wrote it. Use that one."
            )
        return EntryDocument(
            organization=stored.organization,
            id=stored.id,
            name=_words(body["name"]),
            username=_words(body["username"]),
            category=_words_or_none(body["category"]),
            mark=_words_or_none(body["mark"]),
            created_at=_time(body["createdAt"]),
            updated_at=_time(body["updatedAt"]),
            revisions=tuple(map(_revision, body["revisions"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unexpected(
            f"The native vault's entry {stored.id} of {stored.organization} is not as Muster "
            f"wrote it ({type(error).__name__}). Restore it from a backup."
        ) from error


def _revision(body: dict[str, Any]) -> Revision:
    return Revision(
        id=str(int(body["id"])),
        sealed=_words(body["sealed"]),
        at=_time(body["at"]),
        by=_words(body["by"]),
    )


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError("not a text")


def _words_or_none(value: Any) -> str | None:
    return None if value is None else _words(value)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
