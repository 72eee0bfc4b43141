"""Which files are opened, who may write them, and what a refusal leaves behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.contract.registry.suite import CONTOSO, make_intent, make_record
from tests.registry.crash_child import NEXT

from muster.errors import StateBusy, StateError
from muster.registry.migrations import APPLICATION_ID, MIGRATIONS, Migration
from muster.registry.sqlite import SqliteRegistry

BROKEN = (
    *MIGRATIONS,
    Migration(
        number=len(MIGRATIONS) + 1,
        statements=("CREATE TABLE extra (x)", "CREATE TABLE extra (x)"),
    ),
)

Spoil = Callable[[Path], object]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a registry file with some accounts, closed."""
    path = tmp_path / "a folder" / "state.sqlite"
    with SqliteRegistry.open(path) as registry:
        registry.save(CONTOSO, [make_record(number) for number in range(200)])
    return path


def test_no_database_is_refused(state: Path) -> None:
    """A text file is refused."""
    assert_refused(state, lambda path: path.write_text("hello" * 100), "is no database")


def test_an_empty_file_is_refused(state: Path) -> None:
    """A file of no bytes is what a lost file looks like, and no fresh start."""
    assert_refused(state, lambda path: path.write_bytes(b""), "is no database")


def test_a_damaged_page_is_refused(state: Path) -> None:
    """A file with a broken page is refused before anything is read from it."""
    assert_refused(state, lambda path: overwrite(path, 4096, b"\xff" * 8192), "is damaged")


def test_a_cut_file_is_refused(state: Path) -> None:
    """A file that lost its end is refused."""
    assert_refused(state, lambda path: os.truncate(path, 20_000), "is damaged")


def test_another_programs_file_is_refused(state: Path) -> None:
    """A sound database of another program is refused."""
    assert_refused(state, lambda path: overwrite(path, 68, b"ABCD"), "belongs to another program")


def test_a_newer_file_is_refused(state: Path) -> None:
    """A file of a newer Muster is refused, and the message says which versions are meant."""
    assert_refused(
        state,
        lambda path: overwrite(path, 60, (9).to_bytes(4, "big")),
        f"version 9.*knows {len(MIGRATIONS)}",
    )


def test_a_newer_file_whose_writer_died_is_refused(state: Path, tmp_path: Path) -> None:
    """A newer version that only the write-ahead log tells is seen, and nothing is repaired."""
    with closing(sqlite3.connect(state)) as newer:
        newer.execute("PRAGMA user_version = 9")
        newer.commit()
        copy = tmp_path / "crashed" / state.name
        copy.parent.mkdir()
        for file in state.parent.glob("state.sqlite*"):
            shutil.copyfile(file, copy.with_name(file.name))
    copy.with_name("state.sqlite-shm").unlink()
    before = fingerprint(copy)
    with pytest.raises(StateError, match="version 9"):
        SqliteRegistry.open(copy)
    assert fingerprint(copy) == before


def test_a_log_without_its_file_is_refused(tmp_path: Path) -> None:
    """A new file is not begun beside the log of a lost one, which SQLite would mix into it."""
    path = tmp_path / "state.sqlite"
    path.with_name("state.sqlite-wal").write_bytes(b"x")
    with pytest.raises(StateError, match="The registry is missing"):
        SqliteRegistry.open(path)
    assert not path.exists()


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    """A path that cannot be opened is an error of the registry's, not of Python's."""
    with pytest.raises(StateError, match="cannot be used"):
        SqliteRegistry.open(tmp_path)


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    """The first run makes the file and the folders above it."""
    path = tmp_path / "a" / "b" / "state.sqlite"
    SqliteRegistry.open(path).close()
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "state.sqlite",
        "state.sqlite.lock",
    ]


