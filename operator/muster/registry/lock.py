"""Decides who may write a registry file: one process, until it lets go or dies.

The operating system holds the lock, so a killed holder never blocks the next one. Who
holds it stands in a file of its own, because some versions of filelock empty the lock
file of the holder whenever somebody else tries to take it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import filelock

from muster.errors import StateBusy, StateError


class WriterLock:
    """Held from its creation until `release`. Raises StateBusy when somebody else holds it."""

    def __init__(self, database: Path) -> None:
        self._holder = beside(database, ".holder")
        # Not thread-local: the pool's threads and the one that closes share the lock.
        self._lock = filelock.FileLock(beside(database, ".lock"), thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise StateBusy(_busy(database, self._holder)) from None
        except OSError as exc:
            raise StateError(
                f"The registry cannot be locked: {beside(database, '.lock')}: {exc.strerror}. "
                "Muster must be able to write to its folder."
            ) from exc
        self._sign()

    def release(self) -> None:
        """Let the next writer in."""
        with suppress(OSError):
            self._holder.unlink(missing_ok=True)
        self._lock.release()

    def _sign(self) -> None:
        """Write who holds the lock. A failure changes no more than the rival's message."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):
            self._holder.write_text(json.dumps({"pid": os.getpid(), "since": since}))


def beside(database: Path, ending: str) -> Path:
    """Return the path of a file that accompanies a registry file."""
    return database.with_name(database.name + ending)


def _busy(database: Path, holder: Path) -> str:
    return (
        f"The registry {database} is in use by {_describe(holder)}; wait for it, or stop it. "
        "Two writers at once could create a record twice."
    )


def _describe(holder: Path) -> str:
    try:
        written = json.loads(holder.read_text())
        return f"process {int(written['pid'])} since {written['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        # The holder has the lock and has not signed yet.
        return "another process"
