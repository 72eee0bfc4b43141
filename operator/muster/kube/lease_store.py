"""Leases in the API server: what each one says, and the three ways to change one.

Every write names the version that was read, so of two writers one gets a Conflict. Who may write
is not decided here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from muster.kube.api import KubeApi, Object
from muster.kube.resources import GROUP, LEASE

_SHARDS = f"{GROUP}/shards"
"""Says into how many shards the holder splits the customers."""

_LABELS = {"app.kubernetes.io/name": "muster"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One lease as it was read; without a version there is none of that name."""

    name: str
    version: str = ""
    holder: str = ""
    token: int = 0
    """Goes up by one whenever somebody takes the lease: `leaseTransitions`."""
    duration_s: float = 0.0
    shards: int = 0
    """Into how many shards the holder splits the customers; 0 when the lease does not say."""
    body: Object = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What a replica writes into the leases that it holds."""

    name: str
    """One process: a replica that starts anew is another holder."""
    shards: int
    duration_s: float


class LeaseStore:
    """Reads and writes the leases of one namespace for one holder."""

    def __init__(self, api: KubeApi, namespace: str, holder: Holder) -> None:
        self._api = api
        self._namespace = namespace
        self._holder = holder

    def list(self, prefix: str) -> dict[str, Lease]:
        """Return the leases whose name begins with the prefix, by name."""
        leases = map(_lease, self._api.list(LEASE, self._namespace))
        return {lease.name: lease for lease in leases if lease.name.startswith(prefix)}

    def take(self, lease: Lease) -> Lease:
        """Become the holder, with the next token; create the lease where there is none.

        Raises:
            Conflict: somebody else was faster.
            RemoteError: the outcome is unknown; the next list tells.
        """
        return self._write(replace(lease, token=lease.token + 1), acquired=True)

    def renew(self, lease: Lease) -> Lease:
        """Prove that nobody has touched the lease since it was read, and stay its holder.

        Raises:
            Conflict: somebody has.
            RemoteError: the outcome is unknown.
        """
        return self._write(lease, acquired=False)

    def release(self, lease: Lease) -> None:
        """Name no holder any more, so that others need not wait; raises as `renew` does."""
        body = lease.body
        self._api.replace(
            LEASE, self._namespace, {**body, "spec": {**body["spec"], "holderIdentity": None}}
        )

    def _write(self, lease: Lease, *, acquired: bool) -> Lease:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # for people
        spec = {
            **lease.body.get("spec", {}),
            "holderIdentity": self._holder.name,
            "leaseDurationSeconds": math.ceil(self._holder.duration_s),
            "leaseTransitions": lease.token,
            "renewTime": now,
        }
        if acquired:
            spec["acquireTime"] = now
        body = {**self._named(lease), "spec": spec}
        write = self._api.replace if lease.version else self._api.create
        return _lease(write(LEASE, self._namespace, body))

    def _named(self, lease: Lease) -> Object:
        old = lease.body.get("metadata", {})
        metadata = {
            **old,
            "name": lease.name,
            "labels": {**old.get("labels", {}), **_LABELS},
            "annotations": {**old.get("annotations", {}), _SHARDS: str(self._holder.shards)},
        }
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata}


def _lease(body: Object) -> Lease:
    metadata, spec = body["metadata"], body.get("spec") or {}
    count = (metadata.get("annotations") or {}).get(_SHARDS, "")
    return Lease(
        name=metadata["name"],
        version=metadata["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        token=spec.get("leaseTransitions") or 0,
        duration_s=spec.get("leaseDurationSeconds") or 0,
        shards=int(count) if count.isdecimal() else 0,
        body=body,
    )
