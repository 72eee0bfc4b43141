"""Read a group's members to the last one.

Decides when a list of members is whole. Active Directory gives at most MaxValRange values of
`member` at a time (1,500 by default), as `member;range=0-1499` beside an empty `member`.
Source: MS-ADTS 3.1.1.3.1.3.3, Range Retrieval of Attribute Values.
"""

from __future__ import annotations

import re

from muster.adapters.active_directory.decode import guid
from muster.errors import Unavailable
from muster.transport.ldap import RANGE_RETRIEVAL_NOERR, Entry, LdapSession

_RANGE = re.compile(r"member;range=(\d+)-(\d+|\*)", re.IGNORECASE)
_ATTEMPTS = 3


def read_members(session: LdapSession, entry: Entry) -> tuple[str, ...]:
    """Return every direct member of a group that was found by a search."""
    if _ranged(entry) is None:
        return tuple(raw.decode() for raw in entry.all("member"))
    for _ in range(_ATTEMPTS):
        members = _read_ranges(session, entry)
        if members is not None:
            return members
    raise Unavailable(
        f"Active Directory changed the members of {entry.dn} while they were read, "
        f"{_ATTEMPTS} times in a row at {session.server}. Nothing is used; try again later."
    )


def _read_ranges(session: LdapSession, entry: Entry) -> tuple[str, ...] | None:
    """Return all members, or None when the group changed between two ranges.

    A member removed meanwhile moves the later ones forward, so that one would be skipped:
    uSNChanged of the group tells.
    """
    # By GUID, because the group may be renamed or moved meanwhile (MS-ADTS 3.1.1.3.1.2.4).
    base = f"<GUID={guid(entry.first('objectGUID') or b'')}>"
    members: list[bytes] = []
    change: bytes | None = None
    while True:
        chunk = session.read(
            base,
            (f"member;range={len(members)}-*", "uSNChanged"),
            controls=(RANGE_RETRIEVAL_NOERR,),
        )
        if chunk is None or (members and chunk.first("uSNChanged") != change):
            return None
        change = chunk.first("uSNChanged")
        ranged = _ranged(chunk)
        if ranged is None:
            return _without_range(members, chunk)
        values, last = ranged
        members += values
        if last:
            return _text(members)
        if not values:
            return None


def _without_range(members: list[bytes], chunk: Entry) -> tuple[str, ...] | None:
    plain = chunk.all("member")
    if not members:
        return _text([*plain])
    # The list ended exactly here, which is certain only where the group can show that it is
    # unchanged. Values without a range might be all or the rest: read again.
    settled = not plain and chunk.first("uSNChanged") is not None
    return _text(members) if settled else None


def _ranged(entry: Entry) -> tuple[tuple[bytes, ...], bool] | None:
    """Return the values of `member;range=...` and whether they are the last ones."""
    for attribute, values in entry.values.items():
        found = _RANGE.fullmatch(attribute)
        if found:
            return values, found[2] == "*"
    return None


def _text(members: list[bytes]) -> tuple[str, ...]:
    return tuple(raw.decode() for raw in members)
