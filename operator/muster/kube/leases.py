"""One writer for each shard of customers: who holds which shard, and whether that is still so.

Each shard has a lease, and so has each replica, by which the replicas count each other. One
background thread renews, looks, takes and gives up; `check` asks nobody and is cheap. A replica
stops writing on its own a good while before others may take its shards: a third of the duration.

A lease cannot hold back a write that was sent already, nor can the vendors compare tokens. What
arrives late is met by the journal of `apply`, which looks before it acts again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from muster.errors import MusterError, RemoteError
from muster.kube.api import Conflict, KubeApi
from muster.kube.lease_sightings import PREFIX, Sightings, is_replica, shard_lease, shard_number
from muster.kube.lease_store import Holder, Lease, LeaseStore
from muster.kube.shards import fair_share, shard_of, surplus

_log = logging.getLogger(__name__)

_JITTER = 0.2
"""Pauses are shorter by up to this share, so that replicas do not go in step."""

since_boot: Callable[[], float] = (
    # Unlike time.monotonic it counts the time in which the machine slept: clock_gettime(2).
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class LeaseLost(MusterError):
    """This process may not write for the customer now; another one may be writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseOptions:
    """How fast shards pass on from a replica that died, and whom to tell."""

    duration_s: float = 15.0
    """How long the others wait for a replica that went silent."""
    renew_every_s: float = 5.0
    monotonic: Callable[[], float] = since_boot
    on_change: Callable[[frozenset[int]], None] = lambda _held: None
    """Called from the background thread with what `held` is now."""
    is_idle: Callable[[int], bool] = lambda _shard: True
    """Says whether no work of a shard is running; asked once new work of it is refused."""

    @property
    def fresh_s(self) -> float:
        """How long after it was renewed a lease allows writing.

        A third less than the duration, as client-go's 15 s leases allow 10 s: for a write that is
        on its way, and for clocks that go at different speeds.
        """
        return self.duration_s * 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    """A lease that is ours, if no more than the duration has passed since it was renewed."""

    lease: Lease
    renewed_at: float
    """A time before the renewal was sent."""


