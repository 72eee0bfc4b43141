"""The words of the password protocol: what may be done next, and what may come of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muster.model.causes import Cause
from muster.model.names import DirectoryKind
from muster.model.passwords import JobState, PasswordPolicy, PasswordState


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Read the account's policy and password state from a directory. Changes nothing."""

    system: DirectoryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPassword:
    """Set the job's password in a directory."""

    system: DirectoryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Prove:
    """Ask a directory once whether it takes the job's password."""

    system: DirectoryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteEntry:
    """Write the job's password to the vault's entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEntry:
    """Read the vault's entry and compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPerson:
    """Do nothing more, and say why a person must decide. The password stays sealed."""

    problem: str
    cause: Cause | None = None


Command = Look | SetPassword | Prove | WriteEntry | ReadEntry | CallPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing can be done now. `until` is None when only a person can go on."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The job is over, or is to be ended like this."""

    state: JobState
    problem: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A directory told how the account's password stands."""

    state: PasswordState
    policy: PasswordPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The system said that it did what was asked."""

    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question was answered: the directory takes the password, or the entry holds it, or not."""

    yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTold:
    """The directory answered a proof, and did not say whether it takes the password."""

    problem: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedByPolicy:
    """The rules for passwords refused it; it took no effect."""

    code: str
    problem: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The account or the entry does not exist; nothing took effect."""

    problem: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Credentials or rights are missing, or it was refused; nothing took effect."""

    problem: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """The system could not be asked; it is certain that nothing took effect."""

    problem: str
    delay_s: float = 0
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """It was sent, and nobody knows what came of it."""

    problem: str
    cause: Cause | None = None


Event = Looked | Done | Answered | NotTold | RefusedByPolicy | Missing | Denied | NotSent | NoAnswer
