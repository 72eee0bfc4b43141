"""A process that writes for one customer whenever it is told to; test_lease_processes.py runs it.

It reads a line, asks the guard, and answers with a line: `written TOKEN` or `refused`. With the
line `begin` it begins a new run first, whose token the following writes carry.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

import kopf

from muster.kube.api import KubeApi
from muster.kube.leases import LeaseLost, LeaseOptions, ShardLeases
from muster.kube.write_guard import WriteGuard

CUSTOMER = "contoso"


def main(url: str, identity: str, duration_s: float) -> None:
    """Take part in the leases until the input ends."""
    api = KubeApi(kopf.ConnectionInfo(server=url), patience_s=0.1)
    leases = ShardLeases(
        api,
        "muster",
        shards=1,
        identity=identity,
        options=LeaseOptions(duration_s=duration_s, renew_every_s=duration_s / 5),
    )
    leases.start()
    guard = WriteGuard(leases)
    with ExitStack() as run:
        for line in sys.stdin:
            try:
                if line.strip() == "begin":
                    run.close()
                    run.enter_context(guard.for_customer(CUSTOMER))
                guard()
                answer = f"written {leases.token(CUSTOMER)}"
            except LeaseLost:
                answer = "refused"
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()
    leases.stop()
    api.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
