"""Writes down who did what to whose account, and proves afterwards that nobody changed it.

Recorded is every effect outside: records that are created and corrected, mails, passwords that
are set, proved, written and read. So is which accounts Muster begins and ceases to keep. Links
are not: they are Muster's own notes, and every plan shows them again. No line holds a secret.
"""

from muster.audit.events import AuditEvent, Sink, Tee, current_actor, record
from muster.audit.file import FileSink
from muster.audit.stream import StreamSink
from muster.audit.trail import UNRECORDED, Effect, Trail
from muster.audit.verify import FIRST, Verified, verify

__all__ = [
    "FIRST",
    "UNRECORDED",
    "AuditEvent",
    "Effect",
    "FileSink",
    "Sink",
    "StreamSink",
    "Tee",
    "Trail",
    "Verified",
    "current_actor",
    "record",
    "verify",
]
