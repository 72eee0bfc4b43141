"""Prometheus metrics. Never a label per account: a fleet has a quarter of a million of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from muster.kube.work_queue import WorkQueue
from muster.reconcile import Report

_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Held(Protocol):
    """What says which shards this replica holds."""

    @property
    def held(self) -> frozenset[int]:
        """The shards."""
        ...


class Meters:
    """The operator's metrics, each instance with a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reconciles = Counter(
            "muster_reconcile", "Runs by result.", ["result"], registry=self.registry
        )
        self._durations = Histogram(
            "muster_reconcile_duration_seconds",
            "How long a run of one customer takes.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._missed = Counter(
            "muster_watch_missed",
            "Changes that a listing showed and the watch had not told.",
            registry=self.registry,
        )
        self._accounts = self._gauge("muster_accounts", "Imported accounts.", "customer")
        self._drift = self._gauge("muster_drift", "Fields that differ.", "customer")
        self._matches = self._gauge(
            "muster_matches", "Accounts by how they are linked.", "customer", "system", "state"
        )
        self._passwords = self._gauge(
            "muster_passwords", "Accounts whose passwords Muster sets.", "customer", "state"
        )
        self._causes = self._gauge(
            "muster_password_failures",
            "Accounts whose last rotations failed, by cause.",
            "customer",
            "cause",
        )
        self._conditions = self._gauge(
            "muster_status_condition", "1 while a condition is True.", "kind", "name", "type"
        )
        self._known: dict[str, set[str]] = {}
        self._caused: dict[str, set[str]] = {}

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def reconciled(self, result: str, took_s: float) -> None:
        """Count a run."""
        self._reconciles.labels(result).inc()
        self._durations.observe(took_s)

    def customer(self, name: str, report: Report) -> None:
        """Show how a customer stands."""
        counts = report.proposal.plan.counts
        self._accounts.labels(name).set(counts.selected)
        self._drift.labels(name).set(counts.drift)
        for system, links in (
            ("entra", counts.pair),
            ("vault", counts.vault),
            ("psa", counts.psa),
        ):
            for state in ("linked", "created", "ambiguous", "unmatched", "skipped", "failed"):
                self._matches.labels(name, system, state).set(getattr(links, state))
        numbers = report.status.get("rotation", {})
        for state in ("enabled", "failing", "stale", "underway"):
            self._passwords.labels(name, state).set(numbers.get(state, 0))
        causes = {one["cause"]: one["accounts"] for one in numbers.get("causes", ())}
        self._show_causes(name, causes)
        self.show_conditions(name, report.status["conditions"])

    def _show_causes(self, name: str, causes: Mapping[str, int]) -> None:
        """Show only causes that there are, or were: each is a series of every customer."""
        shown = self._caused.setdefault(name, set())
        shown.update(causes)
        for cause in shown:
            self._causes.labels(name, cause).set(causes.get(cause, 0))

    def show_conditions(self, name: str, conditions: list[dict[str, Any]]) -> None:
        """Show which conditions of a customer are True."""
        now = {one["type"]: one["status"] == "True" for one in conditions}
        for gone in self._known.get(name, set()) - now.keys():
            self._conditions.labels("Customer", name, gone).set(0)
        for kind, holds in now.items():
            self._conditions.labels("Customer", name, kind).set(holds)
        self._known.setdefault(name, set()).update(now)

    def forget(self, name: str) -> None:
        """Drop the series of a customer that is gone."""
        for gauge in (self._accounts, self._drift):
            gauge.remove_by_labels({"customer": name})
        for gauge in (self._matches, self._passwords, self._causes):
            gauge.remove_by_labels({"customer": name})
        self._conditions.remove_by_labels({"kind": "Customer", "name": name})
        self._known.pop(name, None)
        self._caused.pop(name, None)

    def missed(self, changes: int) -> None:
        """Count changes that a listing showed and the watch had not told."""
        self._missed.inc(changes)

    def watch(
        self, queue: WorkQueue, leases: Held, usage: Any, listed_age_s: Callable[[], float]
    ) -> None:
        """Show queue, listing, leadership and request budgets, read when the metrics are."""
        self.registry.register(_Live(queue, leases, usage, listed_age_s))

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self.registry)


class _Live:
    """Metrics that are read at the moment they are asked for."""

    def __init__(
        self, queue: WorkQueue, leases: Held, usage: Any, listed_age_s: Callable[[], float]
    ) -> None:
        self._listed_age_s = listed_age_s
        self._queue = queue
        self._leases = leases
        self._usage = usage

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "muster_queue_depth", "Customers that are due and wait.", value=self._queue.depth()
        )
        yield GaugeMetricFamily(
            "muster_queue_oldest_seconds",
            "How long the longest overdue customer has waited.",
            value=self._queue.oldest_s(),
        )
        yield GaugeMetricFamily(
            "muster_listed_age_seconds",
            "How long ago every resource was listed.",
            value=self._listed_age_s(),
        )
        leader = GaugeMetricFamily("muster_leader", "1 for a shard that is held.", labels=["shard"])
        for shard in sorted(self._leases.held):
            leader.add_metric([str(shard)], 1)
        yield leader
        yield from self._providers()

    def _providers(self) -> Iterator[Metric]:
        texts = {
            "requests": "Requests to an integration.",
            "retries": "Requests that were sent again.",
            "throttled_seconds": "Seconds spent waiting for a budget or a vendor.",
        }
        families = {
            name: CounterMetricFamily(f"muster_provider_{name}", text, labels=["integration"])
            for name, text in texts.items()
        }
        for integration, usage in self._usage():
            families["requests"].add_metric([integration], usage.requests)
            families["retries"].add_metric([integration], usage.retries)
            families["throttled_seconds"].add_metric([integration], usage.throttled_s)
        yield from families.values()
