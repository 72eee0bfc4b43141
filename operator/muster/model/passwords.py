"""What is known of a password: a domain's rules, an account's state, and a job that sets one.

A job is the journal of one new password. It holds the password sealed, and how far each
place has come; what comes next is decided in `muster.passwords.protocol`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from muster.model.causes import Cause
from muster.model.names import AccountId, CustomerName, DirectoryKind, RemoteId


class Proof(StrEnum):
    """By what it is known that a password is the live one."""

    BIND = "Bind"
    """Somebody signed in with it over LDAP."""
    TOKEN_REQUEST = "TokenRequest"  # noqa: S105 - a word of status
    """Entra checked it when a token was asked for."""
    CHANGE_DATE = "ChangeDate"
    """The directory said yes, and its date of the last change moved then. The weakest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """The rules that hold for one account."""

    min_length: int = 0
    complexity: bool = False
    history: int = 0
    """How many former passwords a user may not take again; a reset by others is not bound."""
    min_age: timedelta = timedelta(0)
    """How old one must be before its user may change it; a reset by others is not bound."""
    lockout_threshold: int = 0
    """0: wrong attempts lock nobody out."""
    fine_grained: str = ""
    """The name of the fine-grained policy; empty: the domain's own."""
    resultant_unreadable: bool = False
    """A fine-grained policy may hold that the account of Muster may not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordState:
    """How the password of one account stands, as its directory says."""

    changed_at: datetime | None = None
    """None: never, or `must_change` hides it."""
    locked: bool = False
    must_change: bool = False
    never_expires: bool = False
    cannot_change: bool = False
    enabled: bool = True
    expires_at: datetime | None = None
    """When the account expires, not the password."""
    failed_attempts: int = 0
    """Wrong attempts that the directory has counted towards lockout."""


class JobKind(StrEnum):
    """Why a password is set."""

    RESET = "Reset"
    ROTATION = "Rotation"


class JobState(StrEnum):
    """How a job stands; one with `ended_at` is over."""

    OPEN = "Open"
    PARTIALLY_APPLIED = "PartiallyApplied"
    """One directory has the new password and another has not."""
    NEEDS_PERSON = "NeedsPerson"
    """Muster does nothing more by itself; the password stays sealed in the job."""
    CONFIRMED = "Confirmed"
    """Every directory has the password, and so has the vault."""
    REFUSED = "Refused"
    """The directory's rules refused the password. Nothing was changed anywhere."""
    FAILED = "Failed"
    """It could not be set. Nothing was changed anywhere."""
    SUPERSEDED = "Superseded"
    """Somebody else set another password after ours; the vault's entry is stale."""
    ABANDONED = "Abandoned"
    """A person ended it and answers for the password."""


class TargetState(StrEnum):
    """How far one directory has come."""

    PENDING = "Pending"
    """Nothing was sent."""
    READY = "Ready"
    """Its state was read, and the password may be sent."""
    SENT = "Sent"
    """It was sent, and the outcome is unknown."""
    ACCEPTED = "Accepted"
    """The directory said yes."""
    SEEN = "Seen"
    """The password has changed since; whether to ours is to be proved."""
    DISPROVED = "Disproved"
    """Ours was not accepted at the last proof."""
    PROVED = "Proved"
    REFUSED = "Refused"
    """It is certain that the directory did not take the password."""
    SUPERSEDED = "Superseded"
    """It is certain that another password came after ours."""


DONE_STATES = frozenset({TargetState.PROVED, TargetState.REFUSED, TargetState.SUPERSEDED})
"""The states of a directory in which nothing more is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One directory that gets the password, and what is known of it."""

    system: DirectoryKind
    account: AccountId
    proves_by: Proof
    """What its directory can do. `ChangeDate`: it cannot check a password, or did not say."""
    state: TargetState = TargetState.PENDING
    baseline: datetime | None = None
    """The date of the last change before ours."""
    baseline_must_change: bool = False
    attempts: int = 0
    first_sent_at: datetime | None = None
    """When a request was sent for the first time that may have taken effect."""
    sent_at: datetime | None = None
    doubt_at: datetime | None = None
    """When the last request was sent whose outcome nobody told."""
    accepted_at: datetime | None = None
    changed_at: datetime | None = None
    """The date of our change, as far as it is known."""
    barred: bool = False
    """The directory refuses this password now, after an attempt whose outcome is unknown."""
    proofs_left: int = 0
    """How many attempts to sign in the lockout threshold leaves to us."""
    wrong_proofs: int = 0
    """Attempts to sign in that were refused, or were begun and not told."""
    disproved_at: datetime | None = None
    proof: Proof | None = None
    left_open: str = ""
    """Why the directory did not tell whether the password is live, so that its date decides."""
    code: str = ""
    """The directory's own code of a refusal, such as `0000052D`."""
    denied: bool = False
    """It was refused for another reason than the rules for passwords."""
    failures: int = 0
    next_try_at: datetime | None = None
    problem: str = ""
    cause: Cause | None = None
    """What the problem is, in one word; None in the journal of an older Muster."""


