"""The estate that an MSP would keep in git for the lab, and the secrets beside it.

Which policy covers which customer follows from the labels: some customers select end users by
organizational unit, some by group, and the German-speaking ones bring their own imports.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from muster.lab.generate.infrastructure import READER
from muster.lab.generate.seeds import CustomerFacts, EndUsersBy

CA = {"name": "lab-ca", "key": "ca.crt"}
SECRETS = "secrets"
MAILS = "mails"
"""Where the mails lie that the lab took."""
SEALING = ("muster-sealing", "keys")
"""The secret that seals passwords while they are set."""
_HEAD = "# Written by the lab. Its ports change with every start.\n"

MAIL = "mail"
"""The integration that sends mail."""

_END_USER_OPTIONS = {
    "vault": {"match": True, "createWhenMissing": True},
    "psa": {"match": True, "createWhenMissing": True},
    # It shows how, and mails nobody.
    "welcomeEmail": {"enabled": False, "integrationRef": {"name": MAIL}},
}
_ADMINISTRATOR_OPTIONS = {"vault": {"match": True, "createWhenMissing": True}}


CLOUD_ROLES = ("Global Administrator", "User Administrator", "Exchange Administrator")
"""The roles by which administrators are selected in Entra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantAccess:
    """How a customer's Entra tenant is reached, without the secret."""

    tenant_id: str
    client_id: str
    login: str
    graph: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where one customer is to be found."""

    facts: CustomerFacts
    vault: tuple[str, str]
    """The integration's name, and the organization's id there."""
    psa: tuple[str, str]
    directory: str | None = None
    """An `ldaps://` or `ldap://` address."""
    tenant: TenantAccess | None = None
    empty_vault: bool = False
    """Whether nobody has an entry yet, so that the first run makes them all."""

    @property
    def in_cloud(self) -> bool:
        """Whether the customer's people are selected in Entra."""
        return self.directory is None


def write_estate(
    directory: Path,
    integrations: Iterable[tuple[str, dict[str, Any]]],
    customers: Iterable[Whereabouts],
) -> None:
    """Write integrations (name and spec), customers and policies; existing files are replaced.

    A policy that somebody has written in place of ours stays: it holds for a new lab as well.
    """
    customers = tuple(customers)
    rows = (_resource("Integration", name, spec) for name, spec in integrations)
    _write(directory / "integrations.yaml", *rows)
    for one in customers:
        _write(directory / "customers" / f"{one.facts.name}.yaml", _customer(one))
    for name, policy in _policies(customers):
        file = directory / "policies" / f"{name}.yaml"
        if not _is_foreign(file):
            _write(file, policy)


def foreign_file(directory: Path) -> Path | None:
    """Return a file of an estate that is not the lab's, and that the lab might replace."""
    integrations = directory / "integrations.yaml"
    if integrations.is_file() and not _is_foreign(integrations):
        return None  # policies that were written here since are kept
    places = ("integrations.yaml", "customers/*.yaml", "policies/*.yaml", f"{SECRETS}/*/*")
    return next((file for place in places for file in sorted(directory.glob(place))), None)


def _is_foreign(file: Path) -> bool:
    return file.is_file() and not file.read_bytes().startswith(_HEAD.encode())


