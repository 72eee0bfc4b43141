"""A run may die at any line: what is created is created exactly once all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.engine.doubles import FilePsa, FileVault, Shelf, StillDirectory
from tests.plan.world import CONTOSO, EVERYTHING, NOW, World, finding, person, settings

from muster.errors import AccessDenied, Rejected, RemoteError, SpecError, Unavailable
from muster.model.accounts import AccountRecord, Link
from muster.model.names import Action, LinkState, System
from muster.model.reasons import Reason
from muster.ports import Ports
from muster.reconcile import Report, reconcile
from muster.registry.sqlite import SqliteRegistry

CHILD = Path(__file__).parent / "crash_child.py"
ROOT = Path(__file__).parents[2]
JOHN = person("John", "Smith")
WORLD = World(users=(JOHN,), policies=(settings(options=EVERYTHING),))
BOTH = pytest.mark.parametrize("system", [System.VAULT, System.PSA])
LOST = "The answer did not come."


def test_a_run_killed_at_any_step_creates_everything_exactly_once(tmp_path: Path) -> None:
    """Statement 11: one entry and one contact per account, linked, wherever two runs died.

    And never two welcome e-mails: the account whose mail may have left says so.
    """
    told = subprocess.run(
        [sys.executable, str(CHILD), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.splitlines()
    assert len(told) > 30
    for line in map(json.loads, told):
        entries, contacts = dict(line["entries"]), dict(line["contacts"])
        assert len(line["entries"]) == len(line["contacts"]) == 2, line
        assert line["links"] == {
            sam: ["Created", entries[sam], "Created", contacts[email]]
            for sam, email in (
                ("jsmith", "john.smith@example.test"),
                ("ajones", "anna.jones@example.test"),
            )
        }, line
        assert line["intents"] == line["changes"] == 0, line
        assert len(line["mails"]) == len(set(line["mails"])), line
        assert all(
            state == "Sent" if address in line["mails"] else state == "Unknown"
            for address, state in line["welcomes"].items()
            if state != "Unknown"
        ), line


@dataclass(slots=True)
class Engine:
    """One customer with a real registry, and a clock that tests turn forward."""

    folder: Path
    world: World = WORLD
    vault: Shelf = field(init=False)
    psa: Shelf = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Shelf(self.folder / "vault.json")
        self.psa = Shelf(self.folder / "psa.json")

    def shelf(self, system: System) -> Shelf:
        """Return what a system holds."""
        return self.vault if system is System.VAULT else self.psa

    def run(self, minutes: int = 0) -> Report:
        """Reconcile, so many minutes after the beginning."""
        with SqliteRegistry.open(self.folder / "state.sqlite") as registry:
            ports = Ports(
                registry=registry,
                clock=lambda: NOW + timedelta(minutes=minutes),
                directory=StillDirectory(self.world.snapshot),
                vault=FileVault(self.vault),
                psa=FilePsa(self.psa),
            )
            return reconcile(self.world.desired, ports)

    @property
    def record(self) -> AccountRecord:
        """The one record, as it is on disk."""
        with SqliteRegistry.open_for_reading(self.folder / "state.sqlite") as registry:
            (record,) = registry.load(CONTOSO).records
        return record

    def link(self, system: System) -> Link:
        """Return how the one account stands to a system."""
        return self.record.link(system)

    def open_intents(self) -> int:
        """Return how many intents a later run has to look at."""
        with SqliteRegistry.open_for_reading(self.folder / "state.sqlite") as registry:
            return len(registry.load(CONTOSO).intents)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """One account that has neither entry nor contact."""
    return Engine(tmp_path)


@BOTH
def test_a_lost_reply_is_settled_by_looking(engine: Engine, system: System) -> None:
    """A create whose answer was lost is found at once, and linked as created."""
    engine.shelf(system).failure = Unavailable(LOST, maybe_applied=True)
    report = engine.run()
    assert all(result.done for result in report.outcome.results)
    (row,) = engine.shelf(system).rows()
    assert (engine.link(system).state, engine.link(system).id) == (LinkState.CREATED, row["id"])
    assert engine.open_intents() == 0
    assert engine.run(3).proposal.plan.changes == ()


@BOTH
def test_a_record_that_cannot_be_addressed_stops_no_other(tmp_path: Path, system: System) -> None:
    """What an adapter refuses to send fails for its account, and the next one is created."""
    anna = person("Anna", "Jones")
    engine = Engine(tmp_path, replace(WORLD, users=(JOHN, anna)))
    engine.shelf(system).failure = SpecError(("an id is no number",))
    report = engine.run()
    failed = [one for one in report.outcome.results if not one.done]
    assert [(one.change.user, one.problem) for one in failed] == [(anna.upn, "an id is no number")]
    assert len(engine.shelf(system).rows()) == 1
    assert engine.open_intents() == 0
    assert all(one.done for one in engine.run(1).outcome.results)
    assert len(engine.shelf(system).rows()) == 2


@BOTH
@pytest.mark.parametrize("stale_lists", [1, 2, 3])
def test_a_lost_reply_and_a_stale_list_do_not_make_a_second_record(
    engine: Engine, system: System, stale_lists: int
) -> None:
    """What cannot be found yet is held, not repeated, until lists have had time to catch up."""
    shelf = engine.shelf(system)
    shelf.failure = Unavailable(LOST, maybe_applied=True)
    shelf.stale_lists = stale_lists
    first = engine.run()
    assert [one.unsettled for one in first.outcome.results if not one.done] == [True]
    for _ in range(stale_lists - 1):
        held = engine.run(1)
        assert finding(held.proposal.plan, Reason.UNSETTLED_CREATE).system is system
    engine.run(9)
    assert len(shelf.rows()) == 1
    assert engine.link(system).state is LinkState.CREATED
    assert engine.open_intents() == 0
    assert engine.run(12).proposal.plan.changes == ()


@BOTH
def test_a_create_that_was_sent_and_never_arrived_is_repeated(
    engine: Engine, system: System
) -> None:
    """An unanswered create whose record does not appear is repeated once it has settled."""
    shelf = engine.shelf(system)
    shelf.failure = Unavailable(LOST, maybe_applied=True)
    shelf.arrives = False
    engine.run()
    assert engine.run(1).outcome.results == ()
    assert engine.link(system).reason is Reason.UNSETTLED_CREATE
    engine.run(3)
    assert engine.link(system).state is LinkState.CREATED
    assert len(shelf.rows()) == 1


@BOTH
@pytest.mark.parametrize(
    "refusal", [Rejected("The name is too long."), AccessDenied("The key may not write.")]
)
def test_a_refused_create_is_told_and_tried_again(
    engine: Engine, system: System, refusal: RemoteError
) -> None:
    """A refusal is a failure of one change; the next run tries again, and can succeed."""
    engine.shelf(system).failure = refusal
    report = engine.run()
    (failed,) = [result for result in report.outcome.results if not result.done]
    assert (failed.change.system, failed.problem) == (system, str(refusal))
    assert engine.link(system).reason is Reason.CREATE_FAILED
    assert report.status["failures"][0]["problem"] == str(refusal)
    engine.run(3)
    assert engine.link(system).state is LinkState.CREATED
    assert len(engine.shelf(system).rows()) == 1


@BOTH
def test_refused_twice_in_the_same_minute(engine: Engine, system: System) -> None:
    """Every attempt has its own line in the journal, so that a second refusal can be written."""
    for _ in range(2):
        engine.shelf(system).failure = Rejected("No.")
        report = engine.run()
        assert [result.change.action for result in report.outcome.results if not result.done] == [
            Action.CREATE
        ]
    engine.run()
    assert engine.link(system).state is LinkState.CREATED


@BOTH
def test_a_failed_create_does_not_stop_the_other_system(engine: Engine, system: System) -> None:
    """The vault's trouble is not the PSA's, nor the other way round."""
    engine.shelf(system).failure = AccessDenied("The key may not write.")
    engine.run()
    other = System.PSA if system is System.VAULT else System.VAULT
    assert engine.link(other).state is LinkState.CREATED
