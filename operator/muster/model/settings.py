"""What git asks for: customers, integrations, import policies, overrides. All frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from muster.model.connections import ActiveDirectory, Entra, Integration
from muster.model.limits import Limits
from muster.model.mail import WelcomeSettings
from muster.model.names import (
    AccountId,
    AccountType,
    ApplyTo,
    CustomerName,
    DirectoryKind,
    DriftRemediation,
    LeaveAction,
    Licensed,
    MatchKey,
    Mode,
    NameFallback,
    PasswordAuthority,
    RemoteId,
    Scope,
    Uncategorized,
)
from muster.model.rotation import RotationDemand, RotationSettings


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
    entra: Entra | None = None
    password_authority: PasswordAuthority = PasswordAuthority.SEPARATE
    vault: VaultRef | None = None
    psa: PsaRef | None = None
    imports: tuple[ImportSettings, ...] = ()
    suspend: bool = False
    approvals: tuple[Approval, ...] = ()


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

    @property
    def selects(self) -> bool:
        """Whether anything is named."""
        return bool(
            self.organizational_units or self.groups or self.built_in_groups or self.accounts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectEntra:
    """Who is selected in an Entra tenant: end users by group or all, administrators by role."""

    groups: tuple[str, ...] = ()
    """Object ids, or names that fit exactly one group."""
    licensed: Licensed = Licensed.REQUIRED
    """Whether an end user must have a mailbox plan; administrators need none."""
    roles: tuple[str, ...] = ()
    """Names or template ids of directory roles; administrators only."""
    all_users: bool = False
    accounts: tuple[str, ...] = ()
    """UPNs or object ids, besides the above."""
    nested: bool = False
    """Whether members of groups within the groups count too."""

    @property
    def selects(self) -> bool:
        """Whether anything is named."""
        return bool(self.groups or self.roles or self.accounts or self.all_users)


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """Who is selected, per directory; a part that says nothing selects nobody."""

    active_directory: SelectActiveDirectory = SelectActiveDirectory()
    entra: SelectEntra = SelectEntra()

    @property
    def directories(self) -> tuple[DirectoryKind, ...]:
        """The directories that somebody is selected in."""
        parts = (
            (DirectoryKind.ACTIVE_DIRECTORY, self.active_directory.selects),
            (DirectoryKind.ENTRA, self.entra.selects),
        )
        return tuple(kind for kind, selects in parts if selects)


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
    follow_edits: bool = False
    """Whether a password that somebody edits in the entry is set in the directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PsaOptions:
    """What happens with PSA contacts; end users only."""

    match: bool = True
    create_when_missing: bool = False
    name_fallback: NameFallback = NameFallback.UNLESS_EMAIL_DIFFERS


DEFAULT_PAIRING = (
    MatchKey.IMMUTABLE_ID,
    MatchKey.SID,
    MatchKey.USER_PRINCIPAL_NAME,
    MatchKey.MAIL,
)
"""The display name is a suggestion only, unless a policy names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What happens to an account that is imported.

    `apply_to` says whether a change reaches accounts imported before, and so is no part
    of what an account is imported with.
    """

    vault: VaultOptions = field(default_factory=VaultOptions)
    psa: PsaOptions = field(default_factory=PsaOptions)
    pairing: tuple[MatchKey, ...] = DEFAULT_PAIRING
    """By what an end user of Active Directory finds its Entra user, the strongest first."""
    drift_remediation: DriftRemediation = DriftRemediation.REPORT
    welcome_email: bool = False
    """Whether an end user is sent a welcome e-mail when it is imported."""
    self_serve: bool = False
    """Whether an end user may help itself in the MSP's portal, and is told when it should."""
    rotation: bool = False
    """Whether an administrator's password is rotated."""


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
    select: Select
    mode: Mode = Mode.OBSERVE
    exclude: Exclude = field(default_factory=Exclude)
    options: Options = field(default_factory=Options)
    apply_to: ApplyTo = ApplyTo.ALL
    welcome: WelcomeSettings = field(default_factory=WelcomeSettings)
    rotation: RotationSettings = field(default_factory=RotationSettings)
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
    entra: LinkOverride | None = None
    """The Entra user that belongs to an account of Active Directory."""
    email: str | None = None
    exclude: bool = False
    rotation: bool = True
    """False: the password of this account is not rotated."""
    reason: str = ""

    @property
    def origin(self) -> Origin:
        """Where the override stands."""
        return Origin(kind="AccountOverride", name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """All that git says about one customer, resolved and ready to plan."""

    customer: Customer
    sources: tuple[ImportSource, ...] = ()
    overrides: tuple[AccountOverride, ...] = ()
    vault: Integration | None = None
    psa: Integration | None = None
    mail: tuple[Integration, ...] = ()
    """Those that its policies send welcome e-mails through."""
    demand: RotationDemand | None = None
    """Passwords that a person wants to be rotated now."""

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
