"""IT Glue is a vault, and none of its traps is stepped into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest
import trustme
from tests.contract.vault.any_vault import MARK, PLANTED, draft, entries
from tests.contract.vault.suite import VaultContract

from muster.adapters.itglue import ItGlueVault
from muster.adapters.ownership_mark import mark_in
from muster.errors import AccessDenied, Rejected, SpecError, Unavailable, Unexpected
from muster.lab.faults import (
    CutBody,
    DropRows,
    FaultKind,
    Faults,
    ForeignNextLink,
    Meanwhile,
    ServerError,
)
from muster.lab.itglue import ItGlueKnobs, ItGlueLab, KeyRights
from muster.model.connections import ItGlue, SecretRef
from muster.model.names import RemoteId
from muster.model.records import EntryChange, VaultCategory
from muster.model.secret import Secret
from muster.transport.options import HttpOptions


class ItGlueWorld:
    """A simulated IT Glue and an adapter that speaks to it."""

    def __init__(self, lab: ItGlueLab, stack: ExitStack) -> None:
        self.lab = lab
        self._stack = stack
        self.vault = self.open(lab.key)

    @property
    def hasty(self) -> ItGlueVault:
        """Return an adapter that gives up soon."""
        return self.open(self.lab.key, retry_budget_s=0.1)

    def open(self, key: str, retry_budget_s: float = 1.4, remember_s: float = 900) -> ItGlueVault:
        """Return an adapter with a key."""
        settings = ItGlue(
            endpoint=self.lab.endpoint, api_key=SecretRef(name="it-glue", key="apiKey")
        )
        options = HttpOptions(
            budget_share=100,
            ca_pem=self.lab.ca.cert_pem.bytes().decode(),
            read_timeout_s=0.75,
            retry_budget_s=retry_budget_s,
            first_delay_s=0.02,
        )
        vault = ItGlueVault(settings, Secret(key), options, remember_s)
        self._stack.callback(vault.close)
        return vault

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.lab.faults

    def with_bad_key(self) -> ItGlueVault:
        """Return an adapter whose key is unknown."""
        return self.open("ITG.unknown")

    def add_organization(self, name: str) -> RemoteId:
        """Add an organization."""
        return RemoteId(self.lab.add_organization(name))

    def add_category(self, name: str) -> VaultCategory:
        """Add a category."""
        return VaultCategory(id=RemoteId(self.lab.add_category(name)), name=name)

    def add_entry(self, organization: RemoteId, name: str, **kind: Any) -> RemoteId:
        """Add an entry, of a special kind where asked."""
        if kind.pop("host_proof", False):
            kind["vault_id"] = 61
        if kind.pop("embedded", False):
            kind["resource_id"] = 77
        return RemoteId(self.lab.add_password(organization, name, **kind))

    def stored(self, organization: RemoteId) -> list[Mapping[str, Any]]:
        """Return all that the lab stores."""
        return list(self.lab.passwords(organization))

    def requests(self) -> int:
        """Count the requests."""
        return len(self.lab.requests)

    def writes(self) -> int:
        """Count the writes that took effect."""
        return self.lab.writes()


OpenWorld = Callable[[ItGlueKnobs], ItGlueWorld]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file; making one is slow."""
    return trustme.CA()


@pytest.fixture
def open_world(ca: trustme.CA) -> Iterator[OpenWorld]:
    """Return a function that starts an IT Glue with chosen quirks."""
    with ExitStack() as stack:

        def start(knobs: ItGlueKnobs) -> ItGlueWorld:
            return ItGlueWorld(stack.enter_context(ItGlueLab(ca=ca, knobs=knobs)), stack)

        yield start


@pytest.fixture
def world(open_world: OpenWorld) -> ItGlueWorld:
    """Return an IT Glue with its likeliest quirks."""
    return open_world(ItGlueKnobs())


class TestItGlue(VaultContract):
    """The contract."""

    @pytest.fixture
    def world(self, open_world: OpenWorld) -> ItGlueWorld:
        """Return an IT Glue."""
        return open_world(ItGlueKnobs())


def queries(world: ItGlueWorld, path: str) -> set[str]:
    """Return every query parameter that was sent to a path."""
    return {key for seen in world.lab.requests if seen.path == path for key in seen.query_keys}


