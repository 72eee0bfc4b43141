"""The password protocol: one job, from a sealed password to one that is live and in the vault.

Pure. `next_step` says what to do, `begin` how the journal must look before it is done, and
`advance` what follows from its outcome. The order is: Active Directory, then the vault's
entry as soon as that is proved, then Entra. The sealed password is given up only when it is
proved not to be the live one, or is live and in the entry; what cannot be decided becomes a
finding for a person, and nothing waits without a deadline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from muster.model.causes import Cause
from muster.model.names import DirectoryKind
from muster.model.passwords import (
    DONE_STATES,
    JobState,
    PasswordJob,
    Target,
    TargetState,
    VaultState,
    VaultTarget,
    cause_of,
    may_be_live,
)
from muster.passwords import directory_steps
from muster.passwords.directory_steps import Context, Progress
from muster.passwords.patience import MAX_WRITES, PATIENCE, START_WITHIN, delay
from muster.passwords.steps import (
    Answered,
    CallPerson,
    Command,
    Denied,
    Done,
    Event,
    Finished,
    Look,
    Missing,
    NoAnswer,
    NotSent,
    Prove,
    ReadEntry,
    RefusedByPolicy,
    SetPassword,
    Wait,
    WriteEntry,
)

_NOT_BEGUN = "It was not begun in time. Nothing was changed."
_TOO_LATE = "It could not be settled in time, and Muster tries no more by itself."


def next_step(job: PasswordJob, now: datetime) -> Command | Wait | Finished:
    """Return what to do now. What it returns is the same until `begin` or `advance`."""
    if job.ended_at is not None:
        return Finished(state=job.state, problem=job.problem)
    if end := _end(job):
        return end
    if job.state is JobState.NEEDS_PERSON:
        return Wait(until=None)
    return _overdue(job, now) or _open_step(job, now)


def _overdue(job: PasswordJob, now: datetime) -> CallPerson | Finished | None:
    """Return how a job ends that has waited too long; None while there is time."""
    if now < _limit(job):
        return None
    if any(map(may_be_live, job.targets)):
        problem = f"{_TOO_LATE} {_problems(job)}".strip()
        return CallPerson(problem=problem, cause=cause_of(job) or Cause.OUTCOME_UNKNOWN)
    problem, cause = _problems(job) or _NOT_BEGUN, cause_of(job) or Cause.NOT_TRIED
    return Finished(state=JobState.FAILED, problem=problem, cause=cause)


def _limit(job: PasswordJob) -> datetime:
    if any(map(may_be_live, job.targets)):
        return job.deadline
    return min(job.deadline, job.opened_at + START_WITHIN)


def _open_step(job: PasswordJob, now: datetime) -> Command | Wait:
    waiting = [_limit(job)]
    for part, command in _open_parts(job):
        if part.next_try_at is None or part.next_try_at <= now:
            return command
        waiting.append(part.next_try_at)
    return Wait(until=min(waiting))


def begin(job: PasswordJob, command: Command, now: datetime) -> PasswordJob:
    """Return the job as the journal must hold it before the command is carried out."""
    match command:
        case CallPerson(problem=problem, cause=cause):
            return _with_person(job, problem, cause)
        case WriteEntry():
            vault = replace(job.vault, state=VaultState.SENT, attempts=job.vault.attempts + 1)
            return replace(job, vault=vault)
        case ReadEntry():
            return job
        case _:
            target = directory_steps.begun(_target(job, command.system), command, now)
            return _with_target(job, target)


def advance(job: PasswordJob, command: Command, event: Event, now: datetime) -> PasswordJob:
    """Return the job after the outcome of a command that was begun."""
    match command:
        case CallPerson():
            return job
        case WriteEntry() | ReadEntry():
            vault = _vault_after(job.vault, command, event, now)
            job = replace(job, vault=vault)
            if vault.attempts >= MAX_WRITES and vault.state is VaultState.PENDING:
                problem = f"The entry does not keep what is written. {vault.problem}"
                return _with_person(job, problem, vault.cause)
            return _with_state(job)
        case Look() | SetPassword() | Prove():
            target = _target(job, command.system)
            context = Context(
                must_change=job.must_change,
                first=target.system is job.targets[0].system,
                now=now,
            )
            progress: Progress = directory_steps.advanced(target, command, event, context)
            job = _with_target(job, progress.target)
            if progress.person:
                return _with_person(job, progress.person, Cause.OUTCOME_UNKNOWN)
            return _with_state(job)


def conclude(job: PasswordJob, end: Finished, now: datetime) -> PasswordJob:
    """Return the job as it ends: without its password."""
    ended = replace(job, state=end.state, problem=end.problem, cause=end.cause)
    return replace(ended, ended_at=now, sealed="")


class Settlement(StrEnum):
    """What a person may decide about an open job."""

    LOOK_AGAIN = "LookAgain"
    """Go on as if the job were new to the systems: look, prove, write."""
    SET_AGAIN = "SetAgain"
    """Set the same password again, whatever is live now."""
    ABANDON = "Abandon"
    """End the job and give its password up. The person answers for what is live."""


def settle(job: PasswordJob, choice: Settlement, now: datetime) -> PasswordJob:
    """Return the job after a person's decision; raises ValueError for one that is over."""
    if job.ended_at is not None:
        raise ValueError(f"password job {job.id} is over: {job.state}")
    if choice is Settlement.ABANDON:
        given_up = Finished(state=JobState.ABANDONED, problem=job.problem, cause=Cause.GIVEN_UP)
        return conclude(job, given_up, now)
    again = choice is Settlement.SET_AGAIN
    targets = tuple(_afresh(target, set_again=again) for target in job.targets)
    vault = replace(job.vault, attempts=0, failures=0, next_try_at=None)
    job = replace(job, targets=targets, vault=vault, problem="", cause=None)
    job = replace(job, deadline=now + PATIENCE)
    return _with_state(replace(job, state=JobState.OPEN))


