"""One customer from end to end: read, plan, guard, write, remember, report; then once more.

The lab serves a domain, IT Glue and ConnectWise over TLS in a process of its own, so that the
CPU seconds are Muster's alone. Adapters, estate and registry are the real ones. The first run
links everybody and creates what is missing. After that nobody changes anything: the second run
only notes how many records the vault and the PSA hold now, and the third has nothing to note.

Run by hand: `python -m benchmarks.one_customer [PEOPLE]`.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from rich.console import Console
from rich.table import Table

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.lab.lab import Lab
from muster.model.observed import SourceRead
from muster.model.plans import Approved
from muster.reconcile import Report, reconcile
from muster.registry.sqlite import SqliteRegistry
from muster.resources import load_estate

PEOPLE = 10_000
SYSTEMS = ("directory", "vault", "psa")
RUNS = ("first run", "second run", "third run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the lab's servers were asked since they were last counted, by system."""

    reads: dict[str, int]
    """Requests that read, signing in among them."""
    writes: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measured run."""

    name: str
    wall_s: float
    cpu_s: float
    rows: int
    asked: Asked
    report: Report


def serve(pipe: Pipe, estate: Path, people: int) -> None:
    """Serve the lab and write its estate; answer `count` until something else is asked."""
    with Lab(customers=1, people=people) as lab:
        lab.write_estate(estate)
        counted = _totals(lab)
        pipe.send("ready")
        while pipe.recv() == "count":
            now = _totals(lab)
            pipe.send(
                Asked(
                    reads={one: now.reads[one] - counted.reads[one] for one in SYSTEMS},
                    writes={one: now.writes[one] - counted.writes[one] for one in SYSTEMS},
                )
            )
            counted = now


def _totals(lab: Lab) -> Asked:
    (server,) = lab.ldap.values()
    vault, psa = lab.itglue.writes(), lab.connectwise.writes()
    return Asked(
        reads={
            "directory": server.requests.total(),
            "vault": len(lab.itglue.requests) - vault,
            "psa": len(lab.connectwise.requests) - psa,
        },
        writes={"directory": 0, "vault": vault, "psa": psa},
    )


def main(people: int = PEOPLE) -> None:
    """Measure all runs and print the tables."""
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as directory:
        estate = Path(directory)
        spawn = multiprocessing.get_context("spawn")
        lab = spawn.Process(target=serve, args=(there, estate, people))
        lab.start()
        here.recv()
        try:
            runs = [measure(name, estate, here) for name in RUNS]
        finally:
            here.send("stop")
            lab.join()
    console = Console(width=100)
    console.print(_work(runs))
    console.print(_requests(runs))


def measure(name: str, estate: Path, lab: Pipe) -> Run:
    """Reconcile the customer once, from opening the registry to closing it."""
    loaded = load_estate([estate])
    loaded.checked()
    (desired,) = loaded.estate.desired
    wall, cpu = time.perf_counter(), time.process_time()
    with SqliteRegistry.open(estate / "state.sqlite") as registry:
        assembly = Assembly(FileSecrets(estate / "secrets"), registry)
        report = reconcile(desired, assembly.ports(desired))
        assembly.close()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    lab.send("count")
    asked = lab.recv()
    return Run(
        name=name, wall_s=wall, cpu_s=cpu, rows=registry.rows_written, asked=asked, report=report
    )


def _work(runs: list[Run]) -> Table:
    columns = ("run", "plan", "accounts", "wall s", "CPU s", "changes", "writes", "registry rows")
    table = Table(*columns, title="one customer, end to end")
    for run in runs:
        plan = run.report.proposal.plan
        table.add_row(
            run.name,
            "approved" if isinstance(run.report.proposal.verdict, Approved) else "refused",
            f"{plan.counts.considered:,}",
            f"{run.wall_s:.1f}",
            f"{run.cpu_s:.1f}",
            f"{len(plan.changes):,}",
            f"{sum(run.asked.writes.values()):,}",
            f"{run.rows:,}",
        )
    return table


def _requests(runs: list[Run]) -> Table:
    columns = ("run", "system", "objects", "read requests", "per 1,000 objects", "write requests")
    table = Table(*columns, title="requests that the systems were asked")
    for run in runs:
        for read in run.report.proposal.plan.reads:
            table.add_row(run.name, *_row(read, run.asked))
    return table


def _row(read: SourceRead, asked: Asked) -> tuple[str, ...]:
    requests = asked.reads[read.source]
    return (
        read.source,
        f"{read.size:,}",
        f"{requests:,}",
        f"{requests / max(read.size, 1) * 1000:.2f}",
        f"{asked.writes[read.source]:,}",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