def write_secrets(directory: Path, secrets: Mapping[tuple[str, str], str]) -> None:
    """Write each value to `secrets/NAME/KEY`, for the owner's eyes only, and keep it out of git."""
    (directory / ".gitignore").write_text(f"/{SECRETS}/\n/{MAILS}/\n", encoding="utf-8")
    for (name, key), value in secrets.items():
        place = directory / SECRETS / name
        place.mkdir(parents=True, exist_ok=True)
        for made in (directory / SECRETS, place):
            made.chmod(0o700)
        (place / key).unlink(missing_ok=True)
        # Created with its mode, so that it is never readable for others, not even briefly.
        handle = os.open(place / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(value)


def tenant_secret(customer: str) -> tuple[str, str]:
    """Return the name and key of the secret that Muster signs in to a customer's tenant with."""
    return f"{customer}-entra", "clientSecret"


def reader_secret(customer: str) -> tuple[str, str]:
    """Return the name and key of the password that Muster reads a customer's domain with."""
    return f"{customer}-ad", "password"


def _write(path: Path, *resources: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump_all(resources, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(_HEAD + text, encoding="utf-8")


def _resource(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }


def _customer(one: Whereabouts) -> dict[str, Any]:
    facts = one.facts
    (vault, organization), (psa, company) = one.vault, one.psa
    directories: dict[str, Any] = {}
    if one.directory:
        directories["activeDirectory"] = _active_directory(facts, one.directory)
    if one.tenant:
        directories["entra"] = _entra(facts, one.tenant)
    spec: dict[str, Any] = {"displayName": facts.display_name, "directories": directories}
    if len(directories) > 1:
        spec["passwordAuthority"] = "EntraConnect"
    spec["vault"] = {"integrationRef": {"name": vault}, "organizationId": organization}
    spec["psa"] = {"integrationRef": {"name": psa}, "companyId": company}
    if facts.end_users_by is EndUsersBy.OWN_IMPORTS:
        spec["imports"] = _own_imports(one)
    return _resource("Customer", facts.name, spec, labels=_labels(facts.end_users_by))


def _active_directory(facts: CustomerFacts, address: str) -> dict[str, Any]:
    name, key = reader_secret(facts.name)
    body: dict[str, Any] = {
        "servers": [address],
        "userName": f"{READER}@{facts.upn_suffix}",
        "passwordRef": {"name": name, "key": key},
        "caRef": dict(CA),
    }
    if address.startswith("ldap://"):
        body["startTls"] = True
    return body


def _entra(facts: CustomerFacts, tenant: TenantAccess) -> dict[str, Any]:
    name, key = tenant_secret(facts.name)
    return {
        "tenantId": tenant.tenant_id,
        "clientId": tenant.client_id,
        "clientSecretRef": {"name": name, "key": key},
        "loginEndpoint": tenant.login,
        "graphEndpoint": tenant.graph,
        "caRef": dict(CA),
    }


def _own_imports(one: Whereabouts) -> list[dict[str, Any]]:
    facts = one.facts
    if one.in_cloud:
        return [
            _import("EndUser", {"entra": {"groups": [facts.staff_group]}}, **_limits((one,))),
            _import("Administrator", {"entra": {"roles": list(CLOUD_ROLES)}}, **_limits((one,))),
        ]
    administrators = _by_unit(facts.admins_place)
    if one.tenant:
        administrators |= {"entra": {"roles": list(CLOUD_ROLES)}}
    return [
        _import("EndUser", _by_unit(facts.staff_place), **_limits((one,))),
        _import("Administrator", administrators, **_limits((one,))),
    ]


def _labels(end_users_by: EndUsersBy) -> dict[str, str]:
    match end_users_by:
        case EndUsersBy.ORGANIZATIONAL_UNIT:
            return {"staff": "by-unit", "administrators": "by-unit"}
        case EndUsersBy.GROUP:
            return {"staff": "by-group", "administrators": "by-unit"}
        case EndUsersBy.OWN_IMPORTS:
            return {"staff": "own", "administrators": "own"}


def _by_unit(path: str) -> dict[str, Any]:
    units = [{"path": path, "scope": "Subtree"}]
    return {"activeDirectory": {"organizationalUnits": units}}


def _import(account_type: str, select: dict[str, Any], **policy: Any) -> dict[str, Any]:
    administrators = account_type == "Administrator"
    return {
        "accountType": account_type,
        "mode": "Enforce",
        **policy,
        "select": select,
        "options": _ADMINISTRATOR_OPTIONS if administrators else _END_USER_OPTIONS,
    }


def _limits(customers: Iterable[Whereabouts]) -> dict[str, Any]:
    """Return limits that let an empty vault be filled; else those of the schema hold."""
    if any(one.empty_vault for one in customers):
        return {"limits": {"create": {"percent": 100, "floor": 10000}}}
    return {}


def _policies(customers: tuple[Whereabouts, ...]) -> list[tuple[str, dict[str, Any]]]:
    """Return the policies that cover some of these customers."""
    in_cloud = any(one.in_cloud for one in customers)
    tenants = any(one.tenant for one in customers)
    staff = {"groups": ["Muster Staff"]}
    roles = {"entra": {"roles": list(CLOUD_ROLES)}} if tenants else {}
    administrators = roles if in_cloud else _by_unit("OU=Admins") | roles
    by_group = {"entra" if in_cloud else "activeDirectory": staff}
    by_unit = by_group if in_cloud else _by_unit("OU=Staff")
    rows = (
        ("staff", {"staff": "by-unit"}, "EndUser", by_unit),
        ("staff-by-group", {"staff": "by-group"}, "EndUser", by_group),
        ("administrators", {"administrators": "by-unit"}, "Administrator", administrators),
    )
    layouts = {one.facts.end_users_by for one in customers}
    policies = []
    for name, label, account_type, select in rows:
        if any(label.items() <= _labels(layout).items() for layout in layouts):
            who = {"selector": {"matchLabels": label}}
            spec = _import(account_type, select, customers=who, **_limits(customers))
            policies.append((name, _resource("AutomaticImportPolicy", name, spec)))
    return policies
