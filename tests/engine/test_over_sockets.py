"""Whole runs against the lab, over sockets with TLS and the real client libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.lab.faults import LostReply, ServerError
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.accounts import AccountRecord, Known
from muster.model.connections import VaultBackend
from muster.model.limits import Limit, Limits
from muster.model.names import AccountId, Action, LinkState, Mode, Source, System
from muster.model.reasons import Reason
from muster.model.settings import Desired, Options, PsaOptions, VaultOptions
from muster.ports import Ports, StoredEntry
from muster.reconcile import Proposal, Report, carry_out, propose
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.report.plan_document import plan_document
from muster.resources import load_estate
from muster.transport.options import HttpOptions

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CREATES = Options(
    vault=VaultOptions(create_when_missing=True), psa=PsaOptions(create_when_missing=True)
)
ROOMY = Limits(
    create=Limit(percent=100, floor=100),
    release=Limit(percent=100, floor=100),
)
SYSTEMS = ("ad-itglue-connectwise", "hybrid-native-halopsa", "entra-hudu-autotask")
"""Every system once; what a test says of these holds for all."""


@dataclass(slots=True)
class Engine:
    """One customer of the lab under Enforce, and a clock that tests turn forward."""

    lab: Lab
    folder: Path
    desired: Desired
    minutes: int = 0

    def propose(self) -> Proposal:
        """Plan, and write nothing."""
        with self._ports() as ports:
            return propose(self.desired, ports)

    def run(self, desired: Desired | None = None) -> Report:
        """Reconcile once."""
        with self._ports() as ports:
            return carry_out(propose(desired or self.desired, ports))

    @contextmanager
    def _ports(self) -> Iterator[Ports]:
        patience = HttpOptions(retry_budget_s=0.3, first_delay_s=0.05)
        secrets = FileSecrets(self.folder / "estate" / "secrets")
        with SqliteRegistry.open(self.folder / "state.sqlite") as registry:
            stores = {VaultBackend.REGISTRY: partial(SqliteEntryStore, registry)}
            assembly = Assembly(secrets, registry, self.clock, patience, stores)
            with closing(assembly):
                yield assembly.ports(self.desired)

    def clock(self) -> datetime:
        """Return the time, so many minutes after the beginning."""
        return NOW + timedelta(minutes=self.minutes)

    @property
    def known(self) -> Known:
        """What is on disk."""
        with SqliteRegistry.open_for_reading(self.folder / "state.sqlite") as registry:
            return registry.load(self.desired.customer.name)

    def record(self, account: AccountId) -> AccountRecord:
        """Return one account's record."""
        (record,) = (one for one in self.known.records if one.identity.id == account)
        return record

    def writes(self) -> int:
        """Return how many writes took effect outside, in Muster's own vault too."""
        return self.lab.writes() + sum(one.version for one in self.own_entries())

    def own_entries(self) -> tuple[StoredEntry, ...]:
        """Return what is in Muster's own vault, if the customer has it."""
        state = self.folder / "state.sqlite"
        vault = self.desired.customer.vault
        if not state.exists() or not vault or not vault.organization_id:
            return ()
        with SqliteRegistry.open_for_reading(state) as registry:
            return SqliteEntryStore(registry, vault.integration).list_entries(vault.organization_id)

    def leave(self, account: AccountId) -> Callable[[], object]:
        """Let an end user leave what is selected; return what brings it back."""
        name = str(self.desired.customer.name)
        if not self.lab.domains:
            return self._leave_group(name, account)
        domain = self.lab.domains[name]
        home = domain.find(self.record(account).identity.sam or "")
        moved = domain.move(home, domain.add_organizational_unit("OU=Away"))
        return partial(domain.move, moved, home.partition(",")[2])

    def _leave_group(self, name: str, account: AccountId) -> Callable[[], object]:
        graph, tenant = self.lab.graph, self.lab.tenant_ids[name]
        assert graph is not None
        group = graph.group(tenant, "Muster Staff")
        before = graph.members(tenant, group)
        graph.set_members(tenant, group, [one for one in before if one != account])
        return lambda: graph.set_members(tenant, group, before)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A lab of one customer, whose policies create what is missing."""
    mix = Mix.parse(getattr(request, "param", SYSTEMS[0]))
    with Lab(customers=1, people=8, mix=mix) as lab:
        lab.write_estate(tmp_path / "estate")
        (desired,) = load_estate([tmp_path / "estate"]).checked().desired
        sources = tuple(
            replace(
                one,
                settings=replace(
                    one.settings, mode=Mode.ENFORCE, options=CREATES, limits=ROOMY, suspend=False
                ),
            )
            for one in desired.sources
        )
        yield Engine(lab, tmp_path, replace(desired, sources=sources))


def created(report: Report, system: System) -> list[str]:
    """Return the targets of what a plan creates in one system."""
    return [
        one.target
        for one in report.proposal.plan.changes
        if (one.action, one.system) == (Action.CREATE, system)
    ]


@pytest.mark.parametrize("engine", SYSTEMS, indirect=True)
def test_s11_everything_is_created_once(engine: Engine) -> None:
    """11: What is missing is created once, and the next run finds nothing to do."""
    report = engine.run()
    assert created(report, System.VAULT)
    assert all(result.done for result in report.outcome.results)
    made = engine.writes()
    engine.minutes = 200
    again = engine.run()
    assert again.proposal.plan.changes == ()
    assert engine.writes() == made
    assert made >= len(created(report, System.VAULT) + created(report, System.PSA))


@pytest.mark.parametrize("system", [System.VAULT, System.PSA])
def test_s11_a_lost_reply_makes_no_second_record(engine: Engine, system: System) -> None:
    """11: A create whose answer was lost on the wire is found, and not repeated."""
    path = "passwords" if system is System.VAULT else "contacts"
    before = records_outside(engine, system)
    engine.lab.faults.add(LostReply(), method="POST", path=path)
    report = engine.run()
    wanted = created(report, system)
    assert wanted
    engine.minutes = 3
    engine.run()
    assert engine.lab.faults.pending == ()
    assert records_outside(engine, system) == before + len(wanted)
    assert engine.known.intents == ()


def records_outside(engine: Engine, system: System) -> int:
    """Return how many entries or contacts the customer has."""
    name = engine.desired.customer.name
    if system is System.VAULT:
        return len(engine.lab.itglue.passwords(engine.lab.organization_ids[name]))
    return len(engine.lab.connectwise.contacts(engine.lab.company_ids[name]))


@pytest.mark.parametrize("system", [System.VAULT, System.PSA])
def test_s12_a_failed_read_creates_and_unlinks_nothing(engine: Engine, system: System) -> None:
    """12: A system that breaks off its answers gets no writes, and its links stay."""
    engine.run()
    before = {one.identity.id: one.link(system) for one in engine.known.records}
    path = "passwords" if system is System.VAULT else "contacts"
    engine.lab.faults.add(ServerError(status=503), method="GET", path=path, times=-1)
    engine.minutes = 200
    report = engine.run()
    source = Source(system.value)
    assert not report.proposal.scene.observed.read(source).usable
    assert [one for one in report.proposal.plan.changes if one.system is system] == []
    assert {one.identity.id: one.link(system) for one in engine.known.records} == before
    ready = next(one for one in report.status["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", Reason.SOURCE_INCOMPLETE)


def test_s12_a_directory_that_does_not_answer_changes_nothing(engine: Engine) -> None:
    """12: Without the directory every account stays as it was."""
    engine.run()
    before = engine.known.records
    for server in engine.lab.ldap.values():
        server.stop()
    report = engine.run()
    assert report.proposal.plan.changes == ()
    assert engine.known.records == before


def leaver(engine: Engine) -> AccountId:
    """Return an end user with an entry and a contact."""
    return next(
        one.identity.id
        for one in engine.known.records
        if one.vault.id and one.psa.id and one.account_type.value == "EndUser"
    )


@pytest.mark.parametrize("engine", SYSTEMS, indirect=True)
def test_s15_leaving_and_returning(engine: Engine) -> None:
    """15: Who leaves is let go in the next run; nothing outside changes; the links come back."""
    engine.run()
    account = leaver(engine)
    before, written = engine.record(account), engine.writes()
    bring_back = engine.leave(account)
    engine.minutes = 180
    report = engine.run()
    assert [one.action for one in report.proposal.plan.changes] == [Action.RELEASE]
    assert not engine.record(account).live
    bring_back()
    engine.minutes = 360
    report = engine.run()
    assert [one.action for one in report.proposal.plan.changes] == [Action.READOPT]
    after = engine.record(account)
    assert (after.live, after.vault, after.psa) == (True, before.vault, before.psa)
    assert engine.writes() == written


@pytest.mark.parametrize("engine", SYSTEMS, indirect=True)
def test_s27_suspension_stops_writes(engine: Engine) -> None:
    """27: Suspended, everything is read and nothing is written; resumed, the work is done."""
    resting = replace(engine.desired, customer=replace(engine.desired.customer, suspend=True))
    report = engine.run(resting)
    assert engine.writes() == 0
    assert engine.known.records == ()
    assert report.proposal.plan.counts.selected > 0
    assert "Suspended" in [one["type"] for one in report.status["conditions"]]
    engine.run()
    assert engine.writes() > 0


@pytest.mark.parametrize("engine", SYSTEMS, indirect=True)
def test_s28_a_plan_writes_nothing_and_is_what_apply_does(engine: Engine) -> None:
    """28: Planning writes nowhere, and what it shows is what is then carried out."""
    planned = engine.propose()
    assert engine.writes() == 0
    assert engine.known == Known()
    report = engine.run()
    assert plan_document([planned.verdict]) == plan_document([report.proposal.verdict])
    assert [one.change for one in report.outcome.results] == list(planned.plan.changes)
    creates = [one for one in planned.plan.changes if one.action is Action.CREATE]
    assert len(creates) > 0
    linked = [
        one.link(system)
        for one in engine.known.records
        for system in (System.VAULT, System.PSA)
        if one.link(system).state is LinkState.CREATED
    ]
    assert len(linked) == len(creates)
