"""Real processes, threads and clocks: one that is paused, killed or ended writes nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import kopf
import pytest
from tests.kube.lease_server import LeaseServer

from muster.kube.api import KubeApi
from muster.kube.leases import LeaseOptions, ShardLeases

CHILD = Path(__file__).with_name("lease_child.py")
DURATION_S = 1.5
"""A lease says whole seconds, so others wait two."""


class Child:
    """One process that takes part in the leases."""

    def __init__(self, url: str, identity: str) -> None:
        command = (sys.executable, str(CHILD), url, identity, str(DURATION_S))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> str:
        """Tell it to `begin` or to `write`, and return what became of it."""
        assert self.process.stdin
        assert self.process.stdout
        print(line, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        """Let it end by itself, and wait for that."""
        self.process.communicate(timeout=20)

    def kill(self) -> None:
        """End it, whatever it does, if it has not ended."""
        self.process.kill()
        self.process.communicate()


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def server() -> Iterator[LeaseServer]:
    """Give the leases' API server."""
    with LeaseServer() as running:
        yield running


@pytest.fixture
def pair(server: LeaseServer) -> Iterator[tuple[Child, Child]]:
    """Give the process that holds the only shard, and one that waits for it."""
    with ExitStack() as ends:
        first = Child(server.url, "first")
        ends.callback(first.kill)
        wait_until(lambda: first.ask("begin") == "written 1")
        second = Child(server.url, "second")
        ends.callback(second.kill)
        wait_until(lambda: "muster-replica-1" in server.leases)
        yield first, second


def test_a_process_that_wakes_up_late_does_not_write(pair: tuple[Child, Child]) -> None:
    """Stopped in the middle of its work, and continued after another took over: it is refused."""
    first, second = pair
    assert second.ask("begin") == "refused"
    assert first.ask("write") == "written 1"
    first.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: second.ask("begin") == "written 2")
    first.process.send_signal(signal.SIGCONT)
    assert first.ask("write") == "refused"
    assert second.ask("write") == "written 2"


def test_a_killed_process_is_followed_by_another(pair: tuple[Child, Child]) -> None:
    """After a crash the shard moves when the lease has ended, and the token grows."""
    first, second = pair
    died_at = time.monotonic()
    first.kill()
    wait_until(lambda: second.ask("begin") == "written 2")
    assert time.monotonic() - died_at > DURATION_S * 2 / 3


def test_a_process_that_ends_hands_over(server: LeaseServer, pair: tuple[Child, Child]) -> None:
    """An orderly end gives the shard up; nobody waits for the lease to end."""
    first, second = pair
    first.end()
    assert not str(server.holder("muster-shard-0")).startswith("first")
    wait_until(lambda: second.ask("begin") == "written 2", DURATION_S)


def test_an_old_run_stays_refused_after_the_shard_came_back(
    server: LeaseServer, pair: tuple[Child, Child]
) -> None:
    """A plan from before the loss is never written; a new run of the same process is."""
    first, second = pair
    first.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: second.ask("begin") == "written 2")
    second.end()
    first.process.send_signal(signal.SIGCONT)
    wait_until(lambda: str(server.holder("muster-shard-0")).startswith("first"))
    assert first.ask("write") == "refused"
    wait_until(lambda: first.ask("begin") == "written 3")
    assert first.ask("write") == "written 3"


def test_the_thread_tells_of_changes_and_ends(server: LeaseServer) -> None:
    """The background thread takes shards, tells so, and is gone after stop."""
    told: list[frozenset[int]] = []
    api = KubeApi(kopf.ConnectionInfo(server=server.url), patience_s=0.1)
    options = LeaseOptions(duration_s=DURATION_S, renew_every_s=0.1, on_change=told.append)
    leases = ShardLeases(api, "muster", shards=2, identity="alone", options=options)
    leases.start()
    wait_until(lambda: told == [{0, 1}])
    leases.stop()
    api.close()
    assert told == [{0, 1}, set()]
    assert server.holder("muster-shard-0") is None
    assert server.holder("muster-replica-0") is None
