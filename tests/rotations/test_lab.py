"""Rotations against the lab, over sockets: whatever fails, no password is lost.

At every end of a run the password that is live is in the vault's entry, or sealed in the journal
where a person can open it. Every file and every message is searched for each live password.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from muster.adapters.native_vault import NativeVaultAdapter
from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.kube.meters import Meters
from muster.lab.directory.protocol import Code
from muster.lab.faults import Disconnect, LostReply, ServerError, Throttle
from muster.lab.graph import READ_PERMISSIONS
from muster.lab.lab import Lab
from muster.lab.mix import Mix, VaultMix
from muster.model.accounts import AccountRecord, Known
from muster.model.connections import VaultBackend
from muster.model.names import AccountType, PasswordAuthority, RemoteId
from muster.model.passwords import JobKind, JobState
from muster.model.rotation import RotationSettings, Window
from muster.model.settings import Desired, Options, VaultOptions
from muster.passwords.carry_out import reveal
from muster.ports import Ports
from muster.reconcile import Report, reconcile
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.report.account_resource import render_account
from muster.report.plan_document import plan_document
from muster.resets import reset
from muster.resources import load_estate
from muster.rotations import PasswordOrder
from muster.transport.options import HttpOptions

ALL_DAY = Window(start=time(0), duration=timedelta(hours=24), time_zone="UTC")
DAILY = RotationSettings(every=timedelta(days=1), window=ALL_DAY)
NAME = "contoso"


@dataclass(slots=True)
class Clock:
    """The time of the lab and of Muster."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


@dataclass(slots=True)
class House:
    """One customer of the lab, its administrators rotated daily, and a clock for all of them."""

    lab: Lab
    folder: Path
    desired: Desired
    clock: Clock
    said: list[str] = field(default_factory=list)

    @contextmanager
    def ports(self) -> Iterator[Ports]:
        """Open everything as one process would."""
        with SqliteRegistry.open(self.folder / "state.sqlite") as registry:
            stores = {VaultBackend.REGISTRY: partial(SqliteEntryStore, registry)}
            patience = HttpOptions(retry_budget_s=0.3, first_delay_s=0.05)
            secrets = FileSecrets(self.folder / "estate" / "secrets")
            assembly = Assembly(secrets, registry, lambda: self.clock.now, patience, stores)
            with closing(assembly):
                yield assembly.ports(self.desired)

    def run(self, after: timedelta = timedelta(0)) -> Report:
        """Reconcile once, so much later."""
        self.clock.now += after
        with self.ports() as ports:
            report = reconcile(self.desired, ports)
        plan = report.proposal.verdict
        self.said.append(json.dumps([report.status, plan_document([plan])], default=str))
        self.said.extend(result.problem for result in report.outcome.results)
        return report

    def known(self) -> Known:
        """Return what the registry knows."""
        with SqliteRegistry.open_for_reading(self.folder / "state.sqlite") as registry:
            return registry.load(self.desired.customer.name)

    def administrators(self) -> list[AccountRecord]:
        """Return those whose password Muster has set or is setting."""
        known = self.known()
        busy = {job.account for job in known.jobs}
        return [
            one
            for one in known.records
            if one.account_type is AccountType.ADMINISTRATOR
            and (one.rotation.last or one.identity.id in busy)
        ]

    def live(self, record: AccountRecord) -> str:
        """Return the password that lets an account sign in."""
        domain = self.lab.domains[NAME]
        return str(domain.password(domain.find(record.identity.sam)))

    def check_nothing_is_lost(self) -> int:
        """Fail when a live password that Muster set can be opened nowhere; return how many."""
        known = self.known()
        jobs = {job.account: job for job in known.jobs}
        with self.ports() as ports:
            assert ports.open_sealer is not None
            sealer = ports.open_sealer()
            for record in self.administrators():
                kept = [self._kept(record, ports)]
                if record.identity.id in jobs:
                    kept.append(reveal(jobs[record.identity.id], sealer).reveal())
                assert self.live(record) in kept, record.identity.user
        return len(self.administrators())

    def _kept(self, record: AccountRecord, ports: Ports) -> str | None:
        assert ports.vault is not None
        assert self.desired.customer.vault is not None
        organization = self.desired.customer.vault.organization_id
        assert record.vault.id is not None
        secret = ports.vault.read_password(organization, record.vault.id)
        return secret.reveal() if secret else None

    def check_nobody_told(self, log: str) -> None:
        """Search everything that was written or said for every live password."""
        files = {path: path.read_bytes() for path in self.folder.glob("state*")}
        records = [render_account(record) for record in self.known().records]
        text = "\n".join([*self.said, log, json.dumps(records, default=str)])
        for record in self.administrators():
            password = self.live(record)
            assert password not in text
            for path, content in files.items():
                assert password.encode() not in content, path
                assert password.encode("utf-16-le") not in content, path


def make_house(lab: Lab, folder: Path, clock: Clock, **customer: Any) -> House:
    """Write the estate and let its administrators be rotated every day."""
    lab.write_estate(folder / "estate")
    (desired,) = load_estate([folder / "estate"]).checked().desired
    sources = []
    for source in desired.sources:
        settings = source.settings
        if settings.account_type is AccountType.ADMINISTRATOR:
            options = Options(vault=VaultOptions(create_when_missing=True), rotation=True)
            settings = replace(settings, options=options, rotation=DAILY)
        sources.append(replace(source, settings=settings))
    desired = replace(
        desired, sources=tuple(sources), customer=replace(desired.customer, **customer)
    )
    return House(lab=lab, folder=folder, desired=desired, clock=clock)


Break = Callable[[Lab, str], None]
HTTP = {VaultMix.IT_GLUE: r"/passwords/\d+", VaultMix.HUDU: r"/asset_passwords/\d+"}

