"""Many passwords lead to one cycle; what goes wrong is a finding, and is tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.adapters.entra_connect.remoting_server import Connect, RemotingServer
from tests.adapters.entra_connect.test_trigger import connect, server, trigger

from muster.adapters.entra_connect.wish import EVERY, EntraConnectWish
from muster.audit import FileSink, Trail
from muster.model.names import CustomerName
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import Customer, Desired
from muster.ports import Ports
from muster.registry.sqlite import SqliteRegistry
from muster.synchronizing import synchronize

__all__ = ["connect", "server"]

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
DESIRED = Desired(customer=Customer(name=CustomerName("contoso"), display_name="Contoso"))


def test_one_cycle_follows_many_passwords(
    server: RemotingServer, connect: Connect, tmp_path: Path
) -> None:
    """None without a password, one for many, none too soon after it; each is on the record."""
    wish = EntraConnectWish(lambda: trigger(server))
    trail = Trail(FileSink(tmp_path / "audit.jsonl"), "olivia")

    def run(minutes: int) -> tuple[Finding, ...]:
        with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
            ports = Ports(
                registry=registry,
                clock=lambda: NOW + timedelta(minutes=minutes),
                sync=wish,
                audit=trail,
            )
            return synchronize(DESIRED, ports)

    assert run(0) == ()
    assert connect.cycles == []
    for _ in range(5):
        wish.note()
    assert run(1) == ()
    wish.note()
    assert run(2) == ()
    assert connect.cycles == ["Delta"]
    later = 2 + int(EVERY.total_seconds() / 60)
    assert run(later) == ()
    assert connect.cycles == ["Delta"] * 2
    assert run(3 * later) == ()
    assert connect.cycles == ["Delta"] * 2
    wish.note()
    connect.properties["SyncCycleInProgress"] = True
    assert run(4 * later) == ()
    connect.properties["SyncCycleInProgress"] = False
    connect.properties["StagingModeEnabled"] = True
    [finding] = run(5 * later)
    assert (finding.reason, "staging" in finding.message) == (Reason.SYNC_NOT_STARTED, True)
    connect.properties["StagingModeEnabled"] = False
    assert run(6 * later) == ()
    assert connect.cycles == ["Delta"] * 3
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    results = [one["result"] for one in lines if one["result"] != "Begun"]
    assert results == ["Started", "Started", "AlreadyRunning", "Skipped", "Started"]
