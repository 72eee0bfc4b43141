"""Decides what the tables of a registry file look like, and how an older file gets there.

A migration is never changed once it was released; a new one is added at the end. They
run in order, all in one transaction, and only forward.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

APPLICATION_ID = 0x4D757374
"""`Must` in ASCII; marks the file as ours (sqlite.org/pragma.html#pragma_application_id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step; `number` is the `user_version` of the file that it leads to."""

    number: int
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        number=1,
        statements=(
            # The document is the record; the other columns are copies for queries.
            """
            CREATE TABLE accounts (
                customer TEXT NOT NULL,
                object_id TEXT NOT NULL,
                account_type TEXT NOT NULL,
                released INTEGER NOT NULL CHECK (released IN (0, 1)),
                document TEXT NOT NULL,
                PRIMARY KEY (customer, object_id)
            )
            """,
            # `settled`: no later run needs the intent. It failed, or its record is in a link.
            # It refers to no row of accounts: a create may come before the account's first save.
            """
            CREATE TABLE intents (
                id TEXT NOT NULL PRIMARY KEY,
                customer TEXT NOT NULL,
                object_id TEXT NOT NULL,
                state TEXT NOT NULL,
                settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
                document TEXT NOT NULL
            )
            """,
            "CREATE INDEX intents_unsettled ON intents (customer) WHERE settled = 0",
            """
            CREATE TABLE sizes (
                customer TEXT NOT NULL,
                source TEXT NOT NULL,
                size INTEGER NOT NULL CHECK (size >= 0),
                PRIMARY KEY (customer, source)
            )
            """,
            """
            CREATE TABLE statuses (
                customer TEXT NOT NULL PRIMARY KEY,
                document TEXT NOT NULL
            )
            """,
        ),
    ),
    Migration(
        number=2,
        statements=(
            # Passwords in the document are sealed; `version` lets two writers notice each other.
            """
            CREATE TABLE vault_entries (
                vault TEXT NOT NULL,
                organization TEXT NOT NULL,
                id TEXT NOT NULL,
                version INTEGER NOT NULL CHECK (version >= 1),
                document TEXT NOT NULL,
                PRIMARY KEY (vault, organization, id)
            )
            """,
        ),
    ),
    Migration(
        number=3,
        statements=(
            # Only open jobs: their documents hold sealed passwords, which go when a job ends.
            """
            CREATE TABLE password_jobs (
                id TEXT NOT NULL PRIMARY KEY,
                customer TEXT NOT NULL,
                object_id TEXT NOT NULL,
                document TEXT NOT NULL,
                UNIQUE (customer, object_id)
            )
            """,
            # The last end of each kind, of those that set a password and of those that did not.
            """
            CREATE TABLE password_job_ends (
                customer TEXT NOT NULL,
                object_id TEXT NOT NULL,
                kind TEXT NOT NULL,
                was_set INTEGER NOT NULL CHECK (was_set IN (0, 1)),
                document TEXT NOT NULL,
                PRIMARY KEY (customer, object_id, kind, was_set)
            )
            """,
        ),
    ),
    Migration(
        number=4,
        statements=(
            # Such as which daily digest was sent last.
            "CREATE TABLE marks (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
        ),
    ),
)


def newest(migrations: tuple[Migration, ...]) -> int:
    """Return the version that this program writes."""
    return migrations[-1].number


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of an open file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...]) -> None:
    """Bring an open file to the newest version, wholly or not at all."""
    start = version_of(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migration in migrations:
            if migration.number > start:
                _step(connection, migration)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _step(connection: sqlite3.Connection, migration: Migration) -> None:
    for statement in migration.statements:
        connection.execute(statement)
    # Pragmas take no parameters; both numbers are constants of this module's lists.
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {migration.number}")
