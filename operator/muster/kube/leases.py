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
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from muster.errors import MusterError, RemoteError
from muster.kube.api import Conflict, KubeApi
from muster.kube.lease_store import Holder, Lease, LeaseStore, Sightings
from muster.kube.shards import fair_share, shard_of, surplus

_log = logging.getLogger(__name__)

_PREFIX = "muster-"
_SHARD = f"{_PREFIX}shard-"
_REPLICA = f"{_PREFIX}replica-"
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
    """How fast leases pass on, by which clocks, and whom to tell."""

    duration_s: float = 15.0
    """How long the others wait for a replica that went silent."""
    renew_every_s: float = 5.0
    monotonic: Callable[[], float] = since_boot
    wall: Callable[[], datetime] = partial(datetime.now, UTC)
    """For people who read the leases; nothing is decided by it."""
    on_change: Callable[[frozenset[int]], None] = lambda _held: None
    """Called from the background thread with what `held` is now."""
    is_idle: Callable[[int], bool] = lambda _shard: True
    """Says whether no work of a shard is running; asked once new work is refused."""

    @property
    def margin_s(self) -> float:
        """How long before the end of a lease its holder stops writing."""
        return self.duration_s / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    """A lease that is ours, if no more than the duration has passed since it was renewed."""

    lease: Lease
    renewed_at: float
    """A time before the renewal was sent."""


