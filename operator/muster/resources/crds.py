"""Makes the CustomResourceDefinitions from the schemas, and nothing by hand but the columns.

Where they are written to is left to the caller. What a cluster cannot say is left out: the API
server drops unknown fields where the schemas refuse them, and checks names and labels itself.
Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.resources.schemas import GROUP, KINDS, load_schema

VERSION = "v1alpha1"
CATEGORY = "muster"
"""`kubectl get muster` lists every kind."""

_LEFT_OUT = {"$schema", "$id", "title", "examples"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; a wide one is only shown with `-o wide`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How a kind is named and shown in a cluster."""

    plural: str
    short: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    """Fields for `--field-selector`; an API server knows them from Kubernetes 1.31 on."""


def _condition(kind: str, field: str) -> str:
    return f".status.conditions[?(@.type=='{kind}')].{field}"


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_READY = Column("Ready", _condition("Ready", "status"))
_WHY = (
    Column("Reason", _condition("Ready", "reason"), wide=True),
    Column("Message", _condition("Ready", "message"), wide=True),
)
_SUSPENDED = Column("Suspended", ".spec.suspend", "boolean")

FACES: dict[str, Face] = {
    "Integration": Face(
        plural="integrations",
        short="integ",
        columns=(
            _READY,
            Column("Seen", ".status.seen", "integer"),
            Column("Linked", ".status.linked", "integer"),
            _SUSPENDED,
            Column("Rights", ".status.rights", wide=True),
            *_WHY,
            _AGE,
        ),
    ),
    "Customer": Face(
        plural="customers",
        short="cust",
        columns=(
            Column("Directory", ".status.directory"),
            Column("Vault", ".status.vault"),
            Column("PSA", ".status.psa"),
            Column("Accounts", ".status.accounts", "integer"),
            Column("Ambiguous", ".status.ambiguous", "integer"),
            Column("Drift", ".status.drift", "integer"),
            _READY,
            Column("Synced", ".status.lastSync", "date"),
            Column("Next", ".status.nextSync", wide=True),
            *_WHY,
            _AGE,
        ),
    ),
    "AutomaticImportPolicy": Face(
        plural="automaticimportpolicies",
        short="aip",
        columns=(
            Column("Type", ".spec.accountType"),
            Column("Mode", ".spec.mode"),
            Column("Default", ".spec.customers.default", "boolean"),
            Column("Customers", ".status.customers", "integer"),
            Column("Accounts", ".status.accounts", "integer"),
            _SUSPENDED,
            _READY,
            *_WHY,
            _AGE,
        ),
        selectable=(".spec.accountType", ".spec.mode"),
    ),
    "AccountOverride": Face(
        plural="accountoverrides",
        short="aov",
        columns=(
            Column("Customer", ".spec.customerRef.name"),
            Column("Account", ".spec.account.*"),
            Column("Vault", ".spec.vault.entryId"),
            Column("PSA", ".spec.psa.contactId"),
            Column("Exclude", ".spec.exclude", "boolean"),
            _READY,
            Column("Decision", ".spec.reason", wide=True),
            *_WHY,
            _AGE,
        ),
        selectable=(".spec.customerRef.name",),
    ),
    "PasswordReset": Face(
        plural="passwordresets",
        short="pwr",
        columns=(
            Column("Account", ".status.account"),
            Column("Customer", ".status.customer"),
            Column("Phase", ".status.phase"),
            Column("Cause", ".status.cause"),
            Column("Proof", ".status.proof"),
            Column("Ended", ".status.endedAt", "date"),
            Column("Vault", ".status.vault", wide=True),
            Column("Revision", ".status.revision", wide=True),
            Column("Why", ".spec.reason", wide=True),
            *_WHY,
            _AGE,
        ),
        selectable=(".spec.accountRef.name", ".status.phase"),
    ),
    "Account": Face(
        plural="accounts",
        short="acct",
        columns=(
            Column("Type", ".spec.accountType"),
            Column("User", ".status.userPrincipalName"),
            Column("Email", ".status.email.address"),
            Column("Vault", ".status.vault.state"),
            Column("PSA", ".status.psa.state"),
            Column("State", ".status.decision.state"),
            Column("Rotated", ".status.rotation.last", "date", wide=True),
            Column("Rotates", ".status.rotation.next", wide=True),
            Column("Cause", ".status.rotation.cause", wide=True),
            Column("Directory", ".spec.identity.source", wide=True),
            Column("Logon", ".status.samAccountName", wide=True),
            Column("Reason", ".status.decision.reason", wide=True),
            _AGE,
        ),
        selectable=(
            ".spec.customerRef.name",
            ".spec.accountType",
            ".status.decision.state",
            ".status.vault.state",
            ".status.psa.state",
        ),
    ),
}


def render_crds() -> dict[str, dict[str, Any]]:
    """Return every CustomResourceDefinition by the name of its file."""
    return {f"{GROUP}_{FACES[kind].plural}.yaml": render_crd(kind) for kind in KINDS}


def render_crd(kind: str) -> dict[str, Any]:
    """Return the CustomResourceDefinition of a kind."""
    face = FACES[kind]
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in face.columns],
    }
    if face.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in face.selectable]
    version["schema"] = {"openAPIV3Schema": _root(load_schema(kind))}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{face.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": face.plural,
                "singular": kind.lower(),
                "shortNames": [face.short],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _column(column: Column) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
    }
    return {**rendered, "priority": 1} if column.wide else rendered


def _root(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a whole resource; of its metadata a CRD may only bound the name."""
    fields = schema["properties"]
    name = _structural(fields["metadata"]["properties"]["name"])
    return {
        "description": schema["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": fields["apiVersion"]["description"], "type": "string"},
            "kind": {"description": fields["kind"]["description"], "type": "string"},
            "metadata": {"type": "object", "properties": {"name": name}},
            "spec": _structural(fields["spec"]),
            "status": _structural(fields["status"]),
        },
    }


def _structural(node: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema as a cluster takes it."""
    kept: dict[str, Any] = {}
    for keyword, value in node.items():
        match keyword:
            case "properties":
                kept[keyword] = {name: _structural(field) for name, field in value.items()}
            case "items":
                kept[keyword] = _structural(value)
            case "additionalProperties":
                if isinstance(value, dict):
                    kept[keyword] = _structural(value)
            case _ if keyword not in _LEFT_OUT:
                kept[keyword] = value
    return kept
