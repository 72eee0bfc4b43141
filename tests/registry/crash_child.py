"""Runs one story again and again, and is killed before each of its SQL statements in turn.

Called by test_crash.py with a folder. It forks for every death, because a process of its
own for each would take longer than the story. Prints one line per death: the number of
steps of the story that had returned, and the file that was left.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from tests.contract.registry.suite import CONTOSO, linked_to, make_intent, make_record

from muster.model.accounts import IntentState
from muster.model.names import RemoteId, Source
from muster.registry.sqlite import SqliteRegistry


def steps(registry: SqliteRegistry) -> None:
    """Do what a run does, and tell on standard output after each step that it has returned."""
    done = make_intent(state=IntentState.DONE, remote_id=RemoteId("900"))
    registry.save(CONTOSO, [make_record(1), make_record(2)], [(Source.VAULT, 1)], {"run": 1})
    tell()
    registry.open_intent(make_intent())
    tell()
    registry.close_intent(done, linked_to(make_record(1), "900"))
    tell()
    changed = replace(make_record(2), drift=())
    registry.save(CONTOSO, [changed], [(Source.VAULT, 2)], {"run": 2})
    tell()


def tell() -> None:
    """Report one returned step; a plain write, because nothing flushes buffers after a kill."""
    os.write(1, b".")


def story(path: Path, death: int) -> None:
    """Run the steps and die before the statement with this number."""
    registry = SqliteRegistry.open(path)
    count = 0

    def before_statement(_: str) -> None:
        nonlocal count
        count += 1
        if count == death:
            os.kill(os.getpid(), signal.SIGKILL)

    registry._connection.set_trace_callback(before_statement)
    steps(registry)
    registry._connection.set_trace_callback(None)
    registry.close()


def main(folder: Path) -> None:
    """Die before the first statement, before the second, until the story ends alive."""
    for death in range(1, 1000):
        path = folder / f"{death}.sqlite"
        child = os.fork()
        if child == 0:
            story(path, death)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        os.write(1, f" {path.name}\n".encode())
        if status == 0:
            return


main(Path(sys.argv[1]))
