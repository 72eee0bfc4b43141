"""Makes a policy test of what a customer's systems answered, with other names everywhere.

Kept are the words that policies of the resources use (groups, units, roles, listed accounts):
without them the policies would select nobody. They stand in the policies anyway, and
`Redacted.kept` names them. Notes, URLs, times of change and passwords are never part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster.model.names import AccountId, RemoteId
from muster.testing.redact_directories import redacted_domain, redacted_tenant
from muster.testing.redact_records import (
    redacted_override,
    redacted_psa,
    redacted_registry,
    redacted_vault,
)
from muster.testing.redact_settings import renamed_imports
from muster.testing.renaming import Original, Renaming

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """A test without expectations, what everything is called in it, and what was kept."""

    body: Json
    accounts: Mapping[AccountId, AccountId]
    records: Mapping[RemoteId, RemoteId]
    """Entries, contacts and Entra users."""
    kept: tuple[str, ...]
    original_words: frozenset[str]
    harmless: frozenset[str]
    """Words that are the same everywhere, or that policies use."""


def redact(original: Original, resources: Sequence[str], salt: bytes) -> Redacted:
    """Return a customer's world under other names; the same salt gives the same names."""
    renaming = Renaming(original, salt)
    body: Json = {
        "apiVersion": "test.muster.dev/v1alpha1",
        "kind": "PolicyTest",
        "name": f"recorded on {original.now:%Y-%m-%d}",
        "resources": list(resources),
        "exampleCustomer": _customer(renaming),
        "now": original.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **_systems(renaming),
    }
    overrides = [redacted_override(renaming, one) for one in original.desired.overrides]
    said = [one for one in overrides if one]
    registry = redacted_registry(renaming)
    body |= {"overrides": said} if said else {}
    body |= {"registry": registry} if registry else {}
    return Redacted(
        body=body,
        accounts={AccountId(old): AccountId(new) for old, new in renaming.ids.items()},
        records=renaming.records,
        kept=renaming.kept,
        original_words=renaming.original_words,
        harmless=renaming.harmless,
    )


def _systems(renaming: Renaming) -> Json:
    customer = renaming.original.desired.customer
    parts = (
        ("directory", customer.active_directory, redacted_domain),
        ("entra", customer.entra, redacted_tenant),
        ("vault", customer.vault, redacted_vault),
        ("psa", customer.psa, redacted_psa),
    )
    return {name: make(renaming) for name, connected, make in parts if connected}


def _customer(renaming: Renaming) -> Json:
    desired = renaming.original.desired
    named = [one.settings.origin for one in desired.sources]
    policies = [one.name for one in named if one.kind == "AutomaticImportPolicy"]
    body: Json = {"name": renaming.names.text(desired.customer.name)}
    body |= {"policies": policies} if policies else {}
    body |= {"passwordAuthority": str(desired.customer.password_authority)}
    for name, integration in (("vault", desired.vault), ("psa", desired.psa)):
        body |= {name: type(integration.product).__name__} if integration else {}
    if renaming.original.imports:
        body["imports"] = renamed_imports(renaming.original.imports, renaming.names)
    return body
