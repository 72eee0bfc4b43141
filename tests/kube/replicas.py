"""Replicas that take turns by hand, each with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import kopf
from tests.kube.lease_server import LeaseServer

from muster.kube.api import KubeApi
from muster.kube.leases import LeaseLost, LeaseOptions, ShardLeases
from muster.kube.shards import shard_of

DURATION_S = 15.0
RENEW_S = 5.0
NAMESPACE = "muster"


@cache
def customer_of(shard: int, shards: int) -> str:
    """Return a customer of a shard."""
    names = (f"customer-{number}" for number in range(10_000))
    return next(name for name in names if shard_of(name, shards) == shard)


class Replica:
    """One replica; what it would tell the controller is kept."""

    def __init__(self, world: World, identity: str, shards: int) -> None:
        self.identity = identity
        self.shards = shards
        self.busy: set[int] = set()
        self.told: list[frozenset[int]] = []
        # Clocks of two machines have nothing in common.
        begin = 1000.0 * (1 + len(world.replicas))
        self.api = KubeApi(kopf.ConnectionInfo(server=world.server.url), patience_s=1e-6)
        self.leases = ShardLeases(
            self.api,
            NAMESPACE,
            shards=shards,
            identity=identity,
            options=LeaseOptions(
                duration_s=DURATION_S,
                renew_every_s=RENEW_S,
                monotonic=lambda: begin + world.now,
                on_change=self.told.append,
                is_idle=lambda shard: shard not in self.busy,
            ),
        )

    def token(self, shard: int) -> int | None:
        """Return the token under which a write would leave now; None when it would not."""
        customer = customer_of(shard, self.shards)
        try:
            self.leases.check(customer)
            return self.leases.token(customer)
        except LeaseLost:
            return None

    @property
    def writable(self) -> set[int]:
        """The shards for which a write would leave now."""
        return {shard for shard in range(self.shards) if self.token(shard) is not None}


class World:
    """One API server, one true time, and the replicas."""

    def __init__(self, server: LeaseServer) -> None:
        self.server = server
        self.now = 0.0
        self.replicas: list[Replica] = []

    def add(self, identity: str, shards: int) -> Replica:
        """Start a replica, which has taken no turn yet."""
        replica = Replica(self, identity, shards)
        self.replicas.append(replica)
        return replica

    def run(self, seconds: float, *replicas: Replica) -> None:
        """Let time pass, with every replica's turns as its thread would take them."""
        end = self.now + seconds
        due = dict.fromkeys(replicas, self.now)
        while (now := min(due.values())) <= end:
            self.now = max(self.now, now)
            replica = min(due, key=lambda one: due[one])
            replica.leases.turn()
            due[replica] = self.now + replica.leases.pause_s()
        self.now = end

    def tokens(self, shard: int) -> dict[Replica, int]:
        """Return who could write for a shard now, and under which token."""
        found = {replica: replica.token(shard) for replica in self.replicas}
        return {replica: token for replica, token in found.items() if token is not None}


@contextmanager
def open_world() -> Iterator[World]:
    """Start an API server and forget everything at the end."""
    with LeaseServer() as server:
        world = World(server)
        try:
            yield world
        finally:
            for replica in world.replicas:
                replica.api.close()
