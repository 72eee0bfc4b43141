"""A process that keeps its adapters reads only what changed; when a whole run sees a deletion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.vendor.exchanges import Exchange, record

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.lab.hudu.lab import HuduLab
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.names import RemoteId
from muster.model.reasons import Reason
from muster.reconcile import Report, reconcile
from muster.registry.sqlite import SqliteRegistry
from muster.resources import load_estate

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
INTERVAL = timedelta(minutes=15)


@dataclass(slots=True)
class Daemon:
    """One customer with Hudu, reconciled by one process every fifteen minutes."""

    lab: Lab
    folder: Path
    assembly: Assembly | None = None
    now: datetime = NOW

    def run(self) -> Report:
        """Reconcile once, with the adapters of the run before; then the interval passes."""
        assert self.assembly is not None
        (desired,) = load_estate([self.folder / "estate"]).checked().desired
        report = reconcile(desired, self.assembly.ports(desired))
        self.now += INTERVAL
        return report

    @property
    def hudu(self) -> HuduLab:
        """The simulated vault."""
        assert isinstance(self.lab.vault.simulator, HuduLab)
        return self.lab.vault.simulator


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A customer that has converged, so that nothing is left to do."""
    with Lab(customers=1, people=8, mix=Mix.parse("entra-hudu-autotask")) as lab:
        lab.write_estate(tmp_path / "estate")
        daemon = Daemon(lab=lab, folder=tmp_path)
        secrets = FileSecrets(tmp_path / "estate" / "secrets")
        with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
            daemon.assembly = Assembly(secrets, registry, lambda: daemon.now)
            with closing(daemon.assembly):
                _date_entries(daemon)
                for _ in range(4):  # the last edit is the first run's, and then it settles
                    daemon.run()
                yield daemon


def _date_entries(daemon: Daemon) -> None:
    """Let the entries be as old as entries are, and let Hudu have the daemon's clock."""
    daemon.hudu.clock = lambda: NOW - timedelta(days=30)
    for row in daemon.hudu.passwords(daemon.lab.organization_ids["contoso"]):
        daemon.hudu.edit_password(row["id"])
    daemon.hudu.clock = lambda: daemon.now


def _lists(said: list[Exchange]) -> list[Exchange]:
    return [one for one in said if one.path.endswith("/asset_passwords") and one.method == "GET"]


def _linked_entry(report: Report) -> RemoteId:
    records = report.proposal.scene.known.records
    return next(one.vault.id for one in records if one.live and one.vault.id)


def _gone(report: Report) -> list[RemoteId]:
    """Return the entries that accounts were linked to and that are there no longer."""
    plan = report.proposal.plan
    return [
        one.vault.id
        for one in plan.records
        if one.vault.reason is Reason.RECORD_GONE and one.vault.id
    ]


def test_a_daemon_asks_hudu_for_what_changed(daemon: Daemon) -> None:
    """Runs in which nothing changed move no list of passwords, but one in an hour."""
    said = record(daemon.hudu)
    for _ in range(8):
        assert daemon.run().proposal.plan.changes == ()
    whole = [
        one for one in _lists(said) if "updated_at" not in one.query and one.query["page"] == ("1",)
    ]
    assert len(whole) == 2


def test_a_deletion_is_seen_within_an_hour_and_an_interval(daemon: Daemon) -> None:
    """Until the whole list is read, the account stays linked and nothing is written."""
    entry = _linked_entry(daemon.run())
    daemon.hudu.delete_password(entry)
    deleted, writes = daemon.now, daemon.hudu.writes()
    while not (gone := _gone(daemon.run())):
        assert daemon.now - deleted <= timedelta(hours=1) + INTERVAL
    assert gone == [entry]
    assert daemon.hudu.writes() == writes


def test_an_archived_entry_is_missed_by_the_next_run(daemon: Daemon) -> None:
    """To archive is an edit, and so are a new name and a new username."""
    entry = _linked_entry(daemon.run())
    daemon.hudu.edit_password(entry, archived=True)
    assert _gone(daemon.run()) == [entry]
