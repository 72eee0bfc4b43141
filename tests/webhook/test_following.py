"""An edit in IT Glue reaches the directory once; what is repeated, forged or our own does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.audit import FileSink, Trail, verify
from muster.errors import SpecError
from muster.following import Edited, Followed, FollowState, follow_edit
from muster.lab.lab import Lab
from muster.model.accounts import AccountRecord
from muster.model.names import LINKED_STATES, AccountType, Mode, RemoteId
from muster.model.reasons import Reason
from muster.model.settings import Desired
from muster.reconcile import reconcile
from muster.registry.sqlite import SqliteRegistry
from muster.resources import load_estate
from muster.transport.options import HttpOptions

NEW = "Freshly-Chosen-77-words"


@dataclass(slots=True)
class World:
    """A customer of the lab whose policy follows edits, kept and linked."""

    lab: Lab
    desired: Desired
    assembly: Assembly
    registry: SqliteRegistry
    folder: Path
    minutes: int = 0
    seconds: int = 0

    def now(self) -> datetime:
        """Return the time that IT Glue's clock shows."""
        # Whole seconds are told, so that two edits need a second between them.
        return datetime.now(UTC) + timedelta(minutes=self.minutes, seconds=self.seconds)

    def person(self, kind: AccountType = AccountType.END_USER, skip: int = 0) -> AccountRecord:
        """Return an account with an entry."""
        known = self.registry.load(self.desired.customer.name)
        fit = (
            one
            for one in known.records
            if one.account_type is kind and one.vault.state in LINKED_STATES
        )
        return list(fit)[skip]

    def edit(self, person: AccountRecord, password: str = NEW) -> Edited:
        """Set a password in an entry as a technician does, and say where."""
        self.seconds += 1
        self.lab.itglue.edit_password(str(person.vault.id), password=password)
        return self.notice(person)

    def notice(self, person: AccountRecord) -> Edited:
        """Return what the webhook says of a person's entry."""
        vault = self.desired.customer.vault
        assert vault is not None
        assert person.vault.id is not None
        return Edited(
            integration=vault.integration,
            organization=vault.organization_id,
            entry=person.vault.id,
        )

    def follow(self, edited: Edited, desired: Desired | None = None) -> Followed:
        """Look into a notice."""
        chosen = desired or self.desired
        return follow_edit(edited, chosen, self.assembly.ports(chosen))

    def live(self, person: AccountRecord) -> str | None:
        """Return the password that signs in."""
        domain = self.lab.domains["contoso"]
        return domain.password(domain.find(person.identity.sam))

    @property
    def organization(self) -> RemoteId:
        """The customer's organization."""
        assert self.desired.customer.vault is not None
        return self.desired.customer.vault.organization_id

    def kept(self, person: AccountRecord) -> str:
        """Return the password that the entry holds."""
        rows = self.lab.itglue.passwords(self.organization)
        return str(next(row["password"] for row in rows if row["id"] == person.vault.id))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A lab whose first customer was reconciled once."""
    with ExitStack() as stack:
        worlds: list[World] = []
        lab = stack.enter_context(Lab(customers=1, people=8))
        lab.itglue.clock = lambda: datetime.now(UTC) - timedelta(days=3)
        lab.write_estate(tmp_path / "estate")
        for file in (tmp_path / "estate" / "policies").rglob("*.yaml"):
            bodies = list(yaml.safe_load_all(file.read_text()))
            for body in bodies:
                body["spec"]["options"].setdefault("vault", {})["followEdits"] = True
            file.write_text(yaml.safe_dump_all(bodies))
        loaded = load_estate([tmp_path / "estate"])
        loaded.checked()
        registry = stack.enter_context(SqliteRegistry.open(tmp_path / "state.sqlite"))
        [desired] = loaded.estate.desired
        trail = Trail(FileSink(tmp_path / "audit.jsonl"), "olivia")
        assembly = Assembly(
            FileSecrets(tmp_path / "estate" / "secrets"),
            registry,
            lambda: datetime.now(UTC) + timedelta(minutes=worlds[0].minutes),
            HttpOptions(retry_budget_s=0.3, first_delay_s=0.05),
            trail_of=lambda _: trail,
        )
        stack.callback(assembly.close)
        worlds.append(World(lab, desired, assembly, registry, tmp_path))
        reconcile(desired, assembly.ports(desired))
        for row in lab.itglue.passwords(worlds[0].organization):
            lab.itglue.edit_password(row["id"], password=row["password"] or "Old-one-of-them-12")
        lab.itglue.clock = worlds[0].now
        yield worlds[0]


def test_an_edit_reaches_the_directory_once(world: World) -> None:
    """Directory and entry agree; a replay, a forgery and the echo of our own write do nothing."""
    person = world.person()
    edited = world.edit(person)
    assert world.follow(edited).state is FollowState.FOLLOWED
    assert world.live(person) == NEW
    assert world.kept(person) == NEW
    writes = world.lab.itglue.writes()
    for _ in range(3):
        assert world.follow(edited).state is FollowState.NOTHING_NEW
    assert world.lab.itglue.writes() == writes
    assert world.live(person) == NEW
    world.minutes = 10
    assert world.follow(edited).state is FollowState.NOTHING_NEW
    text = (world.folder / "audit.jsonl").read_text()
    assert NEW not in text
    lines = [json.loads(line) for line in text.splitlines()]
    set_ = [one for one in lines if one["action"] == "SetPassword" and one["result"] == "Begun"]
    assert len(set_) == 1
    assert set_[0]["requested_by"].startswith("it-glue")
    assert any(one["action"] == "ReadPassword" for one in lines)
    verify(world.folder / "audit.jsonl")


def test_a_second_edit_is_followed_too(world: World) -> None:
    """Also right after the first, where our own write is near."""
    person = world.person(AccountType.ADMINISTRATOR)
    world.follow(world.edit(person))
    again = world.edit(person, "Another-Choice-78-words")
    assert world.follow(again).state is FollowState.FOLLOWED
    assert world.live(person) == "Another-Choice-78-words"


def test_a_forged_notice_of_an_old_entry_changes_nothing(world: World) -> None:
    """An entry that nobody edited lately is never written over the directory's password."""
    person = world.person()
    before = world.live(person)
    assert world.follow(world.notice(person)).state is FollowState.NOTHING_NEW
    late = world.edit(person)
    world.minutes = 25 * 60
    assert world.follow(late).state is FollowState.NOTHING_NEW
    assert world.live(person) == before


