"""Hudu is a vault; where it differs from the others, the statement is made anew here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import trustme
from tests.contract.vault.any_vault import MARK, NAMES, AnyVaultWorld, draft, entries
from tests.contract.vault.hudu_world import HuduWorld
from tests.contract.vault.suite import VaultContract, VaultWorld

from muster.adapters.hudu.entries import TYPES, UNKNOWN_PASSWORD
from muster.errors import Rejected, Unavailable
from muster.lab.faults import CutBody, Disconnect, FaultKind, HtmlError, ServerError
from muster.lab.hudu import HuduKnobs, HuduLab
from muster.model.names import RemoteId
from muster.model.records import EntryDraft, VaultCategory, VaultEntry


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file; making one is slow."""
    return trustme.CA()


class TestHudu(VaultContract):
    """The contract."""

    @pytest.fixture
    def world(self, ca: trustme.CA) -> Iterator[HuduWorld]:
        """Return a Hudu with its likeliest quirks."""
        with ExitStack() as stack:
            lab = HuduLab(ca=ca, knobs=HuduKnobs(requests_per_window=None))
            yield HuduWorld(stack.enter_context(lab), stack)

    def test_every_organization_is_listed(self, world: VaultWorld) -> None:
        """Names may hold anything; Hudu keeps them unique."""
        ids = [world.add_organization(name) for name in NAMES]
        listed = list(world.vault.list_organizations())
        assert sorted(o.id for o in listed) == sorted(ids)
        assert sorted(o.name for o in listed) == sorted(NAMES)

    def test_a_bad_key_reads_no_categories(self, world: VaultWorld) -> None:
        """Types are no records of Hudu's, so that no key is needed and no request is made."""
        assert world.with_bad_key().list_categories() == world.vault.list_categories()
        assert world.requests() == 0

    def test_categories_are_read_once(self, world: VaultWorld) -> None:
        """The usual types are always there; another one is once an entry with it was listed."""
        usual = tuple(VaultCategory(id=RemoteId(name), name=name) for name in TYPES)
        assert world.vault.list_categories() == usual
        number = world.add_organization("Contoso")
        world.add_entry(number, "router", category="Network Device")
        world.add_entry(number, "typed by hand", category="active directory ")
        entries(world, number)
        router = VaultCategory(id=RemoteId("Network Device"), name="Network Device")
        assert world.vault.list_categories() == (*usual, router)

    @pytest.mark.parametrize("kind", ["embedded"])
    def test_an_unusable_entry_says_so(self, world: VaultWorld, kind: str) -> None:
        """An entry that hangs on an asset is marked as such; there are no other kinds."""
        super().test_an_unusable_entry_says_so(world, kind)

    def test_a_created_entry_has_no_password(self, world: AnyVaultWorld) -> None:
        """Hudu refuses a blank one, so words stand there that nobody takes for a password."""
        number = world.add_organization("Contoso")
        world.vault.create_entry(number, draft(world.add_category("Active Directory")))
        (stored,) = world.stored(number)
        assert stored["password"] == UNKNOWN_PASSWORD
        assert stored["in_portal"] is False

    @pytest.mark.parametrize(
        "fault",
        [ServerError(status=500), HtmlError(status=502), CutBody(), Disconnect()],
        ids=str,
    )
    def test_a_list_that_cannot_be_read_whole_yields_nothing(
        self, world: VaultWorld, fault: FaultKind
    ) -> None:
        """A lasting failure is an error. Rows that miss from one short page nobody can notice."""
        number = world.add_organization("Contoso")
        for n in range(3):
            world.add_entry(number, f"entry {n}")
        world.faults.add(fault, method="GET", times=-1)
        listed: list[VaultEntry] = []
        with pytest.raises(Unavailable):
            listed.extend(world.hasty.list_entries(number))
        assert listed == []

    def test_a_refused_create_leaves_nothing(self, world: AnyVaultWorld) -> None:
        """Any type may be written, so what is refused here is an entry without a name."""
        number = world.add_organization("Contoso")
        nameless = EntryDraft(
            name="", username="jsmith", category=world.add_category("X"), mark=MARK
        )
        with pytest.raises(Rejected, match="blank") as caught:
            world.vault.create_entry(number, nameless)
        assert not caught.value.maybe_applied
        assert entries(world, number) == []
