"""What the core needs of whatever carries passwords on from Active Directory to Entra."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from muster.ports import Check


class SyncState(StrEnum):
    """What became of the wish for a synchronization."""

    STARTED = "Started"
    ALREADY_RUNNING = "AlreadyRunning"
    """One runs, which may have begun too early for the last change."""
    SKIPPED = "Skipped"
    """The server may not run one now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStart:
    """What became of it, in a word and a sentence."""

    state: SyncState
    message: str


class SyncTrigger(Protocol):
    """Starts a synchronization of Active Directory to Entra."""

    @property
    def host(self) -> str:
        """The server that synchronizes."""
        ...

    def start_delta(self) -> SyncStart:
        """Start one that carries what has changed; within bounded time."""
        ...

    def check(self) -> tuple[Check, ...]:
        """Try connection, sign-in and rights, and start nothing; raises nothing."""
        ...


class SyncWish(Protocol):
    """Remembers between runs that a customer's passwords wait for a synchronization."""

    def take(self, now: datetime) -> SyncTrigger | None:
        """Return what starts one, when passwords were set and the last try is long enough ago."""
        ...

    def keep(self) -> None:
        """Wish again: it was not started."""
        ...
