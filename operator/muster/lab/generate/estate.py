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
_HEAD = "# Written by the lab. Its ports change with every start.\n"

_END_USER_OPTIONS = {
    "vault": {"match": True, "createWhenMissing": True},
    "psa": {"match": True, "createWhenMissing": True},
}
_ADMINISTRATOR_OPTIONS = {"vault": {"match": True, "createWhenMissing": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where one customer is to be found; `directory` is an `ldaps://` or `ldap://` address."""

    facts: CustomerFacts
    directory: str
    organization_id: str
    company_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MspAccess:
    """The MSP's own connections, without their secrets."""

    it_glue: str
    connect_wise: str
    company_id: str
    client_id: str


def write_estate(directory: Path, access: MspAccess, customers: Iterable[Whereabouts]) -> None:
    """Write integrations, customers and policies; existing files are replaced."""
    customers = tuple(customers)
    _write(directory / "integrations.yaml", *_integrations(access))
    for one in customers:
        _write(directory / "customers" / f"{one.facts.name}.yaml", _customer(one))
    for name, policy in _policies({one.facts.end_users_by for one in customers}):
        _write(directory / "policies" / f"{name}.yaml", policy)


def write_secrets(directory: Path, secrets: Mapping[tuple[str, str], str]) -> None:
    """Write each value to `secrets/NAME/KEY`, for the owner's eyes only, and keep it out of git."""
    (directory / ".gitignore").write_text(f"/{SECRETS}/\n", encoding="utf-8")
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


def _integrations(access: MspAccess) -> tuple[dict[str, Any], ...]:
    it_glue = {
        "endpoint": access.it_glue,
        "apiKeyRef": {"name": "it-glue", "key": "apiKey"},
        "caRef": dict(CA),
    }
    connect_wise = {
        "endpoint": access.connect_wise,
        "companyId": access.company_id,
        "clientId": access.client_id,
        "publicKeyRef": {"name": "connectwise", "key": "publicKey"},
        "privateKeyRef": {"name": "connectwise", "key": "privateKey"},
        "caRef": dict(CA),
    }
    return (
        _resource("Integration", "it-glue", {"itGlue": it_glue}),
        _resource("Integration", "connectwise", {"connectWise": connect_wise}),
    )


def _customer(one: Whereabouts) -> dict[str, Any]:
    facts = one.facts
    name, key = reader_secret(facts.name)
    directory: dict[str, Any] = {
        "servers": [one.directory],
        "userName": f"{READER}@{facts.upn_suffix}",
        "passwordRef": {"name": name, "key": key},
        "caRef": dict(CA),
    }
    if one.directory.startswith("ldap://"):
        directory["startTls"] = True
    spec: dict[str, Any] = {
        "displayName": facts.display_name,
        "directories": {"activeDirectory": directory},
        "vault": {"integrationRef": {"name": "it-glue"}, "organizationId": one.organization_id},
        "psa": {"integrationRef": {"name": "connectwise"}, "companyId": one.company_id},
    }
    if facts.end_users_by is EndUsersBy.OWN_IMPORTS:
        spec["imports"] = [
            _import("EndUser", _by_unit(facts.staff_place)),
            _import("Administrator", _by_unit(facts.admins_place)),
        ]
    return _resource("Customer", facts.name, spec, labels=_labels(facts.end_users_by))


def _labels(end_users_by: EndUsersBy) -> dict[str, str]:
    match end_users_by:
        case EndUsersBy.ORGANIZATIONAL_UNIT:
            return {"staff": "by-unit", "administrators": "by-unit"}
        case EndUsersBy.GROUP:
            return {"staff": "by-group", "administrators": "by-unit"}
        case EndUsersBy.OWN_IMPORTS:
            return {"staff": "own", "administrators": "own"}


def _by_unit(path: str) -> dict[str, Any]:
    return {"organizationalUnits": [{"path": path, "scope": "Subtree"}]}


def _import(account_type: str, select: dict[str, Any], **policy: Any) -> dict[str, Any]:
    administrators = account_type == "Administrator"
    return {
        "accountType": account_type,
        "mode": "Enforce",
        **policy,
        "select": {"activeDirectory": select},
        "options": _ADMINISTRATOR_OPTIONS if administrators else _END_USER_OPTIONS,
    }


def _policies(layouts: set[EndUsersBy]) -> list[tuple[str, dict[str, Any]]]:
    """Return the policies that cover some customer of these layouts."""
    rows = (
        ("staff", {"staff": "by-unit"}, "EndUser", _by_unit("OU=Staff")),
        ("staff-by-group", {"staff": "by-group"}, "EndUser", {"groups": ["Muster Staff"]}),
        ("administrators", {"administrators": "by-unit"}, "Administrator", _by_unit("OU=Admins")),
    )
    policies = []
    for name, label, account_type, select in rows:
        if any(label.items() <= _labels(layout).items() for layout in layouts):
            customers = {"selector": {"matchLabels": label}}
            spec = _import(account_type, select, customers=customers)
            policies.append((name, _resource("AutomaticImportPolicy", name, spec)))
    return policies
