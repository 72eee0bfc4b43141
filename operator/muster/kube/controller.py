"""The reconciler of a cluster: takes resources up, decides who runs, and runs them.

Handlers of the watch only call `changed` and `deleted`. One thread turns changes into work:
a customer is woken when what git says about it is another than before, which is exactly when
its `Desired` differs. Workers reconcile; each customer is done by one worker at a time.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster.adapters.clock import utc_now
from muster.assembly import Assembly
from muster.errors import MusterError, RemoteError
from muster.kube.digests import DigestDesk
from muster.kube.edits import Edits
from muster.kube.events import EventRecorder
from muster.kube.held import failed_status, held_status, resource_conditions
from muster.kube.integrations import look_at
from muster.kube.leases import ShardLeases
from muster.kube.meters import Meters
from muster.kube.password_resets import ResetCarrier
from muster.kube.reset_desk import BUSY_S, PREFIX, ResetDesk
from muster.kube.resource_status import policies_in, tell_resources
from muster.kube.resources import CUSTOMER, INTEGRATION, Kind
from muster.kube.status_writer import StatusWriter, requested_at
from muster.kube.store import Store
from muster.kube.tracing import span
from muster.kube.turns import Turns
from muster.kube.view import View
from muster.kube.work_queue import Priority, WorkQueue
from muster.kube.write_guard import WriteGuard
from muster.model.connections import Integration
from muster.model.names import CustomerName
from muster.model.reasons import Reason
from muster.model.settings import Desired
from muster.plan.creating import SETTLING
from muster.reconcile import Report, reconcile
from muster.report.status import DEFAULT_INTERVAL

logger = logging.getLogger("muster.controller")

_SETTLE_S = 0.2
"""Changes that arrive together, as from one git commit, are taken up together."""

_RETRY_S = (5.0, 1800.0)
"""First and longest pause after a failure; doubled each time, with full jitter."""

_JITTER = 0.1


_INTEGRATION = "integration/"
"""Before the names of integrations in the queue; no customer's name holds a slash."""

_INTEGRATION_S = 3600.0

_RESOURCES = "resources/"
"""The key under which the status of policies and overrides is told."""

_AFTER_BUG_S = 300.0


