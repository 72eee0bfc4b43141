"""Turn Active Directory's bytes into values, and objects into users and groups.

Decides nothing: what an absent attribute means is left to the core, except where its absence
can only mean that the account may not read it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from muster.errors import AccessDenied, Unexpected
from muster.model.directory import DirectoryGroup, DirectoryUser
from muster.model.names import AccountId
from muster.transport.ldap import Entry

USER_ATTRIBUTES = (
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "givenName",
    "sn",
    "mail",
    "mobile",
    "proxyAddresses",
    "primaryGroupID",
    "userAccountControl",
    "accountExpires",
    "pwdLastSet",
    "servicePrincipalName",
    "isCriticalSystemObject",
    "mS-DS-ConsistencyGuid",
)
"""All that is asked of a user. Never `*`: a privileged reader would receive LAPS passwords."""

STATE_ATTRIBUTES = (
    "lockoutTime",
    "msDS-User-Account-Control-Computed",
    "msDS-UserPasswordExpiryTimeComputed",
)
"""What is asked of a user besides, where somebody is told of it. Two of them are computed by the
server for each user, by the policy that holds for it."""

GROUP_ATTRIBUTES = (
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "cn",
    "groupType",
    "isCriticalSystemObject",
    "uSNChanged",
    "member",
)

ACCOUNT_DISABLED = 0x2
"""Bit of userAccountControl. Source: MS-ADTS 2.2.16."""

_LOCKED_OUT = 0x10
"""Bit of msDS-User-Account-Control-Computed, which knows the lockout duration; in
userAccountControl it is never set. Source: MS-ADTS 3.1.1.4.5.17."""

SECURITY_ENABLED = 0x80000000
"""Bit of groupType, whose stored number is signed. Source: MS-ADTS 2.2.12."""

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = frozenset({0, 2**63 - 1})
"""Both mean that an account does not expire. Source: MS-ADA1, accountExpires."""


def guid(raw: bytes) -> AccountId:
    """Return an objectGUID as lower-case UUID text; its first three fields are little-endian."""
    return AccountId(str(UUID(bytes_le=raw)))


def guid_filter(account: AccountId) -> str:
    """Return the filter for an objectGUID; binary values are escaped byte by byte (RFC 4515)."""
    escaped = "".join(f"\\{byte:02x}" for byte in UUID(account).bytes_le)
    return f"(objectGUID={escaped})"


def sid(raw: bytes) -> str:
    """Return a SID as `S-1-5-21-...`. Source: MS-DTYP 2.4.2.2."""
    revision, count = raw[0], raw[1]
    authority = int.from_bytes(raw[2:8], "big")
    parts = struct.unpack(f"<{count}L", raw[8:])
    return "-".join(str(part) for part in ("S", revision, authority, *parts))


def filetime(raw: bytes | None) -> datetime | None:
    """Return ticks of 100 ns since 1601 as a time in UTC; None for never and beyond year 9999."""
    ticks = int(raw or 0)
    if ticks in _NEVER:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def text(entry: Entry, attribute: str) -> str | None:
    """Return an attribute's first value as text; None when it is absent or blank."""
    raw = entry.first(attribute)
    value = raw.decode() if raw is not None else ""
    return value if value.strip() else None


def flag(entry: Entry, attribute: str) -> bool:
    """Say whether a boolean attribute is TRUE; an absent one is not."""
    return entry.first(attribute) == b"TRUE"


def generalized_time(value: str) -> datetime:
    """Return `20261121192136.0Z` as a time in UTC, to the second."""
    with understood("the time"):
        return datetime.strptime(value[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Raise Unexpected, naming the object, when a value is not of its documented form."""
    try:
        yield
    except (ValueError, LookupError, struct.error) as exc:
        raise Unexpected(
            f"Active Directory gave {what} with a value that cannot be read: {exc}. Report this."
        ) from exc


def user(entry: Entry) -> DirectoryUser:
    """Return a user; raises AccessDenied when its state may not be read."""
    with understood(entry.dn):
        return _user(entry)


def group(entry: Entry, members: tuple[str, ...]) -> DirectoryGroup:
    """Return a group with the members that were read for it."""
    with understood(entry.dn):
        return _group(entry, members)


def _user(entry: Entry) -> DirectoryUser:
    return DirectoryUser(
        id=guid(_required(entry, "objectGUID")),
        dn=entry.dn,
        sid=sid(_required(entry, "objectSid")),
        sam=_required(entry, "sAMAccountName").decode(),
        upn=text(entry, "userPrincipalName"),
        display_name=text(entry, "displayName"),
        given_name=text(entry, "givenName"),
        surname=text(entry, "sn"),
        mail=text(entry, "mail"),
        mobile=text(entry, "mobile"),
        primary_smtp=_primary_smtp(entry),
        primary_group_rid=int(_required(entry, "primaryGroupID")),
        enabled=not int(_required(entry, "userAccountControl")) & ACCOUNT_DISABLED,
        expires=filetime(entry.first("accountExpires")),
        password_changed_at=filetime(entry.first("pwdLastSet")),
        locked_since=_locked_since(entry),
        # 0: it has expired, 2^63-1: it never does. Source: MS-ADTS 3.1.1.4.5.36.
        password_expires=filetime(entry.first("msDS-UserPasswordExpiryTimeComputed")),
        service_principal=entry.first("servicePrincipalName") is not None,
        critical=flag(entry, "isCriticalSystemObject"),
        consistency_guid=_consistency_guid(entry),
    )


def _locked_since(entry: Entry) -> datetime | None:
    locked = int(entry.first("msDS-User-Account-Control-Computed") or 0) & _LOCKED_OUT
    return filetime(entry.first("lockoutTime")) if locked else None


def _consistency_guid(entry: Entry) -> str | None:
    # An octet string without a fixed length (MS-ADA2); other bytes than a GUID are nobody's anchor.
    raw = entry.first("mS-DS-ConsistencyGuid")
    return guid(raw) if raw is not None and len(raw) == 16 else None


def _group(entry: Entry, members: tuple[str, ...]) -> DirectoryGroup:
    sam = _required(entry, "sAMAccountName").decode()
    return DirectoryGroup(
        id=guid(_required(entry, "objectGUID")),
        dn=entry.dn,
        sid=sid(_required(entry, "objectSid")),
        sam=sam,
        name=text(entry, "cn") or sam,
        members=members,
        critical=flag(entry, "isCriticalSystemObject"),
        security=bool(int(_required(entry, "groupType")) & SECURITY_ENABLED),
    )


def _primary_smtp(entry: Entry) -> str | None:
    # `SMTP:` in capitals is the primary address, `smtp:` an alias. Source: learn.microsoft.com,
    # `How the proxyAddresses attribute is populated in Microsoft Entra ID`.
    for raw in entry.all("proxyAddresses"):
        if raw.startswith(b"SMTP:") and raw[5:].strip():
            return raw[5:].decode()
    return None


def _required(entry: Entry, attribute: str) -> bytes:
    raw = entry.first(attribute)
    if raw is not None and raw != b"":
        return raw
    if attribute == "objectGUID":
        raise Unexpected(f"Active Directory gave an object without objectGUID: {entry.dn}.")
    # Every user and group has these (MS-ADSC), so only a missing right can hide them; to
    # guess would take a disabled account for an enabled one.
    raise AccessDenied(
        f"Active Directory does not let the account read {attribute} of {entry.dn}. "
        "Grant it `Read all properties` on the domain's users and groups."
    )
