"""The writer of passwords: it does what the protocol says, and the journal knows it first.

Beside `muster.apply` this is the only module that writes to the systems of a customer. Before
an effect the job is saved as it must look if the process dies at once; after it, as it came
out. What is next is decided in `protocol`, what an outcome means there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from muster.audit import UNRECORDED, Effect, Trail
from muster.errors import (
    AccessDenied,
    MusterError,
    NotFound,
    PasswordRefused,
    RateLimited,
    Rejected,
    RemoteError,
    SpecError,
    Unexpected,
    Untold,
)
from muster.model.causes import Cause
from muster.model.names import AccountId, CustomerName, DirectoryKind, RemoteId
from muster.model.passwords import JobKind, PasswordJob, Target, VaultTarget
from muster.model.secret import Secret
from muster.passwords.causes import cause_in_directory, cause_in_vault
from muster.passwords.patience import PATIENCE
from muster.passwords.protocol import advance, begin, conclude, next_step
from muster.passwords.steps import (
    Answered,
    CallPerson,
    Command,
    Denied,
    Done,
    Event,
    Finished,
    Look,
    Looked,
    Missing,
    NoAnswer,
    NotSent,
    NotTold,
    Prove,
    ReadEntry,
    RefusedByPolicy,
    SetPassword,
    Wait,
    WriteEntry,
)
from muster.ports import Clock, PasswordDirectory, Registry, Sealer, Vault
from muster.sealing import context_of

_MOST_STEPS = 100
"""More than any job takes at one time; a circle would be a mistake of the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a job of one customer is carried out with."""

    registry: Registry
    clock: Clock
    sealer: Sealer
    directories: Mapping[DirectoryKind, PasswordDirectory]
    vault: Vault | None
    place: str
    """Where the customer's entries are now, as `Link.place` says it."""
    organization: RemoteId | None
    audit: Trail = UNRECORDED
    """Where each effect is recorded: pass on what the ports have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A new password that somebody, or the schedule, asks for."""

    id: str
    customer: CustomerName
    account: AccountId
    kind: JobKind
    slot: str = ""
    """The due date that a rotation serves."""
    requested_by: str
    reason: str = ""
    must_change: bool = False
    unlock: bool = False
    accounts: tuple[tuple[DirectoryKind, AccountId], ...]
    """The account in each directory that gets the password; Active Directory comes first."""
    entry: RemoteId


def start(request: JobRequest, password: Secret, hands: Hands) -> PasswordJob:
    """Write a new job to the journal, its password sealed; nothing is set yet.

    Raises:
        ValueError: another job of the account is open, or its due date was served.
        SpecError: no account is named, or a directory of one is not connected.
        StateError: the registry cannot be written.
    """
    now = hands.clock()
    job = PasswordJob(
        id=request.id,
        customer=request.customer,
        account=request.account,
        kind=request.kind,
        slot=request.slot,
        requested_by=request.requested_by,
        reason=request.reason,
        must_change=request.must_change,
        unlock=request.unlock,
        targets=_targets(request, hands),
        vault=VaultTarget(place=hands.place, entry=request.entry),
        sealed="",
        opened_at=now,
        deadline=now + PATIENCE,
    )
    job = replace(job, sealed=hands.sealer.seal(password, _context(job)))
    hands.registry.open_job(job)
    return job


def _targets(request: JobRequest, hands: Hands) -> tuple[Target, ...]:
    order = tuple(DirectoryKind)
    accounts = sorted(request.accounts, key=lambda one: order.index(one[0]))
    missing = [system for system, _ in accounts if system not in hands.directories]
    if missing or not accounts:
        what = f"{', '.join(missing)} is not connected" if missing else "no account is named"
        raise SpecError((f"{request.customer}: a password cannot be set: {what}.",))
    return tuple(
        Target(system=system, account=account, proves_by=hands.directories[system].proves_by)
        for system, account in accounts
    )


def reveal(job: PasswordJob, sealer: Sealer) -> Secret:
    """Return an open job's password, for a person who needs it; the caller records who asked.

    Raises:
        ValueError: the job is over, and its password is gone.
        MusterError: it does not open: the key is not in the ring, or it was altered.
    """
    if not job.sealed:
        raise ValueError(f"password job {job.id} is over and holds no password")
    return sealer.open(job.sealed, _context(job))


def carry_out(job: PasswordJob, hands: Hands) -> PasswordJob:
    """Take an open job as far as it goes now, and return it as the registry holds it.

    It returns when there is nothing to do before a later time, when a person must decide, or
    when the job is over. What it raises leaves the job as it was last saved, and the next call
    goes on from there.

    Raises:
        StateError: the registry cannot be written; no effect takes place that it does not know.
        MusterError: this process may not write any more (its lease was lost).
    """
    for _ in range(_MOST_STEPS):
        now = hands.clock()
        match next_step(job, now):
            case Wait():
                return job
            case Finished() as end:
                if job.ended_at is None:
                    job = conclude(job, end, now)
                    hands.registry.close_job(job)
                return job
            case command:
                job = _step(job, command, hands)
    raise AssertionError(f"password job {job.id} goes round in a circle")


def _step(job: PasswordJob, command: Command, hands: Hands) -> PasswordJob:
    begun = begin(job, command, hands.clock())
    if begun != job:
        hands.registry.save_job(begun)
    event = _on_record(begun, command, hands)
    after = advance(begun, command, event, hands.clock())
    if after != begun:
        hands.registry.save_job(after)
    return after


_RECORDED = {
    SetPassword: "SetPassword",
    Prove: "ProvePassword",
    WriteEntry: "WritePassword",
    ReadEntry: "ReadPassword",
}
"""What the audit calls a command; the others have no effect and show no password."""


