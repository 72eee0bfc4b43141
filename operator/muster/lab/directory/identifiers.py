"""SIDs, GUIDs and times in the forms that Active Directory puts on the wire."""

from __future__ import annotations

import re
import struct
from datetime import UTC, datetime
from uuid import UUID

NEVER = 0x7FFFFFFFFFFFFFFF
"""The tick count that means never, as in accountExpires (MS-ADA1)."""

_SID = re.compile(r"[Ss]-1-\d{1,14}(-\d+){1,15}")
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def sid_bytes(text: str) -> bytes:
    """Turn `S-1-5-32-544` into its binary form (MS-DTYP 2.4.2.2); raises ValueError."""
    if not _SID.fullmatch(text):
        raise ValueError(f"{text} is no SID")
    _, revision, authority, *parts = text.split("-")
    head = struct.pack(">BB6s", int(revision), len(parts), int(authority).to_bytes(6, "big"))
    try:
        return head + struct.pack(f"<{len(parts)}I", *map(int, parts))
    except struct.error as exc:
        raise ValueError(f"{text} is no SID") from exc


def sid_text(raw: bytes) -> str:
    """Turn a binary SID into `S-1-5-32-544`."""
    revision, count, authority = struct.unpack(">BB6s", raw[:8])
    parts = struct.unpack(f"<{count}I", raw[8:])
    return "-".join(map(str, ("S", revision, int.from_bytes(authority, "big"), *parts)))


def guid_bytes(text: str) -> bytes:
    """Turn GUID text into 16 bytes, the first three fields little-endian (MS-DTYP 2.3.4.2)."""
    return UUID(text).bytes_le


def guid_text(raw: bytes) -> str:
    """Turn 16 bytes into lower-case text with hyphens."""
    return str(UUID(bytes_le=raw))


def ticks(moment: datetime) -> int:
    """Return a time as 100-nanosecond ticks since 1601-01-01 UTC (MS-DTYP 2.3.3)."""
    return int((moment - _EPOCH).total_seconds()) * 10_000_000 + moment.microsecond * 10


def generalized_time(moment: datetime) -> str:
    """Return a time as `20261121192136.0Z`; seconds are the finest grain."""
    return moment.strftime("%Y%m%d%H%M%S.0Z")
