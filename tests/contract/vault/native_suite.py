"""What the native vault does, whatever its entries are kept in.

Subclass `NativeContract` beside a store's own tests and supply `open_store`, which opens the
same store each time, as another process would.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from muster.adapters.native_vault import NativeVaultAdapter
from muster.adapters.native_vault.vault import CATEGORIES
from muster.errors import Rejected
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, VaultCategory
from muster.model.secret import Secret
from muster.ports import EntryStale, EntryStore, StoredEntry
from muster.sealing import KeyRing, UnknownKey, new_key

OpenStore = Callable[[], EntryStore]

CONTOSO, FABRIKAM = RemoteId("contoso"), RemoteId("Fabrikam.Ltd_2")
MARK = "contoso/4f6d0c1e-0000-4000-8000-00000000abcd"
DRAFT = EntryDraft(name="Zoë Smith AD", username="CORP\\zoë", category=CATEGORIES[0], mark=MARK)
PLANTED = "planted-Secret-77"
OLD, NEW = new_key(), new_key()


class Clock:
    """Goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        self.now += timedelta(seconds=1)
        return self.now


def ring(*keys: Secret) -> KeyRing:
    """Return a ring of keys, the newest first."""
    return KeyRing.parse(Secret("\n".join(key.reveal() for key in keys)), "the ring")


def vault_of(store: EntryStore, *keys: Secret) -> NativeVaultAdapter:
    """Return a vault over a store."""
    return NativeVaultAdapter(store, ring(*(keys or (OLD,))), Clock(), author="tester")


def password_of(vault: NativeVaultAdapter, entry: RemoteId) -> str | None:
    """Return the password of an entry of Contoso as text."""
    found = vault.read_password(CONTOSO, entry)
    return found.reveal() if found else None


