"""Writes down who did what to whose account, and proves afterwards that nobody changed it.

Every effect that a person may have to answer for goes through `record`: a password shown, and
whatever a shell decides to record besides. It never holds a secret. A line names the SHA-256 of
the line before it, so a changed, removed or inserted line is found by `verify`. Lines cut off at
the end are not: keep what `verify` returns somewhere else to notice that.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO

import filelock

from muster.errors import StateBusy, StateError

FIRST = "0" * 64
"""What the first line names as the line before it."""

SERVICE_ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes mounts it.

Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

_BLOCK = 4096
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that was done, or that is about to be. No field may hold a secret."""

    at: datetime
    actor: str
    action: str
    """A word in PascalCase, such as ShowPassword."""
    customer: str
    subject: str = ""
    """The account or the entry."""
    reason: str = ""
    result: str = ""


class Sink(Protocol):
    """Where events go."""

    def append(self, event: AuditEvent) -> None:
        """Keep an event so that it survives a crash that follows at once.

        Raises:
            StateError: it could not be kept; what was to be recorded must not be done.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A file whose chain is whole: how many events it has, and the hash of its last line."""

    events: int
    head: str
    torn: int = 0
    """Lines that a crash cut short; the chain goes on through them."""


def record(
    sink: Sink,
    action: str,
    customer: str,
    *,
    subject: str = "",
    reason: str = "",
    result: str = "",
) -> None:
    """Record that this user, now, does something; raises StateError when that cannot be kept."""
    sink.append(
        AuditEvent(
            at=datetime.now(UTC),
            actor=current_actor(),
            action=action,
            customer=customer,
            subject=subject,
            reason=reason,
            result=result,
        )
    )


def current_actor(token: Path = SERVICE_ACCOUNT_TOKEN) -> str:
    """Return who this process is: the pod's service account, else the system's user."""
    account = _service_account(token)
    if account:
        return account
    # Not LOGNAME and its like, which getpass asks first: anybody may set them.
    try:
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    # sudo's own word for who called it (sudo(8)); only root can be called by it.
    caller = os.environ.get("SUDO_USER") if name == "root" else None
    return f"{caller} (as {name})" if caller else name


def _service_account(token: Path) -> str:
    """Return the subject that a pod's token names; empty outside of a cluster."""
    with suppress(OSError, ValueError, IndexError, KeyError, TypeError):
        claims = token.read_text(encoding="ascii").split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
    return ""


class FileSink:
    """Appends to a file of JSON lines; many processes may write it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, event: AuditEvent) -> None:
        """Add a line to the chain; it is on disk when this returns.

        Raises:
            StateError: the file cannot be written, or somebody keeps it locked.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self._path.with_name(self._path.name + ".lock"))
            with lock.acquire(timeout=_PATIENCE_S):
                self._append(event)
        except filelock.Timeout:
            raise StateBusy(
                f"The audit file {self._path} is in use by another process; wait for it."
            ) from None
        except OSError as error:
            raise StateError(
                f"The audit file cannot be written: {self._path}: {error.strerror}. "
                "Nothing is done that cannot be recorded."
            ) from error

    def _append(self, event: AuditEvent) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            last = _last_line(descriptor)
            torn = last is not None and not last.endswith(b"\n")
            line = _line(event, FIRST if last is None else _hash(last.rstrip(b"\n")))
            _write_all(descriptor, (b"\n" if torn else b"") + line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class StreamSink:
    """Writes each event as a JSON line to a stream that somebody collects, as in a cluster.

    There is no chain: the collector keeps the lines, and several replicas write them.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def append(self, event: AuditEvent) -> None:
        """Write the event at once."""
        try:
            self._stream.write(_body({"audit": True, **_fields(event)}).decode() + "\n")
            self._stream.flush()
        except OSError as error:
            raise StateError(f"The audit stream cannot be written: {error.strerror}.") from error


def verify(path: Path) -> Verified:
    """Check that every line names the one before it.

    Raises:
        StateError: a line was changed, removed or inserted; it names the first line that shows it.
    """
    previous, events, torn = FIRST, 0, 0
    for number, line in enumerate(_lines(path), start=1):
        named = _named(line)
        if named is None:
            torn += 1
        elif named != previous:
            raise StateError(
                f"The audit file was altered: {path}, line {number}: it does not follow the line "
                "before it. Compare both with a backup."
            )
        else:
            events += 1
        previous = _hash(line)
    return Verified(events=events, head=previous, torn=torn)


def _fields(event: AuditEvent) -> dict[str, str]:
    at = event.at.astimezone(UTC).isoformat(timespec="milliseconds")
    return asdict(event) | {"at": at.replace("+00:00", "Z")}


def _body(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def _line(event: AuditEvent, previous: str) -> bytes:
    return _body({**_fields(event), "previous": previous}) + b"\n"


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _named(line: bytes) -> str | None:
    """Return the hash that a line names; None for one that is not whole."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(line)["previous"])
    return None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")
    except OSError as error:
        raise StateError(f"The audit file cannot be read: {path}: {error.strerror}.") from error


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
    while content:
        content = content[os.write(descriptor, content) :]
