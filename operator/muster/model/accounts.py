"""What Muster keeps about an account: the registry's records and the journal's intents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from muster.model.mail import NO_WELCOME, Notice, Welcome
from muster.model.names import (
    AccountId,
    AccountType,
    Action,
    CustomerName,
    DecisionState,
    DirectoryKind,
    LinkState,
    MatchKey,
    RemoteId,
    Source,
    System,
)
from muster.model.passwords import JobEnd, PasswordJob
from muster.model.reasons import Reason
from muster.model.rotation import NO_ROTATION, Rotation
from muster.model.settings import Options


class EmailSource(StrEnum):
    """Where an account's e-mail address comes from."""

    ENTRA = "Entra"
    ACTIVE_DIRECTORY = "ActiveDirectory"
    OVERRIDE = "Override"


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """An account's e-mail address and where it comes from."""

    address: str
    source: EmailSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who an account is, as the directory said when it was last seen."""

    source: DirectoryKind = DirectoryKind.ACTIVE_DIRECTORY
    id: AccountId
    sid: str = ""
    """Empty for an account of Entra, as is `sam`."""
    sam: str = ""
    upn: str | None = None
    display_name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    email: Email | None = None
    mobile: str | None = None
    """Only of an account with self-serve, which needs it; of others it is not kept."""

    @property
    def user(self) -> str:
        """The name people know the account by: its UPN, else its sAMAccountName."""
        return self.upn or self.sam

    @property
    def short_name(self) -> str:
        """The sAMAccountName; in Entra, what stands before the @ of the UPN."""
        return self.sam or (self.upn or "").partition("@")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A record that might belong to an account, with what speaks for or against it."""

    id: RemoteId
    name: str
    evidence: str
    """A `MatchKey`, possibly with what stands against it: `Email, inactive`."""
    detail: str = ""
    """The value that matched, and the category where there is one."""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How an account stands to its record in one system."""

    state: LinkState
    reason: Reason
    id: RemoteId | None = None
    key: MatchKey | None = None
    name: str | None = None
    place: str = ""
    """The integration and organization of the record, such as `it-glue/4711`: ids of different
    tenants may be equal."""
    message: str = ""
    """A sentence for people where the reason is not enough."""
    candidates: tuple[Candidate, ...] = ()


NO_PAIR = Link(state=LinkState.SKIPPED, reason=Reason.NO_ENTRA)
"""The pair of an account whose customer has no Entra tenant, as in every record of old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedUser:
    """The Entra user that an account of Active Directory is paired with, when it was last seen."""

    upn: str
    enabled: bool
    synced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One field of a linked record that differs from what is wanted."""

    system: System
    field: str
    desired: str
    observed: str
    demanded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of an account, and why."""

    state: DecisionState
    reason: Reason
    via: str = ""
    """The organizational unit, group path, container or name that decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedWith:
    """The policy and options an account was imported with."""

    policy: str
    """`AutomaticImportPolicy/staff` or `Customer/contoso#/spec/imports/0`."""
    options: Options
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """What the registry keeps of one account. A released one is a tombstone with its links."""

    name: str
    """`contoso-jsmith-7c1e`: given at import, and never changed."""
    customer: CustomerName
    account_type: AccountType
    identity: Identity
    imported_with: ImportedWith
    decision: Decision
    vault: Link
    psa: Link
    pair: Link = NO_PAIR
    """The Entra user of an end user of Active Directory."""
    paired_user: PairedUser | None = None
    welcome: Welcome = NO_WELCOME
    notices: tuple[Notice, ...] = ()
    """What the person was told of that still holds; one of a kind."""
    rotation: Rotation = NO_ROTATION
    drift: tuple[Drift, ...] = ()
    leaving_since: datetime | None = None
    released_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether Muster keeps the account now."""
        return self.released_at is None

    def link(self, system: System) -> Link:
        """Return the link to the vault, the PSA or the Entra user."""
        if system is System.VAULT:
            return self.vault
        return self.psa if system is System.PSA else self.pair


class IntentState(StrEnum):
    """How far a non-repeatable effect has come."""

    OPEN = "Open"
    """It may have taken place."""
    DONE = "Done"
    """It took place, and `remote_id` is its record."""
    FAILED = "Failed"
    """It did not take place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A journal entry, written before an effect that must not happen twice."""

    id: str
    customer: CustomerName
    account: AccountId
    system: System
    action: Action
    mark: str
    opened_at: datetime
    state: IntentState = IntentState.OPEN
    remote_id: RemoteId | None = None
    place: str = ""
    """Where the record is made, as in `Link.place`. Empty in intents of old: where they are read.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the registry knows about one customer before a run."""

    records: tuple[AccountRecord, ...] = ()
    intents: tuple[Intent, ...] = ()
    """Open ones, and done ones whose link is not yet in a record."""
    sizes: tuple[tuple[Source, int], ...] = ()
    """How many rows each source had when it was last read whole and its plan was not refused."""
    jobs: tuple[PasswordJob, ...] = ()
    """Passwords that are being set; at most one per account."""
    job_ends: tuple[JobEnd, ...] = ()
    """The last ends of each account and kind: one that set a password, one that did not."""
    status: dict[str, Any] = field(default_factory=dict)
    """The customer's status as it was last reported."""

    def size(self, source: Source) -> int | None:
        """Return the last whole size of a source, or None where it was never read."""
        return dict(self.sizes).get(source)
