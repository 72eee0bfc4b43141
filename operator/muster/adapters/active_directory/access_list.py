"""Whether an account may change its own password, read from its access list.

`User cannot change password` is no flag over LDAP: it is a denial, to the account itself or to
everyone, of the right to change passwords. Source: learn.microsoft.com, `User Cannot Change
Password (LDAP Provider)`; MS-DTYP 2.4.4 (entries), 2.4.6 (security descriptor).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from uuid import UUID

_CHANGE_PASSWORD = UUID("ab721a53-1e2f-11d0-9819-00aa0040529b").bytes_le
_SELF = bytes.fromhex("01010000000000050a000000")
_EVERYONE = bytes.fromhex("010100000000000100000000")
_DENIED_OBJECT = 0x06
_OBJECT_TYPE_PRESENT = 0x1
_CONTROL_ACCESS = 0x100


def denies_own_change(descriptor: bytes) -> bool:
    """Say whether a security descriptor denies the account to change its password.

    Raises:
        ValueError, struct.error: it is not of the documented form.
    """
    offset = struct.unpack_from("<I", descriptor, 16)[0]
    if not offset:
        return False
    return any(_denies(entry) for entry in _entries(descriptor, offset))


def _entries(descriptor: bytes, start: int) -> Iterator[bytes]:
    count = struct.unpack_from("<H", descriptor, start + 4)[0]
    place = start + 8
    for _ in range(count):
        size = struct.unpack_from("<H", descriptor, place + 2)[0]
        if size < 8 or place + size > len(descriptor):
            raise ValueError("an entry of the access list has no size")
        yield descriptor[place : place + size]
        place += size


def _denies(entry: bytes) -> bool:
    if entry[0] != _DENIED_OBJECT or len(entry) < 28:
        return False
    mask, flags = struct.unpack_from("<II", entry, 4)
    if not mask & _CONTROL_ACCESS or not flags & _OBJECT_TYPE_PRESENT:
        return False
    trustee = entry[44:] if flags & 0x2 else entry[28:]
    return entry[12:28] == _CHANGE_PASSWORD and trustee.startswith((_SELF, _EVERYONE))
