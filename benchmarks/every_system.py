"""Requests per 1,000 objects, for every system, beside what its API needs at the least.

One customer per mix, so that each product is read once: a first run that links and creates, a
run in which nothing has changed, and such a run of a process that keeps its adapters and so may
read changes only. The registry, the adapters and TLS are the real ones; the
vendors are the lab's, whose page sizes and oddities are the vendors' own. The least is the number
of full pages that the objects of a run fill, which no client can go below without reading changes
only.

Run by hand: `python -m benchmarks.every_system [PEOPLE]`.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from muster.adapters.clock import utc_now
from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.lab.http import HttpLab
from muster.lab.hudu import HuduLab
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.connections import VaultBackend
from muster.model.observed import SourceRead
from muster.ports import Clock
from muster.reconcile import reconcile
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.resources import load_estate

PEOPLE = 2_000
MIXES = ("ad-itglue-connectwise", "entra-hudu-autotask", "hybrid-native-halopsa")
PAGE = {
    "Active Directory": 1000,
    "Entra": 999,
    "IT Glue": 1000,
    "Hudu": 1000,
    "Native vault": 0,
    "ConnectWise": 1000,
    "Autotask": 500,
    "HaloPSA": 100,
}
"""The most rows that one request brings; the native vault is asked nothing over the network."""

RUNS_BEFORE = 2
"""After so many runs a process that keeps its adapters has begun to read changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One system in one run."""

    mix: str
    run: str
    system: str
    objects: int
    reads: int
    writes: int


def measure(mix: str, people: int) -> list[Row]:
    """Reconcile one customer twice and count what each system was asked."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        estate = Path(folder)
        with Lab(customers=1, people=people, mix=Mix.parse(mix)) as lab:
            lab.write_estate(estate)
            before = _totals(lab)
            for run in ("first", "second", "no change"):
                reads = _run(estate)
                now = _totals(lab)
                if run != "second":  # it only notes how many records there are after the creates
                    asked = _since(before, now)
                    rows.extend(_row(mix, run, read, asked) for read in reads if read.connected)
                before = now
            with _process(estate, _a_day_later(lab)) as run_again:
                for _ in range(RUNS_BEFORE):
                    run_again()
                before = _totals(lab)
                reads = run_again()
                asked = _since(before, _totals(lab))
            rows.extend(_row(mix, "kept", read, asked) for read in reads if read.connected)
    return rows


def _run(estate: Path) -> tuple[SourceRead, ...]:
    with _process(estate) as run:
        return run()


@contextmanager
def _process(
    estate: Path, clock: Clock = utc_now
) -> Iterator[Callable[[], tuple[SourceRead, ...]]]:
    """Open everything as a process does, and return what reconciles once."""
    (desired,) = load_estate([estate]).checked().desired
    with SqliteRegistry.open(estate / "state.sqlite") as registry:
        stores = {VaultBackend.REGISTRY: partial(SqliteEntryStore, registry)}
        secrets = FileSecrets(estate / "secrets")
        with closing(Assembly(secrets, registry, clock, entry_stores=stores)) as assembly:
            yield lambda: reconcile(desired, assembly.ports(desired)).proposal.plan.reads


def _a_day_later(lab: Lab) -> Clock:
    """Let a technician edit one entry tomorrow, because the lab's are all of the same minute."""
    tomorrow = utc_now() + timedelta(days=1)
    hudu = lab.vault.simulator
    if isinstance(hudu, HuduLab):
        hudu.clock = lambda: tomorrow
        (company,) = lab.organization_ids.values()
        hudu.edit_password(hudu.passwords(company)[0]["id"])
    return lambda: tomorrow


Totals = Mapping[str, tuple[str, int, int]]
"""Title, reads and writes by source."""


def _totals(lab: Lab) -> Totals:
    """Return what everything was asked until now."""
    found = {
        "vault": (lab.vault.title, *_http(lab.vault.simulator)),
        "psa": (lab.psa.title, *_http(lab.psa.simulator)),
    }
    if lab.graph:
        found["entra"] = ("Entra", *_http(lab.graph))
    for server in lab.ldap.values():
        found["directory"] = ("Active Directory", server.requests.total(), 0)
    return found


def _http(simulator: HttpLab | None) -> tuple[int, int]:
    if simulator is None:
        return 0, 0
    writes = simulator.writes()
    return len(simulator.requests) - writes, writes


def _since(before: Totals, now: Totals) -> Totals:
    return {
        source: (title, reads - before[source][1], writes - before[source][2])
        for source, (title, reads, writes) in now.items()
    }


def _row(mix: str, run: str, read: SourceRead, asked: Totals) -> Row:
    system, reads, writes = asked[read.source]
    return Row(mix=mix, run=run, system=system, objects=read.size, reads=reads, writes=writes)


def main(people: int = PEOPLE) -> None:
    """Measure every mix and print the table."""
    columns = ("estate", "system", "run", "objects", "reads", "per 1,000", "least", "writes")
    table = Table(*columns, title=f"requests to every system, one customer of {people:,} people")
    for mix in MIXES:
        for row in sorted(measure(mix, people), key=lambda one: (one.system, one.run)):
            page = PAGE[row.system]
            least = math.ceil(row.objects / page) / max(row.objects, 1) * 1000 if page else 0.0
            table.add_row(
                row.mix,
                row.system,
                row.run,
                f"{row.objects:,}",
                f"{row.reads:,}",
                f"{row.reads / max(row.objects, 1) * 1000:.2f}",
                f"{least:.2f}",
                f"{row.writes:,}",
            )
    Console(width=110).print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
