"""What "a vault" means: every adapter of the port passes these tests.

Subclass `VaultContract` beside the adapter's own tests, and supply the `world` fixture: a
running vault with one adapter that speaks to it, and the means to seed it and to look inside.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import pytest

from muster.errors import AccessDenied, RateLimited, RemoteError, Unavailable, Unexpected
from muster.lab.faults import (
    CutBody,
    Disconnect,
    DropRows,
    FaultKind,
    Faults,
    HtmlError,
    LostReply,
    ServerError,
    Slow,
    Throttle,
    WrongRow,
)
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
PASSWORD_FAULTS = (ServerError(status=500), CutBody(), Throttle(retry_after=600), HtmlError())


class VaultWorld(Protocol):
    """A running vault, seeded and inspected behind the adapter's back."""

    @property
    def vault(self) -> Vault:
        """The adapter under test; its read time-out is half a second."""
        ...

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        ...

    @property
    def hasty(self) -> Vault:
        """Another adapter, whose retry budget is spent after the first failures."""
        ...

    def with_bad_key(self) -> Vault:
        """Return an adapter whose key is not accepted."""
        ...

    def add_organization(self, name: str) -> RemoteId:
        """Add an organization."""
        ...

    def add_category(self, name: str) -> VaultCategory:
        """Add a category."""
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

    def writes(self) -> int:
        """Count the writes that took effect."""
        ...


def draft(category: VaultCategory) -> EntryDraft:
    """Return a new entry."""
    return EntryDraft(name="Joan Smith AD", username="jsmith", category=category, mark=MARK)


def settled(entry: VaultEntry) -> VaultEntry:
    """Return an entry without the time of its last edit."""
    return replace(entry, updated_at=None)


def entries(world: VaultWorld, organization: RemoteId) -> list[VaultEntry]:
    """Read an organization to its end."""
    return list(world.vault.list_entries(organization))


