"""Which cause an error is. Pure.

An error says what a system answered; only who asked knows whether that was the directory or the
vault.
"""

from __future__ import annotations

from muster.errors import (
    AccessDenied,
    MusterError,
    NotFound,
    PasswordRefused,
    Rejected,
    SpecError,
    StateError,
    Untold,
)
from muster.model.causes import Cause


class NotBegun(SpecError):
    """A password that must not be set, or could not be kept; no job was begun for it."""

    def __init__(self, problem: str, cause: Cause) -> None:
        super().__init__((problem,))
        self.cause = cause


_IN_DIRECTORY: tuple[tuple[type[MusterError], Cause], ...] = (
    (SpecError, Cause.SETUP_INCOMPLETE),
    (StateError, Cause.SETUP_INCOMPLETE),
    (PasswordRefused, Cause.PASSWORD_REFUSED),
    (NotFound, Cause.ACCOUNT_GONE),
    (Rejected, Cause.DIRECTORY_REFUSED),
    (AccessDenied, Cause.DIRECTORY_DENIED),
    (Untold, Cause.OUTCOME_UNKNOWN),
)
_IN_VAULT: tuple[tuple[type[MusterError], Cause], ...] = (
    (SpecError, Cause.SETUP_INCOMPLETE),
    (NotFound, Cause.ENTRY_GONE),
    (Rejected, Cause.VAULT_REFUSED),
    (AccessDenied, Cause.VAULT_DENIED),
)
"""The narrower kind of error comes first."""


def cause_in_directory(error: MusterError) -> Cause:
    """Return what an error means that came from a directory, or from what it needs here."""
    if isinstance(error, NotBegun):
        return error.cause
    fits = (cause for kind, cause in _IN_DIRECTORY if isinstance(error, kind))
    return next(fits, Cause.DIRECTORY_UNREACHABLE)


def cause_in_vault(error: MusterError) -> Cause:
    """Return what an error means that came from a vault, or from what it needs here."""
    fits = (cause for kind, cause in _IN_VAULT if isinstance(error, kind))
    return next(fits, Cause.VAULT_UNREACHABLE)
