"""Decides whether a file may be opened as a registry, and opens it.

A file that is refused is left as it was, byte for byte: it is judged by its header, and
its pages are checked without SQLite's helper files.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from muster.errors import StateError
from muster.registry import files
from muster.registry.lock import beside
from muster.registry.migrations import APPLICATION_ID, Migration, migrate, newest, version_of


def connect_writer(path: Path, migrations: tuple[Migration, ...]) -> sqlite3.Connection:
    """Open a file that this process has locked; make it, or migrate it, where needed.

    Raises:
        StateError: it is no registry, is damaged, or was written by a newer Muster.
    """
    if not path.exists():
        files.create(path, migrations)
    _check_for_writing(path, migrations)
    with files.explained(path):
        connection = files.connect(path, mode="rw")
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone stops at the drive
            _migrate_with_backup(path, connection, migrations)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_reader(path: Path, migrations: tuple[Migration, ...]) -> sqlite3.Connection:
    """Open a file that another process may be writing. A missing one reads as empty.

    Raises:
        StateError: it is no registry, is damaged, or was written by a newer Muster.
    """
    if not path.exists():
        return _in_memory(migrations)
    _check_for_reading(path, migrations)
    live = files.has_content(beside(path, "-wal")) or os.access(path.parent, os.W_OK)
    with files.explained(path):
        # SQLite reads beside a writer only with helper files, which need a writable folder.
        connection = files.connect(path, mode="ro" if live else "ro&immutable=1")
        try:
            version = version_of(connection)
            _refuse_newer(path, version, migrations)
            if live and version == newest(migrations):
                return connection
            copy = _migrated_copy(path, connection, migrations)
        except BaseException:
            connection.close()
            raise
        connection.close()
    return copy


def _check_for_writing(path: Path, migrations: tuple[Migration, ...]) -> None:
    _refuse_newer(path, _header_version(path), migrations)
    if files.has_content(beside(path, "-wal")):
        _check_copy(path, migrations)
    else:
        _check_alone(path)


def _check_for_reading(path: Path, migrations: tuple[Migration, ...]) -> None:
    _refuse_newer(path, _header_version(path), migrations)
    if files.has_content(beside(path, "-wal")):
        return  # a writer is at work, and has checked the file
    try:
        _check_alone(path)
    except StateError:
        # A writer that began meanwhile changes pages under our eyes; that is no damage.
        if not files.has_content(beside(path, "-wal")):
            raise


def _header_version(path: Path) -> int:
    """Return the `user_version` that the first 100 bytes hold.

    Source: sqlite.org/fileformat2.html#the_database_header
    """
    with files.explained(path), path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise StateError(f"The registry is no database: {path}. {files.RESTORE}")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StateError(
            f"The registry belongs to another program: {path}. Name another file for Muster."
        )
    return int.from_bytes(header[60:64], "big")


def _refuse_newer(path: Path, version: int, migrations: tuple[Migration, ...]) -> None:
    if version > newest(migrations):
        raise StateError(
            f"The registry is newer than this Muster: {path} has version {version}, and this "
            f"program knows {newest(migrations)}. Use the newer Muster, or restore the backup "
            "that it made beside the file."
        )


def _check_alone(path: Path) -> None:
    with files.explained(path), closing(files.connect(path, mode="ro&immutable=1")) as connection:
        _check_pages(path, connection)


def _check_copy(path: Path, migrations: tuple[Migration, ...]) -> None:
    """Check a file whose last writer died: to look at it, SQLite would have to repair it first."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".muster-check-") as folder:
        copy = Path(folder) / path.name
        with files.explained(path):
            shutil.copyfile(path, copy)
            shutil.copyfile(beside(path, "-wal"), beside(copy, "-wal"))
            with closing(files.connect(copy, mode="rw")) as connection:
                _check_pages(path, connection)
                _refuse_newer(path, version_of(connection), migrations)


def _check_pages(path: Path, connection: sqlite3.Connection) -> None:
    first = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if first != "ok":
        raise files.damaged(path)


def _migrate_with_backup(
    path: Path, connection: sqlite3.Connection, migrations: tuple[Migration, ...]
) -> None:
    version = version_of(connection)
    if version == newest(migrations):
        return
    files.back_up(path, connection, version)
    migrate(connection, migrations)
    # Programs that must not open the file read its version from the header.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _in_memory(migrations: tuple[Migration, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(connection, migrations)
    return connection


def _migrated_copy(
    path: Path, source: sqlite3.Connection, migrations: tuple[Migration, ...]
) -> sqlite3.Connection:
    """Return a copy in memory, so that reading an older file does not change it."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        source.backup(connection)
        _check_pages(path, connection)  # a writer may have begun while we copied
        migrate(connection, migrations)
    except BaseException:
        connection.close()
        raise
    return connection
