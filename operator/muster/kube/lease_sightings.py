"""What a replica knows of all leases: which are free, who is alive and what each holds. Pure.

Whether the holder of a lease is gone is judged as client-go does: by seeing no change of the
lease for its duration, on this machine's own clock. The times inside a lease are for people.
Source: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from muster.kube.lease_store import Lease

PREFIX = "muster-"
_SHARD = f"{PREFIX}shard-"
_REPLICA = f"{PREFIX}replica-"


class Sightings:
    """How long each lease has stayed as it is."""

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._seen: dict[str, tuple[Lease, float]] = {}

    def note(self, leases: Mapping[str, Lease], at: float) -> None:
        """Remember what a list showed; `at` is a time after its answer came.

        A time before the answer could lie before the holder's own, and the lease would end here
        sooner than there.
        """
        for name, (old, _) in list(self._seen.items()):
            if name not in leases and old.version:
                # Somebody deleted it; its holder may not know yet.
                self._seen[name] = replace(old, version="", body={}), at
        for name, lease in leases.items():
            if self.get(name).version != lease.version:
                self._seen[name] = lease, at

    def get(self, name: str) -> Lease:
        """Return a lease as it was last seen."""
        return self._seen[name][0] if name in self._seen else Lease(name=name)

    def ends_in_s(self, name: str, now: float) -> float:
        """Return how long nobody but its holder may take a lease; 0 when it is free."""
        if not self.get(name).holder:
            return 0.0
        lease, at = self._seen[name]
        # A holder of another release may count on a longer duration than ours.
        return max(0.0, at + max(self._duration_s, lease.duration_s) - now)

    def ends_s(self, now: float, but: str) -> list[float]:
        """Return when the leases of everybody but one holder end, if they stay as they are."""
        return [self.ends_in_s(one.name, now) for one in self._live(now) if one.holder != but]

    def free_shards(self, shards: int, now: float) -> list[int]:
        """Return the shards that may be taken."""
        return [one for one in range(shards) if self.ends_in_s(shard_lease(one), now) == 0]

    def replicas(self, shards: int, now: float) -> dict[str, frozenset[int]]:
        """Return what every live replica holds, by its name, if it splits customers as we do."""
        live = [one for one in self._live(now) if one.shards in (0, shards)]
        replicas = {one.holder for one in live if is_replica(one.name)}
        return {
            replica: frozenset(
                number
                for lease in live
                if lease.holder == replica and (number := shard_number(lease.name)) is not None
            )
            for replica in replicas
        }

    def differing(self, shards: int, now: float) -> Lease | None:
        """Return a lease of somebody who splits the customers in another way than we do."""
        return next((one for one in self._live(now) if one.shards not in (0, shards)), None)

    def seat(self, identity: str, now: float) -> str:
        """Return the name of the lease by which a replica is to be counted.

        Those that nobody needs any more are used again, so that restarts leave nothing behind.
        """
        seats = self._seats()
        ours = [one.name for one in seats if one.holder.rpartition("_")[0] == identity]
        free = [one.name for one in seats if self.ends_in_s(one.name, now) == 0]
        taken = {one.name for one in seats}
        numbered = (f"{_REPLICA}{number}" for number in range(len(seats) + 1))
        return [*ours, *free, *(name for name in numbered if name not in taken)][0]

    def left_seats(self, now: float) -> list[Lease]:
        """Return the leases by which replicas were counted that are gone without a word."""
        return [
            one
            for one in self._seats()
            if one.version and one.holder and self.ends_in_s(one.name, now) == 0
        ]

    def _seats(self) -> list[Lease]:
        return [one for name, (one, _) in sorted(self._seen.items()) if is_replica(name)]

    def _live(self, now: float) -> Iterator[Lease]:
        return (one for one, _ in self._seen.values() if self.ends_in_s(one.name, now) > 0)


def shard_lease(shard: int) -> str:
    """Return the name of a shard's lease."""
    return f"{_SHARD}{shard}"


def shard_number(name: str) -> int | None:
    """Return which shard a lease is for; None for any other lease."""
    number = name.removeprefix(_SHARD)
    return int(number) if number != name and number.isdecimal() else None


def is_replica(name: str) -> bool:
    """Return whether a lease says that a replica is there."""
    return name.startswith(_REPLICA)
