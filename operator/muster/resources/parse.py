"""Turns resources that passed their schema into the model; the only reader of raw mappings.

Each table below says for one mapping which field becomes which attribute, and how. Defaults
live in the model alone: an absent field is not passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

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
from muster.model.settings import (
    AccountOverride,
    AccountSelector,
    ActiveDirectory,
    Approval,
    AutomaticImportPolicy,
    BuiltInGroup,
    ConnectWise,
    Customer,
    Exclude,
    ImportSettings,
    Integration,
    ItGlue,
    LabelRequirement,
    Limit,
    Limits,
    LinkOverride,
    OnLeave,
    Options,
    OrganizationalUnit,
    Origin,
    PolicyCustomers,
    PsaOptions,
    PsaRef,
    SecretRef,
    SelectActiveDirectory,
    VaultOptions,
    VaultRef,
)

Resource = Integration | Customer | AutomaticImportPolicy | AccountOverride
Json = Mapping[str, Any]
Table = Mapping[str, tuple[str, Callable[[Any], Any]]]

# IT Glue help center, "Getting started with the IT Glue API": one address per region. The
# Australian one is the one that Celerium's PowerShell wrapper uses.
IT_GLUE_ENDPOINTS = {
    "US": "https://api.itglue.com",
    "EU": "https://api.eu.itglue.com",
    "AU": "https://api.au.itglue.com",
}


def parse_valid(resource: Json) -> Resource:
    """Turn a resource without faults into the model."""
    return _PARSERS[resource["kind"]](resource)


def _read(table: Table, body: Json) -> dict[str, Any]:
    """Return the attributes for the fields that are there."""
    return {name: turn(body[key]) for key, (name, turn) in table.items() if key in body}


def _each(turn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda items: tuple(turn(item) for item in items)


def parse_duration(text: str) -> timedelta:
    """Read `3h`, `90m` or `1h30m`."""
    amounts = {unit: int(digits) for digits, unit in re.findall(r"(\d+)([hm])", text)}
    return timedelta(hours=amounts.get("h", 0), minutes=amounts.get("m", 0))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _secret(body: Json) -> SecretRef:
    return SecretRef(name=body["name"], key=body["key"])


def _name(reference: Json) -> str:
    return str(reference["name"])


# ---------------------------------------------------------------- integrations

IT_GLUE: Table = {
    "region": ("endpoint", IT_GLUE_ENDPOINTS.__getitem__),
    "endpoint": ("endpoint", str),
    "apiKeyRef": ("api_key", _secret),
    "caRef": ("ca", _secret),
}
CONNECT_WISE: Table = {
    "endpoint": ("endpoint", str),
    "companyId": ("company_id", str),
    "clientId": ("client_id", str),
    "publicKeyRef": ("public_key", _secret),
    "privateKeyRef": ("private_key", _secret),
    "caRef": ("ca", _secret),
}
INTEGRATION: Table = {
    "itGlue": ("product", lambda body: ItGlue(**_read(IT_GLUE, body))),
    "connectWise": ("product", lambda body: ConnectWise(**_read(CONNECT_WISE, body))),
    "suspend": ("suspend", bool),
}
BUDGET: Table = {"share": ("budget_share", int)}


def _integration(resource: Json) -> Integration:
    spec = resource["spec"]
    budget = _read(BUDGET, spec.get("budget", {}))
    return Integration(name=_name(resource["metadata"]), **_read(INTEGRATION, spec), **budget)


# ---------------------------------------------------------------- customers

ACTIVE_DIRECTORY: Table = {
    "servers": ("servers", tuple),
    "userName": ("user_name", str),
    "passwordRef": ("password", _secret),
    "caRef": ("ca", _secret),
    "startTls": ("start_tls", bool),
}
DIRECTORIES: Table = {
    "activeDirectory": (
        "active_directory",
        lambda body: ActiveDirectory(**_read(ACTIVE_DIRECTORY, body)),
    ),
}
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
    "vault": ("vault", lambda body: VaultRef(**_read(VAULT_REF, body))),
    "psa": ("psa", lambda body: PsaRef(**_read(PSA_REF, body))),
    "suspend": ("suspend", bool),
    "approvals": ("approvals", _each(lambda body: Approval(**_read(APPROVAL, body)))),
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
        **_read(CUSTOMER, spec),
        **_read(DIRECTORIES, spec.get("directories", {})),
    )


# ---------------------------------------------------------------- import settings

UNIT: Table = {"path": ("path", str), "scope": ("scope", Scope)}
SELECT: Table = {
    "organizationalUnits": (
        "organizational_units",
        _each(lambda body: OrganizationalUnit(**_read(UNIT, body))),
    ),
    "groups": ("groups", tuple),
    "builtInGroups": ("built_in_groups", _each(BuiltInGroup)),
    "accounts": ("accounts", tuple),
    "nested": ("nested", bool),
    "excludePrivileged": ("exclude_privileged", bool),
    "privilegedGroups": ("privileged_groups", tuple),
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
}
PSA_OPTIONS: Table = {
    "match": ("match", bool),
    "createWhenMissing": ("create_when_missing", bool),
    "nameFallback": ("name_fallback", NameFallback),
}
OPTIONS: Table = {
    "vault": ("vault", lambda body: VaultOptions(**_read(VAULT_OPTIONS, body))),
    "psa": ("psa", lambda body: PsaOptions(**_read(PSA_OPTIONS, body))),
    "driftRemediation": ("drift_remediation", DriftRemediation),
}
APPLY_TO: Table = {"applyTo": ("apply_to", ApplyTo)}
LIMIT: Table = {"percent": ("percent", int), "floor": ("floor", int), "maximum": ("maximum", int)}
LIMITS: Table = {
    name: (name, lambda body: body) for name in ("create", "update", "release", "relink", "shrink")
}


def _limits(body: Json) -> Limits:
    """Read limits; a field that is absent keeps the default of its own limit."""
    defaults = Limits()
    given: dict[str, Limit] = {
        name: replace(getattr(defaults, name), **_read(LIMIT, limit))
        for name, limit in _read(LIMITS, body).items()
    }
    return Limits(**given)


ON_LEAVE: Table = {
    "action": ("action", LeaveAction),
    "gracePeriod": ("grace_period", parse_duration),
}
SETTINGS: Table = {
    "accountType": ("account_type", AccountType),
    "mode": ("mode", Mode),
    "options": ("options", lambda body: Options(**_read(OPTIONS, body))),
    "limits": ("limits", _limits),
    "onLeave": ("on_leave", lambda body: OnLeave(**_read(ON_LEAVE, body))),
    "interval": ("interval", parse_duration),
    "suspend": ("suspend", bool),
}


def _settings(body: Json, origin: Origin) -> ImportSettings:
    end_user = AccountType(body["accountType"]) is AccountType.END_USER
    select = {"exclude_privileged": end_user, **_read(SELECT, body["select"]["activeDirectory"])}
    exclude = {"hidden_containers": end_user, **_read(EXCLUDE, body.get("exclude", {}))}
    return ImportSettings(
        origin=origin,
        select=SelectActiveDirectory(**select),
        exclude=Exclude(**exclude),
        **_read(SETTINGS, body),
        **_read(APPLY_TO, body.get("options", {})),
    )


# ---------------------------------------------------------------- policies

REQUIREMENT: Table = {
    "key": ("key", str),
    "operator": ("operator", str),
    "values": ("values", tuple),
}


def _selector(body: Json) -> tuple[LabelRequirement, ...]:
    labels = sorted(body.get("matchLabels", {}).items())
    rows = (LabelRequirement(key=key, operator="In", values=(value,)) for key, value in labels)
    expressions = body.get("matchExpressions", ())
    return (*rows, *(LabelRequirement(**_read(REQUIREMENT, row)) for row in expressions))


CUSTOMERS: Table = {
    "names": ("names", _each(CustomerName)),
    "selector": ("selector", _selector),
    "default": ("default", bool),
}


def _policy(resource: Json) -> AutomaticImportPolicy:
    name = _name(resource["metadata"])
    return AutomaticImportPolicy(
        name=name,
        customers=PolicyCustomers(**_read(CUSTOMERS, resource["spec"]["customers"])),
        settings=_settings(resource["spec"], Origin(kind="AutomaticImportPolicy", name=name)),
    )


# ---------------------------------------------------------------- overrides

ACCOUNT: Table = {
    "objectId": ("object_id", lambda text: AccountId(text.lower())),
    "userPrincipalName": ("user_principal_name", str),
    "samAccountName": ("sam_account_name", str),
}
VAULT_LINK: Table = {
    "entryId": ("pin", RemoteId),
    "forbid": ("forbid", _each(RemoteId)),
    "ignore": ("ignore", bool),
}
PSA_LINK: Table = {
    "contactId": ("pin", RemoteId),
    "forbid": ("forbid", _each(RemoteId)),
    "ignore": ("ignore", bool),
}
OVERRIDE: Table = {
    "customerRef": ("customer", lambda body: CustomerName(_name(body))),
    "account": ("account", lambda body: AccountSelector(**_read(ACCOUNT, body))),
    "vault": ("vault", lambda body: LinkOverride(**_read(VAULT_LINK, body))),
    "psa": ("psa", lambda body: LinkOverride(**_read(PSA_LINK, body))),
    "email": ("email", str),
    "exclude": ("exclude", bool),
    "reason": ("reason", str),
}


def _override(resource: Json) -> AccountOverride:
    return AccountOverride(name=_name(resource["metadata"]), **_read(OVERRIDE, resource["spec"]))


_PARSERS: dict[str, Callable[[Json], Resource]] = {
    "Integration": _integration,
    "Customer": _customer,
    "AutomaticImportPolicy": _policy,
    "AccountOverride": _override,
}
