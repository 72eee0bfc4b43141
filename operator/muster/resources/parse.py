"""Turns resources that passed their schema into the model; the only reader of raw mappings.

Each table below says for one mapping which field becomes which attribute, and how. Defaults
live in the model alone: an absent field is not passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from muster.model.connections import (
    Integration,
)
from muster.model.limits import Limit, Limits
from muster.model.mail import MailTemplate, WelcomeSettings
from muster.model.names import (
    AccountId,
    AccountType,
    ApplyTo,
    CustomerName,
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
from muster.model.resets import PasswordReset
from muster.model.settings import (
    AccountOverride,
    AccountSelector,
    Approval,
    AutomaticImportPolicy,
    BuiltInGroup,
    Customer,
    Exclude,
    ImportSettings,
    LabelRequirement,
    LinkOverride,
    OnLeave,
    Options,
    OrganizationalUnit,
    Origin,
    PolicyCustomers,
    PsaOptions,
    PsaRef,
    Select,
    SelectActiveDirectory,
    SelectEntra,
    VaultOptions,
    VaultRef,
)
from muster.resources.durations import parse_duration
from muster.resources.parse_connections import DIRECTORIES, INTEGRATION
from muster.resources.parse_rotation import parse_generator, parse_rotation
from muster.resources.tables import Json, Table, each, read

Resource = Integration | Customer | AutomaticImportPolicy | AccountOverride | PasswordReset


def parse_valid(resource: Json) -> Resource:
    """Turn a resource without faults into the model."""
    return _PARSERS[resource["kind"]](resource)


def parse_import(body: Json, origin: Origin) -> ImportSettings:
    """Turn the body of a policy without faults, or one of a customer's imports, into settings."""
    return _settings(body, origin)


def parse_options(body: Json) -> Options:
    """Turn an `options` block without faults into the model."""
    return Options(**read(OPTIONS, body))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _name(reference: Json) -> str:
    return str(reference["name"])


BUDGET: Table = {"share": ("budget_share", int)}


def _integration(resource: Json) -> Integration:
    spec = resource["spec"]
    budget = read(BUDGET, spec.get("budget", {}))
    return Integration(name=_name(resource["metadata"]), **read(INTEGRATION, spec), **budget)


VAULT_REF: Table = {
    "integrationRef": ("integration", _name),
    "organizationId": ("organization_id", RemoteId),
}
PSA_REF: Table = {
    "integrationRef": ("integration", _name),
    "companyId": ("company_id", RemoteId),
}
APPROVAL: Table = {"plan": ("plan", str), "until": ("until", _time), "reason": ("reason", str)}
CUSTOMER: Table = {
    "displayName": ("display_name", str),
    "passwordAuthority": ("password_authority", PasswordAuthority),
    "vault": ("vault", lambda body: VaultRef(**read(VAULT_REF, body))),
    "psa": ("psa", lambda body: PsaRef(**read(PSA_REF, body))),
    "suspend": ("suspend", bool),
    "approvals": ("approvals", each(lambda body: Approval(**read(APPROVAL, body)))),
}


def _customer(resource: Json) -> Customer:
    spec, name = resource["spec"], _name(resource["metadata"])
    imports = (
        _settings(body, Origin(kind="Customer", name=name, pointer=f"/spec/imports/{index}"))
        for index, body in enumerate(spec.get("imports", ()))
    )
    return Customer(
        name=CustomerName(name),
        labels=tuple(sorted(resource["metadata"].get("labels", {}).items())),
        imports=tuple(imports),
        **read(CUSTOMER, spec),
        **read(DIRECTORIES, spec.get("directories", {})),
    )


UNIT: Table = {"path": ("path", str), "scope": ("scope", Scope)}
SELECT: Table = {
    "organizationalUnits": (
        "organizational_units",
        each(lambda body: OrganizationalUnit(**read(UNIT, body))),
    ),
    "groups": ("groups", tuple),
    "builtInGroups": ("built_in_groups", each(BuiltInGroup)),
    "accounts": ("accounts", tuple),
    "nested": ("nested", bool),
    "excludePrivileged": ("exclude_privileged", bool),
    "privilegedGroups": ("privileged_groups", tuple),
}
SELECT_ENTRA: Table = {
    "groups": ("groups", tuple),
    "licensed": ("licensed", Licensed),
    "roles": ("roles", tuple),
    "allUsers": ("all_users", bool),
    "accounts": ("accounts", tuple),
    "nested": ("nested", bool),
}
EXCLUDE: Table = {
    "accounts": ("accounts", tuple),
    "disabled": ("disabled", bool),
    "containers": ("containers", tuple),
    "hiddenContainers": ("hidden_containers", bool),
}
VAULT_OPTIONS: Table = {
    "match": ("match", bool),
    "createWhenMissing": ("create_when_missing", bool),
    "uncategorized": ("uncategorized", Uncategorized),
    "followEdits": ("follow_edits", bool),
}
PSA_OPTIONS: Table = {
    "match": ("match", bool),
    "createWhenMissing": ("create_when_missing", bool),
    "nameFallback": ("name_fallback", NameFallback),
}
OPTIONS: Table = {
    "vault": ("vault", lambda body: VaultOptions(**read(VAULT_OPTIONS, body))),
    "psa": ("psa", lambda body: PsaOptions(**read(PSA_OPTIONS, body))),
    "pairing": ("pairing", each(MatchKey)),
    "driftRemediation": ("drift_remediation", DriftRemediation),
    "welcomeEmail": ("welcome_email", lambda body: bool(body.get("enabled", False))),
    "selfServe": ("self_serve", bool),
    "rotation": ("rotation", lambda body: bool(body.get("enabled", True))),
}
TEMPLATE: Table = {"subject": ("subject", str), "text": ("text", str), "html": ("html", str)}
WELCOME: Table = {
    "integrationRef": ("integration", _name),
    "maxPerRun": ("max_per_run", int),
    "language": ("language", str),
    "template": ("template", lambda body: MailTemplate(**read(TEMPLATE, body))),
}
APPLY_TO: Table = {"applyTo": ("apply_to", ApplyTo)}
LIMIT: Table = {"percent": ("percent", int), "floor": ("floor", int), "maximum": ("maximum", int)}
_LIMITED = ("create", "update", "release", "relink", "rotate", "shrink")
LIMITS: Table = {name: (name, lambda body: body) for name in _LIMITED}


