"""How fast passwords are set at the vendors' own limits, and whether any request is refused.

The lab serves domains and IT Glue over TLS with IT Glue's documented limit; Muster takes its usual
share of it. Each account goes the whole way: rules read, sealed, set, proved by signing in,
written, read back. A run may be stopped with Ctrl-C and started again in the same folder: what was
set is not set again.

Run by hand: `python -m benchmarks.rotations [ACCOUNTS] [FOLDER]`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.lab.lab import Lab
from muster.model.accounts import AccountRecord
from muster.model.passwords import JobKind, JobState
from muster.plan.password_targets import entry_of
from muster.reconcile import reconcile
from muster.registry.sqlite import SqliteRegistry
from muster.resets import reset
from muster.resources import load_estate
from muster.rotations import PasswordOrder

ACCOUNTS = 1_000


def main(accounts: int, folder: Path) -> None:
    """Set the passwords of so many accounts once, and print what it took."""
    console = Console()
    with Lab(customers=1, people=int(accounts * 1.3)) as lab:
        lab.write_estate(folder)
        (desired,) = load_estate([folder]).checked().desired
        with SqliteRegistry.open(folder / "state.sqlite") as registry:
            assembly = Assembly(FileSecrets(folder / "secrets"), registry)
            with closing(assembly):
                ports = assembly.ports(desired)
                reconcile(desired, ports)
                known = registry.load(desired.customer.name)
                due = [
                    one
                    for one in known.records
                    if one.live and entry_of(one, desired.customer) and not one.rotation.last
                ][:accounts]
                before = dict(assembly.usage())["it-glue"]
                started, cpu = time.monotonic(), time.process_time()
                done = sum(
                    reset(_order(one), one, desired, ports).state is JobState.CONFIRMED
                    for one in due
                )
                took = time.monotonic() - started
                usage = dict(assembly.usage())["it-glue"]
    console.print(
        f"{done} of {len(due)} passwords in {took:.0f} s: {done / took:.1f} per second, "
        f"{(time.process_time() - cpu) / max(done, 1) * 1000:.0f} ms of CPU each (lab included)"
    )
    console.print(
        f"requests to IT Glue: {usage.requests - before.requests}, sent again after a refusal: "
        f"{usage.retries - before.retries}, waited for the budget: "
        f"{usage.throttled_s - before.throttled_s:.0f} s"
    )


def _order(record: AccountRecord) -> PasswordOrder:
    return PasswordOrder(
        kind=JobKind.RESET, id=f"bench-{record.identity.id}", reason="benchmark", requested_by="me"
    )


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ACCOUNTS
    if len(sys.argv) > 2:
        main(wanted, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(wanted, Path(scratch))
