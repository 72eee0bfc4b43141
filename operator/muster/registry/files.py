"""Decides how registry files are made, copied and named so that a crash loses none of them.

It also puts SQLite's and the system's errors into our words. Which files may be opened is
decided in `opening.py`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from muster.errors import StateBusy, StateError
from muster.registry.lock import beside
from muster.registry.migrations import Migration, migrate

RESTORE = "Restore it from a backup, or move it away to start with an empty registry."
"""What to do about a file that cannot be read."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors into StateErrors that say what to do."""
    try:
        yield
    except sqlite3.Error as exc:
        raise _explain(path, exc) from exc
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _disk_full(path) from exc
        raise StateError(
            f"The registry cannot be used: {path}: {exc.strerror}. "
            "Muster must be able to read and write the file and its folder."
        ) from exc


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """Open a file in SQLite's mode `rw`, `rwc`, `ro`, or `ro&immutable=1` (no helper files)."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=5,
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def create(path: Path, migrations: tuple[Migration, ...]) -> None:
    """Make an empty registry; after a crash there is a whole one or none.

    Raises:
        StateError: it cannot be written, or remains of a lost file lie in its place.
    """
    if has_content(beside(path, "-wal")):
        raise StateError(
            f"The registry is missing: {path}: its file {beside(path, '-wal').name} is still "
            "there, without the file it belongs to. Restore both, or move that file away."
        )
    draft = beside(path, ".new")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with closing(connect(draft, mode="rwc")) as connection:
            connection.execute("PRAGMA journal_mode = MEMORY")  # a draft needs no recovery
            migrate(connection, migrations)
            connection.execute("PRAGMA journal_mode = WAL")
        put_in_place(draft, path)


def back_up(path: Path, source: sqlite3.Connection, version: int) -> Path:
    """Copy an open registry to `<name>.v<version>.backup` beside it, and return the path."""
    backup = beside(path, f".v{version}.backup")
    draft = beside(path, ".new")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft)) as target:
        source.backup(target)
        # The copy is a single file, whatever becomes of the helper files.
        target.execute("PRAGMA journal_mode = DELETE")
    put_in_place(draft, backup)
    return backup


def put_in_place(draft: Path, path: Path) -> None:
    """Give a finished file its name so that a power cut leaves the old one or the new one."""
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot sync folders
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name; None when there is none."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return about.st_dev, about.st_ino


def has_content(path: Path) -> bool:
    """Return whether a file is there and not empty."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _explain(path: Path, exc: sqlite3.Error) -> StateError:
    # The primary result code is the low byte (sqlite.org/rescode.html).
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return _disk_full(path)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StateBusy(f"The registry {path} is in use by another program; wait for it.")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return damaged(path)
    return StateError(
        f"The registry cannot be used: {path}: {exc}. "
        "Muster must be able to read and write the file and its folder."
    )


def damaged(path: Path) -> StateError:
    """Return the error for a file whose pages are broken."""
    return StateError(f"The registry is damaged: {path}. {RESTORE}")


def _disk_full(path: Path) -> StateError:
    return StateError(
        f"The registry cannot grow: the disk of {path} is full. "
        "Nothing was written; free some space and run again."
    )
