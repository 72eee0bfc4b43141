"""A registry whose writer dies, loses power or runs out of disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.registry.suite import (
    CONTOSO,
    ended,
    linked_to,
    make_intent,
    make_job,
    make_record,
)
from tests.registry.crash_child import NEXT

from muster.errors import StateError
from muster.model.accounts import IntentState, Known
from muster.model.names import RemoteId, Source
from muster.model.passwords import end_of
from muster.registry.sqlite import SqliteRegistry

CHILD = Path(__file__).parent / "crash_child.py"
ROOT = Path(__file__).parents[2]


def stages() -> list[Known]:
    """Return what is known after each step of the story in `crash_child.py`."""
    first = Known(
        records=(make_record(1), make_record(2)), sizes=((Source.VAULT, 1),), status={"run": 1}
    )
    opened = replace(first, intents=(make_intent(),))
    closed = replace(first, records=(linked_to(make_record(1), "900"), make_record(2)))
    last = Known(
        records=(closed.records[0], replace(make_record(2), drift=())),
        sizes=((Source.VAULT, 2),),
        status={"run": 2},
    )
    begun = replace(last, jobs=(make_job(),))
    further = replace(last, jobs=(make_job(problem="It fell silent."),))
    over = replace(last, job_ends=(end_of(ended(make_job())),))
    return [Known(), first, opened, closed, last, begun, further, over]


def test_a_writer_killed_at_any_statement_leaves_before_or_after(tmp_path: Path) -> None:
    """Whatever had returned is there; the step that was cut short is there wholly or not at all."""
    deaths = die_again_and_again("write", tmp_path)
    assert {returned for returned, _ in deaths} == set(range(8))
    for returned, path in deaths:
        with SqliteRegistry.open(path) as registry:
            assert registry.load(CONTOSO) in stages()[returned : returned + 2]
            registry.save(CONTOSO, [make_record(3)])


def test_a_writer_killed_while_it_makes_the_file_does_not_spoil_it(tmp_path: Path) -> None:
    """Whenever the first run dies, the next one finds a whole file or makes one."""
    deaths = die_again_and_again("create", tmp_path)
    assert {path.exists() for _, path in deaths} == {False, True}
    for _, path in deaths:
        with SqliteRegistry.open(path) as registry:
            assert registry.load(CONTOSO) == Known()


def test_a_writer_killed_while_it_migrates_loses_nothing(tmp_path: Path) -> None:
    """Whenever a migration dies, the file is of the old version or of the new one, and whole."""
    deaths = die_again_and_again("migrate", tmp_path)
    for _, path in deaths:
        with SqliteRegistry.open_for_reading(path, NEXT) as registry:
            assert registry.load(CONTOSO).records == (make_record(1),)
        with SqliteRegistry.open(path, NEXT) as registry:
            assert registry.load(CONTOSO).records == (make_record(1),)


def die_again_and_again(story: str, folder: Path) -> list[tuple[int, Path]]:
    """Return, for each death in a story, how many calls had returned and the file left behind."""
    told = subprocess.run(
        [sys.executable, str(CHILD), story, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.splitlines()
    parts = [line.split(" ") for line in told]
    assert len(parts) > 5, "the story has more steps than that"
    return [(len(dots), folder / name) for dots, name in parts]


def test_a_log_cut_at_any_place_leaves_a_whole_number_of_steps(tmp_path: Path) -> None:
    """A power cut that loses the end of the log loses the last steps, and never half of one."""
    path = tmp_path / "live" / "state.sqlite"
    log = path.with_name("state.sqlite-wal")
    sizes = []
    with SqliteRegistry.open(path) as registry:
        done = make_intent(state=IntentState.DONE, remote_id=RemoteId("900"))
        registry.save(CONTOSO, [make_record(1), make_record(2)], [(Source.VAULT, 1)], {"run": 1})
        sizes.append(log.stat().st_size)
        registry.open_intent(make_intent())
        sizes.append(log.stat().st_size)
        registry.close_intent(done, linked_to(make_record(1), "900"))
        database, whole = path.read_bytes(), log.read_bytes()
    for cut in {*range(0, len(whole), 997), *sizes, *(size - 1 for size in sizes)}:
        copy = tmp_path / str(cut) / path.name
        copy.parent.mkdir()
        copy.write_bytes(database)
        copy.with_name(log.name).write_bytes(whole[:cut])
        with SqliteRegistry.open(copy) as registry:
            expected = sum(size <= cut for size in [*sizes, len(whole)])
            assert registry.load(CONTOSO) == stages()[expected], f"log cut at {cut}"


def test_every_transaction_waits_for_the_disk(tmp_path: Path) -> None:
    """A commit is synced before it returns, without which the log above may lose it."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        settings = [
            registry._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "fullfsync")
        ]
    assert settings == ["wal", 2, 1]


def test_a_full_database_writes_nothing(tmp_path: Path) -> None:
    """When there is no room, all of a save stays out, and later saves still work."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        registry.save(CONTOSO, [make_record(1)], [(Source.VAULT, 1)], {"run": 1})
        before = registry.load(CONTOSO)
        registry._connection.execute("PRAGMA max_page_count = 16")
        with pytest.raises(StateError, match=r"the disk .* is full"):
            registry.save(CONTOSO, map(make_record, range(500)), [(Source.VAULT, 2)], {"run": 2})
        assert registry.load(CONTOSO) == before
        registry._connection.execute("PRAGMA max_page_count = 100000")
        registry.save(CONTOSO, map(make_record, range(500)))
        assert len(registry.load(CONTOSO).records) == 500


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Return the mount point of a file system of 256 KiB, in a name space of its own."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a small file system needs root and unshare(1)")
    point = tmp_path / "disk"
    point.mkdir()
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(point)]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    return point


def test_a_full_disk_writes_nothing(small_disk: Path) -> None:
    """On a disk that is really full, a save fails whole and the file stays good."""
    script = f"""
import pathlib
from muster.errors import StateError
from muster.registry.sqlite import SqliteRegistry
from tests.contract.registry.suite import CONTOSO, make_record
path = pathlib.Path({str(small_disk)!r}) / "state.sqlite"
with SqliteRegistry.open(path) as registry:
    registry.save(CONTOSO, [make_record(1)])
    try:
        registry.save(CONTOSO, map(make_record, range(5000)))
    except StateError as exc:
        print(exc)
    assert registry.load(CONTOSO).records == (make_record(1),)
with SqliteRegistry.open(path) as registry:
    assert registry.load(CONTOSO).records == (make_record(1),)
"""
    mount = f"mount -t tmpfs -o size=256k tmpfs '{small_disk}' && exec \"$@\""
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "is full" in ran.stdout