def _integration_key(integration: Integration) -> str:
    return _INTEGRATION + integration.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the controller works with."""

    store: Store
    queue: WorkQueue
    writer: StatusWriter
    events: EventRecorder
    assembly: Assembly
    leases: ShardLeases
    guard: WriteGuard
    meters: Meters
    edits: Edits
    digests: DigestDesk


class Controller:
    """Runs until `stop`; every method is thread-safe."""

    def __init__(self, parts: Parts, workers: int = 4) -> None:
        self._parts = parts
        self._workers = workers
        self._stop = threading.Event()
        self._news = threading.Event()
        self._threads: list[threading.Thread] = []
        self._seen = View()
        self._requests: dict[str, str] = {}
        self._failures: dict[str, int] = {}
        self._turns = Turns()
        carrier = ResetCarrier(
            store=parts.store, writer=parts.writer, events=parts.events, assembly=parts.assembly
        )
        self._desk = ResetDesk(
            carrier=carrier,
            queue=parts.queue,
            leases=parts.leases,
            guard=parts.guard,
            turns=self._turns,
        )

    # ------------------------------------------------------------ what the watch tells

    def changed(self, raw: Mapping[str, Any]) -> None:
        """Take up a resource as it is now."""
        before = self._parts.store.raw(str(raw["kind"]), str(raw["metadata"]["name"])) or {}
        if self._parts.store.put(raw):
            self._news.set()
        elif policies_in(before) != policies_in(raw):
            self._parts.queue.put(_RESOURCES, Priority.PERIODIC, _SETTLE_S)

    def deleted(self, kind: Kind, name: str) -> None:
        """Forget a resource; nothing outside is touched."""
        self._parts.writer.forget(kind, name)
        if self._parts.store.remove(kind.kind, name):
            self._news.set()

    def secrets_changed(self, names: Sequence[str]) -> None:
        """Wake the customers that Secrets are for, and open their connections anew."""
        if not names:
            return
        assembly = self._parts.assembly
        affected = [
            customer
            for customer, desired in self._parts.store.view().desired.items()
            if assembly.secret_names(desired).intersection(names)
        ]
        assembly.forget_connections(names)
        self._wake(affected)
        self._wake(
            _integration_key(one)
            for one in self._parts.store.view().estate.integrations
            if assembly.integration_secrets(one).intersection(names)
        )

    def _forget(self, name: str) -> None:
        """Drop what is shown and counted for a customer that is gone or somebody else's."""
        self._parts.meters.forget(name)
        self._failures.pop(name, None)

    def resources_changed(self) -> None:
        """Take up what is in the store now."""
        self._news.set()

    def shards_changed(self, _held: frozenset[int]) -> None:
        """Take up the customers of shards that have come, and forget those of shards that went."""
        for name in self._parts.store.view().desired:
            if not self._parts.leases.holds(name):
                self._forget(name)
        self._wake(self._parts.store.view().desired)
        self._wake(map(_integration_key, self._parts.store.view().estate.integrations))
        self._news.set()

    # ------------------------------------------------------------ life

    def start(self) -> None:
        """Begin; the store must hold a whole listing of every kind."""
        self._take_up()
        names = [f"worker-{number}" for number in range(self._workers)]
        for name, target in [("planner", self._plan), *((name, self._work) for name in names)]:
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout_s: float = 50.0) -> None:
        """Finish the change under way in each run, and end."""
        self._stop.set()
        self._news.set()
        self._parts.queue.close()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.1))

    def alive(self) -> bool:
        """Say whether every thread lives."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    # ------------------------------------------------------------ from changes to work

    def _plan(self) -> None:
        while not self._stop.is_set():
            self._news.wait()
            self._stop.wait(_SETTLE_S)
            self._news.clear()
            if self._stop.is_set():
                return
            try:
                self._take_up()
            except Exception:  # the shell's last resort: the planner must not end
                logger.exception("This is a bug in Muster; the operator goes on.")

    def _take_up(self) -> None:
        """Wake exactly the customers for whom something is different now."""
        old, new = self._seen, self._parts.store.view()
        self._seen = new
        requests = self._requested()
        woken = [
            name
            for name in {*new.desired, *new.held}
            if new.desired.get(name) != old.desired.get(name)
            or new.held.get(name) != old.held.get(name)
            or requests.get(name) != self._requests.get(name)
        ]
        self._requests = requests
        for gone in {*old.desired, *old.held} - {*new.desired, *new.held}:
            self._forget(gone)
            self._parts.queue.forget(gone)
        self._wake(woken)
        known = set(old.estate.integrations)
        self._wake(_integration_key(one) for one in new.estate.integrations if one not in known)
        self._wake([_RESOURCES])
        self._wake(self._desk.list_open())

    def _requested(self) -> dict[str, str]:
        found = {}
        for kind, name in self._parts.store.list_keys():
            raw = self._parts.store.raw(kind, name) if kind == CUSTOMER.kind else None
            if raw:
                found[name] = requested_at(raw)
        return found

    def _wake(self, customers: Any) -> None:
        for name in customers:
            self._parts.queue.put(str(name), Priority.PERSON)

    # ------------------------------------------------------------ from work to agreement

    def _work(self) -> None:
        while (key := self._parts.queue.get()) is not None:
            try:
                self._run(CustomerName(key))
            except MusterError as error:
                logger.warning("%s: %s", key, error)
                self._parts.queue.put(key, Priority.RETRY, _RETRY_S[0])
            except Exception:  # the shell's last resort: one bad customer must not end a worker
                logger.exception("%s: this is a bug in Muster; it is tried again later.", key)
                self._parts.queue.put(key, Priority.RETRY, _AFTER_BUG_S)
            finally:
                self._parts.queue.done(key)

    def _run(self, name: CustomerName) -> None:
        parts, view = self._parts, self._seen
        if name.startswith(PREFIX):
            self._desk.attend(name, view)
        elif parts.leases.holds(name):
            self._run_ours(name, view)

    def _run_ours(self, name: CustomerName, view: View) -> None:
        parts = self._parts
        if name == _RESOURCES:
            tell_resources(view, parts.store, parts.writer)
            return
        if name.startswith(_INTEGRATION):
            self._look_at(name.removeprefix(_INTEGRATION), view)
            return
        if name in view.held:
            status = held_status(parts.writer.current(CUSTOMER, name), view.held[name])
            self._tell(name, status)
            return
        desired = view.desired.get(name)
        if desired is None:
            return
        with self._turns.take(name) as free:
            if free:
                self._reconcile(name, desired)
            else:
                parts.queue.put(name, Priority.RETRY, BUSY_S)

    def _look_at(self, name: str, view: View) -> None:
        """Ask an integration what it shows, and when to ask again."""
        found = {one.name: one for one in view.estate.integrations}.get(name)
        if found is None:
            return
        problems = resource_conditions(view, INTEGRATION, name)
        if problems[0]["status"] == "False":
            self._parts.writer.set_conditions(INTEGRATION, name, problems)
            return
        old = self._parts.writer.current(INTEGRATION, name)
        status = look_at(found, view, self._parts.assembly, old)
        self._parts.writer.write(INTEGRATION, name, status)
        key = _integration_key(found)
        with self._parts.guard.for_customer(key):
            wait_s = self._parts.digests.attend(found, view)
        self._parts.queue.put(key, Priority.PERIODIC, min(wait_s, _INTEGRATION_S))

    def _reconcile(self, name: CustomerName, desired: Desired) -> None:
        parts = self._parts
        old = parts.writer.current(CUSTOMER, name)
        started = time.monotonic()
        try:
            parts.writer.begin(CUSTOMER, name)
            with parts.guard.for_customer(name), span("reconcile", customer=name):
                ports = parts.assembly.ports(desired)
                parts.edits.follow_all(desired, ports)
                report = reconcile(desired, ports, self._go_on_or_stop)
        except MusterError as error:
            self._failed(name, desired, error, time.monotonic() - started)
            return
        self._told(name, desired, old, report, time.monotonic() - started)

    def _failed(
        self, name: CustomerName, desired: Desired, error: MusterError, took_s: float
    ) -> None:
        """Say what kept a run from its end; another run follows."""
        logger.warning("%s: %s", name, error)
        self._parts.meters.reconciled(Reason.RUN_FAILED, took_s)
        self._again(name, desired, ready=False)
        if self._stop.is_set() or not self._parts.leases.holds(name):
            return
        old = self._parts.writer.current(CUSTOMER, name)
        try:
            self._tell(name, failed_status(old, str(error)))
        except RemoteError as unwritten:
            logger.warning("%s: the status could not be written: %s", name, unwritten)

    def _tell(self, name: CustomerName, status: dict[str, Any]) -> None:
        """Write the status of a customer whose run did not begin or end, and tell what changed."""
        parts = self._parts
        raw = parts.store.raw(CUSTOMER.kind, name)
        old = parts.writer.current(CUSTOMER, name)
        handled = {"handledReconcileAt": requested_at(raw)} if raw else {}
        parts.meters.show_conditions(name, status["conditions"])
        if parts.writer.write(CUSTOMER, name, status | handled) and raw:
            parts.events.tell_changes(CUSTOMER, raw, old, status)

    def _go_on_or_stop(self, _change: object) -> None:
        if self._stop.is_set():
            raise MusterError("The operator ends; the next run goes on from here.")

    def _told(
        self, name: CustomerName, desired: Desired, old: Any, report: Report, took_s: float
    ) -> None:
        ready = report.status["conditions"][0]
        raw = self._parts.store.raw(CUSTOMER.kind, name)
        if raw:
            self._parts.events.tell_changes(CUSTOMER, raw, old, report.status)
        self._parts.meters.reconciled(ready["reason"], took_s)
        self._parts.meters.customer(name, report)
        logger.info("%s: %s in %.1f s", name, ready["reason"], took_s)
        self._again(name, desired, ready=ready["status"] == "True")
        if report.unsettled:
            self._parts.queue.put(name, Priority.RETRY, SETTLING.total_seconds())
        if (moment := report.next_rotation) is not None:
            wait_s = (moment - utc_now()).total_seconds()
            # What is due and was not done has its own reason, and waits for the interval.
            if wait_s > 0:
                self._parts.queue.put(name, Priority.PERIODIC, wait_s + 1)

    def _again(self, name: CustomerName, desired: Desired, *, ready: bool) -> None:
        """Put the next run: after the interval, or sooner and sooner less often after failures."""
        intervals = [source.settings.interval for source in desired.sources]
        interval_s = min(intervals, default=DEFAULT_INTERVAL).total_seconds()
        if ready:
            self._failures.pop(name, None)
            # Jitter spreads load over the vendors' quotas; it needs no cryptography.
            delay = interval_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
            self._parts.queue.put(name, Priority.PERIODIC, delay)
            return
        count = self._failures[name] = self._failures.get(name, 0) + 1
        first, longest = _RETRY_S
        pause = min(first * 2 ** min(count - 1, 20), longest, max(interval_s, first))
        self._parts.queue.put(name, Priority.RETRY, pause * random.uniform(0.5, 1.0))  # noqa: S311