def _limits(body: Json) -> Limits:
    """Read limits; a field that is absent keeps the default of its own limit."""
    defaults = Limits()
    given: dict[str, Limit] = {
        name: replace(getattr(defaults, name), **read(LIMIT, limit))
        for name, limit in read(LIMITS, body).items()
    }
    return Limits(**given)


ON_LEAVE: Table = {
    "action": ("action", LeaveAction),
    "gracePeriod": ("grace_period", parse_duration),
}
SETTINGS: Table = {
    "accountType": ("account_type", AccountType),
    "mode": ("mode", Mode),
    "options": ("options", parse_options),
    "limits": ("limits", _limits),
    "onLeave": ("on_leave", lambda body: OnLeave(**read(ON_LEAVE, body))),
    "interval": ("interval", parse_duration),
    "suspend": ("suspend", bool),
}


def _select(body: Json, *, end_user: bool) -> Select:
    found = {"exclude_privileged": end_user, **read(SELECT, body.get("activeDirectory", {}))}
    return Select(
        active_directory=SelectActiveDirectory(**found),
        entra=SelectEntra(**read(SELECT_ENTRA, body.get("entra", {}))),
    )


def _settings(body: Json, origin: Origin) -> ImportSettings:
    end_user = AccountType(body["accountType"]) is AccountType.END_USER
    exclude = {"hidden_containers": end_user, **read(EXCLUDE, body.get("exclude", {}))}
    options = body.get("options", {})
    return ImportSettings(
        origin=origin,
        welcome=WelcomeSettings(**read(WELCOME, options.get("welcomeEmail", {}))),
        rotation=parse_rotation(options.get("rotation", {})),
        select=_select(body["select"], end_user=end_user),
        exclude=Exclude(**exclude),
        **read(SETTINGS, body),
        **read(APPLY_TO, options),
    )


REQUIREMENT: Table = {
    "key": ("key", str),
    "operator": ("operator", str),
    "values": ("values", tuple),
}


def _selector(body: Json) -> tuple[LabelRequirement, ...]:
    labels = sorted(body.get("matchLabels", {}).items())
    rows = (LabelRequirement(key=key, operator="In", values=(value,)) for key, value in labels)
    expressions = body.get("matchExpressions", ())
    return (*rows, *(LabelRequirement(**read(REQUIREMENT, row)) for row in expressions))


CUSTOMERS: Table = {
    "names": ("names", each(CustomerName)),
    "selector": ("selector", _selector),
    "default": ("default", bool),
}


def _policy(resource: Json) -> AutomaticImportPolicy:
    name = _name(resource["metadata"])
    return AutomaticImportPolicy(
        name=name,
        customers=PolicyCustomers(**read(CUSTOMERS, resource["spec"]["customers"])),
        settings=_settings(resource["spec"], Origin(kind="AutomaticImportPolicy", name=name)),
    )


ACCOUNT: Table = {
    "objectId": ("object_id", lambda text: AccountId(text.lower())),
    "userPrincipalName": ("user_principal_name", str),
    "samAccountName": ("sam_account_name", str),
}
VAULT_LINK: Table = {
    "entryId": ("pin", RemoteId),
    "forbid": ("forbid", each(RemoteId)),
    "ignore": ("ignore", bool),
}
PSA_LINK: Table = {
    "contactId": ("pin", RemoteId),
    "forbid": ("forbid", each(RemoteId)),
    "ignore": ("ignore", bool),
}
ENTRA_LINK: Table = {
    "objectId": ("pin", lambda text: RemoteId(text.lower())),
    "forbid": ("forbid", each(lambda text: RemoteId(text.lower()))),
    "ignore": ("ignore", bool),
}
OVERRIDE: Table = {
    "customerRef": ("customer", lambda body: CustomerName(_name(body))),
    "account": ("account", lambda body: AccountSelector(**read(ACCOUNT, body))),
    "vault": ("vault", lambda body: LinkOverride(**read(VAULT_LINK, body))),
    "psa": ("psa", lambda body: LinkOverride(**read(PSA_LINK, body))),
    "entra": ("entra", lambda body: LinkOverride(**read(ENTRA_LINK, body))),
    "email": ("email", str),
    "exclude": ("exclude", bool),
    "rotation": ("rotation", lambda body: bool(body["enabled"])),
    "reason": ("reason", str),
}


def _override(resource: Json) -> AccountOverride:
    return AccountOverride(name=_name(resource["metadata"]), **read(OVERRIDE, resource["spec"]))


RESET: Table = {
    "accountRef": ("account", _name),
    "generate": ("generator", parse_generator),
    "mustChange": ("must_change", bool),
    "unlock": ("unlock", bool),
    "reason": ("reason", str),
}


def _reset(resource: Json) -> PasswordReset:
    return PasswordReset(name=_name(resource["metadata"]), **read(RESET, resource["spec"]))


_PARSERS: dict[str, Callable[[Json], Resource]] = {
    "Integration": _integration,
    "Customer": _customer,
    "AutomaticImportPolicy": _policy,
    "AccountOverride": _override,
    "PasswordReset": _reset,
}
