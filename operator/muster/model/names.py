"""The words of Muster: identifiers and the closed lists that appear in YAML and status."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

AccountId = NewType("AccountId", str)
"""objectGUID, or the object id of an Entra user, in lower-case UUID text; never a name."""

RemoteId = NewType("RemoteId", str)
"""A record's id in a vault, a PSA or Entra; a decimal number in text for most of them."""

CustomerName = NewType("CustomerName", str)


class AccountType(StrEnum):
    """What kind of account a policy imports."""

    END_USER = "EndUser"
    ADMINISTRATOR = "Administrator"


class Mode(StrEnum):
    """Whether a policy may write outside."""

    OBSERVE = "Observe"
    ENFORCE = "Enforce"


class System(StrEnum):
    """Where a change takes place. `registry` is Muster's own record of an account."""

    REGISTRY = "registry"
    VAULT = "vault"
    PSA = "psa"
    ENTRA = "entra"
    """The other half of a pair: what is linked is an Entra user."""
    MAIL = "mail"
    """What people are told; nothing is linked there."""
    DIRECTORY = "directory"
    """The customer's directories, where passwords are set."""


class Source(StrEnum):
    """What a customer is read from."""

    DIRECTORY = "directory"
    """Active Directory."""
    ENTRA = "entra"
    VAULT = "vault"
    PSA = "psa"


class Action(StrEnum):
    """What a change does."""

    IMPORT = "Import"
    """Start to keep an account. Nothing outside changes."""
    READOPT = "Readopt"
    """Keep a released account again, with the links it had."""
    RELEASE = "Release"
    """Stop keeping an account. Nothing outside changes."""
    LINK = "Link"
    """Record which entry or contact belongs to an account. Nothing outside changes."""
    RELINK = "Relink"
    """Replace a link, or drop it when it was lost or forbidden. Nothing outside changes."""
    CREATE = "Create"
    """Make an entry or contact outside."""
    UPDATE = "Update"
    """Correct the drift of an entry or contact outside."""
    SEND = "Send"
    """Send a person a welcome e-mail, once."""
    ROTATE = "Rotate"
    """Set a new password in the directories and keep it in the vault's entry."""


EXTERNAL_ACTIONS = frozenset({Action.CREATE, Action.UPDATE, Action.SEND, Action.ROTATE})
"""The actions that reach somebody else's system."""


class LinkState(StrEnum):
    """How an account stands to its vault entry or PSA contact."""

    LINKED = "Linked"
    LINKED_BY_OVERRIDE = "LinkedByOverride"
    CREATED = "Created"
    UNMATCHED = "Unmatched"
    AMBIGUOUS = "Ambiguous"
    CONFLICT = "Conflict"
    UNCATEGORIZED_CANDIDATE = "UncategorizedCandidate"
    UNUSABLE = "Unusable"
    MATCH_LOST = "MatchLost"
    HELD = "Held"
    SKIPPED = "Skipped"
    UNKNOWN = "Unknown"


LINKED_STATES = frozenset({LinkState.LINKED, LinkState.LINKED_BY_OVERRIDE, LinkState.CREATED})

NEEDS_PERSON = frozenset(
    {LinkState.AMBIGUOUS, LinkState.CONFLICT, LinkState.UNCATEGORIZED_CANDIDATE}
)
"""The states that wait for a person's decision."""


class MatchKey(StrEnum):
    """By what a link was found."""

    MARK = "OwnershipMark"
    CREATED = "Created"
    """Muster made the record, and it is one that cannot carry a mark."""
    OVERRIDE = "Override"
    SAM_ACCOUNT_NAME = "SamAccountName"
    USER_PRINCIPAL_NAME = "UserPrincipalName"
    DOMAIN_ACCOUNT_NAME = "DomainAccountName"
    EMAIL = "Email"
    NAME = "Name"
    IMMUTABLE_ID = "ImmutableId"
    SID = "Sid"
    MAIL = "Mail"
    DISPLAY_NAME = "DisplayName"


class DecisionState(StrEnum):
    """What became of an account that was considered."""

    IMPORTED = "Imported"
    EXCLUDED = "Excluded"
    RETAINED = "Retained"
    RELEASED = "Released"


class Uncategorized(StrEnum):
    """What a username hit without a category means."""

    HOLD = "Hold"
    MATCH = "Match"
    CREATE_NEW = "CreateNew"


class NameFallback(StrEnum):
    """When given name and surname may link a contact."""

    ALWAYS = "Always"
    UNLESS_EMAIL_DIFFERS = "UnlessEmailDiffers"
    NEVER = "Never"


class DriftRemediation(StrEnum):
    """What happens to a linked record that differs."""

    REPORT = "Report"
    CORRECT = "Correct"


class ApplyTo(StrEnum):
    """Whether changed options reach accounts that were imported before."""

    ALL = "All"
    NEW_ONLY = "NewOnly"


class LeaveAction(StrEnum):
    """What happens to an account that leaves the selection."""

    RELEASE = "Release"
    RETAIN = "Retain"


class DirectoryKind(StrEnum):
    """Which of a customer's directories an account comes from."""

    ACTIVE_DIRECTORY = "ActiveDirectory"
    ENTRA = "Entra"


class PasswordAuthority(StrEnum):
    """Who keeps the passwords of a person's two accounts alike."""

    SEPARATE = "Separate"
    """Nobody: the two have passwords of their own, and are not paired."""
    ENTRA_CONNECT = "EntraConnect"
    """Entra Connect carries the password from Active Directory to Entra."""
    MUSTER = "Muster"
    """Muster sets both; refused where Entra Connect synchronizes."""


class Licensed(StrEnum):
    """Whether an Entra end user must have a plan with a mailbox."""

    REQUIRED = "Required"
    IGNORED = "Ignored"


class Scope(StrEnum):
    """How deep an organizational unit selects."""

    ONE_LEVEL = "OneLevel"
    SUBTREE = "Subtree"
