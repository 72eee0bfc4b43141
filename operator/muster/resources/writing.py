"""Writes resources as people do: a new Customer, and the one line that links a customer.

Which names and ids go in is left to others.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from muster.model.names import RemoteId, System
from muster.model.records import Organization
from muster.resources.documents import resolve_scalar
from muster.resources.insertion import Field

MOST_CHARACTERS = 253
"""What `spec.displayName` may hold."""

_ID_FIELDS = {System.VAULT: "organizationId", System.PSA: "companyId"}
_BELOW = {
    System.VAULT: ("displayName", "directories", "passwordAuthority"),
    System.PSA: ("displayName", "directories", "passwordAuthority", "vault"),
}
_PLAIN = re.compile(r"[^\W\d_](?:[\w .,&'()/+-]*[\w.)])?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def link_field(system: System, integration: str, record: RemoteId) -> Field:
    """Return the field of a Customer that pins an organization or a company."""
    value: dict[str, Any] = {"integrationRef": {"name": integration}, _ID_FIELDS[system]: record}
    name = scalar(integration)
    pinned = f"{_ID_FIELDS[system]}: {_quoted(record)}"
    return Field(
        name=str(system),
        value=value,
        line=f"{system}: {{integrationRef: {{name: {name}}}, {pinned}}}",
        below=_BELOW[system],
    )


def customer_text(slug: str, organization: Organization, link: Field) -> str:
    """Return a file with a Customer that is linked to one organization and has no directory yet."""
    return (
        "# Imported. Until it has `directories`, nobody is read or imported for this customer.\n"
        "apiVersion: muster.dev/v1alpha1\n"
        "kind: Customer\n"
        "metadata:\n"
        f"  name: {scalar(slug)}\n"
        "spec:\n"
        f"  displayName: {scalar(display_name(organization.name) or slug)}\n"
        f"  {link.line}\n"
    )


def display_name(name: str) -> str:
    """Return a remote name as `spec.displayName` may hold it: one line, cut to its length."""
    return " ".join(_UNPRINTABLE.sub(" ", name).split())[:MOST_CHARACTERS].strip()


def scalar(text: str) -> str:
    """Write a text as YAML: unquoted where every reader takes it for that text."""
    plain = _PLAIN.fullmatch(text) and isinstance(resolve_scalar(text), str)
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    written: str = yaml.dump(text, default_style='"', allow_unicode=True, width=10**6)
    return written.rstrip("\n")