class VaultContract:
    """The tests."""

    @pytest.fixture
    def world(self) -> VaultWorld:
        """Return a running vault."""
        raise NotImplementedError

    def test_every_organization_is_listed(self, world: VaultWorld) -> None:
        """Names need not be unique, and may hold anything."""
        ids = [world.add_organization(name) for name in (*NAMES, NAMES[0])]
        listed = list(world.vault.list_organizations())
        assert sorted(o.id for o in listed) == sorted(ids)
        assert sorted(o.name for o in listed) == sorted((*NAMES, NAMES[0]))

    @pytest.mark.parametrize("name", NAMES)
    def test_an_organization_is_found_by_id(self, world: VaultWorld, name: str) -> None:
        """What is found is the organization of that id, whatever its name."""
        number = world.add_organization(name)
        found = world.vault.find_organization(number)
        assert found is not None
        assert (found.id, found.name) == (number, name)

    def test_an_unknown_organization_is_none(self, world: VaultWorld) -> None:
        """What the vault says not to exist is None, not an error."""
        world.add_organization("Contoso")
        assert world.vault.find_organization(RemoteId("999999999")) is None

    def test_an_outage_is_not_a_missing_organization(self, world: VaultWorld) -> None:
        """None is only ever the vault's own word."""
        number = world.add_organization("Contoso")
        world.faults.add(HtmlError(status=404), times=-1)
        with pytest.raises(RemoteError):
            world.vault.find_organization(number)

    def test_a_bad_key_is_not_a_missing_organization(self, world: VaultWorld) -> None:
        """A key that is not accepted is access denied, for every read."""
        number = world.add_organization("Contoso")
        vault = world.with_bad_key()
        with pytest.raises(AccessDenied):
            vault.find_organization(number)
        with pytest.raises(AccessDenied):
            list(vault.list_entries(number))

    def test_a_bad_key_reads_no_categories(self, world: VaultWorld) -> None:
        """A list that cannot be read is not an empty one."""
        with pytest.raises(AccessDenied):
            world.with_bad_key().list_categories()

    def test_categories_are_read_once(self, world: VaultWorld) -> None:
        """They are remembered for some minutes."""
        category = world.add_category("Active Directory")
        assert world.vault.list_categories() == (category,)
        before = world.requests()
        assert world.vault.list_categories() == (category,)
        assert world.requests() == before

    def test_only_the_organizations_own_live_entries_are_listed(self, world: VaultWorld) -> None:
        """Other organizations' entries and archived ones are not there."""
        ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
        live = world.add_entry(ours, "live", username="jsmith")
        world.add_entry(ours, "archived", username="jsmith", archived=True)
        world.add_entry(theirs, "foreign", username="jsmith")
        assert [entry.id for entry in entries(world, ours)] == [live]

    def test_an_empty_organization_has_no_entries(self, world: VaultWorld) -> None:
        """Nothing to list is an empty list."""
        assert entries(world, world.add_organization("Contoso")) == []

    @pytest.mark.parametrize("name", NAMES)
    def test_an_entry_is_translated(self, world: VaultWorld, name: str) -> None:
        """Name, username and category come back letter by letter."""
        number = world.add_organization("Contoso")
        world.add_category("Active Directory")
        world.add_entry(number, name, username="CORP\\Zoë", category="Active Directory")
        (entry,) = entries(world, number)
        assert (entry.name, entry.username) == (name, "CORP\\Zoë")
        assert entry.category == "Active Directory"
        assert entry.usable
        assert entry.mark is None

    def test_an_entry_without_username_and_category_says_none(self, world: VaultWorld) -> None:
        """What is not there is None."""
        number = world.add_organization("Contoso")
        world.add_entry(number, "bare")
        (entry,) = entries(world, number)
        assert (entry.username, entry.category) == (None, None)

    @pytest.mark.parametrize("kind", ["host_proof", "personal", "embedded"])
    def test_an_unusable_entry_says_so(self, world: VaultWorld, kind: str) -> None:
        """Entries that Muster must not touch are listed, and marked as such."""
        number = world.add_organization("Contoso")
        world.add_entry(number, "special", username="jsmith", **{kind: True})
        (entry,) = entries(world, number)
        assert getattr(entry, kind)
        assert not entry.usable

    def test_more_entries_than_one_page_holds_are_all_listed(self, world: VaultWorld) -> None:
        """A list is read to its end, each entry once."""
        number = world.add_organization("Contoso")
        ids = {world.add_entry(number, f"entry {n}", username=f"user{n}") for n in range(1201)}
        listed = [entry.id for entry in entries(world, number)]
        assert len(listed) == 1201
        assert set(listed) == ids

    def test_a_created_entry_is_found_by_its_mark(self, world: VaultWorld) -> None:
        """What was created can be recognized later, also by another process."""
        number = world.add_organization("Contoso")
        created = world.vault.create_entry(number, draft(world.add_category("Active Directory")))
        (entry,) = entries(world, number)
        assert (entry.id, entry.mark) == (created, MARK)
        assert (entry.name, entry.username) == ("Joan Smith AD", "jsmith")
        assert entry.category == "Active Directory"
        assert entry.usable

    def test_a_created_entry_has_no_password(self, world: VaultWorld) -> None:
        """Muster does not know one, so it invents none."""
        number = world.add_organization("Contoso")
        world.vault.create_entry(number, draft(world.add_category("Active Directory")))
        (stored,) = world.stored(number)
        assert not stored["password"]

    def test_an_update_changes_the_named_fields_only(self, world: VaultWorld) -> None:
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

    def test_name_and_category_can_be_changed(self, world: VaultWorld) -> None:
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

    def test_an_empty_change_sends_nothing(self, world: VaultWorld) -> None:
        """No change is no request."""
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan")
        before = world.requests()
        world.vault.update_entry(number, entry, EntryChange())
        assert world.requests() == before

    def test_another_organizations_entry_is_not_changed(self, world: VaultWorld) -> None:
        """An update that names the wrong organization is refused and takes no effect."""
        ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
        entry = world.add_entry(theirs, "foreign", username="old")
        with pytest.raises(RemoteError):
            world.vault.update_entry(ours, entry, EntryChange(username="new"))
        assert world.stored(theirs)[0]["username"] == "old"

    @pytest.mark.parametrize(
        "fault",
        [
            ServerError(status=500),
            ServerError(status=503),
            HtmlError(status=502),
            Throttle(),
            Throttle(html=True),
            Throttle(retry_after=1),
            CutBody(),
            Disconnect(),
            LostReply(),
            Slow(delay_s=0.9),
        ],
        ids=str,
    )
    def test_a_list_survives_one_failure(self, world: VaultWorld, fault: FaultKind) -> None:
        """A passing failure changes nothing about what is read."""
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan")
        world.faults.add(fault, method="GET")
        assert [e.id for e in entries(world, number)] == [entry]
        assert world.faults.pending == ()

    @pytest.mark.parametrize(
        "fault",
        [ServerError(status=500), HtmlError(status=502), CutBody(), Disconnect(), DropRows()],
        ids=str,
    )
    def test_a_list_that_cannot_be_read_whole_yields_nothing(
        self, world: VaultWorld, fault: FaultKind
    ) -> None:
        """A lasting failure is an error, never a shorter list."""
        number = world.add_organization("Contoso")
        for n in range(3):
            world.add_entry(number, f"entry {n}")
        world.faults.add(fault, method="GET", times=-1)
        listed: list[VaultEntry] = []
        with pytest.raises(Unavailable):
            listed.extend(world.hasty.list_entries(number))
        assert listed == []

    def test_a_foreign_row_is_an_error(self, world: VaultWorld) -> None:
        """A row of another organization means that the answer cannot be trusted at all."""
        number = world.add_organization("Contoso")
        world.add_entry(number, "ours")
        world.add_entry(world.add_organization("Fabrikam"), "theirs")
        world.faults.add(WrongRow(), method="GET", times=-1)
        with pytest.raises(Unexpected):
            entries(world, number)

    def test_a_long_throttle_is_handed_on(self, world: VaultWorld) -> None:
        """Beyond the retry budget the caller learns how long to wait."""
        number = world.add_organization("Contoso")
        world.faults.add(Throttle(retry_after=600), method="GET", times=-1)
        with pytest.raises(RateLimited) as caught:
            entries(world, number)
        assert caught.value.delay_s == 600

    @pytest.mark.parametrize("fault", [LostReply(), CutBody()], ids=str)
    def test_a_create_whose_reply_is_lost_is_not_repeated(
        self, world: VaultWorld, fault: FaultKind
    ) -> None:
        """The error says that it may exist; looking finds it once, by its mark."""
        number = world.add_organization("Contoso")
        category = world.add_category("Active Directory")
        world.faults.add(fault, method="POST")
        with pytest.raises(Unavailable) as caught:
            world.vault.create_entry(number, draft(category))
        assert caught.value.maybe_applied
        assert world.writes() == 1
        assert [entry.mark for entry in entries(world, number)] == [MARK]

    def test_a_throttled_create_is_sent_again(self, world: VaultWorld) -> None:
        """What was refused unprocessed happens once in the end."""
        number = world.add_organization("Contoso")
        category = world.add_category("Active Directory")
        world.faults.add(Throttle(), method="POST")
        world.vault.create_entry(number, draft(category))
        assert len(entries(world, number)) == 1

    def test_a_refused_create_leaves_nothing(self, world: VaultWorld) -> None:
        """A category that does not exist is the vault's to refuse, and is no doubt."""
        number = world.add_organization("Contoso")
        unknown = VaultCategory(id=RemoteId("987654321"), name="Gone")
        with pytest.raises(RemoteError) as caught:
            world.vault.create_entry(number, draft(unknown))
        assert not caught.value.maybe_applied
        assert entries(world, number) == []

    def test_a_written_password_reads_back(self, world: VaultWorld) -> None:
        """What is written is what is read; nothing else of the entry changes."""
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan", username="jsmith", password=PLANTED)
        world.add_entry(number, "Other", username="old", password=PLANTED)
        before = entries(world, number)
        first = world.vault.write_password(number, entry, Secret(FRESH))
        second = world.vault.write_password(number, entry, Secret(FRESH))
        assert (first is None and second is None) or first != second
        read = world.vault.read_password(number, entry)
        assert read is not None
        assert read.reveal() == FRESH
        stored = {row["name"]: row["password"] for row in world.stored(number)}
        assert stored == {"Joan": FRESH, "Other": PLANTED}
        assert [settled(one) for one in entries(world, number)] == [settled(one) for one in before]

    def test_an_entry_that_was_created_reads_no_password(self, world: VaultWorld) -> None:
        """None says that there is no password, whatever the vault keeps in its place."""
        number = world.add_organization("Contoso")
        created = world.vault.create_entry(number, draft(world.add_category("Active Directory")))
        assert world.vault.read_password(number, created) is None

    def test_another_organizations_password_is_not_touched(self, world: VaultWorld) -> None:
        """The wrong organization neither reads nor writes a password."""
        ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
        entry = world.add_entry(theirs, "foreign", password=PLANTED)
        with pytest.raises(RemoteError):
            world.vault.write_password(ours, entry, Secret(FRESH))
        with pytest.raises(RemoteError):
            world.vault.read_password(ours, entry)
        assert world.stored(theirs)[0]["password"] == PLANTED

    def test_a_password_whose_reply_is_lost_may_be_written(self, world: VaultWorld) -> None:
        """The error says so, and reading settles it."""
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan", password=PLANTED)
        for method in ("PUT", "PATCH", "POST"):
            world.faults.add(LostReply(), method=method, times=-1)
        with pytest.raises(Unavailable) as caught:
            world.hasty.write_password(number, entry, Secret(FRESH))
        assert caught.value.maybe_applied
        world.faults.clear()
        read = world.vault.read_password(number, entry)
        assert read is not None
        assert read.reveal() == FRESH

    @pytest.mark.parametrize("fault", PASSWORD_FAULTS, ids=str)
    def test_no_password_is_in_an_error_or_a_log(
        self, world: VaultWorld, fault: FaultKind, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither the old password nor the new one, in no error of the chain and no log line."""
        caplog.set_level(logging.DEBUG)
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan", password=PLANTED)
        world.faults.add(fault, times=-1)
        shown = []
        for act in (
            lambda: world.hasty.write_password(number, entry, Secret(FRESH)),
            lambda: world.hasty.read_password(number, entry),
        ):
            with pytest.raises(RemoteError) as caught:
                act()
            shown.append("".join(traceback.format_exception(caught.value)))
        text = "".join(shown) + caplog.text + repr(world.vault) + repr(vars(world.vault))
        assert PLANTED not in text
        assert FRESH not in text

    def test_no_password_reaches_us(self, world: VaultWorld) -> None:
        """Neither what is listed nor what is checked holds a password."""
        number = world.add_organization("Contoso")
        world.add_entry(number, "Joan", username="jsmith", password=PLANTED)
        shown = repr(entries(world, number)) + repr(world.vault.check())
        assert PLANTED not in shown

    def test_a_good_key_passes_the_check(self, world: VaultWorld) -> None:
        """Every line of the check is fine when the key has every right."""
        number = world.add_organization("Contoso")
        world.add_category("Active Directory")
        world.add_entry(number, "Joan", username="jsmith", password=PLANTED)
        checks = world.vault.check()
        assert checks
        assert [check for check in checks if not check.ok] == []

    def test_a_bad_key_fails_the_check_with_advice(self, world: VaultWorld) -> None:
        """The check never raises; it says what to do."""
        checks = world.with_bad_key().check()
        assert not any(check.ok for check in checks)
        assert all(check.advice for check in checks)

    def test_the_check_survives_an_outage(self, world: VaultWorld) -> None:
        """Also a system that is gone is a line, not an exception."""
        world.faults.add(Disconnect(), times=-1)
        assert not any(check.ok for check in world.hasty.check())