def test_what_the_policy_does_not_want_is_not_read(world: World) -> None:
    """Switched off, observing or suspended: no password is read, whatever is told."""
    person = world.person()
    before, edited = world.live(person), world.edit(person)
    off = replace(world.desired, customer=replace(world.desired.customer, suspend=True))
    observing = replace(
        world.desired,
        sources=tuple(
            replace(one, settings=replace(one.settings, mode=Mode.OBSERVE))
            for one in world.desired.sources
        ),
    )
    without = replace(
        world.desired,
        sources=tuple(
            replace(
                one,
                settings=replace(
                    one.settings,
                    options=replace(
                        one.settings.options,
                        vault=replace(one.settings.options.vault, follow_edits=False),
                    ),
                ),
            )
            for one in world.desired.sources
        ),
    )
    for desired in (off, observing, without):
        assert world.follow(edited, desired).state is FollowState.NOT_WANTED
    assert world.live(person) == before
    assert "ReadPassword" not in (world.folder / "audit.jsonl").read_text()
    strange = replace(edited, entry=RemoteId("999999"))
    assert world.follow(strange).state is FollowState.NOT_OURS
    elsewhere = replace(edited, organization=RemoteId("999999"))
    assert world.follow(elsewhere).state is FollowState.NOT_OURS


def test_without_its_directory_nothing_is_set(world: World) -> None:
    """A customer whose domain was taken out of git: the edit is told why it is not followed."""
    edited = world.edit(world.person())
    customer = replace(world.desired.customer, active_directory=None)
    with pytest.raises(SpecError, match="ActiveDirectory is not connected"):
        world.follow(edited, replace(world.desired, customer=customer))


def test_a_password_below_the_rules_is_a_finding(world: World) -> None:
    """The directory keeps its own; the next plan says so, until a good one is set."""
    person = world.person()
    before = world.live(person)
    refused = world.follow(world.edit(person, "short"))
    assert refused.state is FollowState.REFUSED
    assert world.live(person) == before
    assert "short" not in refused.message.replace("shortest", "").replace("shorter", "")

    def findings() -> list[str]:
        report = reconcile(world.desired, world.assembly.ports(world.desired))
        found = report.proposal.plan.findings
        return [one.user for one in found if one.reason is Reason.EDIT_REFUSED]

    assert findings() == [person.identity.user]
    assert world.follow(world.notice(person)).state is FollowState.NOTHING_NEW
    assert world.follow(world.edit(person)).state is FollowState.FOLLOWED
    assert findings() == []
    assert world.live(person) == NEW
