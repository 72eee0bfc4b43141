"""The operator against a real API server: a fleet from apply to Ready, then without news.

etcd, kube-apiserver and the operator are processes of their own. The lab serves all systems from
this process, which does little else: on two cores the three share what there is, so the seconds
are upper bounds. Requests are counted in the API server's audit log.

Run by hand: `python -m benchmarks.kube_operator [CUSTOMERS [PEOPLE]]`.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.kube.audit import Request
from tests.kube.binaries import Binaries, BinariesMissing, find
from tests.kube.cluster import Cluster
from tests.kube.world import READS, OperatorProcess, World, eventually

from muster.lab.generate.seeds import Oddity
from muster.lab.lab import Lab

CUSTOMERS = 200
PEOPLE = 50
OVERRIDES = 10
PATIENCE_S = 1800.0
RUNS = "muster_reconcile_total{"
THROTTLED = "muster_provider_throttled_seconds_total{"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one phase took."""

    name: str
    wall_s: float
    asked: Counter[tuple[str, str]]
    """Requests to the API server by verb and resource, leases left out."""
    throttled_s: float
    """Seconds that requests waited for a vendor's budget, added up over all workers."""
    outside: int
    """Writes that took effect in the vault and the PSA."""


def main(customers: int = CUSTOMERS, people: int = PEOPLE) -> None:
    """Measure and print the tables, or say how to get what is missing."""
    console = Console(width=100)
    try:
        binaries = find()
    except BinariesMissing as missing:
        console.print(f"Not measured: {missing}")
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), binaries, (customers, people), console)


def measure(folder: Path, binaries: Binaries, size: tuple[int, int], console: Console) -> None:
    """Run all phases with a fresh control plane."""
    with (
        Cluster(folder / "cluster", binaries) as cluster,
        Lab(customers=size[0], people=size[1]) as lab,
    ):
        world = World(cluster, cluster.create_namespace(), lab, folder)
        world.prepare()
        running = OperatorProcess(world)
        try:
            eventually(lambda: "Reconciling namespace" in running.said(), "it has started")
            phases = [
                timed(world, running, "apply to all Ready", lambda: apply_all(world, running)),
                timed(world, running, "everybody, no news", lambda: run_everybody(world, running)),
            ]
            delays = [react(world, name) for name in waiting(world)[:OVERRIDES]]
            accounts = sum(world.customer(name)["status"]["accounts"] for name in world.names)
            peak_mb = peak_memory_mb(running)
        finally:
            running.stop()
    console.print(show(phases, f"{len(world.names)} customers, {accounts:,} accounts"))
    console.print(show_requests(phases))
    console.print(f"peak memory of the operator (VmHWM): {peak_mb:.0f} MB")
    console.print(
        f"override, from kubectl apply to the account's status: median "
        f"{statistics.median(delays):.2f} s, least {min(delays):.2f} s, most {max(delays):.2f} s"
    )


def apply_all(world: World, running: OperatorProcess) -> None:
    """Apply the estate with kubectl and wait until every customer is Ready."""
    places = ("integrations.yaml", "policies", "customers")
    world.kubectl("apply", *(f"-f={world.estate / place}" for place in places))
    # The metrics first: to list the whole fleet often would slow down what is measured.
    wait_for_runs(running, len(world.names))
    eventually(lambda: ready(world) == len(world.names), "all Ready", PATIENCE_S, every_s=1.0)


def run_everybody(world: World, running: OperatorProcess) -> None:
    """Touch the Secret that every customer uses, and wait until each has had one more run."""
    so_far = int(running.metric(RUNS))
    world.kubectl("label", "secret", "lab-ca", "touched=yes")
    wait_for_runs(running, so_far + len(world.names))


def wait_for_runs(running: OperatorProcess, count: int) -> None:
    """Wait until so many runs have ended."""
    eventually(lambda: running.metric(RUNS) >= count, f"{count} runs", PATIENCE_S, every_s=0.2)


def waiting(world: World) -> list[str]:
    """Return the customers with an account that has two entries."""
    customers = world.lab.plan.customers
    return [one.facts.name for one in customers if one.showing(Oddity.ENTRIES_BY_TWO_KEYS)]


def react(world: World, customer: str) -> float:
    """Pin one ambiguous entry; return the seconds from starting kubectl to the account's status."""
    person = world.lab.plan.customer(customer).showing(Oddity.ENTRIES_BY_TWO_KEYS)[0]
    account = world.account(customer, person.sam)
    pin = account["status"]["vault"]["candidates"][0]["id"]
    place = f"/apis/muster.dev/v1alpha1/namespaces/{world.namespace}/accounts"
    path = f"{place}/{account['metadata']['name']}"
    began = time.perf_counter()
    world.put_override(customer, person.sam, vault={"entryId": pin})

    def is_settled() -> bool:
        status = world.cluster.api("GET", path).json()["status"]
        return bool(status["vault"]["state"] == "LinkedByOverride")

    eventually(is_settled, "the override is obeyed", every_s=0.02)
    return time.perf_counter() - began


def timed(world: World, running: OperatorProcess, name: str, step: Callable[[], None]) -> Phase:
    """Carry out a step and return what it took."""
    asked, outside, throttled_s = len(world.requests()), world.writes(), running.metric(THROTTLED)
    began = time.perf_counter()
    step()
    wall_s = time.perf_counter() - began
    time.sleep(2.0)  # for what is told after the last customer is Ready
    return Phase(
        name=name,
        wall_s=wall_s,
        asked=Counter(_right(one) for one in world.requests()[asked:] if not _is_lease(one)),
        throttled_s=running.metric(THROTTLED) - throttled_s,
        outside=world.writes() - outside,
    )


def ready(world: World) -> int:
    """Return how many customers are Ready."""
    path = f"/apis/muster.dev/v1alpha1/namespaces/{world.namespace}/customers"
    items = world.cluster.api("GET", path).raise_for_status().json()["items"]
    return sum('"InAgreement"' in json.dumps(one.get("status", {})) for one in items)


def peak_memory_mb(running: OperatorProcess) -> float:
    """Return the most memory that the process has held, as Linux counts it."""
    lines = Path(f"/proc/{running.process.pid}/status").read_text(encoding="ascii").splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024


def show(phases: list[Phase], title: str) -> Table:
    """Return a row for each phase."""
    columns = ("phase", "wall s", "throttled s", "API requests", "of them writes", "writes outside")
    table = Table(*columns, title=title)
    for phase in phases:
        writes = sum(count for (verb, _), count in phase.asked.items() if verb not in READS)
        numbers = (f"{phase.asked.total():,}", f"{writes:,}", f"{phase.outside:,}")
        seconds = (f"{phase.wall_s:.1f}", f"{phase.throttled_s:.0f}")
        table.add_row(phase.name, *seconds, *numbers)
    return table


def show_requests(phases: list[Phase]) -> Table:
    """Return a row for each verb and resource."""
    table = Table("verb", "resource", *(phase.name for phase in phases), title="API requests")
    for verb, resource in sorted({right for phase in phases for right in phase.asked}):
        counts = (f"{phase.asked[verb, resource]:,}" for phase in phases)
        table.add_row(verb, resource, *counts)
    return table


def _right(request: Request) -> tuple[str, str]:
    return request.verb, request.resource or "(a path)"


def _is_lease(request: Request) -> bool:
    return request.resource.startswith("coordination.k8s.io")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