def _afresh(target: Target, *, set_again: bool) -> Target:
    if target.state in DONE_STATES:
        return target
    fresh = replace(target, attempts=0, wrong_proofs=0, failures=0, next_try_at=None)
    fresh = replace(fresh, barred=False, disproved_at=None)
    if set_again and target.sent_at is not None:
        # What was sent before and not answered may still come: it stays in doubt.
        return replace(fresh, state=TargetState.READY, doubt_at=target.doubt_at or target.sent_at)
    if target.state in {TargetState.SEEN, TargetState.DISPROVED}:
        return replace(fresh, state=directory_steps.unproved(target))
    return fresh


def _end(job: PasswordJob) -> Finished | None:
    first = job.targets[0]
    if first.state is TargetState.REFUSED:
        state = JobState.FAILED if first.denied else JobState.REFUSED
        return Finished(state=state, problem=first.problem, cause=first.cause)
    if first.state is TargetState.SUPERSEDED:
        return Finished(
            state=JobState.SUPERSEDED,
            cause=Cause.PASSWORD_STALE,
            problem="Somebody set another password after Muster did. The vault's entry is stale: "
            "write the present password there, or reset it again.",
        )
    if job.vault.state is not VaultState.CONFIRMED:
        return None
    if any(target.state not in DONE_STATES for target in job.targets):
        return None
    behind = next((one for one in job.targets if one.state is not TargetState.PROVED), None)
    return _end_of_half(job, behind) if behind else Finished(state=JobState.CONFIRMED)


def _end_of_half(job: PasswordJob, behind: Target) -> Finished:
    """Return how a pair's job ends of which one directory does not have the password."""
    problem, cause = _problems(job), behind.cause
    if behind.state is TargetState.SUPERSEDED:
        cause = Cause.PASSWORD_STALE
        problem = (
            f"{behind.system}: Somebody set another password there after Muster did. The vault's "
            f"entry has the one of {job.targets[0].system}: reset it again, so that both are alike."
        )
    return Finished(state=JobState.PARTIALLY_APPLIED, problem=problem, cause=cause)


