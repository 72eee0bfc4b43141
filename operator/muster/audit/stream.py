"""The audit as a stream of JSON lines that somebody collects, as of a pod's standard output.

Each process is a chain of its own, with numbered lines, so that lines of several replicas may
be mixed with each other and with anything else. The hash is of the fields in a fixed order: a
collector may write them in another.
"""

from __future__ import annotations

import json
import threading
from typing import TextIO
from uuid import uuid4

from muster.audit.events import AuditEvent, fields_of
from muster.audit.verify import FIRST, hash_of_fields
from muster.errors import StateError


class StreamSink:
    """Writes each event at once; thread-safe."""

    def __init__(self, stream: TextIO, identity: str = "") -> None:
        self._stream = stream
        self._chain = f"{identity or 'muster'}/{uuid4().hex[:12]}"
        self._number = 0
        self._previous = FIRST
        self._turn = threading.Lock()

    def append(self, *events: AuditEvent, durable: bool = True) -> None:  # noqa: ARG002 - the port's
        """Hand events to whoever reads the stream; whether they are kept is that one's to say.

        Raises:
            StateError: the stream is closed or full.
        """
        with self._turn:
            try:
                for event in events:
                    self._write(event)
                self._stream.flush()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "it is closed"
                raise StateError(f"The audit stream cannot be written: {reason}.") from error

    def _write(self, event: AuditEvent) -> None:
        fields: dict[str, object] = {
            "audit": True,
            **fields_of(event),
            "chain": self._chain,
            "number": self._number,
            "previous": self._previous,
        }
        self._stream.write(json.dumps(fields, separators=(",", ":")) + "\n")
        self._number += 1
        self._previous = hash_of_fields(fields)
