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
from muster.lab.faults import (
    CutBody,
    Disconnect,
    FaultKind,
    HtmlError,
    LostReply,
    ServerError,
    Slow,
    StaleRead,
    Throttle,
)
from muster.lab.graph import READ_PERMISSIONS
from muster.lab.itglue.state import KeyRights
from muster.lab.key_value import KeyValueLab
from muster.lab.lab import Lab
from muster.lab.mix import Mix, VaultMix
from muster.model.accounts import AccountRecord, Known
from muster.model.causes import Cause
from muster.model.connections import KeyValue2, NativeVault, SecretRef, VaultBackend
from muster.model.names import AccountType, PasswordAuthority, RemoteId
from muster.model.passwords import JobEnd, JobKind, JobState, PasswordJob, cause_of
from muster.model.reasons import Reason
from muster.model.rotation import RotationSettings, Window
from muster.model.secret import Secret
from muster.model.settings import Desired, Options, VaultOptions
from muster.passwords.carry_out import reveal
from muster.plan.rotation import MOST_UNKEPT
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
                kept = [self.kept(record, ports)]
                if record.identity.id in jobs:
                    kept.append(reveal(jobs[record.identity.id], sealer).reveal())
                assert self.live(record) in kept, record.identity.user
        return len(self.administrators())

    def kept(self, record: AccountRecord, ports: Ports) -> str | None:
        """Return the password that the vault's entry holds."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which requests to the vault meet a fault."""

    path: str
    method: str | None = None


Break = Callable[[Lab, Where], None]
ENTRY: dict[VaultMix | VaultBackend, Where] = {
    VaultMix.IT_GLUE: Where(path=r"/passwords/\d+"),
    VaultMix.HUDU: Where(path=r"/asset_passwords/\d+"),
    # A list of entries reads each of them.
    VaultBackend.KEY_VALUE_2: Where(path=r"/v1/secret/data/", method="POST"),
}
"""The requests for one entry; a native vault in the registry fails with the registry."""


def vault_fails(fault: FaultKind, times: int, method: str | None = None) -> Break:
    """Return what lets the vault fail at so many requests for one entry."""
    return lambda lab, where: lab.faults.add(
        fault, times=times, path=where.path, method=method or where.method
    )


BREAKS: dict[str, Break] = {
    "nothing": lambda lab, where: None,
    "vault: reply lost": vault_fails(LostReply(), 3),
    "vault: refuses": vault_fails(ServerError(), 40),
    "vault: throttles": vault_fails(Throttle(retry_after=1), 4),
    "vault: a gateway answers": vault_fails(HtmlError(), 4),
    "vault: half an answer": vault_fails(CutBody(), 3),
    "vault: slow": vault_fails(Slow(delay_s=0.05), 2),
    "vault: old answers": vault_fails(StaleRead(), 2, method="GET"),
    "vault: cut off": vault_fails(Disconnect(), 5),
    "directory: reply lost": lambda lab, where: ldap(lab).drop_modifies(2, applied=True),
    "directory: cut off": lambda lab, where: ldap(lab).drop_modifies(2, applied=False),
    "directory: busy": lambda lab, where: ldap(lab).fail_modifies(2),
    "directory: no right": lambda lab, where: ldap(lab).fail_modifies(1, 50, "00000005: SecErr"),
    "directory: refuses": lambda lab, where: ldap(lab).fail_modifies(
        1, Code.UNWILLING_TO_PERFORM, "0000052D: SvcErr"
    ),
}


def ldap(lab: Lab) -> Any:
    """Return the faults of the customer's domain."""
    return lab.ldap[NAME].faults


def keep_in(engine: KeyValueLab, house: House) -> None:
    """Let the native vault keep its entries in a key-value engine."""
    secrets = house.folder / "estate" / "secrets"
    (secrets / "engine").mkdir()
    (secrets / "engine" / "token").touch(mode=0o600)
    (secrets / "engine" / "token").write_text(engine.token)
    settings = KeyValue2(
        endpoint=engine.endpoint,
        token=SecretRef(name="engine", key="token"),
        ca=SecretRef(name="lab-ca", key="ca.crt"),
    )
    vault = house.desired.vault
    assert vault is not None
    assert isinstance(vault.product, NativeVault)
    product = replace(vault.product, backend=VaultBackend.KEY_VALUE_2, key_value_2=settings)
    house.desired = replace(house.desired, vault=replace(vault, product=product))


