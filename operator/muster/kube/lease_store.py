"""Leases in the API server: what each says, who may take one, and the three ways to change one.

Every write names the version that was read, so of two writers one gets a Conflict. Whether the
holder of a lease is gone is judged as client-go does: by seeing no change of the lease for its
duration, on this machine's own clock. The times inside a lease are for people.
Source: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

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
    wall: Callable[[], datetime]


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
        now = self._holder.wall().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
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


class Sightings:
    """How long each lease has stayed as it is, by this machine's clock."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._seen: dict[str, tuple[Lease, float]] = {}

    def note(self, leases: dict[str, Lease], at: float) -> None:
        """Remember what a list showed; `at` is a time after its answer came.

        A time before the answer could lie before the holder's own, and the lease would end here
        sooner than there.
        """
        for name, (old, _) in list(self._seen.items()):
            if name not in leases and old.version:
                # Its holder may not know yet that somebody deleted it.
                self._seen[name] = replace(old, version="", body={}), at
        for name, lease in leases.items():
            if name not in self._seen or self._seen[name][0].version != lease.version:
                self._seen[name] = lease, at

    def get(self, name: str) -> Lease:
        """Return a lease as it was last seen."""
        return self._seen[name][0] if name in self._seen else Lease(name=name)

    def ends_in_s(self, name: str, now: float) -> float:
        """Return how long nobody but its holder may take a lease; 0 when it is free."""
        if name not in self._seen:
            return 0.0
        lease, at = self._seen[name]
        if not lease.holder:
            return 0.0
        # A holder of another release may count on a longer duration than ours.
        return max(0.0, at + max(self._duration_s, lease.duration_s) - now)


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
