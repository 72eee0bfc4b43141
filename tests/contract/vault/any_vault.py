"""What holds for every vault, wherever it keeps its entries: behind HTTPS, or in a store of ours.

Subclass `AnyVault` and supply the `world` fixture: a vault, and the means to seed it and to look
inside. What a vendor's vault can do wrong on the wire is the business of `suite`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import pytest

from muster.errors import RemoteError
from muster.model.names import RemoteId
from muster.model.records import EntryChange, EntryDraft, VaultCategory, VaultEntry
from muster.model.secret import Secret
from muster.ports import Vault

NAMES = (
    "Kestrel Dental, Inc",
    "Müller & Söhne",
    'Anne "Annie" O\'Brien',
    "株式会社 東",
    "100% + 1",
)
MARK = "contoso/4f6d0c1e-0000-4000-8000-00000000abcd"
PLANTED = "planted-Secret-77"
FRESH = 'fresh-Secret-ü"\\88'


class AnyVaultWorld(Protocol):
    """A vault, seeded and inspected behind the adapter's back."""

    @property
    def vault(self) -> Vault:
        """The adapter under test; where it has a read time-out, that is half a second."""
        ...

    def add_organization(self, name: str) -> RemoteId:
        """Add an organization."""
        ...

    def add_category(self, name: str) -> VaultCategory:
        """Add a category, or return the one that is there."""
        ...

    def add_entry(self, organization: RemoteId, name: str, **kind: Any) -> RemoteId:
        """Add an entry; `kind`: username, category, host_proof, personal, embedded, archived."""
        ...

    def stored(self, organization: RemoteId) -> list[Mapping[str, Any]]:
        """Return all that is stored of each entry, archived ones too, secrets and notes too."""
        ...

    def requests(self) -> int:
        """Count the requests until now."""
        ...


def draft(category: VaultCategory) -> EntryDraft:
    """Return a new entry."""
    return EntryDraft(name="Joan Smith AD", username="jsmith", category=category, mark=MARK)


def settled(entry: VaultEntry) -> VaultEntry:
    """Return an entry without the time of its last edit."""
    return replace(entry, updated_at=None)


def entries(world: AnyVaultWorld, organization: RemoteId) -> list[VaultEntry]:
    """Read an organization to its end."""
    return list(world.vault.list_entries(organization))


