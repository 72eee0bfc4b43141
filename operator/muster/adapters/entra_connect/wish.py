"""Remembers that passwords were set, so that many of them lead to one delta cycle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from muster.errors import RemoteError
from muster.model.names import AccountId
from muster.model.passwords import PasswordPolicy, PasswordState, Proof
from muster.model.secret import Secret
from muster.ports import PasswordDirectory
from muster.sync_port import SyncTrigger

EVERY = timedelta(minutes=5)
"""One server is not asked more often. Cycles that follow each other too fast are throttled, as
field reports say; Microsoft supports a schedule of 30 minutes at the shortest
(learn.microsoft.com, `Microsoft Entra Connect Sync: Scheduler`)."""


class EntraConnectWish:
    """The wish of one server; thread-safe. A new process begins without one."""

    def __init__(self, open_trigger: Callable[[], SyncTrigger | None]) -> None:
        self._open_trigger = open_trigger
        self._turn = threading.Lock()
        self._wanted = False
        self._tried_at: datetime | None = None

    def note(self) -> None:
        """Wish for a cycle: a password was set, or may have been."""
        with self._turn:
            self._wanted = True

    keep = note

    def take(self, now: datetime) -> SyncTrigger | None:
        """Return what starts a cycle, once for each wish; raises SpecError for a missing secret."""
        with self._turn:
            early = self._tried_at is not None and now < self._tried_at + EVERY
            if not self._wanted or early:
                return None
            self._wanted, self._tried_at = False, now
        return self._open_trigger()


class NotingPasswords:
    """A directory's passwords; what is set there is to be carried on."""

    def __init__(self, directory: PasswordDirectory, wish: EntraConnectWish) -> None:
        self._directory = directory
        self._wish = wish

    @property
    def proves_by(self) -> Proof:
        """What `prove` does."""
        return self._directory.proves_by

    def read_policy(self, account: AccountId) -> PasswordPolicy:
        """Return the rules that hold for an account."""
        return self._directory.read_policy(account)

    def read_password_state(self, account: AccountId) -> PasswordState:
        """Return how an account's password stands."""
        return self._directory.read_password_state(account)

    def set_password(
        self, account: AccountId, password: Secret, *, must_change: bool, unlock: bool
    ) -> None:
        """Set the password, and wish for a cycle; also where nobody knows whether it was set."""
        try:
            self._directory.set_password(account, password, must_change=must_change, unlock=unlock)
        except RemoteError as error:
            if error.maybe_applied:
                self._wish.note()
            raise
        self._wish.note()

    def prove(self, account: AccountId, password: Secret) -> bool:
        """Say whether this is the live password."""
        return self._directory.prove(account, password)
