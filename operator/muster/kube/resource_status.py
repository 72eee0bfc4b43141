"""The status of policies and overrides: whether they are sound, and what they bring.

How many accounts a policy brings is taken from the status of the customers, which every replica
sees, whoever reconciles them.
"""

from __future__ import annotations

from typing import Any

from muster.errors import RemoteError
from muster.kube.held import resource_conditions
from muster.kube.resources import CUSTOMER, OVERRIDE, POLICY
from muster.kube.status_writer import StatusWriter
from muster.kube.store import Store
from muster.kube.view import View

_TOLD = {POLICY.kind: POLICY, OVERRIDE.kind: OVERRIDE}

Raw = Any


def policies_in(raw: Raw) -> list[dict[str, Any]]:
    """Return what a Customer's status says about the policies in force for it."""
    found: list[dict[str, Any]] = (raw.get("status") or {}).get("policies") or []
    return found


def tell_resources(view: View, store: Store, writer: StatusWriter) -> None:
    """Write the status of every policy and override that has changed.

    Raises:
        RemoteError: one could not be written; all others were tried.
    """
    unwritten: RemoteError | None = None
    for kind, name in store.list_keys():
        told = _TOLD.get(kind)
        if told is None:
            continue
        counts = _policy_counts(view, store, name) if told is POLICY else {}
        try:
            writer.set_conditions(told, name, resource_conditions(view, told, name), **counts)
        except RemoteError as error:
            unwritten = error
    if unwritten is not None:
        raise unwritten


def _policy_counts(view: View, store: Store, name: str) -> dict[str, int]:
    """Return how many customers and accounts a policy is in force for."""
    reference = f"{POLICY.kind}/{name}"
    customers = [
        str(customer)
        for customer, desired in view.desired.items()
        if any(one.settings.origin.reference == reference for one in desired.sources)
    ]
    accounts = 0
    for customer in customers:
        raw = store.raw(CUSTOMER.kind, customer) or {}
        rows = policies_in(raw)
        accounts += sum(row["selected"] for row in rows if row["name"] == reference)
    return {"customers": len(customers), "accounts": accounts}
