"""The registry port on one SQLite file: for one machine, without a server.

It decides how records, intents, sizes and statuses lie in tables and when they are on
disk. Which file may be opened is decided in `opening.py`, who may write in `lock.py`, and
how a record looks as text in `encoding.py`.

Every transaction is on disk when the call returns (WAL with synchronous=FULL), so an
intent survives a power cut that follows at once. Threads of one process may share an
instance.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from muster.errors import StateError
from muster.model.accounts import AccountRecord, Intent, IntentState, Known
from muster.model.names import CustomerName, Source
from muster.model.passwords import JobEnd, PasswordJob, refusal_to_open, require_open
from muster.registry import files
from muster.registry.encoding import ACCOUNT, INTENT, decode_json, encode_json
from muster.registry.jobs import (
    DELETE_JOB,
    FIND_JOB,
    SELECT_ENDS,
    SELECT_JOBS,
    UPSERT_END,
    UPSERT_JOB,
    end_row,
    job_row,
    read_end,
    read_job,
)
from muster.registry.lock import WriterLock
from muster.registry.migrations import MIGRATIONS, Migration
from muster.registry.opening import connect_reader, connect_writer

_UPSERT_ACCOUNT = """
    INSERT INTO accounts (customer, object_id, account_type, released, document)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (customer, object_id) DO UPDATE SET
        account_type = excluded.account_type,
        released = excluded.released,
        document = excluded.document
    WHERE document <> excluded.document
"""
_UPSERT_INTENT = """
    INSERT INTO intents (id, customer, object_id, state, settled, document)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, settled = excluded.settled, document = excluded.document
    WHERE document <> excluded.document OR settled <> excluded.settled
"""
_UPSERT_SIZE = """
    INSERT INTO sizes (customer, source, size) VALUES (?, ?, ?)
    ON CONFLICT (customer, source) DO UPDATE SET size = excluded.size
    WHERE size <> excluded.size
"""
_UPSERT_STATUS = """
    INSERT INTO statuses (customer, document) VALUES (?, ?)
    ON CONFLICT (customer) DO UPDATE SET document = excluded.document
    WHERE document <> excluded.document
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """The rows of one transaction, encoded before it begins."""

    accounts: tuple[tuple[Any, ...], ...] = ()
    intents: tuple[tuple[Any, ...], ...] = ()
    sizes: tuple[tuple[Any, ...], ...] = ()
    statuses: tuple[tuple[Any, ...], ...] = ()