def test_lists_never_ask_for_passwords(world: ItGlueWorld) -> None:
    """`show_password` is not sent on lists, and no entry is shown one by one."""
    number = world.add_organization("Contoso")
    world.add_entry(number, "Joan")
    entries(world, number)
    assert "show_password" not in queries(world, "/passwords")
    assert {seen.path for seen in world.lab.requests} == {"/passwords"}


def test_writes_do_not_ask_for_the_password_back(world: ItGlueWorld) -> None:
    """Every write says `show_password` and uses the route that names the organization."""
    number = world.add_organization("Contoso")
    entry = world.vault.create_entry(number, draft(world.add_category("Active Directory")))
    world.vault.update_entry(number, entry, EntryChange(name="Joan"))
    nested = f"/organizations/{number}/relationships/passwords"
    assert queries(world, nested) == {"show_password"}
    assert queries(world, f"{nested}/{entry}") == {"show_password"}


def test_notes_say_to_people_what_the_mark_is(world: ItGlueWorld) -> None:
    """A sentence comes first; the mark has its own line."""
    number = world.add_organization("Contoso")
    world.vault.create_entry(number, draft(world.add_category("Active Directory")))
    sentence, line = world.stored(number)[0]["notes"].split("\n")
    assert "Muster" in sentence
    assert line == f"[muster:{MARK}]"


@pytest.mark.parametrize(
    ("notes", "mark"),
    [
        (None, None),
        ("", None),
        ("router in the cellar", None),
        (f"x\n[muster:{MARK}]", MARK),
        (f"<p>x<br>[muster:{MARK}]</p>", MARK),
        (f"<p>[muster:{MARK.replace('/', '&#x2F;')}]</p>", MARK),
        (f"[muster:{MARK}] and again [muster:{MARK}]", MARK),
        (f"[muster:{MARK}] [muster:contoso/other]", None),
        ("[muster:]", None),
        ("[muster:no-slash]", None),
    ],
)
def test_the_mark_is_read_from_any_notes(notes: str | None, mark: str | None) -> None:
    """Plain or HTML, escaped or repeated; two different marks are none."""
    assert mark_in(notes) == mark


@pytest.mark.parametrize("status", [401, 403])
def test_a_bad_key_is_denied_whatever_status_it_gets(open_world: OpenWorld, status: int) -> None:
    """Both statuses mean the key when the key opens nothing."""
    world = open_world(ItGlueKnobs(bad_key_status=status))
    number = world.add_organization("Contoso")
    vault = world.with_bad_key()
    with pytest.raises(AccessDenied):
        vault.find_organization(number)
    with pytest.raises(AccessDenied):
        vault.create_entry(number, draft(world.add_category("Active Directory")))
    with pytest.raises(AccessDenied):
        vault.update_entry(number, RemoteId("1"), EntryChange(name="x"))


def test_an_organization_out_of_the_keys_reach_is_not_found(world: ItGlueWorld) -> None:
    """401 on one record is that record's, once the key has proved itself elsewhere."""
    ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
    key = world.lab.grant("ITG.narrow", KeyRights(organizations=frozenset({int(ours)})))
    vault = world.open(key)
    assert vault.find_organization(theirs) is None
    assert vault.find_organization(ours) is not None


def test_a_mismatched_entry_is_rejected_not_denied(world: ItGlueWorld) -> None:
    """One wrong pair of ids must not look like a bad key."""
    ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
    entry = world.add_entry(theirs, "foreign")
    with pytest.raises(Rejected, match="organization"):
        world.vault.update_entry(ours, entry, EntryChange(name="x"))


def test_a_key_without_password_access_reads_but_may_not_write(world: ItGlueWorld) -> None:
    """Lists work, writes are denied, and the check says which box to tick."""
    number = world.add_organization("Contoso")
    category = world.add_category("Active Directory")
    world.add_entry(number, "Joan", password=PLANTED)
    vault = world.open(world.lab.grant("ITG.reader", KeyRights(password_access=False)))
    assert len(list(vault.list_entries(number))) == 1
    with pytest.raises(AccessDenied, match="Password Access"):
        vault.create_entry(number, draft(category))
    failed = [check for check in vault.check() if not check.ok]
    assert [check.name for check in failed] == ["IT Glue Password Access"]
    assert "Password Access" in failed[0].advice


