"""The native vault is a vault, by the statements that hold for any, in two of its stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trustme
from tests.contract.vault.any_vault import MARK, AnyVault
from tests.contract.vault.native_suite import vault_of

from muster.adapters.native_vault.document import read_document, write_document
from muster.adapters.native_vault.key_value import KeyValueStore
from muster.adapters.native_vault.vault import CATEGORIES
from muster.lab.key_value import KeyValueLab
from muster.model.connections import KeyValue2, SecretRef
from muster.model.names import RemoteId
from muster.model.records import EntryDraft, VaultCategory
from muster.model.secret import Secret
from muster.ports import EntryStore, StoredEntry
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.transport.options import HttpOptions


class CountingStore:
    """Another store, with a count of what it was asked."""

    def __init__(self, store: EntryStore) -> None:
        self._store = store
        self.asked = 0

    def list_organizations(self) -> tuple[RemoteId, ...]:
        """Pass it on."""
        self.asked += 1
        return self._store.list_organizations()

    def list_entries(self, organization: RemoteId) -> tuple[StoredEntry, ...]:
        """Pass it on."""
        self.asked += 1
        return self._store.list_entries(organization)

    def find_entry(self, organization: RemoteId, entry: RemoteId) -> StoredEntry | None:
        """Pass it on."""
        self.asked += 1
        return self._store.find_entry(organization, entry)

    def put_entry(self, entry: StoredEntry) -> None:
        """Pass it on."""
        self.asked += 1
        self._store.put_entry(entry)


class NativeWorld:
    """A native vault; a second adapter over the same store seeds it and looks inside."""

    def __init__(self, store: EntryStore) -> None:
        self._counting = CountingStore(store)
        self._store = store
        self._other = vault_of(store)
        self.vault = vault_of(self._counting)

    def add_organization(self, name: str) -> RemoteId:
        """Return an id for it: every id is an organization."""
        return RemoteId(name.lower())

    def add_category(self, name: str) -> VaultCategory:
        """Return the category, which is always there."""
        return next(one for one in CATEGORIES if one.name == name)

    def add_entry(self, organization: RemoteId, name: str, **kind: Any) -> RemoteId:
        """Add an entry as if somebody else had made it: without a mark."""
        username = kind.get("username", "")
        draft = EntryDraft(
            name=name, username=username, category=CATEGORIES[0], mark=f"{MARK}/{name}"
        )
        entry = self._other.create_entry(organization, draft)
        stored = self._store.find_entry(organization, entry)
        assert stored is not None
        bare = replace(read_document(stored), mark=None, category=kind.get("category"))
        self._store.put_entry(
            replace(stored, version=stored.version + 1, document=write_document(bare))
        )
        if password := kind.get("password"):
            self._other.write_password(organization, entry, Secret(password))
        return entry

    def stored(self, organization: RemoteId) -> list[Mapping[str, Any]]:
        """Return the fields of each entry, with the password as it opens."""
        found: list[Mapping[str, Any]] = []
        for stored in self._store.list_entries(organization):
            secret = self._other.read_password(organization, stored.id)
            fields = {"name", "username", "category", "mark", "createdAt", "id"}
            plain = {key: value for key, value in stored.document.items() if key in fields}
            found.append({**plain, "password": secret and secret.reveal()})
        return found

    def requests(self) -> int:
        """Count what the store was asked."""
        return self._counting.asked


@pytest.fixture(scope="module")
def lab() -> Iterator[KeyValueLab]:
    """One engine for all tests, each with a vault of its own in it; to stop one is slow."""
    with KeyValueLab(ca=trustme.CA(), cas_required=True) as running:
        yield running


class TestInTheRegistry(AnyVault):
    """In the registry's file."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[NativeWorld]:
        """Return a vault over a new registry."""
        with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
            yield NativeWorld(SqliteEntryStore(registry, "native"))


class TestInAKeyValueEngine(AnyVault):
    """In a simulated engine, through its client library."""

    @pytest.fixture
    def world(self, lab: KeyValueLab) -> Iterator[NativeWorld]:
        """Return a new vault in the engine."""
        store = KeyValueStore(
            KeyValue2(endpoint=lab.endpoint, token=SecretRef(name="bao", key="token")),
            vault=f"native-{uuid4()}",
            token=Secret(lab.token),
            ca_pem=lab.ca.cert_pem.bytes().decode(),
            options=HttpOptions(retry_budget_s=0.3, first_delay_s=0.01, read_timeout_s=2),
        )
        yield NativeWorld(store)
        store.close()