class ShardLeases:
    """The shards that this process may write for; thread-safe to read."""

    def __init__(
        self,
        api: KubeApi,
        namespace: str,
        *,
        shards: int,
        identity: str,
        options: LeaseOptions | None = None,
    ) -> None:
        self._options = options or LeaseOptions()
        self._now = self._options.monotonic
        self._shards = shards
        self._identity = identity
        # A process that starts anew is another holder, whatever its identity.
        self._me = f"{identity}_{uuid4().hex[:8]}"
        holder = Holder(name=self._me, shards=shards, duration_s=self._options.duration_s)
        self._store = LeaseStore(api, namespace, holder)
        self._seen = Sightings(self._options.duration_s)
        # Replaced, never changed, so that other threads need no lock to read them.
        self._holds: dict[str, _Hold] = {}
        self._leaving: frozenset[int] = frozenset()
        self._told: frozenset[int] = frozenset()
        self._answered_at = self._now()
        self._hurried = False
        self._differs = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to take part, in a thread of its own."""
        self._thread.start()

    def stop(self, release: bool = True) -> None:
        """Stop writing at once; then let go of the shards that are idle, for others to take.

        A shard with work still running is left to end by itself: a write of it may be on its way.
        """
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        holds, self._holds = self._holds, {}
        self._tell()
        for name, hold in holds.items() if release else ():
            shard = shard_number(name)
            if shard is None or self._options.is_idle(shard):
                self._release(hold.lease)

    @property
    def held(self) -> frozenset[int]:
        """The shards for which new work may begin."""
        holds, now = self._holds, self._now()
        fresh = [shard_number(name) for name, hold in holds.items() if self._is_fresh(hold, now)]
        return frozenset(shard for shard in fresh if shard is not None) - self._leaving

    def holds(self, customer: str) -> bool:
        """Return whether new work for a customer may begin; mark it as running before you ask."""
        return shard_of(customer, self._shards) in self.held

    def check(self, customer: str, token: int | None = None) -> None:
        """Return if a write for the customer may be sent now, in work that began under `token`.

        Raises:
            LeaseLost: the shard is not ours, or we cannot be sure; or it was another's meanwhile.
        """
        now_token = self.token(customer)
        if token is not None and token != now_token:
            raise self._lost(customer, "was held by another replica meanwhile")

    def token(self, customer: str) -> int:
        """Return the fencing token of the customer's shard, which grows with each new holder.

        Raises:
            LeaseLost: as in `check`.
        """
        hold = self._holds.get(shard_lease(shard_of(customer, self._shards)))
        if hold is None:
            raise self._lost(customer, "is not held by this replica")
        if not self._is_fresh(hold, self._now()):
            raise self._lost(customer, "could not be renewed in time")
        return hold.lease.token

    def healthy(self, max_age_s: float) -> bool:
        """Return whether the API server answered in full less than so many seconds ago."""
        return self._now() - self._answered_at < max_age_s

    def turn(self) -> None:
        """Do one round: renew what is held, look at all leases, take or give up shards."""
        self._hurried = False
        began = self._now()
        for name, hold in self._holds.items():
            # Every regular pause is longer than this; turns in a hurry need not renew again.
            if began - hold.renewed_at >= self._options.renew_every_s * 0.75:
                self._renew(name, hold.lease)
        if self._look():
            self._attend()
            self._balance()
            self._answered_at = began
        self._tell()

    def pause_s(self) -> float:
        """Return when the next turn is due: soon after trouble, else when a lease ends."""
        now = self._now()
        pause_s = self._options.renew_every_s / (5 if self._hurried else 1)
        pause_s *= random.uniform(1 - _JITTER, 1)  # noqa: S311 - no secret
        renewals = [
            hold.renewed_at + self._options.renew_every_s - now for hold in self._holds.values()
        ]
        others = self._seen.ends_s(now, but=self._me)
        return max(min([pause_s, *renewals, *others]), self._options.renew_every_s / 20)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.turn()
            self._stopping.wait(self.pause_s())

    def _renew(self, name: str, lease: Lease) -> None:
        sent_at = self._now()
        try:
            renewed = self._store.renew(lease)
        except Conflict:
            # Until the list says more: it may be another's.
            self._drop(name)
        except RemoteError as error:
            self._trouble("renew", name, error)
        else:
            self._keep(renewed, sent_at)

    def _look(self) -> bool:
        """List all leases and find out what became of ours; return whether there was an answer."""
        try:
            leases = self._store.list(PREFIX)
        except RemoteError as error:
            self._trouble("list", "them", error)
            return False
        self._seen.note(leases, self._now())
        for name, hold in self._holds.items():
            if name not in leases or leases[name].holder != self._me:
                _log.warning("Lease %s is ours no more, term %d", name, hold.lease.token)
                self._drop(name)
        for name, lease in leases.items():
            known = self._holds.get(name)
            # Ours by a write whose answer was lost, or ours and touched by a person.
            if lease.holder == self._me and not (known and known.lease.version == lease.version):
                self._renew(name, lease)
        return True

    def _attend(self) -> None:
        """Be counted by the other replicas, and count off those that are gone."""
        if not self._is_counted():
            self._take(self._seen.seat(self._identity, self._now()))
        for lease in self._seen.left_seats(self._now()):
            if lease.name not in self._holds:
                self._release(lease)

    def _balance(self) -> None:
        """Take shards up to our share, or give up what is beyond it."""
        mine = frozenset(shard for name in self._holds if (shard := shard_number(name)) is not None)
        replicas = self._seen.replicas(self._shards, self._now()) | {self._me: mine}
        share = fair_share(self._me, replicas, self._shards)
        self._leaving = surplus(mine, share, self._leaving)
        self._tell()
        for shard in self._leaving:
            self._give_up(shard)
        room = max(0, share - len(mine))
        if room and self._may_take():
            for shard in self._seen.free_shards(self._shards, self._now())[:room]:
                self._take(shard_lease(shard))
        self._hurried |= bool(self._leaving or room)

    def _may_take(self) -> bool:
        """Return whether we are counted, and nobody splits the customers in another way.

        Each replica is counted before it looks, so of two that differ one sees the other.
        """
        other = self._seen.differing(self._shards, self._now())
        if other and other.holder != self._differs:
            _log.warning(
                "Replicas differ in --shards: %s splits customers into %d, this one into %d."
                " This one takes no shard until the other has ended.",
                *(other.holder, other.shards, self._shards),
            )
        self._differs = other.holder if other else ""
        return other is None and self._is_counted()

    def _is_counted(self) -> bool:
        return any(is_replica(name) for name in self._holds)

    def _take(self, name: str) -> None:
        sent_at = self._now()
        try:
            taken = self._store.take(self._seen.get(name))
        except Conflict:
            self._hurried = True
        except RemoteError as error:
            self._trouble("take", name, error)
        else:
            _log.info("Lease %s taken, term %d", name, taken.token)
            self._keep(taken, sent_at)

    def _give_up(self, shard: int) -> None:
        """Let go of a shard once its work has ended."""
        name = shard_lease(shard)
        if self._options.is_idle(shard):
            lease = self._holds[name].lease
            # First no write may begin here, then one may begin elsewhere.
            self._drop(name)
            self._release(lease)

    def _release(self, lease: Lease) -> None:
        try:
            self._store.release(lease)
        except Conflict:
            _log.info("Lease %s was changed before it could be released", lease.name)
        except RemoteError as error:
            self._trouble("release", lease.name, error)
        else:
            _log.info("Lease %s released, term %d", lease.name, lease.token)

    def _keep(self, lease: Lease, sent_at: float) -> None:
        self._holds = {**self._holds, lease.name: _Hold(lease=lease, renewed_at=sent_at)}

    def _drop(self, name: str) -> None:
        self._holds = {key: hold for key, hold in self._holds.items() if key != name}

    def _trouble(self, verb: str, name: str, error: RemoteError) -> None:
        self._hurried = True
        _log.warning("Leases: cannot %s %s: %s", verb, name, error)

    def _tell(self) -> None:
        held = self.held
        if held != self._told:
            self._told = held
            self._options.on_change(held)

    def _is_fresh(self, hold: _Hold, now: float) -> bool:
        return now - hold.renewed_at < self._options.fresh_s

    def _lost(self, customer: str, why: str) -> LeaseLost:
        shard = f"shard {shard_of(customer, self._shards)} of {self._shards}"
        return LeaseLost(
            f"The lease was lost: {shard} {why}; this run ends, and the next one looks anew."
        )