def test_the_check_never_opens_host_proof_or_personal_entries(world: ItGlueWorld) -> None:
    """With nothing else to try, the probe is left out and says so."""
    number = world.add_organization("Contoso")
    world.add_category("Active Directory")
    world.add_entry(number, "sealed", host_proof=True)
    world.add_entry(number, "mine", personal=True)
    assert all(check.ok for check in world.vault.check())
    assert not any(seen.path.startswith("/passwords/") for seen in world.lab.requests)


def test_a_category_that_a_person_adds_is_seen_without_a_restart(world: ItGlueWorld) -> None:
    """What is remembered grows old, so that a daemon follows the advice it gave."""
    vault = world.open(world.lab.key, remember_s=0)
    assert vault.list_categories() == ()
    category = world.add_category("Active Directory")
    assert vault.list_categories() == (category,)


def test_an_edit_between_two_pages_is_read_again(world: ItGlueWorld) -> None:
    """A row that appears or vanishes meanwhile costs a second walk, not a row."""
    number = world.add_organization("Contoso")
    ids = [world.add_entry(number, f"entry {n}") for n in range(1001)]
    world.faults.add(
        Meanwhile(action=lambda: world.lab.delete_password(ids[0])), path=r"page\[number\]=1"
    )
    assert {entry.id for entry in entries(world, number)} == set(ids[1:])


def test_a_row_that_is_missing_once_is_read_again(world: ItGlueWorld) -> None:
    """A page that was cut once is noticed by the count."""
    number = world.add_organization("Contoso")
    ids = {world.add_entry(number, f"entry {n}") for n in range(3)}
    world.faults.add(DropRows(count=2), method="GET")
    assert {entry.id for entry in entries(world, number)} == ids


@pytest.mark.parametrize("fault", [CutBody(), DropRows(), ServerError(status=504)], ids=str)
def test_trouble_on_the_third_page_loses_nothing(world: ItGlueWorld, fault: FaultKind) -> None:
    """A failure far into the list is survived like one at its start, and never shortens it."""
    number = world.add_organization("Contoso")
    ids = {world.add_entry(number, f"entry {n}") for n in range(2005)}
    world.faults.add(fault, path=r"page\[number\]=3")
    assert {entry.id for entry in entries(world, number)} == ids
    world.faults.add(fault, path=r"page\[number\]=3", times=-1)
    with pytest.raises(Unavailable):
        list(world.hasty.list_entries(number))


def test_every_walk_being_short_is_unavailable(world: ItGlueWorld) -> None:
    """The error names what was seen and what was counted."""
    number = world.add_organization("Contoso")
    for n in range(3):
        world.add_entry(number, f"entry {n}")
    world.faults.add(DropRows(count=2), method="GET", times=-1)
    with pytest.raises(Unavailable, match="showed 1 rows but counts 3"):
        entries(world, number)


def test_a_next_link_to_another_host_is_refused(world: ItGlueWorld) -> None:
    """The list is not continued elsewhere, and not cut either."""
    number = world.add_organization("Contoso")
    for n in range(1001):
        world.add_entry(number, f"entry {n}")
    world.faults.add(ForeignNextLink(), method="GET", times=-1)
    with pytest.raises(Unexpected, match="another place"):
        entries(world, number)
    assert world.requests() == 1


@pytest.mark.parametrize("number", ["", "12,13", "1/../2", "abc", "１２"])
def test_an_id_that_is_no_number_is_never_sent(world: ItGlueWorld, number: str) -> None:
    """A comma would mean "or", a slash another path: such ids are the resources' fault."""
    with pytest.raises(SpecError):
        entries(world, RemoteId(number))
    with pytest.raises(SpecError):
        world.vault.find_organization(RemoteId(number))
    assert world.requests() == 0


@pytest.mark.parametrize("key", ["", "ITG.a b", "ITG.abc\n", "ITG.ключ"])
def test_a_key_that_cannot_be_one_is_refused_unseen(world: ItGlueWorld, key: str) -> None:
    """The error does not repeat the value."""
    with pytest.raises(SpecError) as caught:
        world.open(key)
    assert not key or key not in str(caught.value)


