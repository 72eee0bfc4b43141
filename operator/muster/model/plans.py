"""The plan: plain, sorted, comparable data. It acts on nothing and holds no secret."""

from __future__ import annotations

from dataclasses import dataclass, field

from muster.model.accounts import AccountRecord, Candidate, Decision, Drift
from muster.model.names import (
    AccountId,
    AccountType,
    Action,
    CustomerName,
    LinkState,
    RemoteId,
    Source,
    System,
)
from muster.model.observed import SourceRead
from muster.model.reasons import Reason
from muster.model.records import ContactChange, ContactDraft, EntryChange, EntryDraft
from muster.model.rotation import Rotation
from muster.model.settings import ResolvedFrom

Draft = EntryDraft | EntryChange | ContactDraft | ContactChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that apply does, and the policy line that demands it."""

    system: System
    action: Action
    account: AccountId
    user: str
    """The account's name for people."""
    account_type: AccountType
    target: str
    """The remote id, or for a create the username or address that the new record will have."""
    reason: Reason
    because: str
    """`AutomaticImportPolicy/staff#/spec/options/vault/createWhenMissing`."""
    policy: str = ""
    """The origin of the import settings whose limits count this change."""
    draft: Draft | None = None
    """What to write; only creates and updates have one."""
    drift: tuple[Drift, ...] = ()
    """What an update corrects."""

    @property
    def order(self) -> tuple[str, ...]:
        """The sort key: the account, then the system, then the action."""
        return (self.user.casefold(), self.account, self.system, self.action, self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDecision:
    """The one decision about an account that was considered."""

    account: AccountId
    user: str
    account_type: AccountType
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a person should know; `account` is empty when it concerns the customer."""

    reason: Reason
    message: str
    account: AccountId | None = None
    user: str = ""
    system: System | None = None
    state: LinkState | None = None
    candidates: tuple[Candidate, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """The sort key: customer-wide ones first, then by account."""
        return (
            self.user.casefold(),
            self.account or "",
            self.system or "",
            self.reason,
            self.message,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCounts:
    """How the selected accounts stand to one system; the parts add up to the selected."""

    linked: int = 0
    created: int = 0
    ambiguous: int = 0
    unmatched: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """The sum of the parts."""
        return (
            self.linked
            + self.created
            + self.ambiguous
            + self.unmatched
            + self.skipped
            + self.failed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A customer's counts."""

    considered: int = 0
    selected: int = 0
    excluded: int = 0
    released: int = 0
    drift: int = 0
    pair: LinkCounts = field(default_factory=LinkCounts)
    vault: LinkCounts = field(default_factory=LinkCounts)
    psa: LinkCounts = field(default_factory=LinkCounts)

    @property
    def add_up(self) -> bool:
        """Whether every selected account is counted once per system."""
        totals = (self.pair.total, self.vault.total, self.psa.total)
        return all(total == self.selected for total in totals)

    @property
    def ambiguous(self) -> int:
        """How many links wait for a person."""
        return self.pair.ambiguous + self.vault.ambiguous + self.psa.ambiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPolicy:
    """Import settings that the plan was made with."""

    origin: str
    account_type: AccountType
    resolved_from: ResolvedFrom
    selected: int
    registered: int
    """How many accounts of these settings the registry held before the run."""
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A guard's no: the number, the limit, and the field that raises it."""

    reason: Reason
    message: str
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPlan:
    """All that a run would do for one customer.

    `records` are the accounts as they will be when every change has succeeded; only those
    that differ from what the registry holds. The digest covers what would be done (changes
    and their targets), so that equal plans have equal digests whenever they are made; of a plan
    that was refused because a source shrank, it covers the sizes too.
    """

    customer: CustomerName
    digest: str = ""
    complete: bool = True
    reads: tuple[SourceRead, ...] = ()
    policies: tuple[PlannedPolicy, ...] = ()
    decisions: tuple[AccountDecision, ...] = ()
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    counts: Counts = field(default_factory=Counts)
    records: tuple[AccountRecord, ...] = ()
    sizes: tuple[tuple[Source, int], ...] = ()
    contradictions: tuple[Refusal, ...] = ()
    """Why nothing may be done at all, whatever the plan holds; no approval lifts these."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A plan that apply may carry out. Only `guard` makes one."""

    plan: CustomerPlan
    approved_by: str = ""
    """The approval's reason, where one was needed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A plan that must not be applied, and why."""

    plan: CustomerPlan
    refusals: tuple[Refusal, ...]


Verdict = Approved | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What became of one change."""

    change: Change
    done: bool
    remote_id: RemoteId | None = None
    problem: str = ""
    unsettled: bool = False
    """Whether the write may have taken place without our hearing of it."""
    refused: bool = False
    """Whether the system said no to exactly this, so that repeating it is pointless."""
    rotation: Rotation | None = None
    """How it stands with the account's password after a rotation was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What apply did: one result per change, in the order of the plan."""

    results: tuple[ChangeResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What a person should know of what followed the changes."""
