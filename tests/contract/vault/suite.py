"""What "a vault" means: every adapter of the port passes these tests.

Subclass `VaultContract` beside the adapter's own tests, and supply the `world` fixture: a
running vault with one adapter that speaks to it, and the means to seed it and to look inside.
"""

from __future__ import annotations

import logging
import traceback
from typing import Protocol

import pytest
from tests.contract.vault.any_vault import (
    FRESH,
    MARK,
    NAMES,
    PLANTED,
    AnyVault,
    AnyVaultWorld,
    draft,
    entries,
)

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
from muster.model.records import VaultEntry
from muster.model.secret import Secret
from muster.ports import Vault

PASSWORD_FAULTS = (ServerError(status=500), CutBody(), Throttle(retry_after=600), HtmlError())


class VaultWorld(AnyVaultWorld, Protocol):
    """A running vault behind HTTPS."""

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

    def writes(self) -> int:
        """Count the writes that took effect."""
        ...


class VaultContract(AnyVault):
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

    def test_a_bad_key_fails_the_check_with_advice(self, world: VaultWorld) -> None:
        """The check never raises; it says what to do."""
        checks = world.with_bad_key().check()
        assert not any(check.ok for check in checks)
        assert all(check.advice for check in checks)

    def test_the_check_survives_an_outage(self, world: VaultWorld) -> None:
        """Also a system that is gone is a line, not an exception."""
        world.faults.add(Disconnect(), times=-1)
        assert not any(check.ok for check in world.hasty.check())

    def test_each_write_of_a_password_is_a_revision(self, world: VaultWorld) -> None:
        """A vault that tells of revisions gives each write one of its own."""
        number = world.add_organization("Contoso")
        entry = world.add_entry(number, "Joan", username="jsmith", password=PLANTED)
        first, second = (world.vault.write_password(number, entry, Secret(FRESH)) for _ in range(2))
        assert (first is None and second is None) or first != second
