"""Sets the passwords that a plan or a person asks for, and ends what an earlier run began.

Each is one job of `muster.passwords`, which loses no password wherever it is cut off. This
module decides what a job is begun with: which directories, which entry, which rules the new
password must satisfy. Whether it is begun at all is the plan's decision, or a person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from muster.audit import Effect
from muster.errors import PasswordRefused, RemoteError, SpecError
from muster.model.accounts import AccountRecord, Known
from muster.model.causes import Cause
from muster.model.names import DirectoryKind, System
from muster.model.passwords import (
    JobKind,
    JobState,
    PasswordJob,
    PasswordPolicy,
    cause_of,
    end_of,
)
from muster.model.plans import Change, ChangeResult
from muster.model.reasons import Reason
from muster.model.rotation import Generator, GeneratorKind, RotationSettings
from muster.model.secret import Secret
from muster.model.settings import Desired
from muster.passwords.carry_out import Hands, JobRequest, carry_out, start
from muster.passwords.causes import NotBegun, cause_in_directory
from muster.passwords.generate import Passphrase, Random, Words, generate
from muster.passwords.protocol import next_step
from muster.passwords.steps import Wait
from muster.passwords.typed import find_problem
from muster.plan.context import place_of
from muster.plan.password_targets import (
    Targets,
    entry_advice,
    entry_of,
    refused_in_entra,
    targets_of,
)
from muster.plan.rotation_state import failed, with_ends
from muster.ports import PasswordDirectory, Ports, Sealer
from muster.report.password_jobs import whereabouts


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordOrder:
    """A new password for one account: whose wish, what kind, and what comes with it."""

    kind: JobKind
    id: str = field(default_factory=lambda: uuid4().hex)
    """The job's id; one that has ended is never carried out again."""
    slot: str = ""
    requested_by: str = ""
    reason: str = ""
    must_change: bool = False
    unlock: bool = False
    generator: Generator = field(default_factory=Generator)
    typed: Secret | None = None
    """What a person chose; None draws one."""
    dependents_known: bool = True
    """False: a user that may not change its password is refused."""


def rotate(change: Change, record: AccountRecord, desired: Desired, ports: Ports) -> ChangeResult:
    """Carry out one planned rotation as far as it goes now.

    Raises:
        StateError: the registry or the audit cannot be written; nothing is done unrecorded.
    """
    settings = _settings(change, desired)
    demand = desired.demand
    order = PasswordOrder(
        kind=JobKind.ROTATION,
        slot=record.rotation.slot,
        requested_by=demand.requested_by if demand else change.because,
        reason=demand.reason if demand else "",
        generator=settings.generator,
        dependents_known=settings.without_dependents,
    )
    try:
        job = set_password(order, record, desired, ports)
    except (RemoteError, SpecError) as error:
        cause = cause_in_directory(error)
        rotation = failed(record.rotation, str(error), cause, ports.clock())
        return ChangeResult(change=change, done=False, problem=str(error), rotation=rotation)
    return _result(change, record, job)


def _settings(change: Change, desired: Desired) -> RotationSettings:
    return next(
        source.settings.rotation
        for source in desired.sources
        if source.settings.origin.reference == change.policy
    )


def _result(change: Change, record: AccountRecord, job: PasswordJob) -> ChangeResult:
    if job.ended_at is None:
        place = whereabouts(job)
        return ChangeResult(
            change=change,
            done=False,
            unsettled=True,
            problem=place.sentence if place else "",
            rotation=replace(record.rotation, reason=Reason.PASSWORD_UNDERWAY, next=None),
        )
    rotation = with_ends(record.rotation, (end_of(job),))
    if job.state is JobState.CONFIRMED:
        return ChangeResult(change=change, done=True, rotation=rotation)
    refused = job.state is JobState.REFUSED
    return ChangeResult(
        change=change, done=False, problem=job.problem, refused=refused, rotation=rotation
    )


def set_password(
    order: PasswordOrder, record: AccountRecord, desired: Desired, ports: Ports
) -> PasswordJob:
    """Set one account's password as far as it goes now, and return the job.

    The rules are read first: what they refuse is never sent, and no job is begun for it.

    Raises:
        SpecError: there is no entry to keep it, no key to seal it, the user is synchronized, or
            another password of the account is being set.
        PasswordRefused: a password that a person chose breaks the rules; nothing was changed.
        RemoteError: the rules could not be read; nothing was changed.
        StateError: the registry or the audit cannot be written.
    """
    customer, user = desired.customer, record.identity.user
    entry = entry_of(record, customer)
    if entry is None:
        raise NotBegun(
            f"{user}: its password cannot be kept. {entry_advice(record)}",
            Cause.NO_ENTRY_FOR_PASSWORD,
        )
    if refused_in_entra(record, customer):
        raise NotBegun(
            f"{user}: its Entra user is synchronized, so its password must not be set there. "
            "Set spec.passwordAuthority to EntraConnect.",
            Cause.SYNCED_USER,
        )
    targets = targets_of(record, customer)
    hands = hands_of(desired, ports, strict=True)
    password = _new_password(order, record, targets, hands)
    request = JobRequest(
        id=order.id,
        customer=customer.name,
        account=record.identity.id,
        kind=order.kind,
        slot=order.slot,
        requested_by=order.requested_by,
        reason=order.reason,
        must_change=order.must_change,
        unlock=order.unlock,
        accounts=targets,
        entry=entry,
    )
    try:
        job = start(request, password, hands)
    except ValueError as busy:
        raise NotBegun(f"{user}: {busy}", Cause.PASSWORD_UNDERWAY) from busy
    return carry_out(job, hands)


