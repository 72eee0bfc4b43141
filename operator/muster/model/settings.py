"""What git asks for: customers, integrations, import policies, overrides. All frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from muster.model.names import (
    AccountId,
    AccountType,
    ApplyTo,
    CustomerName,
    DriftRemediation,
    LeaveAction,
    Mode,
    NameFallback,
    RemoteId,
    Scope,
    Uncategorized,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a setting stands: `Kind/name#/json/pointer`, the same in git and in a cluster."""

    kind: str
    name: str
    pointer: str = "/spec"

    def at(self, path: str) -> str:
        """Return the reference of a field below this one, such as `options/vault/match`."""
        return f"{self.kind}/{self.name}#{self.pointer}/{path}"

    @property
    def reference(self) -> str:
        """The name for status: `AutomaticImportPolicy/staff`, or with where it is nested."""
        nested = "" if self.pointer == "/spec" else f"#{self.pointer}"
        return f"{self.kind}/{self.name}{nested}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Names one value of one secret; never the value."""

    name: str
    key: str


# ---------------------------------------------------------------- integrations


@dataclass(frozen=True, slots=True, kw_only=True)
class ItGlue:
    """An IT Glue account."""

    endpoint: str
    api_key: SecretRef
    ca: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectWise:
    """A ConnectWise PSA tenant."""

    endpoint: str
    company_id: str
    """The MSP's own login company, not a client's."""
    client_id: str
    public_key: SecretRef
    private_key: SecretRef
    ca: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One connection of the MSP's own."""

    name: str
    product: ItGlue | ConnectWise
    budget_share: int = 50
    """Percent of the vendor's documented request limit that Muster may use."""
    suspend: bool = False


# ---------------------------------------------------------------- customers


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveDirectory:
    """How to read a customer's Active Directory."""

    servers: tuple[str, ...]
    """`ldaps://host[:port]` or, with `start_tls`, `ldap://host[:port]`; tried in order."""
    user_name: str
    password: SecretRef
    ca: SecretRef | None = None
    start_tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRef:
    """A customer's organization in a vault integration."""

    integration: str
    organization_id: RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class PsaRef:
    """A customer's company in a PSA integration."""

    integration: str
    company_id: RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Lets exactly one refused plan pass, until it expires."""

    plan: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One client of the MSP."""

    name: CustomerName
    display_name: str
    labels: tuple[tuple[str, str], ...] = ()
    active_directory: ActiveDirectory | None = None
    vault: VaultRef | None = None
    psa: PsaRef | None = None
    imports: tuple[ImportSettings, ...] = ()
    suspend: bool = False
    approvals: tuple[Approval, ...] = ()


# ---------------------------------------------------------------- import policies


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationalUnit:
    """An organizational unit: relative to the customer's domain, or a full DN."""

    path: str
    scope: Scope = Scope.ONE_LEVEL