class NativeContract:
    """The tests."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Return what opens the store."""
        raise NotImplementedError

    @pytest.fixture
    def vault(self, open_store: OpenStore) -> NativeVaultAdapter:
        """Return an empty vault."""
        return vault_of(open_store())

    def test_an_entry_is_made_once_and_found_by_its_mark(self, open_store: OpenStore) -> None:
        """A create that is repeated, also by another process, makes no second entry."""
        made = {vault_of(open_store()).create_entry(CONTOSO, DRAFT) for _ in range(2)}
        (entry,) = vault_of(open_store()).list_entries(CONTOSO)
        assert made == {entry.id}
        assert (entry.name, entry.username) == ("Zoë Smith AD", "CORP\\zoë")
        assert (entry.category, entry.mark) == ("Active Directory", MARK)
        assert entry.usable
        assert entry.id.startswith("corp-zoe-")

    def test_organizations_are_apart(self, vault: NativeVaultAdapter) -> None:
        """An entry is listed, found and changed in its own organization only."""
        assert list(vault.list_organizations()) == []
        assert list(vault.list_entries(CONTOSO)) == []
        ours, theirs = (vault.create_entry(one, DRAFT) for one in (CONTOSO, FABRIKAM))
        assert sorted(one.id for one in vault.list_organizations()) == [FABRIKAM, CONTOSO]
        assert [one.id for one in vault.list_entries(FABRIKAM)] == [theirs]
        with pytest.raises(Rejected):
            vault.update_entry(CONTOSO, theirs, EntryChange(name="x"))
        with pytest.raises(Rejected):
            vault.write_password(FABRIKAM, ours, Secret(PLANTED))
        assert vault.find_organization(RemoteId("nobody")) is not None

    def test_a_change_reaches_the_named_fields_only(self, vault: NativeVaultAdapter) -> None:
        """What is not named stays, the password above all."""
        entry = vault.create_entry(CONTOSO, DRAFT)
        vault.write_password(CONTOSO, entry, Secret(PLANTED))
        vault.update_entry(CONTOSO, entry, EntryChange(username="zsmith"))
        (changed,) = vault.list_entries(CONTOSO)
        assert (changed.username, changed.name) == ("zsmith", "Zoë Smith AD")
        vault.update_entry(CONTOSO, entry, EntryChange(name="Z", category=CATEGORIES[1]))
        (changed,) = vault.list_entries(CONTOSO)
        assert (changed.name, changed.category) == ("Z", "Microsoft 365")
        assert (changed.username, changed.mark) == ("zsmith", MARK)
        assert password_of(vault, entry) == PLANTED

    def test_passwords_become_revisions(self, open_store: OpenStore) -> None:
        """The newest is read back; the same one again adds none; older ones say who and when."""
        vault = vault_of(open_store())
        entry = vault.create_entry(CONTOSO, DRAFT)
        assert password_of(vault, entry) is None
        written = [vault.write_password(CONTOSO, entry, Secret(p)) for p in ("a", PLANTED, PLANTED)]
        assert written == ["1", "2", "2"]
        again = vault_of(open_store())
        assert password_of(again, entry) == PLANTED
        found = again.find_entry(CONTOSO, entry)
        assert [(one.id, one.by) for one in found.revisions] == [("2", "tester"), ("1", "tester")]
        assert found.revisions[0].at > found.revisions[1].at
        assert again.open_revision(found, found.revisions[1]).reveal() == "a"
        assert vault.write_password(CONTOSO, entry, Secret("a")) == "3"

    def test_stale_writes_are_refused(self, open_store: OpenStore) -> None:
        """A put that does not follow the stored version changes nothing."""
        store = open_store()
        entry = StoredEntry(organization=CONTOSO, id=RemoteId("e1"), version=1, document={"n": 1})
        with pytest.raises(EntryStale):
            store.put_entry(_version(entry, 2))
        store.put_entry(entry)
        for stale in (1, 3):
            with pytest.raises(EntryStale):
                store.put_entry(_version(entry, stale))
        assert store.find_entry(CONTOSO, entry.id) == entry
        store.put_entry(_version(entry, 2))
        assert store.find_entry(CONTOSO, entry.id) == _version(entry, 2)

    def test_two_that_write_at_once_lose_nothing(self, open_store: OpenStore) -> None:
        """Each password becomes a revision of its own, whoever came first."""
        entry = vault_of(open_store()).create_entry(CONTOSO, DRAFT)
        passwords = ("a", "b", "c")

        def write(password: str) -> str | None:
            return vault_of(open_store()).write_password(CONTOSO, entry, Secret(password))

        with ThreadPoolExecutor(3) as pool:
            assert sorted(pool.map(write, passwords), key=str) == ["1", "2", "3"]
        vault = vault_of(open_store())
        found = vault.find_entry(CONTOSO, entry)
        assert {vault.open_revision(found, one).reveal() for one in found.revisions} == {*passwords}

    def test_resealing_frees_the_old_key(self, open_store: OpenStore) -> None:
        """After it the old key opens nothing and the new one all; a second time does nothing."""
        before = vault_of(open_store())
        entry = before.create_entry(CONTOSO, DRAFT)
        for password in ("a", PLANTED):
            before.write_password(CONTOSO, entry, Secret(password))
        rotating = vault_of(open_store(), NEW, OLD)
        assert [one.revisions for one in rotating.reseal()] == [2]
        assert [one.revisions for one in rotating.reseal()] == [0]
        assert password_of(vault_of(open_store(), NEW), entry) == PLANTED
        with pytest.raises(UnknownKey):
            before.read_password(CONTOSO, entry)

    def test_a_lost_key_stops_the_resealing_of_nothing_else(self, open_store: OpenStore) -> None:
        """What does not open is named and stays as it is; every other password is sealed anew."""
        lost, kept = new_key(), vault_of(open_store(), OLD)
        stuck = vault_of(open_store(), lost).create_entry(CONTOSO, DRAFT)
        vault_of(open_store(), lost).write_password(CONTOSO, stuck, Secret("a"))
        kept.write_password(CONTOSO, stuck, Secret(PLANTED))
        fine = kept.create_entry(FABRIKAM, DRAFT)
        kept.write_password(FABRIKAM, fine, Secret(PLANTED))
        done = {one.entry: one for one in vault_of(open_store(), NEW, OLD).reseal()}
        assert [done[one].revisions for one in (stuck, fine)] == [1, 1]
        assert "Revision 1: The key k1-" in done[stuck].problem
        assert done[fine].problem == ""
        assert password_of(vault_of(open_store(), NEW), stuck) == PLANTED
        (first,) = kept.find_entry(CONTOSO, stuck).revisions[1:]
        assert (
            vault_of(open_store(), lost)
            .open_revision(kept.find_entry(CONTOSO, stuck), first)
            .reveal()
            == "a"
        )

    def test_a_lost_key_does_not_stop_new_passwords(self, open_store: OpenStore) -> None:
        """The check says that a key is missing; the password that works is stored all the same."""
        entry = vault_of(open_store(), OLD).create_entry(CONTOSO, DRAFT)
        vault_of(open_store(), OLD).write_password(CONTOSO, entry, Secret("a"))
        vault = vault_of(open_store(), NEW)
        failed = [one for one in vault.check() if not one.ok]
        assert [one.name for one in failed] == ["entries"]
        assert failed[0].advice
        assert vault.write_password(CONTOSO, entry, Secret(PLANTED)) == "2"
        assert password_of(vault, entry) == PLANTED
        assert all(one.ok for one in vault_of(open_store(), NEW, OLD).check())

    @pytest.mark.parametrize("entry", ["nobody", "../../x", "", "a/b"])
    def test_an_unknown_entry_is_rejected(self, vault: NativeVaultAdapter, entry: str) -> None:
        """Any id that is none of ours, however it looks, is refused and leads nowhere."""
        with pytest.raises(Rejected, match="has no entry"):
            vault.write_password(CONTOSO, RemoteId(entry), Secret(PLANTED))

    def test_a_foreign_category_is_rejected(self, vault: NativeVaultAdapter) -> None:
        """Categories are fixed, and a refused create leaves nothing."""
        unknown = VaultCategory(id=RemoteId("1"), name="Gone")
        with pytest.raises(Rejected):
            vault.create_entry(
                CONTOSO, EntryDraft(name="x", username="x", category=unknown, mark=MARK)
            )
        assert list(vault.list_entries(CONTOSO)) == []


def _version(entry: StoredEntry, version: int) -> StoredEntry:
    return StoredEntry(
        organization=entry.organization,
        id=entry.id,
        version=version,
        document={"n": version},
    )