class ShardLeases:
    """The shards that this process may write for; thread-safe to read.

    Give it an API connection of its own with little patience, because one thread renews all.
    """

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
        self._shards = shards
        self._identity = identity
        self._me = f"{identity}_{uuid4().hex[:8]}"
        holder = Holder(
            name=self._me,
            shards=shards,
            duration_s=self._options.duration_s,
            wall=self._options.wall,
        )
        self._store = LeaseStore(api, namespace, holder)
        self._seen = Sightings(self._options.duration_s)
        self._listed: dict[str, Lease] = {}
        # Replaced, never changed, so that other threads need no lock to read them.
        self._holds: dict[str, _Hold] = {}
        self._leaving: frozenset[int] = frozenset()
        self._told: frozenset[int] = frozenset()
        self._answered_at = self._options.monotonic()
        self._hurried = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to take part, in a thread of its own."""
        self._thread.start()

    def stop(self, release: bool = True) -> None:
        """Stop writing, at once; then let go of the shards that are idle, so that they move at once.

        A shard with work still running is left to end by itself: a write of it may be on its way.
        """
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        holds, self._holds = self._holds, {}
        self._tell()
        for name, hold in holds.items() if release else ():
            if not name.startswith(_SHARD) or self._options.is_idle(_number(name)):
                self._release(hold.lease)

    @property
    def held(self) -> frozenset[int]:
        """The shards for which new work may begin."""
        now = self._options.monotonic()
        holds = self._holds
        shards = {_number(name) for name in holds if name.startswith(_SHARD)}
        fresh = {one for one in shards if self._is_fresh(holds[_name(one)], now)}
        return frozenset(fresh) - self._leaving

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
            raise LeaseLost(
                f"The lease was lost: {self._words(customer)} was held by another replica"
                " meanwhile; this run ends, and the next one looks at everything anew."
            )

    def token(self, customer: str) -> int:
        """Return the fencing token of the customer's shard, which grows with each new holder.

        Raises:
            LeaseLost: as in `check`.
        """
        hold = self._holds.get(_name(shard_of(customer, self._shards)))
        if hold is None:
            why = "is not held by this replica"
        elif not self._is_fresh(hold, self._options.monotonic()):
            why = "could not be renewed in time"
        else:
            return hold.lease.token
        raise LeaseLost(
            f"The lease was lost: {self._words(customer)} {why}; this run ends, and the replica"
            " that holds it goes on."
        )

    def healthy(self, max_age_s: float) -> bool:
        """Return whether the API server answered in full less than so many seconds ago."""
        return self._options.monotonic() - self._answered_at < max_age_s

    def turn(self) -> None:
        """Do one round: renew what is held, look at all leases, take or give up shards."""
        self._hurried = False
        began = self._options.monotonic()
        for name, hold in self._holds.items():
            # The shortest pause is longer than this; turns in a hurry need not renew again.
            if began - hold.renewed_at >= self._options.renew_every_s * 0.75:
                self._renew(name, hold.lease)
        if self._look():
            self._attend()
            self._balance()
            self._answered_at = began
        self._tell()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.turn()
            self._stopping.wait(self._pause_s())

    def _pause_s(self) -> float:
        """Return when the next turn is due: soon after trouble, else when a lease may end."""
        every_s = self._options.renew_every_s / (5 if self._hurried else 1)
        now = self._options.monotonic()
        ends = (self._seen.ends_in_s(name, now) for name in self._listed if not self._is_mine(name))
        jittered_s = every_s * random.uniform(1 - _JITTER, 1)  # noqa: S311 - no secret
        return min([jittered_s, *(end for end in ends if end > 0)])

    def _renew(self, name: str, lease: Lease) -> None:
        sent_at = self._options.monotonic()
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
        """List all leases; find out what became of ours. Return whether there was an answer."""
        try:
            self._listed = self._store.list(_PREFIX)
        except RemoteError as error:
            self._trouble("list", "all", error)
            return False
        self._seen.note(self._listed, self._options.monotonic())
        for name, hold in self._holds.items():
            if self._listed.get(name, Lease(name=name)).holder != self._me:
                _log.warning("%s was taken by another, token %d", name, hold.lease.token)
                self._drop(name)
        for name, lease in self._listed.items():
            known = self._holds.get(name)
            # Ours by a write whose answer was lost, or ours and touched by a person.
            if lease.holder == self._me and not (known and known.lease.version == lease.version):
                self._renew(name, lease)
        return True

    def _attend(self) -> None:
        """Be counted: hold one replica lease. Those of replicas that are gone are used again."""
        if any(name.startswith(_REPLICA) for name in self._holds):
            return
        now = self._options.monotonic()
        slots = {name: one for name, one in self._listed.items() if name.startswith(_REPLICA)}
        ours = [name for name, one in slots.items() if one.holder.startswith(f"{self._identity}_")]
        free = [name for name in slots if self._seen.ends_in_s(name, now) == 0]
        unused = (f"{_REPLICA}{number}" for number in range(len(slots) + 1))
        fresh = next(name for name in unused if name not in slots)
        self._take([*ours, *sorted(free), fresh][0])

    def _balance(self) -> None:
        """Take shards up to our share, or give up what is beyond it."""
        mine = frozenset(_number(name) for name in self._holds if name.startswith(_SHARD))
        share = fair_share(self._me, self._held_by_replica(), self._shards)
        self._leaving = surplus(mine, share, self._leaving)
        self._tell()
        for shard in self._leaving:
            self._give_up(_name(shard))
        if len(mine) < share and self._may_take():
            now = self._options.monotonic()
            names = map(_name, range(self._shards))
            free = [name for name in names if self._seen.ends_in_s(name, now) == 0]
            for name in free[: share - len(mine)]:
                self._take(name)
        self._hurried |= bool(self._leaving) or len(mine) < share

    def _held_by_replica(self) -> dict[str, frozenset[int]]:
        """Return every live replica, this one included, with its shards."""
        now = self._options.monotonic()
        live = [one for one in self._listed.values() if self._seen.ends_in_s(one.name, now) > 0]
        replicas = {one.holder for one in live if one.name.startswith(_REPLICA)} | {self._me}
        shards = [one for one in live if one.name.startswith(_SHARD)]
        return {
            replica: frozenset(_number(one.name) for one in shards if one.holder == replica)
            for replica in replicas
        }

    def _may_take(self) -> bool:
        """Return whether we are counted, and nobody splits the customers in another way.

        Each replica is counted before it looks, so of two that differ one sees the other.
        """
        now = self._options.monotonic()
        others = [
            lease
            for name, lease in self._listed.items()
            if lease.shards not in (0, self._shards) and self._seen.ends_in_s(name, now) > 0
        ]
        if others:
            _log.warning(
                "Replicas differ in --shards: %s has %d, this one %d; no shard is taken until it"
                " ends.",
                *(others[0].holder, others[0].shards, self._shards),
            )
        return not others and any(name.startswith(_REPLICA) for name in self._holds)

    def _take(self, name: str) -> None:
        sent_at = self._options.monotonic()
        try:
            taken = self._store.take(self._seen.get(name))
        except Conflict:
            self._hurried = True
        except RemoteError as error:
            self._trouble("take", name, error)
        else:
            _log.info("%s taken, token %d", name, taken.token)
            self._keep(taken, sent_at)

    def _give_up(self, name: str) -> None:
        """Let go of a shard once its work has ended."""
        if self._options.is_idle(_number(name)):
            lease = self._holds[name].lease
            # First no write may begin, then others may write.
            self._drop(name)
            self._release(lease)

    def _release(self, lease: Lease) -> None:
        try:
            self._store.release(lease)
        except RemoteError as error:
            self._trouble("release", lease.name, error)
        else:
            _log.info("%s released, token %d", lease.name, lease.token)

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
        return now - hold.renewed_at < self._options.duration_s - self._options.margin_s

    def _is_mine(self, name: str) -> bool:
        return name in self._holds

    def _words(self, customer: str) -> str:
        return f"shard {shard_of(customer, self._shards)} of {self._shards}"


def _name(shard: int) -> str:
    return f"{_SHARD}{shard}"


def _number(name: str) -> int:
    return int(name.removeprefix(_SHARD))