def settle_jobs(desired: Desired, known: Known, ports: Ports) -> Known:
    """Go on with the jobs of earlier runs, and return what is known then.

    This goes on while a policy observes, is suspended or was refused: a password that may be
    live must get into the vault. Where the customer is suspended, only what was sent is ended.
    """
    now = ports.clock()
    jobs = [job for job in known.jobs if _may_go_on(job, desired, now)]
    if not jobs:
        return known
    hands = hands_of(desired, ports, strict=False)
    users = {record.identity.id: record.identity.user for record in known.records}
    for job in jobs:
        go_on(job, users.get(job.account, ""), hands, ports)
    return ports.registry.load(desired.customer.name)


def go_on(job: PasswordJob, user: str, hands: Hands, ports: Ports) -> PasswordJob:
    """Take an open job as far as it goes now, on the record, and return it."""
    effect = Effect(
        customer=job.customer,
        action="Settle",
        subject=f"{user} {job.account} {job.vault.entry}",
        system=str(System.DIRECTORY),
        reason=job.reason,
        requested_by=job.requested_by,
    )
    begun = ports.audit.begin(effect)
    after = carry_out(job, hands)
    cause = str(cause_of(after) or "")
    ports.audit.end(begun, effect, str(after.state), after.problem, cause)
    return after


def _may_go_on(job: PasswordJob, desired: Desired, now: datetime) -> bool:
    if isinstance(next_step(job, now), Wait):
        return False
    return not desired.suspended or any(target.sent_at for target in job.targets)


def hands_of(desired: Desired, ports: Ports, *, strict: bool) -> Hands:
    """Return what the jobs of a customer are carried out with.

    Not `strict`, what is missing stops only the steps that need it.

    Raises:
        SpecError: a secret is missing: the sealing key, or one of a directory.
    """
    customer = desired.customer
    return Hands(
        registry=ports.registry,
        clock=ports.clock,
        sealer=_sealer(ports, strict=strict),
        directories=_directories(ports, strict=strict),
        vault=ports.vault,
        place=place_of(System.VAULT, customer),
        organization=customer.vault.organization_id if customer.vault else None,
        audit=ports.audit,
    )


def _directories(ports: Ports, *, strict: bool) -> Mapping[DirectoryKind, PasswordDirectory]:
    try:
        return ports.open_passwords() if ports.open_passwords else {}
    except SpecError:
        if strict:
            raise
        return {}


def _sealer(ports: Ports, *, strict: bool) -> Sealer:
    missing = SpecError(("Nothing here opens the key that seals passwords.",))
    try:
        if ports.open_sealer is not None:
            return ports.open_sealer()
    except SpecError as error:
        missing = error
    if strict:
        raise missing
    return _Missing(missing)


class _Missing:
    """Stands for a key that is not there: what a job can do without it still goes on."""

    def __init__(self, error: SpecError) -> None:
        self._error = error

    def seal(self, plain: Secret, context: str) -> str:  # noqa: ARG002
        raise self._error

    def open(self, sealed: str, context: str) -> Secret:  # noqa: ARG002
        raise self._error


def _new_password(
    order: PasswordOrder, record: AccountRecord, targets: Targets, hands: Hands
) -> Secret:
    """Return a password that every directory's rules allow, as far as they can be read."""
    policies = []
    for kind, account in targets:
        directory = hands.directories.get(kind)
        if directory is None:
            raise SpecError((f"{record.identity.user}: {kind} is not connected.",))
        policies.append(directory.read_policy(account))
        state = directory.read_password_state(account)
        if state.cannot_change and not order.dependents_known:
            raise NotBegun(
                f"{record.identity.user}: {kind} says that this user cannot change its "
                "password, so something may depend on it. Say `dependents: None` in the "
                "policy's rotation, or switch rotation off with an AccountOverride.",
                Cause.CANNOT_CHANGE_PASSWORD,
            )
    policy = _strictest(policies)
    if order.typed is None:
        return generate(_generator(order.generator), policy, _names(record))
    problem = find_problem(order.typed, policy, record.identity)
    if problem:
        raise PasswordRefused(
            f"The password does not satisfy the policy of {record.identity.user}: {problem} "
            "Nothing was changed.",
            code="",
        )
    return order.typed


def _strictest(policies: Iterable[PasswordPolicy]) -> PasswordPolicy:
    policies = tuple(policies)
    return PasswordPolicy(
        min_length=max(policy.min_length for policy in policies),
        complexity=any(policy.complexity for policy in policies),
        fine_grained=max(policies, key=lambda policy: policy.min_length).fine_grained,
    )


def _names(record: AccountRecord) -> tuple[str, ...]:
    identity = record.identity
    return tuple(filter(None, (identity.short_name, identity.display_name)))


def _generator(wanted: Generator) -> Random | Passphrase:
    if wanted.kind is GeneratorKind.RANDOM:
        return Random(length=wanted.length)
    return Passphrase(words=Words(wanted.words.value))