class AnyVault:
    """The tests."""

    @pytest.fixture
    def world(self) -> AnyVaultWorld:
        """Return a vault."""
        raise NotImplementedError

    def test_an_empty_organization_has_no_entries(self, world: AnyVaultWorld) -> None:
        """Nothing to list is an empty list."""
        assert entries(world, world.add_organization("Contoso")) == []

    @pytest.mark.parametrize("name", NAMES)
    def test_an_entry_is_translated(self, world: AnyVaultWorld, name: str) -> None:
        """Name, username and category come back letter by letter."""
        number = world.add_organization("Contoso")
        world.add_category("Active Directory")
        world.add_entry(number, name, username="CORP\\Zoë", category="Active Directory")
        (entry,) = entries(world, number)
        assert (entry.name, entry.username) == (name, "CORP\\Zoë")
        assert entry.category == "Active Directory"
        assert entry.usable
        assert entry.mark is None

    def test_a_created_entry_is_found_by_its_mark(self, world: AnyVaultWorld) -> None:
        """What was created can be recognized later, also by another process."""
        number = world.add_organization("Contoso")
        created = world.vault.create_entry(number, draft(world.add_category("Active Directory")))
        (entry,) = entries(world, number)
        assert (entry.id, entry.mark) == (created, MARK)
        assert (entry.name, entry.username) == ("Joan Smith AD", "jsmith")
        assert entry.category == "Active Directory"
        assert entry.usable

    def test_a_created_entry_has_no_password(self, world: AnyVaultWorld) -> None:
        """Muster does not know one, so it invents none."""
        number = world.add_organization("Contoso")
        world.vault.create_entry(number, draft(world.add_category("Active Directory")))
        (stored,) = world.stored(number)
        assert not stored["password"]

    def test_an_update_changes_the_named_fields_only(self, world: AnyVaultWorld) -> None:
        """Everything that is not named stays: secret, notes, category, other entries."""
        number = world.add_organization("Contoso")
        world.add_category("Active Directory")
        entry = world.add_entry(
            number, "Joan", username="old", category="Active Directory", password=PLANTED
        )
        world.add_entry(number, "Other", username="old", password=PLANTED)
        before = world.stored(number)
        world.vault.update_entry(number, entry, EntryChange(username="jsmith"))
        changed = {
            key
            for was, now in zip(before, world.stored(number), strict=True)
            for key in was
            if was[key] != now[key]
        }
        assert changed - {"updated-at", "updated_at"} == {"username"}
        assert {e.id: e.username for e in entries(world, number)}[entry] == "jsmith"

    def test_name_and_category_can_be_changed(self, world: AnyVaultWorld) -> None:
        """Every field of a change arrives."""
        number = world.add_organization("Contoso")
        category = world.add_category("Active Directory")
        entry = world.add_entry(number, "Joan", username="jsmith")
        world.vault.update_entry(
            number, entry, EntryChange(name="Joan Smith, AD", category=category)
        )
        (now,) = entries(world, number)
        assert (now.name, now.username) == ("Joan Smith, AD", "jsmith")
        assert now.category == "Active Directory"

    def test_an_empty_change_sends_nothing(self, world: AnyVaultWorld) -> None:
        """No change is no request."""
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan")
        before = world.requests()
        world.vault.update_entry(number, entry, EntryChange())
        assert world.requests() == before

    def test_another_organizations_entry_is_not_changed(self, world: AnyVaultWorld) -> None:
        """An update that names the wrong organization is refused and takes no effect."""
        ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
        entry = world.add_entry(theirs, "foreign", username="old")
        with pytest.raises(RemoteError):
            world.vault.update_entry(ours, entry, EntryChange(username="new"))
        assert world.stored(theirs)[0]["username"] == "old"

    def test_a_refused_create_leaves_nothing(self, world: AnyVaultWorld) -> None:
        """A category that does not exist is the vault's to refuse, and is no doubt."""
        number = world.add_organization("Contoso")
        unknown = VaultCategory(id=RemoteId("987654321"), name="Gone")
        with pytest.raises(RemoteError) as caught:
            world.vault.create_entry(number, draft(unknown))
        assert not caught.value.maybe_applied
        assert entries(world, number) == []

    def test_a_written_password_reads_back(self, world: AnyVaultWorld) -> None:
        """What is written is what is read; nothing else of the entry changes."""
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan", username="jsmith", password=PLANTED)
        world.add_entry(number, "Other", username="old", password=PLANTED)
        before = entries(world, number)
        first = world.vault.write_password(number, entry, Secret(FRESH))
        second = world.vault.write_password(number, entry, Secret(FRESH))
        assert (first is None) is (second is None)
        read = world.vault.read_password(number, entry)
        assert read is not None
        assert read.reveal() == FRESH
        stored = {row["name"]: row["password"] for row in world.stored(number)}
        assert stored == {"Joan": FRESH, "Other": PLANTED}
        assert [settled(one) for one in entries(world, number)] == [settled(one) for one in before]

    def test_an_entry_that_was_created_reads_no_password(self, world: AnyVaultWorld) -> None:
        """None says that there is no password, whatever the vault keeps in its place."""
        number = world.add_organization("Contoso")
        created = world.vault.create_entry(number, draft(world.add_category("Active Directory")))
        assert world.vault.read_password(number, created) is None

    def test_another_organizations_password_is_not_touched(self, world: AnyVaultWorld) -> None:
        """The wrong organization neither reads nor writes a password."""
        ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
        entry = world.add_entry(theirs, "foreign", password=PLANTED)
        with pytest.raises(RemoteError):
            world.vault.write_password(ours, entry, Secret(FRESH))
        with pytest.raises(RemoteError):
            world.vault.read_password(ours, entry)
        assert world.stored(theirs)[0]["password"] == PLANTED

    def test_no_password_reaches_us(self, world: AnyVaultWorld) -> None:
        """Neither what is listed nor what is checked holds a password."""
        number = world.add_organization("Contoso")
        world.add_entry(number, "Joan", username="jsmith", password=PLANTED)
        shown = repr(entries(world, number)) + repr(world.vault.check())
        assert PLANTED not in shown

    def test_a_good_key_passes_the_check(self, world: AnyVaultWorld) -> None:
        """Every line of the check is fine when the key has every right."""
        number = world.add_organization("Contoso")
        world.add_category("Active Directory")
        world.add_entry(number, "Joan", username="jsmith", password=PLANTED)
        checks = world.vault.check()
        assert checks
        assert [check for check in checks if not check.ok] == []
