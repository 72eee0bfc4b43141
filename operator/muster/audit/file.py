"""The audit in a file: a chain of JSON lines that many processes and threads may write at once.

A line names the SHA-256 of the line before it. A line that is durable is on disk before its
effect begins; threads that wait for the disk together share one flush. What came of an effect
need not wait: without that line, the effect shows as Unknown, which is then the truth.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from muster.audit.events import AuditEvent, fields_of
from muster.audit.verify import FIRST, hash_of
from muster.errors import StateBusy, StateError

_BLOCK = 4096
_PATIENCE_S = 10.0


class FileSink:
    """Appends to a file of JSON lines; thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._flushing = threading.Lock()
        self._written = self._flushed = 0
        self._last: tuple[int, int, str] | None = None
        """Inode, size and last hash after our own last line: while both hold, nobody wrote."""

    def append(self, *events: AuditEvent, durable: bool = True) -> None:
        """Add lines to the chain; durable ones are on disk when this returns.

        Raises:
            StateError: the file cannot be written, or somebody keeps it locked.
        """
        if not events:
            return
        with self._errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = self._open()
            try:
                number = self._write(descriptor, events)
                if durable:
                    self._flush(descriptor, number)
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        known = self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        if not known:
            _flush_name(self._path.parent)
        return descriptor

    def _write(self, descriptor: int, events: Iterable[AuditEvent]) -> int:
        lock = filelock.FileLock(self._path.with_name(self._path.name + ".lock"))
        with self._turn, lock.acquire(timeout=_PATIENCE_S):
            about = os.fstat(descriptor)
            previous, end = self._end(descriptor, about)
            self._last = None
            parts = [end]
            for event in events:
                line = _line(event, previous)
                previous = hash_of(line)
                parts.append(line + b"\n")
            content = b"".join(parts)
            _write_all(descriptor, content)
            self._last = (about.st_ino, about.st_size + len(content), previous)
            self._written += 1
            return self._written

    def _end(self, descriptor: int, about: os.stat_result) -> tuple[str, bytes]:
        """Return the hash of the last line, and what must end it where a crash cut it short."""
        if self._last and self._last[:2] == (about.st_ino, about.st_size):
            return self._last[2], b""
        last = _last_line(descriptor)
        if last is None:
            return FIRST, b""
        return hash_of(last.rstrip(b"\n")), b"" if last.endswith(b"\n") else b"\n"

    def _flush(self, descriptor: int, number: int) -> None:
        """Put our line on disk, unless a later flush of another thread did that already."""
        with self._flushing:
            if self._flushed < number:
                written = self._written
                os.fsync(descriptor)
                self._flushed = written

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except filelock.Timeout:
            raise StateBusy(
                f"The audit file {self._path} is in use by another process; wait for it."
            ) from None
        except OSError as error:
            raise StateError(
                f"The audit file cannot be written: {self._path}: {error.strerror}. "
                "Nothing is done that cannot be recorded."
            ) from error


def _line(event: AuditEvent, previous: str) -> bytes:
    fields = {**fields_of(event), "previous": previous}
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def _last_line(descriptor: int) -> bytes | None:
    """Return the last line with its end, or what a crash left of it; None for an empty file."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    start, tail = end, b""
    while start and b"\n" not in tail[:-1]:
        step = min(_BLOCK, start)
        start -= step
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, step) + tail
    if not tail:
        return None
    return tail[tail.rfind(b"\n", 0, len(tail) - 1) + 1 :]


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _flush_name(directory: Path) -> None:
    """Make a new file's name durable too, where directories can be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