class SqliteRegistry:
    """Made by `open` or `open_for_reading`; closed by `close` or at the end of `with`."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: WriterLock | None = None
    ) -> None:
        self._path = path
        self._connection = connection
        self._lock = lock
        self._turn = threading.RLock()
        self._file = files.identity(path) if lock else None
        self.rows_written = 0
        """How many rows this instance has changed; none when what is saved is what was stored."""

    @classmethod
    def open(cls, path: Path, migrations: tuple[Migration, ...] = MIGRATIONS) -> Self:
        """Open the file for writing, and make or migrate it where needed.

        Raises:
            StateBusy: another process writes it.
            StateError: it is damaged, foreign or newer; it was not touched.
        """
        path = path.resolve()
        with files.explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(path)
        try:
            return cls(path, connect_writer(path, migrations), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open_for_reading(cls, path: Path, migrations: tuple[Migration, ...] = MIGRATIONS) -> Self:
        """Open the file without a lock, while another process may write it.

        A missing file reads as an empty registry, and is not made.

        Raises:
            StateError: it is damaged, foreign or newer.
        """
        path = path.resolve()
        return cls(path, connect_reader(path, migrations))

    def close(self) -> None:
        """Close the file and let the next writer in."""
        with self._turn:
            self._connection.close()
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, customer: CustomerName) -> Known:
        """Return everything known about a customer, as of one moment."""
        with self.reading():
            accounts = self._rows("SELECT object_id, document FROM accounts", customer)
            intents = self._rows("SELECT id, document FROM intents", customer, "settled = 0")
            sizes = self._rows("SELECT source, size FROM sizes", customer)
            statuses = self._rows("SELECT customer, document FROM statuses", customer)
            jobs, ends = self._passwords(customer)
        where = f"{self._path}, customer {customer}"
        return Known(
            records=tuple(
                ACCOUNT.decode(text, f"{where}, account {key}") for key, text in accounts
            ),
            intents=tuple(INTENT.decode(text, f"{where}, intent {key}") for key, text in intents),
            sizes=tuple((Source(source), size) for source, size in sizes),
            jobs=jobs,
            job_ends=ends,
            status=decode_json(statuses[0][1], where) if statuses else {},
        )

    def save(
        self,
        customer: CustomerName,
        records: Iterable[AccountRecord],
        sizes: Iterable[tuple[Source, int]] = (),
        status: dict[str, Any] | None = None,
    ) -> None:
        """Write what differs from what is stored, in one transaction.

        Raises:
            StateError: the disk is full or the file is damaged; nothing was written.
            TypeError: something that must not be written, such as a `Secret`.
        """
        records = tuple(records)
        accounts = tuple(_account_row(customer, record) for record in records)
        rows = tuple((customer, source.value, size) for source, size in sizes)
        statuses = () if status is None else ((customer, encode_json(status)),)
        with self._turn:
            settled = self._settled_by(customer, records)
            intents = tuple(_intent_row(intent, settled=True) for intent in settled)
            self._write(_Batch(accounts=accounts, intents=intents, sizes=rows, statuses=statuses))

    def open_intent(self, intent: Intent) -> None:
        """Write an open intent; it is on disk when this returns.

        It takes the place of an earlier one with the same id: a create that failed, or whose
        record is gone, may be tried again.

        Raises:
            ValueError: the intent is not open.
        """
        if intent.state is not IntentState.OPEN:
            raise ValueError(f"intent {intent.id} is not open")
        self._write(_Batch(intents=(_intent_row(intent, settled=False),)))

    def close_intent(self, intent: Intent, record: AccountRecord | None = None) -> None:
        """Write an intent's end and the record that it led to, in one transaction.

        Raises:
            ValueError: the intent is still open.
        """
        if intent.state is IntentState.OPEN:
            raise ValueError(f"intent {intent.id} has not ended")
        accounts = () if record is None else (_account_row(intent.customer, record),)
        with self._turn:
            failed = intent.state is IntentState.FAILED
            settled = failed or _is_linked(intent, record or self._find_account(intent))
            intents = (_intent_row(intent, settled=settled),)
            self._write(_Batch(accounts=accounts, intents=intents))

    def open_job(self, job: PasswordJob) -> None:
        """Write a new password job; it is on disk when this returns.

        Raises:
            ValueError: it is over, another job of the account is open, or its due date was
                served.
        """
        require_open(job)
        with self._turn:
            with self.reading():
                jobs, ends = self._passwords(job.customer)
            if refusal := refusal_to_open(job, jobs, ends):
                raise ValueError(refusal)
            with self.writing() as connection:
                connection.execute(UPSERT_JOB, job_row(job))

    def save_job(self, job: PasswordJob) -> None:
        """Write how far a job has come; it is on disk when this returns.

        Raises:
            ValueError: the job is over, or was never opened.
        """
        require_open(job)
        row = job_row(job)
        with self.writing() as connection:
            if connection.execute(FIND_JOB, (job.id, job.customer)).fetchone() is None:
                raise ValueError(f"password job {job.id} is not open")
            connection.execute(UPSERT_JOB, row)

    def close_job(self, job: PasswordJob) -> None:
        """Write a job's end and drop the job, in one transaction.

        Raises:
            ValueError: the job is still open.
        """
        row = end_row(job)
        with self.writing() as connection:
            connection.execute(DELETE_JOB, (job.id,))
            connection.execute(UPSERT_END, row)

    def read_mark(self, name: str) -> str:
        """Return a mark; empty when there is none."""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def write_mark(self, name: str, value: str) -> None:
        """Write a mark; it is on disk when this returns."""
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def list_customers(self) -> tuple[CustomerName, ...]:
        """Return the names of all customers that have a record or a status, in order."""
        query = "SELECT customer FROM accounts UNION SELECT customer FROM statuses ORDER BY 1"
        with self.reading():
            return tuple(CustomerName(row[0]) for row in self._connection.execute(query))

    def _settled_by(
        self, customer: CustomerName, records: tuple[AccountRecord, ...]
    ) -> tuple[Intent, ...]:
        """Return the intents that no later run needs, because a record now holds their link.

        They stay settled when that link is dropped later: the create is history by then.
        """
        with self.reading():
            rows = self._rows("SELECT id, document FROM intents", customer, "settled = 0")
        where = f"{self._path}, customer {customer}, intent"
        intents = [INTENT.decode(text, f"{where} {key}") for key, text in rows]
        by_account = {record.identity.id: record for record in records} if intents else {}
        return tuple(one for one in intents if _is_linked(one, by_account.get(one.account)))

    def _passwords(
        self, customer: CustomerName
    ) -> tuple[tuple[PasswordJob, ...], tuple[JobEnd, ...]]:
        where = f"{self._path}, customer {customer}"
        jobs = self._rows(SELECT_JOBS, customer)
        ends = self._rows(SELECT_ENDS, customer)
        return (
            tuple(read_job(text, f"{where}, password job {key}") for key, text in jobs),
            tuple(read_end(text, f"{where}, password of {key}") for key, text in ends),
        )

    def _find_account(self, intent: Intent) -> AccountRecord | None:
        query = "SELECT document FROM accounts WHERE customer = ? AND object_id = ?"
        with self.reading():
            key = (intent.customer, intent.account)
            row = self._connection.execute(query, key).fetchone()
        return None if row is None else ACCOUNT.decode(row[0], f"{self._path}, account {key[1]}")

    def _rows(
        self, select: str, customer: CustomerName, condition: str = "TRUE"
    ) -> list[tuple[Any, ...]]:
        query = f"{select} WHERE customer = ? AND {condition} ORDER BY 1"
        return self._connection.execute(query, (customer,)).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Show one moment of the file to everything inside."""
        with self._turn, files.explained(self._path):
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    def _write(self, batch: _Batch) -> None:
        with self.writing() as connection:
            connection.executemany(_UPSERT_ACCOUNT, batch.accounts)
            connection.executemany(_UPSERT_INTENT, batch.intents)
            connection.executemany(_UPSERT_SIZE, batch.sizes)
            connection.executemany(_UPSERT_STATUS, batch.statuses)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give one transaction, which is on disk at the end, or not there after an exception.

        Raises:
            StateError: the registry is open for reading only, or its file was replaced.
        """
        if self._lock is None:
            raise StateError(f"The registry was opened for reading only: {self._path}.")
        with self._turn, files.explained(self._path):
            if files.identity(self._path) != self._file:
                # The system would let us go on writing into a file that nobody can find.
                raise StateError(
                    f"The registry was deleted or replaced: {self._path}. Nothing is written any "
                    "more; end this Muster, restore the file, and start again."
                )
            before = self._connection.total_changes
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self.rows_written += self._connection.total_changes - before


def _account_row(customer: CustomerName, record: AccountRecord) -> tuple[Any, ...]:
    if record.customer != customer:
        raise ValueError(f"{record.name} is an account of {record.customer}, not of {customer}")
    return (
        customer,
        record.identity.id,
        record.account_type.value,
        int(not record.live),
        ACCOUNT.encode(record),
    )


def _intent_row(intent: Intent, *, settled: bool) -> tuple[Any, ...]:
    return (
        intent.id,
        intent.customer,
        intent.account,
        intent.state.value,
        int(settled),
        INTENT.encode(intent),
    )


def _is_linked(intent: Intent, record: AccountRecord | None) -> bool:
    """Return whether the record holds the link to what the intent made."""
    if intent.state is not IntentState.DONE or intent.remote_id is None or record is None:
        return False
    return record.link(intent.system).id == intent.remote_id