BREAKS: dict[str, Break] = {
    "nothing": lambda lab, path: None,
    "vault: reply lost": lambda lab, path: lab.faults.add(LostReply(), path=path, times=3),
    "vault: refuses": lambda lab, path: lab.faults.add(ServerError(), path=path, times=40),
    "vault: throttles": lambda lab, path: lab.faults.add(
        Throttle(retry_after=1), path=path, times=4
    ),
    "vault: cut off": lambda lab, path: lab.faults.add(Disconnect(), path=path, times=5),
    "directory: reply lost": lambda lab, path: ldap(lab).drop_modifies(2, applied=True),
    "directory: cut off": lambda lab, path: ldap(lab).drop_modifies(2, applied=False),
    "directory: busy": lambda lab, path: ldap(lab).fail_modifies(2),
    "directory: no right": lambda lab, path: ldap(lab).fail_modifies(1, 50, "00000005: SecErr"),
    "directory: refuses": lambda lab, path: ldap(lab).fail_modifies(
        1, Code.UNWILLING_TO_PERFORM, "0000052D: SvcErr"
    ),
}


def ldap(lab: Lab) -> Any:
    """Return the faults of the customer's domain."""
    return lab.ldap[NAME].faults


@pytest.mark.parametrize("vault", list(VaultMix))
def test_no_fault_loses_a_password_and_nothing_tells_one(
    vault: VaultMix, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every kind of fault in turn; after each, and after it has passed, every password is kept."""
    caplog.set_level(logging.DEBUG)
    with Lab(customers=1, people=8, mix=Mix(vault=vault), clock=(clock := Clock())) as lab:
        house = make_house(lab, tmp_path, clock)
        house.run()
        for name, breaks in BREAKS.items():
            if name.startswith("vault") and vault is VaultMix.NATIVE:
                continue
            breaks(lab, HTTP.get(vault, ""))
            broken = house.run(timedelta(days=2))
            assert any(c.action == "Rotate" for c in broken.proposal.plan.changes), name
            lab.faults.clear()
            ldap(lab).clear()
            assert house.check_nothing_is_lost() > 0, name
            for _ in range(6):
                if house.known().jobs:
                    house.run(timedelta(minutes=70))
            assert house.known().jobs == (), name
            house.check_nothing_is_lost()
        house.run(timedelta(days=2))
        assert all(one.rotation.failures == 0 for one in house.administrators())
        house.check_nobody_told(caplog.text)


def test_three_failures_in_a_row_back_off_and_are_a_condition_and_a_metric(
    tmp_path: Path,
) -> None:
    """Half an hour, an hour, then a person is told; the first success ends it, in both places."""
    with Lab(customers=1, people=8, clock=(clock := Clock())) as lab:
        house, meters = make_house(lab, tmp_path, clock), Meters()
        house.run()

        def tried(after: timedelta, failing: int) -> int:
            report = house.run(after)
            meters.customer(NAME, report)
            told = {one["type"]: one["status"] for one in report.status["conditions"]}
            assert (told.get("RotationsFailing") == "True") is bool(failing)
            number = f'muster_passwords{{customer="{NAME}",state="failing"}} {failing}.0'
            assert number in meters.text().decode()
            return sum(one.action == "Rotate" for one in report.proposal.plan.changes)

        ldap(lab).fail_modifies(1000, 50, "00000005: SecErr")
        many = tried(timedelta(days=2), 0)
        assert many > 0
        assert tried(timedelta(minutes=29), 0) == 0
        assert tried(timedelta(minutes=2), 0) == many
        assert tried(timedelta(minutes=59), 0) == 0
        assert tried(timedelta(minutes=2), many) == many
        assert tried(timedelta(minutes=119), many) == 0
        failed = [one.rotation for one in house.known().records if one.rotation.failures]
        assert len(failed) == many
        assert all("Delegate" in one.last_error and one.last is None for one in failed)
        ldap(lab).clear()
        assert tried(timedelta(minutes=2), 0) == many


def test_s22_a_pair_gets_one_password_and_the_entry_one_revision(tmp_path: Path) -> None:
    """22: With `passwordAuthority: Muster` both directories take it, and one write keeps it."""
    mix = Mix.parse("hybrid-native-halopsa")
    with Lab(customers=1, people=8, mix=mix, clock=(clock := Clock())) as lab:
        house = make_house(lab, tmp_path, clock, password_authority=PasswordAuthority.MUSTER)
        assert lab.graph is not None
        tenant = lab.tenant_ids[NAME]
        lab.graph.unsynchronize(tenant)
        lab.graph.knobs.password_needs_role = False
        lab.graph.consent(tenant, {*READ_PERMISSIONS, "User-PasswordProfile.ReadWrite.All"})
        house.run()
        record = next(
            one for one in house.known().records if one.pair.id and one.vault.id and one.live
        )
        order = PasswordOrder(kind=JobKind.RESET, reason="T-1", requested_by="test")
        clock.now += timedelta(hours=1)
        with house.ports() as ports:
            job = reset(order, record, house.desired, ports)
        assert [target.system for target in job.targets] == ["ActiveDirectory", "Entra"]
        for _ in range(3):
            house.run(timedelta(minutes=20))
        (end,) = (one for one in house.known().job_ends if one.id == job.id)
        assert end.state is JobState.CONFIRMED, end.problem
        with house.ports() as ports:
            assert isinstance(ports.vault, NativeVaultAdapter)
            entry = ports.vault.find_entry(RemoteId(NAME), RemoteId(str(record.vault.id)))
        assert len(entry.revisions) == 1
        assert lab.graph.password(tenant, str(record.pair.id)) == house.live(record)