def test_a_vault_that_demands_a_password_rejects_plainly(open_world: OpenWorld) -> None:
    """If IT Glue wants a password after all, its own words reach the person."""
    world = open_world(ItGlueKnobs(password_required=True))
    number = world.add_organization("Contoso")
    with pytest.raises(Rejected, match="can't be blank"):
        world.vault.create_entry(number, draft(world.add_category("Active Directory")))


def test_a_write_names_the_revision_that_it_made(world: ItGlueWorld) -> None:
    """Each write has its own; when IT Glue does not say which, the write counts all the same."""
    number = world.add_organization("Contoso")
    entry = world.add_entry(number, "Joan", password=PLANTED)
    first = world.vault.write_password(number, entry, Secret("one"))
    second = world.vault.write_password(number, entry, Secret("two"))
    assert first is not None
    assert second is not None
    assert int(first) < int(second)
    world.faults.add(ServerError(status=500), method="GET", times=-1)
    assert world.hasty.write_password(number, entry, Secret("three")) is None
    assert world.stored(number)[0]["password"] == "three"


def test_passwords_of_host_proof_entries_are_neither_read_nor_written(world: ItGlueWorld) -> None:
    """Only people's browsers can decrypt them; both answers are plain refusals."""
    number = world.add_organization("Contoso")
    entry = world.add_entry(number, "sealed", host_proof=True)
    with pytest.raises(Rejected, match="host-proof"):
        world.vault.read_password(number, entry)
    with pytest.raises(Rejected, match="Vaulted"):
        world.vault.write_password(number, entry, Secret("x"))


def test_a_password_that_is_left_out_is_not_taken_for_none(world: ItGlueWorld) -> None:
    """A key without Password Access is shown entries without that attribute: access denied."""
    number = world.add_organization("Contoso")
    entry = world.add_entry(number, "Joan", password=PLANTED)
    vault = world.open(world.lab.grant("ITG.reader", KeyRights(password_access=False)))
    with pytest.raises(AccessDenied, match="Password Access"):
        vault.read_password(number, entry)
    with pytest.raises(AccessDenied, match="Password Access"):
        vault.write_password(number, entry, Secret("x"))
    assert world.stored(number)[0]["password"] == PLANTED


def test_an_empty_password_is_none(world: ItGlueWorld) -> None:
    """An entry that holds nothing has no password that could be compared or shown."""
    number = world.add_organization("Contoso")
    entry = world.add_entry(number, "Joan", password="")
    assert world.vault.read_password(number, entry) is None


def test_an_edit_is_told_of_a_password_that_can_be_followed(world: ItGlueWorld) -> None:
    """When it was set; not of an entry that is gone, archived, or opened by people only."""
    ours, theirs = world.add_organization("Contoso"), world.add_organization("Fabrikam")
    entry = world.add_entry(ours, "Joan", password=PLANTED)
    world.vault.write_password(ours, entry, Secret("x"))
    found = world.vault.find_edit(ours, entry)
    (stored,) = world.stored(ours)
    assert found is not None
    assert found.at == datetime.fromisoformat(stored["password-updated-at"])
    world.vault.update_entry(ours, entry, EntryChange(name="Joan Smith"))
    assert world.vault.find_edit(ours, entry) == found
    world.lab.edit_password(entry, archived=True)
    assert world.vault.find_edit(ours, entry) is None
    for kind in ("host_proof", "personal", "embedded"):
        assert world.vault.find_edit(ours, world.add_entry(ours, kind, **{kind: True})) is None
    assert world.vault.find_edit(ours, RemoteId("999999999")) is None
    with pytest.raises(Rejected):
        world.vault.find_edit(theirs, entry)


def test_only_the_secret_is_sent_and_its_date_moves(world: ItGlueWorld) -> None:
    """Notes, category and name stay; `password-updated-at` says when the password was set."""
    number = world.add_organization("Contoso")
    entry = world.add_entry(number, "Joan", notes="router", category="Active Directory")
    (before,) = world.stored(number)
    world.vault.write_password(number, entry, Secret("x"))
    (after,) = world.stored(number)
    changed = {key for key in before if before[key] != after[key]}
    assert changed - {"updated-at"} == {"password", "password-updated-at"}