class VaultState(StrEnum):
    """How far the vault's entry has come."""

    PENDING = "Pending"
    """It does not hold the password, as far as is known."""
    SENT = "Sent"
    """The password was sent; what the entry holds is to be read."""
    CONFIRMED = "Confirmed"
    """The entry was read, and it holds the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultTarget:
    """The entry that gets the password."""

    place: str
    """The integration and organization, such as `it-glue/4711`."""
    entry: RemoteId
    state: VaultState = VaultState.PENDING
    attempts: int = 0
    revision: str = ""
    failures: int = 0
    next_try_at: datetime | None = None
    problem: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordJob:
    """One new password of one account, from before it is sent until it is safe."""

    id: str
    customer: CustomerName
    account: AccountId
    kind: JobKind
    slot: str = ""
    """The due date that a rotation serves; empty for a reset."""
    requested_by: str = ""
    reason: str = ""
    must_change: bool = False
    unlock: bool = False
    targets: tuple[Target, ...]
    """Active Directory before Entra."""
    vault: VaultTarget
    sealed: str
    """The password as ciphertext; empty once the job is over."""
    opened_at: datetime
    deadline: datetime
    """When a person must settle what is then still open."""
    state: JobState = JobState.OPEN
    problem: str = ""
    cause: Cause | None = None
    ended_at: datetime | None = None

    def __repr__(self) -> str:
        """Leave the ciphertext out: what is sealed belongs in the journal and nowhere else."""
        return f"PasswordJob({self.id}, {self.kind}, {self.state})"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """What stays known of the last job of an account and kind."""

    id: str
    customer: CustomerName
    account: AccountId
    kind: JobKind
    slot: str
    state: JobState
    was_set: bool
    """Whether the password was, or may have been, set in a directory."""
    ended_at: datetime
    changed_at: datetime | None = None
    """The date of our change in the first directory: a later one is somebody else's."""
    proof: Proof | None = None
    left_open: str = ""
    """Why a directory's date had to decide where it was asked for more; empty elsewhere."""
    revision: str = ""
    """The entry's revision that holds the password, where the vault names it."""
    requested_by: str = ""
    problem: str = ""
    cause: Cause | None = None


def require_open(job: PasswordJob) -> None:
    """Raise ValueError for a job that is over."""
    if job.ended_at is not None:
        raise ValueError(f"password job {job.id} is over")


def end_of(job: PasswordJob) -> JobEnd:
    """Return what is kept of a job that is over; raises ValueError for an open one."""
    if job.ended_at is None:
        raise ValueError(f"password job {job.id} is still open")
    first = job.targets[0]
    kept = job.vault.state is VaultState.CONFIRMED
    return JobEnd(
        id=job.id,
        customer=job.customer,
        account=job.account,
        kind=job.kind,
        slot=job.slot,
        state=job.state,
        was_set=any(may_be_live(target) for target in job.targets)
        or job.state in {JobState.CONFIRMED, JobState.SUPERSEDED, JobState.PARTIALLY_APPLIED},
        ended_at=job.ended_at,
        changed_at=first.changed_at,
        proof=first.proof,
        left_open=left_open_of(job),
        revision=job.vault.revision if kept else "",
        requested_by=job.requested_by,
        problem=job.problem,
        cause=job.cause,
    )


def cause_of(job: PasswordJob) -> Cause | None:
    """Return what stands in a job's way: its own cause, else that of its first part in trouble."""
    causes = (job.cause, *(target.cause for target in job.targets), job.vault.cause)
    return next(filter(None, causes), None)


def left_open_of(job: PasswordJob) -> str:
    """Return why a date decides where a proof was asked for; empty where none was left open."""
    return " ".join(target.left_open for target in job.targets if target.left_open)


def may_be_live(target: Target) -> bool:
    """Say whether the job's password may be the live one in a directory."""
    return target.state not in {TargetState.REFUSED, TargetState.SUPERSEDED} and bool(
        target.sent_at
    )


def refusal_to_open(
    job: PasswordJob, jobs: tuple[PasswordJob, ...], ends: tuple[JobEnd, ...]
) -> str:
    """Return why a job must not be opened beside what is known; empty when it may.

    One job per account, and no rotation for a due date that was served.
    """
    for other in jobs:
        if other.account == job.account and other.id != job.id and other.ended_at is None:
            return (
                f"Password job {other.id} of account {job.account} is still open. "
                "Let it end, or settle it, before another one begins."
            )
    for end in ends:
        if end.id == job.id:
            return f"Password job {job.id} has ended already. Give the new one an id of its own."
        same = (end.account, end.kind, end.slot) == (job.account, job.kind, job.slot)
        if same and job.kind is JobKind.ROTATION and end.was_set:
            return f"The rotation of account {job.account} for {job.slot} took place already."
    return ""
