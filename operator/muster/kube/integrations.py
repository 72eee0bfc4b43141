"""What the status of an integration says: its organizations, which are linked, what its key may do.

Looked at once an interval by the replica that holds the integration's shard.
"""

from __future__ import annotations

from typing import Any

from muster.assembly import Assembly
from muster.errors import MusterError, RateLimited, Unavailable
from muster.kube.status_writer import timed
from muster.kube.view import View
from muster.model.connections import Integration
from muster.model.reasons import Reason

Status = dict[str, Any]


def linked_ids(view: View, integration: str) -> frozenset[str]:
    """Return the organizations or companies that customers are linked to."""
    found = set()
    for customer in view.estate.customers:
        if customer.vault and customer.vault.integration == integration:
            found.add(str(customer.vault.organization_id))
        if customer.psa and customer.psa.integration == integration:
            found.add(str(customer.psa.company_id))
    return frozenset(found)


def look_at(integration: Integration, view: View, assembly: Assembly, old: Status) -> Status:
    """Return the status of an integration, asked of the system itself."""
    try:
        port = assembly.integration(integration)
        checks = port.check() if port else ()
        seen = tuple(assembly.list_tenants(integration))
    except MusterError as error:
        return _unwell(old, str(error), passing=isinstance(error, Unavailable | RateLimited))
    failed = [f"{one.name}: {one.detail} {one.advice}".strip() for one in checks if not one.ok]
    if failed:
        return _unwell(old, " ".join(failed), passing=False)
    linked = linked_ids(view, integration.name)
    live = {str(one.id) for one in seen if one.active}
    message = "; ".join(check.detail for check in checks)
    conditions = [_condition("Ready", "True", Reason.CHECKED, message)]
    return {
        "conditions": timed(conditions, old),
        "seen": len(live),
        "linked": len(live & linked),
        "notLinked": len(live - linked),
        "rights": ", ".join(check.name for check in checks),
    }


def _unwell(old: Status, message: str, *, passing: bool) -> Status:
    conditions = [_condition("Ready", "False", Reason.CHECK_FAILED, message)]
    if not passing:
        conditions.append(_condition("Stalled", "True", Reason.CHECK_FAILED, message))
    return old | {"conditions": timed(conditions, old)}


def _condition(kind: str, status: str, reason: str, message: str) -> Status:
    return {"type": kind, "status": status, "reason": str(reason), "message": message[:30_000]}
