"""Rotation: how often passwords are changed, and how it stands with one account.

When one is due is decided in `muster.plan.rotation`; how it is set, in `muster.passwords`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum

from muster.model.causes import Cause
from muster.model.names import AccountId
from muster.model.passwords import Proof
from muster.model.reasons import Reason


class GeneratorKind(StrEnum):
    """How a new password is made."""

    RANDOM = "Random"
    """Letters, digits and marks."""
    PASSPHRASE = "Passphrase"  # noqa: S105 - a word of the YAML
    """Words that a person can type."""


class PhraseWords(StrEnum):
    """The words of a passphrase."""

    LONG = "Long"
    """Four."""
    SHORT = "Short"
    """Five short ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """How new passwords are made; what a directory's policy asks for beyond it is added."""

    kind: GeneratorKind = GeneratorKind.RANDOM
    length: int = 24
    """Characters of a random one."""
    words: PhraseWords = PhraseWords.LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The hours of a day in which passwords are rotated."""

    start: time
    time_zone: str
    """Its name in the IANA database."""
    duration: timedelta = timedelta(hours=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationSettings:
    """When and how a policy's accounts are rotated. Whether at all is one of its options."""

    every: timedelta = timedelta(days=30)
    """Whole days."""
    window: Window | None = None
    generator: Generator = field(default_factory=Generator)
    without_dependents: bool = False
    """Whether a person says that nothing else uses these passwords, such as a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationDemand:
    """A person's wish to rotate now, whatever the schedule says."""

    id: str
    """Given once; the same demand is never carried out twice."""
    accounts: frozenset[AccountId] = frozenset()
    """Empty: every account that is rotated."""
    requested_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How it stands with the password of one account, as far as Muster sets it.

    Times are whole seconds, as a resource holds them.
    """

    enabled: bool = False
    """Whether the policy rotates it and no person has switched it off."""
    reason: Reason = Reason.ROTATION_OFF
    """Why it waits, or why it is not rotated."""
    since: datetime | None = None
    """When rotation began for the account."""
    last: datetime | None = None
    """When Muster last set its password, by a rotation or a reset."""
    next: datetime | None = None
    slot: str = ""
    """The due date that the last attempt served."""
    proof: Proof | None = None
    changed_at: datetime | None = None
    """The directory's date of our last change."""
    revision: str = ""
    """The vault entry's revision that it made, where the vault names it."""
    stale: bool = False
    """Whether somebody else has set a password since: the vault's entry is not the live one."""
    failures: int = 0
    """Rotations that have failed in a row."""
    failed_at: datetime | None = None
    last_error: str = ""
    cause: Cause | None = None
    """What the last error is, in one word."""
    told_at: datetime | None = None
    """The end of the last job that is counted here."""


NO_ROTATION = Rotation()
"""That of an account which is not rotated, as in every record of old."""
