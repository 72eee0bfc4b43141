"""The metrics have the documented names, and say nothing of single accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.kube.reported import CUSTOMER, NOW, PLAN

from muster.apply import Scene
from muster.kube.meters import Meters
from muster.kube.work_queue import Priority, WorkQueue
from muster.model.accounts import Known
from muster.model.observed import Observed
from muster.model.plans import Approved, Outcome
from muster.model.settings import Desired
from muster.ports import Ports
from muster.reconcile import Proposal, Report
from muster.registry.sqlite import SqliteRegistry
from muster.transport.budget import Usage

ROOT = Path(__file__).parents[2]

LABELS = {
    "muster_reconcile_total": {"result"},
    "muster_reconcile_duration_seconds_bucket": {"le"},
    "muster_reconcile_duration_seconds_count": set(),
    "muster_reconcile_duration_seconds_sum": set(),
    "muster_accounts": {"customer"},
    "muster_drift": {"customer"},
    "muster_matches": {"customer", "system", "state"},
    "muster_passwords": {"customer", "state"},
    "muster_password_failures": {"customer", "cause"},
    "muster_status_condition": {"kind", "name", "type"},
    "muster_queue_depth": set(),
    "muster_listed_age_seconds": set(),
    "muster_watch_missed_total": set(),
    "muster_queue_oldest_seconds": set(),
    "muster_leader": {"shard"},
    "muster_provider_requests_total": {"integration"},
    "muster_provider_retries_total": {"integration"},
    "muster_provider_throttled_seconds_total": {"integration"},
}
"""Every series and its labels: the interface that dashboards and alerts are built on."""

_WORDS = {".md", ".json", ".yaml", ".tpl"}


@dataclass(frozen=True, slots=True)
class Shards:
    """Shards that are held."""

    held: frozenset[int]


class World:
    """Meters that watch a queue, two shards and one integration, and reports to show."""

    def __init__(self, registry: SqliteRegistry) -> None:
        self.meters = Meters()
        self.queue = WorkQueue()
        self.ports = Ports(registry=registry, clock=lambda: NOW)
        usage = Usage(requests=9, retries=2, throttled_s=1.5)
        self.meters.watch(
            self.queue, Shards(frozenset({0, 3})), lambda: (("it-glue", usage),), lambda: 7.0
        )

    def show(self, customer: str, *conditions: tuple[str, str]) -> None:
        """Show a customer that has these conditions, beside the numbers of `PLAN`."""
        plan = replace(PLAN, customer=CUSTOMER.name)
        desired, observed = Desired(customer=CUSTOMER), Observed()
        scene = Scene(desired=desired, observed=observed, known=Known(), ports=self.ports)
        status: dict[str, Any] = {
            "conditions": [{"type": kind, "status": value} for kind, value in conditions],
            "rotation": {"causes": [{"cause": "VaultDenied", "accounts": 3}]},
        }
        proposal = Proposal(scene=scene, verdict=Approved(plan), at=NOW)
        report = Report(proposal=proposal, outcome=Outcome(), status=status)
        self.meters.customer(customer, report)

    def series(self) -> dict[tuple[str, tuple[Any, ...]], float]:
        """Return every series of ours: name, and the values of its labels in order of names."""
        found = {}
        for family in text_string_to_metric_families(self.meters.text().decode()):
            for sample in family.samples:
                values = tuple(value for _, value in sorted(sample.labels.items()))
                found[sample.name, values] = sample.value
        return found

    def labels(self) -> dict[str, set[str]]:
        """Return every name and its labels; when a series began is of no interest."""
        return {
            sample.name: set(sample.labels)
            for family in text_string_to_metric_families(self.meters.text().decode())
            for sample in family.samples
            if not sample.name.endswith("_created")
        }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give meters that have seen two customers and one run of each."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        world = World(registry)
        for name in ("contoso", "fabrikam"):
            world.show(name, ("Ready", "True"), ("DriftDetected", "True"))
            world.meters.reconciled("InAgreement", 1.5)
        yield world


def test_names_and_labels_are_these(world: World) -> None:
    """Exactly the known series are there; none has a label for an account."""
    assert world.labels() == LABELS


def test_what_is_built_on_the_metrics_uses_these_names() -> None:
    """Dashboards, alerts and documents speak of series that exist, and of no others."""
    files = [file for folder in ("deploy", "docs") for file in (ROOT / folder).rglob("*.*")]
    texts = [file.read_text(encoding="utf-8") for file in files if file.suffix in _WORDS]
    named = set(re.findall(r"\bmuster_[a-z_]+\b", " ".join(texts)))
    families = {name.removesuffix("_bucket") for name in LABELS}
    assert named - families - LABELS.keys() <= {"muster_resource"}, (
        "that one is kube-state-metrics'"
    )
    assert "muster_reconcile_total" in named


def test_values_come_from_the_run_and_from_now(world: World) -> None:
    """Counts are those of the plan, durations those of the run, the queue is read when asked."""
    world.queue.put("contoso", Priority.PERSON)
    series = world.series()
    assert series["muster_accounts", ("contoso",)] == 2
    assert series["muster_drift", ("contoso",)] == 1
    assert series["muster_matches", ("contoso", "linked", "vault")] == 2
    assert series["muster_matches", ("contoso", "ambiguous", "psa")] == 1
    assert series["muster_password_failures", ("VaultDenied", "contoso")] == 3
    assert series["muster_reconcile_total", ("InAgreement",)] == 2
    assert series["muster_reconcile_duration_seconds_sum", ()] == 3
    assert series["muster_queue_depth", ()] == 1
    assert series["muster_leader", ("3",)] == 1
    assert series["muster_provider_requests_total", ("it-glue",)] == 9
    assert series["muster_provider_retries_total", ("it-glue",)] == 2
    assert series["muster_provider_throttled_seconds_total", ("it-glue",)] == 1.5


def test_a_condition_that_is_gone_is_zero(world: World) -> None:
    """An alert on a condition ends when the condition is no longer there."""
    world.show("contoso", ("Ready", "False"))
    series = world.series()
    assert series["muster_status_condition", ("Customer", "contoso", "DriftDetected")] == 0
    assert series["muster_status_condition", ("Customer", "contoso", "Ready")] == 0
    assert series["muster_status_condition", ("Customer", "fabrikam", "Ready")] == 1


def test_a_customer_that_is_gone_leaves_no_series(world: World) -> None:
    """Deleting a customer drops all of its series and nobody else's; twice does no harm."""
    before = world.series()
    world.meters.forget("contoso")
    world.meters.forget("contoso")
    world.meters.forget("never-seen")
    after = world.series()
    assert before.keys() - after.keys() == {key for key in before if "contoso" in key[1]}
    assert any("fabrikam" in values for _, values in after)
