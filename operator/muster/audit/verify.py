"""Finds out whether lines of an audit were changed, removed or put in.

Lines cut off at the end leave no trace in what is left: keep the head elsewhere to notice that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from muster.errors import StateError

FIRST = "0" * 64
"""What the first line of a chain names as the line before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An audit whose chain is whole: how many events it has, and the hash of its last line."""

    events: int
    head: str
    """Of a stream, the heads of all chains, hashed together."""
    torn: int = 0
    """Lines that a crash cut short; the chain goes on through them."""
    chains: int = 1
    """A stream has one for each process that wrote it."""
    late: int = 0
    """Chains of a stream whose first lines are not there, as after a rotation of logs."""


def verify(path: Path) -> Verified:
    """Check a file; raises StateError as `verify_lines` does, and when it cannot be read."""
    return verify_lines(read_lines(path), f"The audit file was altered: {path}")


def verify_lines(lines: Iterable[bytes], altered: str) -> Verified:
    """Check that every line names the one before it, in a file or in a stream.

    Raises:
        StateError: a line was changed, removed or inserted; it names the first line that shows it.
    """
    head, before = None, list[bytes]()
    rest = iter(lines)
    for line in rest:
        before.append(line)
        head = parse_line(line)
        if head is not None:
            break
    everything = enumerate(chain(before, rest), start=1)
    if head is not None and "chain" in head:
        return _verify_stream(everything, altered)
    return _verify_chain(everything, altered)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their ends; raises StateError."""
    try:
        with path.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")
    except OSError as error:
        raise StateError(f"The audit file cannot be read: {path}: {error.strerror}.") from error


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the fields of a line; None for one that is torn, or no line of an audit."""
    # A collector may put a time or a pod's name before the line.
    start = line.find(b"{")
    with suppress(ValueError, RecursionError):
        fields = json.loads(line[max(start, 0) :])
        if isinstance(fields, dict) and isinstance(fields.get("previous"), str):
            return fields
    return None


def hash_of(line: bytes) -> str:
    """Return the hash by which the next line of a file names this one."""
    return hashlib.sha256(line).hexdigest()


def hash_of_fields(fields: dict[str, Any]) -> str:
    """Return the hash by which the next line of a stream names this one."""
    return hash_of(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii"))


def _verify_chain(lines: Iterable[tuple[int, bytes]], altered: str) -> Verified:
    previous, events, torn = FIRST, 0, 0
    for number, line in lines:
        fields = parse_line(line)
        if fields is None:
            torn += 1
        elif fields["previous"] != previous:
            raise StateError(
                f"{altered}, line {number}: it does not follow the line before it. "
                "Compare both with a backup."
            )
        else:
            events += 1
        previous = hash_of(line)
    return Verified(events=events, head=previous, torn=torn)


@dataclass(slots=True)
class _Seen:
    next: int
    previous: str


@dataclass(slots=True)
class _Stream:
    altered: str
    chains: dict[str, _Seen] = field(default_factory=dict)
    events: int = 0
    late: int = 0

    def take(self, number: int, fields: dict[str, Any]) -> None:
        name, place = str(fields["chain"]), fields.get("number")
        seen = self.chains.get(name)
        if seen is None:
            self.late += place != 0
            broken = place == 0 and fields["previous"] != FIRST
        else:
            broken = (place, fields["previous"]) != (seen.next, seen.previous)
        if broken or not isinstance(place, int):
            wanted = f"number {seen.next}" if seen else "the first one"
            raise StateError(
                f"{self.altered}, line {number}: it is number {place} of the chain {name}, and "
                f"does not follow the line before it; {wanted} was expected. A line was changed, "
                "lost or moved: compare with another copy of the logs."
            )
        self.events += 1
        self.chains[name] = _Seen(next=place + 1, previous=hash_of_fields(fields))


def _verify_stream(lines: Iterable[tuple[int, bytes]], altered: str) -> Verified:
    stream = _Stream(altered)
    for number, line in lines:
        fields = parse_line(line)
        if fields is not None and fields.get("audit") is True and "chain" in fields:
            stream.take(number, fields)
    heads = "".join(stream.chains[name].previous for name in sorted(stream.chains))
    return Verified(
        events=stream.events,
        head=hash_of(heads.encode("ascii")),
        chains=len(stream.chains),
        late=stream.late,
    )