class BuiltInGroup(StrEnum):
    """Groups of every domain, found by SID so that any language works."""

    DOMAIN_USERS = "DomainUsers"
    DOMAIN_ADMINS = "DomainAdmins"
    ENTERPRISE_ADMINS = "EnterpriseAdmins"
    SCHEMA_ADMINS = "SchemaAdmins"
    ADMINISTRATORS = "Administrators"
    ACCOUNT_OPERATORS = "AccountOperators"
    SERVER_OPERATORS = "ServerOperators"
    PRINT_OPERATORS = "PrintOperators"
    BACKUP_OPERATORS = "BackupOperators"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectActiveDirectory:
    """Who is selected: by organizational units or by groups, and single accounts by name."""

    organizational_units: tuple[OrganizationalUnit, ...] = ()
    groups: tuple[str, ...] = ()
    """Names, DNs (full or relative) or SIDs."""
    built_in_groups: tuple[BuiltInGroup, ...] = ()
    accounts: tuple[str, ...] = ()
    """sAMAccountNames or UPNs; the only way to select the built-in Administrator."""
    nested: bool = False
    exclude_privileged: bool = True
    """Always false for administrators."""
    privileged_groups: tuple[str, ...] = ()
    """More groups, by name, DN or SID, whose members count as privileged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclude:
    """Who is left out although selected."""

    accounts: tuple[str, ...] = ()
    disabled: bool = True
    containers: tuple[str, ...] = ()
    hidden_containers: bool = True
    """Whether the default containers are hidden; true for end users unless said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    """What happens with vault entries."""

    match: bool = True
    create_when_missing: bool = False
    uncategorized: Uncategorized = Uncategorized.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class PsaOptions:
    """What happens with PSA contacts; end users only."""

    match: bool = True
    create_when_missing: bool = False
    name_fallback: NameFallback = NameFallback.UNLESS_EMAIL_DIFFERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What happens to an account that is imported.

    `apply_to` says whether a change reaches accounts imported before, and so is no part
    of what an account is imported with.
    """

    vault: VaultOptions = field(default_factory=VaultOptions)
    psa: PsaOptions = field(default_factory=PsaOptions)
    drift_remediation: DriftRemediation = DriftRemediation.REPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most changes of one kind: `percent` of a population, but never less than `floor`.

    `maximum`, where given, is an absolute bound that no percentage lifts.
    """

    percent: int
    floor: int
    maximum: int | None = None

    def allowed(self, population: int) -> int:
        """Return how many changes pass for a population of this size."""
        share = max(self.floor, population * self.percent // 100)
        return share if self.maximum is None else min(share, self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The guard's limits, per run and customer."""

    create: Limit = Limit(percent=20, floor=10)
    update: Limit = Limit(percent=30, floor=10)
    release: Limit = Limit(percent=10, floor=5)
    relink: Limit = Limit(percent=2, floor=2)
    shrink: Limit = Limit(percent=50, floor=10)
    """By how much a source may shrink between two runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnLeave:
    """What happens to an account that leaves the selection."""

    action: LeaveAction = LeaveAction.RELEASE
    grace_period: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """Who is imported and what happens to them: a policy's body, or one of a customer's imports."""

    origin: Origin
    account_type: AccountType
    select: SelectActiveDirectory
    mode: Mode = Mode.OBSERVE
    exclude: Exclude = field(default_factory=Exclude)
    options: Options = field(default_factory=Options)
    apply_to: ApplyTo = ApplyTo.ALL
    limits: Limits = field(default_factory=Limits)
    on_leave: OnLeave = field(default_factory=OnLeave)
    interval: timedelta = timedelta(hours=3)
    suspend: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequirement:
    """One `matchExpressions` row of a label selector."""

    key: str
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCustomers:
    """Which customers a policy is for; exactly one of the three."""

    names: tuple[CustomerName, ...] = ()
    selector: tuple[LabelRequirement, ...] = ()
    """`matchLabels` are `In` rows with one value. Empty: no selector."""
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticImportPolicy:
    """Import settings together with the customers they are for."""

    name: str
    customers: PolicyCustomers
    settings: ImportSettings


class ResolvedFrom(StrEnum):
    """Which of the three ways gave a customer its settings, the strongest first."""

    CUSTOMER = "Customer"
    POLICY = "Policy"
    DEFAULT = "Default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """Import settings that are in force for one customer."""

    settings: ImportSettings
    resolved_from: ResolvedFrom


# ---------------------------------------------------------------- overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSelector:
    """Names one account; exactly one field is set."""

    object_id: AccountId | None = None
    user_principal_name: str | None = None
    sam_account_name: str | None = None

    def __str__(self) -> str:
        return self.object_id or self.user_principal_name or self.sam_account_name or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOverride:
    """A person's decision about one link; exactly one field is set."""

    pin: RemoteId | None = None
    forbid: tuple[RemoteId, ...] = ()
    ignore: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOverride:
    """One decision of a person about one account."""

    name: str
    customer: CustomerName
    account: AccountSelector
    vault: LinkOverride | None = None
    psa: LinkOverride | None = None
    email: str | None = None
    exclude: bool = False
    reason: str = ""

    @property
    def origin(self) -> Origin:
        """Where the override stands."""
        return Origin(kind="AccountOverride", name=self.name)


# ---------------------------------------------------------------- the estate


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """All that git says about one customer, resolved and ready to plan."""

    customer: Customer
    sources: tuple[ImportSource, ...] = ()
    overrides: tuple[AccountOverride, ...] = ()
    vault: Integration | None = None
    psa: Integration | None = None

    @property
    def suspended(self) -> bool:
        """Whether the customer as a whole is suspended."""
        return self.customer.suspend


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Everything in git, checked: what every command starts from."""

    customers: tuple[Customer, ...] = ()
    integrations: tuple[Integration, ...] = ()
    policies: tuple[AutomaticImportPolicy, ...] = ()
    overrides: tuple[AccountOverride, ...] = ()
    desired: tuple[Desired, ...] = ()
    """One per customer, in the order of names."""
    ignored_resources: int = 0
    """Resources of other API groups, which are not ours to check."""
