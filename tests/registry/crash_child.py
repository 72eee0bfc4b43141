"""Runs one story again and again, and is killed before each of its steps in turn.

Called by test_crash.py with a story's name and a folder. The story `write` dies before one
of its SQL statements; `create` and `migrate` die before one of the things that Python does to
files while it opens the registry. It forks for every death, because a process of its own for
each would take longer than the story. Prints one line per death: a dot for each call that
had returned, and the file that was left.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.contract.registry.suite import (
    CONTOSO,
    ended,
    linked_to,
    make_intent,
    make_job,
    make_record,
)

from muster.model.accounts import IntentState
from muster.model.names import RemoteId, Source
from muster.registry.migrations import MIGRATIONS, Migration
from muster.registry.sqlite import SqliteRegistry

NEXT = (*MIGRATIONS, Migration(number=len(MIGRATIONS) + 1, statements=("CREATE TABLE extra (x)",)))
"""What a later version might add."""


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
    registry.open_job(make_job())
    tell()
    registry.save_job(make_job(problem="It fell silent."))
    tell()
    registry.close_job(ended(make_job()))
    tell()


def tell() -> None:
    """Report one returned step; a plain write, because nothing flushes buffers after a kill."""
    os.write(1, b".")


def write(path: Path, death: int) -> None:
    """Run the steps and die before the statement with this number."""
    registry = SqliteRegistry.open(path)
    registry._connection.set_trace_callback(lambda _: countdown(death))
    steps(registry)
    registry._connection.set_trace_callback(None)
    registry.close()


def create(path: Path, death: int) -> None:
    """Open a file that is not there."""
    die_at_file_event(path, death)
    SqliteRegistry.open(path).close()


def migrate(path: Path, death: int) -> None:
    """Open a file of an older version."""
    with SqliteRegistry.open(path) as registry:
        registry.save(CONTOSO, [make_record(1)])
    die_at_file_event(path, death)
    SqliteRegistry.open(path, NEXT).close()


def die_at_file_event(path: Path, death: int) -> None:
    """Die before Python opens, renames, removes or connects to a file of the registry."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if any(path.name in str(argument) for argument in arguments):
            countdown(death)

    sys.addaudithook(hook)


def countdown(death: int, passed: list[int] = [0]) -> None:  # noqa: B006 - one count per fork
    """Count one step, and die when it is the one with this number."""
    passed[0] += 1
    if passed[0] == death:
        os.kill(os.getpid(), signal.SIGKILL)


def main(story: Callable[[Path, int], None], folder: Path) -> None:
    """Die before the first step, before the second, until the story ends alive."""
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


STORIES = {"write": write, "create": create, "migrate": migrate}

if __name__ == "__main__":
    main(STORIES[sys.argv[1]], Path(sys.argv[2]))
