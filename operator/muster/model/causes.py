"""Why a password was not set or not kept, in one word each: for programs, beside the sentence.

Where a reason code says the same, the word is the same.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why a password was not set, was set in part, or is not in its vault entry."""

    # Why a password was not set, or is not kept
    PASSWORD_REFUSED = "PasswordRefused"  # noqa: S105 - a word of status
    """The directory's rules for passwords refuse it, or a password filter on a domain controller
    does."""
    DIRECTORY_DENIED = "DirectoryDenied"
    """Muster's account in the directory lacks a right, or its sign-in, certificate or permission
    was refused."""
    DIRECTORY_REFUSED = "DirectoryRefused"
    """The directory understood the request and refused it, for another reason than a right or the
    rules for passwords."""
    DIRECTORY_UNREACHABLE = "DirectoryUnreachable"
    """The directory does not answer, is busy, or gave an answer that cannot be read."""
    ACCOUNT_GONE = "AccountGone"
    """The directory does not show the account: it was deleted, or Muster may not see it."""
    CANNOT_CHANGE_PASSWORD = "CannotChangePassword"  # noqa: S105 - a word of status
    """The account is marked `User cannot change password`, so something may depend on it."""
    SYNCED_USER = "SyncedUser"
    """Entra Connect synchronizes the user: its password is set in Active Directory only."""
    PASSWORD_STALE = "PasswordStale"  # noqa: S105 - a word of status
    """Somebody set another password after Muster did."""
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    """No proof and no date tells which password is live. A person must look."""
    NO_ENTRY_FOR_PASSWORD = "NoEntryForPassword"  # noqa: S105 - a word of status
    """The account has no vault entry that may hold its password, so none was set."""
    ENTRY_GONE = "EntryGone"
    """The vault does not show the entry: it was deleted or archived, or Muster may not see it."""
    VAULT_DENIED = "VaultDenied"
    """The vault's key lacks a right, such as the access to passwords, or is refused altogether."""
    VAULT_REFUSED = "VaultRefused"
    """The vault understood the request and refused it, or its entry does not keep what is
    written."""
    VAULT_UNREACHABLE = "VaultUnreachable"
    """The vault does not answer, is busy, or gave an answer that cannot be read."""
    SETUP_INCOMPLETE = "SetupIncomplete"
    """Something that Muster needs is missing or suspended: a connection, a secret, the key that
    seals passwords."""
    PASSWORD_UNDERWAY = "PasswordUnderway"  # noqa: S105 - a word of status
    """Another password of the account is being set."""
    GIVEN_UP = "GivenUp"
    """A person ended it, and answers for the password."""
    NOT_TRIED = "NotTried"
    """It was planned and not begun: others failed right before it, or Muster did not run in
    time."""
