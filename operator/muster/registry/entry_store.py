"""The entries of native vaults in the registry's file. What is secret in them comes sealed."""

from __future__ import annotations

import json
from typing import Any

from muster.errors import Unexpected
from muster.model.names import RemoteId
from muster.ports import EntryStale, StoredEntry
from muster.registry.sqlite import SqliteRegistry

_COLUMNS = "SELECT organization, id, version, document FROM vault_entries"
_INSERT = """
    INSERT INTO vault_entries (vault, organization, id, version, document)
    VALUES (:vault, :organization, :id, :version, :document)
    ON CONFLICT DO NOTHING
"""
_UPDATE = """
    UPDATE vault_entries SET version = :version, document = :document
    WHERE vault = :vault AND organization = :organization AND id = :id AND version = :version - 1
"""


class SqliteEntryStore:
    """Implements `EntryStore` for one native vault, under the registry's lock."""

    def __init__(self, registry: SqliteRegistry, vault: str) -> None:
        self._registry = registry
        self._vault = vault

    def list_organizations(self) -> tuple[RemoteId, ...]:
        """Return every organization that has an entry, in the order of names."""
        query = "SELECT DISTINCT organization FROM vault_entries WHERE vault = ? ORDER BY 1"
        with self._registry.reading() as connection:
            return tuple(RemoteId(row[0]) for row in connection.execute(query, (self._vault,)))

    def list_entries(self, organization: RemoteId) -> tuple[StoredEntry, ...]:
        """Return every entry of the organization, in the order of ids."""
        return self._select("organization = ? ORDER BY id", organization)

    def find_entry(self, organization: RemoteId, entry: RemoteId) -> StoredEntry | None:
        """Return one entry."""
        found = self._select("organization = ? AND id = ?", organization, entry)
        return found[0] if found else None

    def put_entry(self, entry: StoredEntry) -> None:
        """Write an entry; it is on disk when this returns.

        Raises:
            EntryStale: another version is stored, or none.
            StateError: the disk is full, or the registry was opened for reading.
        """
        row = {
            "vault": self._vault,
            "organization": entry.organization,
            "id": entry.id,
            "version": entry.version,
            "document": json.dumps(entry.document, separators=(",", ":")),
        }
        with self._registry.writing() as connection:
            statement = _INSERT if entry.version == 1 else _UPDATE
            if connection.execute(statement, row).rowcount != 1:
                raise EntryStale(f"The entry {entry.id} of {entry.organization} was changed.")

    def _select(self, condition: str, *values: str) -> tuple[StoredEntry, ...]:
        query = f"{_COLUMNS} WHERE vault = ? AND {condition}"
        with self._registry.reading() as connection:
            rows = connection.execute(query, (self._vault, *values)).fetchall()
        return tuple(map(_entry, rows))


def _entry(row: tuple[Any, ...]) -> StoredEntry:
    organization, entry, version, text = row
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        return StoredEntry(
            organization=RemoteId(organization),
            id=RemoteId(entry),
            version=version,
            document=document,
        )
    # Outside the handler: a decoding error carries the whole text.
    raise Unexpected(
        f"The native vault's entry {entry} of {organization} is not as Muster wrote it. "
        "Restore the registry from a backup."
    )
