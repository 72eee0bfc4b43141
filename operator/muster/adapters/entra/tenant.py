"""Reads which tenant answers."""

from __future__ import annotations

from muster.adapters.entra.graph import Graph, record_in, records_in
from muster.adapters.entra.users import id_of
from muster.adapters.json_values import text_or_none
from muster.errors import Unexpected
from muster.model.entra import Tenant

NEEDS = "Organization.Read.All"

_FIELDS = ("$select", "id,displayName,verifiedDomains,onPremisesSyncEnabled")


def read_tenant(graph: Graph, tenant_id: str) -> Tenant:
    """Return the tenant.

    Raises:
        Unexpected: it is another one than the settings name; nothing may be read of it.

    Source: https://learn.microsoft.com/graph/api/organization-list
    """
    rows = records_in(record_in(graph.find("/organization", (_FIELDS,), needs=NEEDS)))
    if len(rows) != 1 or id_of(rows[0]) != tenant_id.lower():
        raise Unexpected(
            f"Microsoft Graph answered for another tenant than {tenant_id}; check graphEndpoint."
        )
    (row,) = rows
    domains = row.get("verifiedDomains") or ()
    names = (text_or_none(one.get("name")) for one in domains if isinstance(one, dict))
    return Tenant(
        id=id_of(row),
        name=text_or_none(row.get("displayName")) or "",
        domains=tuple(sorted(name.lower() for name in names if name)),
        synced=row.get("onPremisesSyncEnabled") is True,
    )