def test_the_file_says_whose_it_is(state: Path) -> None:
    """The header holds our application id and the version of the last migration."""
    with closing(sqlite3.connect(state)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (MIGRATIONS[-1].number,)


def test_migrations_are_numbered_without_gaps() -> None:
    """The version of a file is the number of migrations that it has had."""
    assert [one.number for one in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_an_older_file_is_migrated_after_a_backup(state: Path) -> None:
    """A migration keeps every record, and leaves a copy that the older program can open."""
    with SqliteRegistry.open(state, NEXT) as registry:
        assert len(registry.load(CONTOSO).records) == 200
    with pytest.raises(StateError, match="newer than this Muster"):
        SqliteRegistry.open(state)
    with SqliteRegistry.open(
        state.with_name(f"state.sqlite.v{len(MIGRATIONS)}.backup")
    ) as registry:
        assert len(registry.load(CONTOSO).records) == 200


def test_a_failed_migration_changes_nothing(state: Path) -> None:
    """A migration that fails in its middle leaves the file as it was."""
    with pytest.raises(StateError, match="already exists"):
        SqliteRegistry.open(state, BROKEN)
    with SqliteRegistry.open(state) as registry:
        assert len(registry.load(CONTOSO).records) == 200


def test_reading_an_older_file_does_not_migrate_it(state: Path) -> None:
    """A newer program may read an older file, and the older one can still write it."""
    with SqliteRegistry.open_for_reading(state, NEXT) as registry:
        assert len(registry.load(CONTOSO).records) == 200
    SqliteRegistry.open(state).close()


def test_a_missing_file_reads_as_empty(tmp_path: Path) -> None:
    """Reading before the first run shows nothing and makes no file."""
    with SqliteRegistry.open_for_reading(tmp_path / "state.sqlite") as registry:
        assert registry.list_customers() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_reader_works_while_a_writer_runs(state: Path) -> None:
    """A reader needs no lock, and sees what the writer has saved."""
    with SqliteRegistry.open(state) as writer:
        with SqliteRegistry.open_for_reading(state) as reader:
            writer.save(CONTOSO, [], status={"run": 2})
            assert reader.load(CONTOSO).status == {"run": 2}
        with SqliteRegistry.open_for_reading(state) as second:
            assert second.load(CONTOSO).status == {"run": 2}
        writer.save(CONTOSO, [], status={"run": 3})


def test_a_reader_needs_no_right_to_write(state: Path) -> None:
    """Whoever may only read the file and its folder can read the registry, and leaves no trace."""
    script = (
        # urllib: imported late by pathlib, from where the lesser user may not read.
        "import os, sys, pathlib, urllib.parse\n"
        "from muster.registry.sqlite import SqliteRegistry\n"
        "if os.geteuid() == 0:\n"
        "    os.chdir(pathlib.Path(sys.argv[1]).parent)\n"
        "    os.setuid(65534)\n"
        "with SqliteRegistry.open_for_reading(pathlib.Path('state.sqlite')) as registry:\n"
        "    print(len(registry.load('contoso').records))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / state.name
        shutil.copyfile(state, copy)
        copy.chmod(0o444)
        copy.parent.chmod(0o555)
        before = fingerprint(copy)
        ran = subprocess.run(
            [sys.executable, "-c", script, copy], cwd=folder, capture_output=True, check=False
        )
        assert (ran.stdout, ran.stderr) == (b"200\n", b"")
        assert fingerprint(copy) == before
        copy.parent.chmod(0o755)


def test_a_reader_does_not_write(state: Path) -> None:
    """What was opened for reading refuses to write."""
    with SqliteRegistry.open_for_reading(state) as reader:
        with pytest.raises(StateError, match="for reading only"):
            reader.save(CONTOSO, [], status={})
        with pytest.raises(StateError, match="for reading only"):
            reader.open_intent(make_intent())


def test_a_closed_registry_says_so(state: Path) -> None:
    """Use after closing is an error of the registry's."""
    registry = SqliteRegistry.open(state)
    registry.close()
    with pytest.raises(StateError, match="closed"):
        registry.load(CONTOSO)


def test_a_second_writer_in_this_process_is_refused(state: Path) -> None:
    """One file has one writer, under whatever name it is opened."""
    alias = state.parent.with_name("alias")
    alias.symlink_to(state.parent, target_is_directory=True)
    with SqliteRegistry.open(state), pytest.raises(StateBusy, match=f"process {os.getpid()}"):
        SqliteRegistry.open(alias / state.name)
    SqliteRegistry.open(alias / state.name).close()


def test_another_process_is_named_and_its_death_frees_the_file(state: Path) -> None:
    """The refusal names the process that holds the file; when it is killed, the file is free."""
    script = (
        "import sys, pathlib\n"
        "from muster.registry.sqlite import SqliteRegistry\n"
        "registry = SqliteRegistry.open(pathlib.Path(sys.argv[1]))\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(StateBusy, match=rf"in use by process {holder.pid} since \d{{4}}-"):
            SqliteRegistry.open(state)
        with SqliteRegistry.open_for_reading(state) as reader:
            assert len(reader.load(CONTOSO).records) == 200
        holder.send_signal(signal.SIGKILL)
    SqliteRegistry.open(state).close()


def test_a_foreign_transaction_is_waited_for_and_then_reported(state: Path) -> None:
    """A database tool that holds the file makes it busy, not broken."""
    with SqliteRegistry.open(state) as registry, closing(sqlite3.connect(state)) as tool:
        registry._connection.execute("PRAGMA busy_timeout = 10")
        tool.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateBusy, match="another program"):
            registry.save(CONTOSO, [], status={})
        tool.rollback()
        registry.save(CONTOSO, [], status={})


def assert_refused(state: Path, spoil: Spoil, message: str) -> None:
    """Check that a spoiled file is refused for writing and reading, and is left as it was."""
    spoil(state)
    before = fingerprint(state)
    for opened in (SqliteRegistry.open, SqliteRegistry.open_for_reading):
        with pytest.raises(StateError, match=message) as caught:
            opened(state)
        assert str(state) in str(caught.value)
        assert fingerprint(state) == before


def fingerprint(state: Path) -> dict[str, str]:
    """Return the hash of every file in the registry's folder; the lock file is no part of it."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in state.parent.iterdir()
        if not file.name.endswith(".lock")
    }


def overwrite(path: Path, offset: int, data: bytes) -> None:
    """Replace bytes in the middle of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
