"""What kills operators in practice: crashes, outages, pauses, restarts and dead watches.

Each test breaks something in the middle of a run that creates many records, and then demands
that each of them is there once. Leases are short, so that a test need not wait long.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import httpx
import pytest
from tests.kube import once
from tests.kube.conftest import MakeWorld
from tests.kube.watch_proxy import WatchProxy
from tests.kube.world import OperatorProcess, World, eventually, operator

from muster.kube.shards import shard_of
from muster.lab.generate.seeds import Oddity

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

QUICK = {"lease_duration_s": 3.0}


@pytest.fixture
def work(make_world: MakeWorld) -> once.Work:
    """Give one installed customer with many records to create, slowly."""
    world = make_world(customers=1, people=40)
    found = once.prepare(world)
    world.install()
    return found


def finish(work: once.Work) -> None:
    """Wait for the end and demand that nothing was lost and nothing done twice."""
    eventually(work.is_done, "everything is done", 60, every_s=0.3)
    work.check_once()


@pytest.mark.parametrize("writes", [0, 3])
def test_a_killed_operator_loses_and_repeats_nothing(work: once.Work, writes: int) -> None:
    """After kill -9 with a create on its way, the next process creates only what is missing."""
    with operator(work.world, **QUICK) as running:
        work.wait_for_create(writes)
        running.kill()
        assert once.open_intents(work.world, work.customer)
        with operator(work.world, identity="next", **QUICK):
            finish(work)


def test_an_operator_that_is_told_to_end_finishes_its_change(work: once.Work) -> None:
    """SIGTERM in the middle of a run ends it in seconds, with no change left half done."""
    with operator(work.world, **QUICK) as running:
        work.wait_for_create(2)
        asked = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - asked < 10
        assert not once.open_intents(work.world, work.customer)
        written = work.world.writes()
        with operator(work.world, identity="next", **QUICK):
            finish(work)
    assert work.world.writes() > written


def test_an_outage_of_the_api_server_loses_and_repeats_nothing(work: once.Work) -> None:
    """The same process goes on after the API server was killed in mid-run and came back."""
    with operator(work.world, **QUICK) as running:
        work.wait_for_create(2)
        work.world.cluster.kill_api()
        try:
            time.sleep(4)  # longer than a lease
        finally:
            work.world.cluster.start_api()
        finish(work)
        assert running.process.poll() is None
        eventually(lambda: is_up(running), "it is well again")


def test_a_paused_operator_writes_nothing_late(work: once.Work) -> None:
    """One that sleeps in mid-run, while another takes over, changes nothing when it wakes."""
    world = work.world
    with operator(world, identity="sleeper", **QUICK) as sleeper:
        work.wait_for_create(2)
        with operator(world, identity="other", **QUICK) as other:
            sleeper.signal(signal.SIGSTOP)
            try:
                finish(work)
                world.wait_told()
                written, changes = world.writes(), world.changes()
            finally:
                sleeper.signal(signal.SIGCONT)
            # A renewal, refused or not, shows that it is awake again.
            eventually(lambda: other.metric("muster_leader") == 1, "the other one leads")
            eventually(
                lambda: "is ours no more" in sleeper.said() or "lease was lost" in sleeper.said(),
                "the sleeper has noticed",
            )
            time.sleep(1)  # long enough for several of its creates
            assert world.writes() == written
            assert world.changes() == changes
            work.check_once()


def test_a_rolling_restart_repeats_nothing(work: once.Work) -> None:
    """The new replica starts while the old one is busy, and goes on where that one ends."""
    with operator(work.world, identity="old", **QUICK) as old:
        work.wait_for_create(2)
        with operator(work.world, identity="new", **QUICK) as new:
            eventually(lambda: is_up(new), "the new one is ready")
            assert old.stop() == 0
            finish(work)


def test_replicas_share_the_customers_and_one_takes_over(world: World) -> None:
    """With two shards each replica has its part; after a kill the other one has both."""
    world.install()
    with (
        operator(world, identity="a", shards=2, **QUICK) as first,
        operator(world, identity="b", shards=2, **QUICK) as second,
    ):
        world.wait_ready()
        both = (first, second)
        eventually(lambda: [held(one) for one in both] in (["0", "1"], ["1", "0"]), "one each")
        lost, left = (first, second) if held(first) == "1" else (second, first)
        orphan = next(name for name in world.names if shard_of(name, 2) == 1)
        lost.kill()
        eventually(lambda: held(left) == "01", "the other one has both shards")
        before = world.runs()[orphan]
        patch = '--patch={"stringData":{"touched":"yes"}}'
        world.kubectl("patch", "secret", f"{orphan}-ad", patch)
        eventually(lambda: world.runs()[orphan] > before, f"a run of {orphan}")
        written = world.writes()
    planned = [world.lab.plan.customer(name) for name in world.names]
    expected = [one.expected for customer in planned for one in customer.accounts]
    assert written == sum((one.vault == "Created") + (one.psa == "Created") for one in expected)


def test_a_watch_that_dies_without_a_word_is_noticed(world: World, tmp_path: Path) -> None:
    """A change that no watch tells is taken up by the next listing, and the log says so."""
    world.install()
    person = world.lab.plan.customer("contoso").showing(Oddity.ENTRIES_BY_TWO_KEYS)[0]
    with WatchProxy(world.cluster, tmp_path) as door:
        config = door.kubeconfig(world.user)
        with operator(world, kubeconfig=config, relist_every_s=2.0) as running:
            world.wait_ready()
            waiting = world.customer("contoso")["status"]["ambiguous"]
            door.silence()
            world.put_override("contoso", person.sam, vault={"ignore": True})
            eventually(
                lambda: world.customer("contoso")["status"]["ambiguous"] == waiting - 1,
                "the override is obeyed",
                15,
            )
            assert "The watch had missed" in running.said()


def held(running: OperatorProcess) -> str:
    """Return the shards that a replica holds, in order."""
    lines = running.series("muster_leader{")
    return "".join(sorted(line.partition('shard="')[2][0] for line in lines))


def is_up(running: OperatorProcess) -> bool:
    """Say whether a replica answers that it is ready."""
    try:
        return running.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