@pytest.mark.parametrize(
    "vault", [*VaultMix, pytest.param(VaultBackend.KEY_VALUE_2, marks=pytest.mark.thorough)]
)
def test_no_fault_loses_a_password_and_nothing_tells_one(
    vault: VaultMix | VaultBackend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every kind of fault in turn; after each, and after it has passed, every password is kept."""
    caplog.set_level(logging.DEBUG)
    mix = Mix(vault=vault if isinstance(vault, VaultMix) else VaultMix.NATIVE)
    with (
        Lab(customers=1, people=8, mix=mix, clock=(clock := Clock())) as lab,
        KeyValueLab(ca=lab.ca, faults=lab.faults) as engine,
    ):
        house = make_house(lab, tmp_path, clock)
        if vault is VaultBackend.KEY_VALUE_2:
            keep_in(engine, house)
        house.run()
        for name, breaks in BREAKS.items():
            if name.startswith("vault") and vault is VaultMix.NATIVE:
                continue
            breaks(lab, ENTRY.get(vault, Where(path="")))
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
        assert {one.cause for one in failed} == {Cause.DIRECTORY_DENIED}
        series = f'muster_password_failures{{cause="DirectoryDenied",customer="{NAME}"}}'
        assert f"{series} {many}.0" in meters.text().decode()
        ldap(lab).clear()
        assert tried(timedelta(minutes=2), 0) == many
        assert f"{series} 0.0" in meters.text().decode()


def test_a_key_without_password_access_costs_three_passwords_at_most(tmp_path: Path) -> None:
    """Those three are kept sealed until the key may write; nobody else's is touched before."""
    with Lab(customers=1, people=160, clock=(clock := Clock())) as lab:
        house = make_house(lab, tmp_path, clock)
        house.run()
        itglue = lab.itglue
        itglue.grant(itglue.key, KeyRights(password_access=False))
        house.run(timedelta(days=2))
        begun = {job.account for job in house.known().jobs}
        assert len(begun) == MOST_UNKEPT
        assert {cause_of(job) for job in house.known().jobs} == {Cause.VAULT_DENIED}
        for _ in range(3):
            report = house.run(timedelta(minutes=10))
            assert {job.account for job in house.known().jobs} == begun
        waits = [f for f in report.proposal.plan.findings if f.reason is Reason.PASSWORDS_NOT_KEPT]
        assert waits
        itglue.grant(itglue.key, KeyRights())
        house.run(timedelta(hours=2))
        assert not house.known().jobs
        assert house.check_nothing_is_lost() > MOST_UNKEPT


@dataclass(frozen=True, slots=True)
class Pair:
    """One person with an account in the domain and one in the tenant, both of them Muster's."""

    house: House
    record: AccountRecord

    def reset(self) -> PasswordJob:
        """Ask for a new password of both."""
        order = PasswordOrder(kind=JobKind.RESET, reason="T-1", requested_by="test")
        with self.house.ports() as ports:
            return reset(order, self.record, self.house.desired, ports)

    def in_entra(self) -> str | None:
        """Return the password that is live in Entra."""
        lab = self.house.lab
        assert lab.graph is not None
        return lab.graph.password(lab.tenant_ids[NAME], str(self.record.pair.id))

    def end(self, job: PasswordJob) -> JobEnd:
        """Return how a job ended, some runs later."""
        for _ in range(3):
            self.house.run(timedelta(minutes=20))
        (end,) = (one for one in self.house.known().job_ends if one.id == job.id)
        return end


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """`passwordAuthority: Muster`, and cloud users that it may set passwords of."""
    mix = Mix.parse("hybrid-native-halopsa")
    with Lab(customers=1, people=8, mix=mix, clock=(clock := Clock())) as lab:
        house = make_house(lab, tmp_path, clock, password_authority=PasswordAuthority.MUSTER)
        assert lab.graph is not None
        tenant = lab.tenant_ids[NAME]
        lab.graph.unsynchronize(tenant)
        lab.graph.knobs.password_needs_role = False
        lab.graph.consent(tenant, {*READ_PERMISSIONS, "User-PasswordProfile.ReadWrite.All"})
        house.run()
        clock.now += timedelta(hours=1)
        yield Pair(
            house,
            next(one for one in house.known().records if one.pair.id and one.vault.id and one.live),
        )


def test_s22_a_pair_gets_one_password_and_the_entry_one_revision(pair: Pair) -> None:
    """22: With `passwordAuthority: Muster` both directories take it, and one write keeps it."""
    job = pair.reset()
    assert [target.system for target in job.targets] == ["ActiveDirectory", "Entra"]
    end = pair.end(job)
    assert end.state is JobState.CONFIRMED, end.problem
    with pair.house.ports() as ports:
        assert isinstance(ports.vault, NativeVaultAdapter)
        entry = ports.vault.find_entry(RemoteId(NAME), RemoteId(str(pair.record.vault.id)))
    assert [one.id for one in entry.revisions] == [end.revision]
    assert pair.in_entra() == pair.house.live(pair.record)


@pytest.mark.parametrize("fault", [ServerError(status=503), LostReply()], ids=["down", "lost"])
def test_a_pair_whose_entra_fails_is_partly_set_and_gets_the_same_password_later(
    pair: Pair, fault: FaultKind
) -> None:
    """The domain and the entry have it at once; Entra gets the same one later."""
    pair.house.lab.faults.add(fault, method="PATCH", path="/users/", times=-1)
    job = pair.reset()
    assert job.state is JobState.PARTIALLY_APPLIED
    new = pair.house.live(pair.record)
    with pair.house.ports() as ports:
        assert pair.house.kept(pair.record, ports) == new
        assert ports.open_sealer is not None
        assert reveal(job, ports.open_sealer()).same_as(Secret(new))
    pair.house.lab.faults.clear()
    end = pair.end(job)
    assert end.state is JobState.CONFIRMED, end.problem
    assert pair.in_entra() == new == pair.house.live(pair.record)