def _open_parts(job: PasswordJob) -> Iterator[tuple[Target | VaultTarget, Command]]:
    """Yield what is still to be done and may be done beside each other, first things first."""
    first, *others = job.targets
    if first.state is not TargetState.PROVED:
        yield first, directory_steps.next_command(first)
        return
    # The entry comes before the other directory: until then only the job has the password.
    if job.vault.state is VaultState.PENDING:
        yield job.vault, WriteEntry()
    if job.vault.state is VaultState.SENT:
        yield job.vault, ReadEntry()
    for target in others:
        if target.state not in DONE_STATES:
            yield target, directory_steps.next_command(target)


def _vault_after(
    vault: VaultTarget, command: WriteEntry | ReadEntry, event: Event, now: datetime
) -> VaultTarget:
    match command, event:
        case WriteEntry(), Done(revision=revision):
            return replace(vault, revision=revision, next_try_at=None, problem="", cause=None)
        case WriteEntry(), NoAnswer():
            return _vault_later(vault, event, now)
        case ReadEntry(), Answered(yes=True):
            done = replace(vault, state=VaultState.CONFIRMED, problem="", cause=None)
            return replace(done, failures=0, next_try_at=None)
        case ReadEntry(), Answered(yes=False):
            # After a write that nobody answered, that is why.
            differs = replace(_DIFFERS, cause=vault.cause or _DIFFERS.cause)
            return _vault_later(replace(vault, state=VaultState.PENDING), differs, now)
        case WriteEntry(), RefusedByPolicy() | Missing() | Denied() | NotSent():
            # It certainly had no effect, so it does not count.
            kept = replace(vault, state=VaultState.PENDING, attempts=vault.attempts - 1)
            return _vault_later(kept, event, now)
        case ReadEntry(), RefusedByPolicy() | Missing() | Denied() | NotSent() | NoAnswer():
            return _vault_later(vault, event, now)
        case _:
            raise AssertionError(f"{event} is no outcome of {command}")


_Trouble = RefusedByPolicy | Missing | Denied | NotSent | NoAnswer

_DIFFERS = NoAnswer(
    problem="The entry holds another password than the one that was written.",
    cause=Cause.VAULT_REFUSED,
)


def _vault_later(vault: VaultTarget, event: _Trouble, now: datetime) -> VaultTarget:
    failures = vault.failures + 1
    later = replace(vault, failures=failures, next_try_at=now + delay(failures))
    return replace(later, problem=event.problem, cause=event.cause)


def _target(job: PasswordJob, system: DirectoryKind) -> Target:
    return next(target for target in job.targets if target.system is system)


def _with_target(job: PasswordJob, target: Target) -> PasswordJob:
    targets = (target if one.system is target.system else one for one in job.targets)
    return replace(job, targets=tuple(targets))


def _with_person(job: PasswordJob, problem: str, cause: Cause | None) -> PasswordJob:
    return replace(job, state=JobState.NEEDS_PERSON, problem=problem, cause=cause)


def _with_state(job: PasswordJob) -> PasswordJob:
    """Say PartiallyApplied where one directory has it and another makes trouble."""
    if job.state is JobState.NEEDS_PERSON:
        return job
    proved = any(target.state is TargetState.PROVED for target in job.targets)
    behind = any(
        target.failures or target.state in {TargetState.REFUSED, TargetState.SUPERSEDED}
        for target in job.targets
        if target.state is not TargetState.PROVED
    )
    state = JobState.PARTIALLY_APPLIED if proved and behind else JobState.OPEN
    return replace(job, state=state)


def _problems(job: PasswordJob) -> str:
    """Return what stands in the way, system by system."""
    parts = [f"{target.system}: {target.problem}" for target in job.targets if target.problem]
    if job.vault.problem:
        parts.append(f"vault {job.vault.place}: {job.vault.problem}")
    return " ".join(parts)