def _on_record(job: PasswordJob, command: Command, hands: Hands) -> Event:
    """Carry a command out between two lines of the audit."""
    action = _RECORDED.get(type(command))
    if action is None:
        return _effect(job, command, hands)
    system = getattr(command, "system", None)
    effect = Effect(
        customer=job.customer,
        action=action,
        subject=_target(job, system).account if system else f"{job.account} {job.vault.entry}",
        system=str(system or "vault"),
        reason=f"{job.kind} {job.id} {job.reason}".strip(),
        requested_by=job.requested_by,
    )
    begun = hands.audit.begin(effect)
    event = _effect(job, command, hands)
    problem, cause = getattr(event, "problem", ""), getattr(event, "cause", None)
    hands.audit.end(begun, effect, _word(event), problem, str(cause or ""))
    return event


def _word(event: Event) -> str:
    match event:
        case Done() | Answered(yes=True):
            return "Done"
        case Answered():
            return "Differs"
        case NoAnswer() | NotTold():
            return "Unknown"
        case _:
            return "Failed"


class _Outcome(Exception):
    """An effect that ended otherwise than it should."""

    def __init__(self, event: Event) -> None:
        super().__init__(type(event).__name__)
        self.event = event


def _effect(job: PasswordJob, command: Command, hands: Hands) -> Event:
    event: Event = Done()
    try:
        match command:
            case Look(system=system):
                event = _look(_target(job, system), hands)
            case SetPassword(system=system):
                event = _set(job, _target(job, system), hands)
            case Prove(system=system):
                event = _prove(job, _target(job, system), hands)
            case WriteEntry():
                event = _write_entry(job, hands)
            case ReadEntry():
                event = _read_entry(job, hands)
            case CallPerson():
                pass
    except _Outcome as outcome:
        event = outcome.event
    return event


def _look(target: Target, hands: Hands) -> Event:
    directory = _directory(target, hands)
    with _outcomes(cause_in_directory):
        policy = directory.read_policy(target.account)
        return Looked(state=directory.read_password_state(target.account), policy=policy)


def _set(job: PasswordJob, target: Target, hands: Hands) -> Event:
    directory, password = _directory(target, hands), _opened(job, hands)
    with _outcomes(cause_in_directory):
        directory.set_password(
            target.account, password, must_change=job.must_change, unlock=job.unlock
        )
    return Done()


def _prove(job: PasswordJob, target: Target, hands: Hands) -> Event:
    directory, password = _directory(target, hands), _opened(job, hands)
    with _outcomes(cause_in_directory):
        return Answered(yes=directory.prove(target.account, password))


def _write_entry(job: PasswordJob, hands: Hands) -> Event:
    vault, organization = _vault(job, hands)
    password = _opened(job, hands)
    with _outcomes(cause_in_vault):
        revision = vault.write_password(organization, job.vault.entry, password)
    return Done(revision=revision or "")


def _read_entry(job: PasswordJob, hands: Hands) -> Event:
    vault, organization = _vault(job, hands)
    password = _opened(job, hands)
    with _outcomes(cause_in_vault):
        return Answered(yes=password.same_as(vault.read_password(organization, job.vault.entry)))


def _target(job: PasswordJob, system: DirectoryKind) -> Target:
    return next(target for target in job.targets if target.system is system)


def _directory(target: Target, hands: Hands) -> PasswordDirectory:
    directory = hands.directories.get(target.system)
    if directory is None:
        raise _Outcome(_not_ready(f"{target.system} is not connected."))
    return directory


def _vault(job: PasswordJob, hands: Hands) -> tuple[Vault, RemoteId]:
    """Return the vault of a job's entry; an entry of another tenant may have the same id."""
    if hands.vault is None or hands.organization is None:
        raise _Outcome(_not_ready("The vault is not connected."))
    if job.vault.place != hands.place:
        raise _Outcome(
            _not_ready(
                f"The entry is in {job.vault.place}, and the customer's vault is now "
                f"{hands.place}. Write the password to the right entry by hand, and give the job "
                "up, or connect the former vault again."
            )
        )
    return hands.vault, hands.organization


def _opened(job: PasswordJob, hands: Hands) -> Secret:
    try:
        return reveal(job, hands.sealer)
    except MusterError as error:
        raise _Outcome(_not_ready(f"The sealed password does not open: {error}")) from error


def _not_ready(problem: str) -> NotSent:
    return NotSent(problem=problem, cause=Cause.SETUP_INCOMPLETE)


@contextmanager
def _outcomes(cause_of: Callable[[MusterError], Cause]) -> Iterator[None]:
    """Turn an adapter's error into what it means; any other exception passes through."""
    try:
        yield
    except SpecError as error:
        raise _Outcome(Denied(problem=str(error), cause=cause_of(error))) from error
    except RemoteError as error:
        raise _Outcome(_event(error, cause_of(error))) from error


def _event(error: RemoteError, cause: Cause) -> Event:
    problem = str(error)
    # An answer that nobody understands may have followed an effect.
    if error.maybe_applied or isinstance(error, Unexpected):
        return NoAnswer(problem=problem, cause=cause)
    match error:
        case Untold():
            return NotTold(problem=problem, cause=cause)
        case PasswordRefused(code=code):
            return RefusedByPolicy(code=code, problem=problem, cause=cause)
        case NotFound():
            return Missing(problem=problem, cause=cause)
        case Rejected() | AccessDenied():
            return Denied(problem=problem, cause=cause)
        case _:
            delay_s = error.delay_s if isinstance(error, RateLimited) else 0
            return NotSent(problem=problem, delay_s=delay_s, cause=cause)


def _context(job: PasswordJob) -> str:
    return context_of("password-job", job.customer, job.account, job.id)
