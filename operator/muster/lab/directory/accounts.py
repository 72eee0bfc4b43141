"""The attributes that users, groups and computers are born with."""

from __future__ import annotations

from datetime import datetime

from muster.lab.directory.identifiers import NEVER, sid_bytes, ticks
from muster.lab.directory.tree import Values

DISABLED, NO_PASSWORD_NEEDED, NORMAL, NO_EXPIRY = 0x2, 0x20, 0x200, 0x10000
WORKSTATION, SERVER, TRUSTED = 0x1000, 0x2000, 0x80000
"""Bits of userAccountControl (MS-ADTS 2.2.16)."""

GLOBAL, DOMAIN_LOCAL, UNIVERSAL = -2147483646, -2147483644, -2147483640
BUILTIN_LOCAL = -2147483643
"""Values of groupType for security groups (MS-ADTS 2.2.12)."""

CRITICAL: Values = {"isCriticalSystemObject": ["TRUE"]}
"""Marks what Windows itself needs; the attribute is absent elsewhere, never FALSE."""


def principal(sid: str, sam: str) -> Values:
    """Return what every security principal has."""
    return {"objectSid": [sid_bytes(sid)], "sAMAccountName": [sam]}


def account(*, control: int, primary_group: int, born: datetime, account_type: int) -> Values:
    """Return the state of an account that has never been used (MS-SAMR 3.1.1.8)."""
    zero = ("badPwdCount", "badPasswordTime", "codePage", "countryCode", "lastLogoff", "lastLogon")
    return {
        **{name: ["0"] for name in (*zero, "logonCount")},
        "userAccountControl": [str(control)],
        "primaryGroupID": [str(primary_group)],
        "pwdLastSet": [str(ticks(born))],
        "accountExpires": [str(NEVER)],
        "sAMAccountType": [str(account_type)],
    }


def user(sid: str, sam: str, *, control: int, primary_group: int, born: datetime) -> Values:
    """Return the attributes of a user."""
    state = account(control=control, primary_group=primary_group, born=born, account_type=805306368)
    return {**principal(sid, sam), **state}


def computer(sid: str, sam: str, *, controller: bool, born: datetime) -> Values:
    """Return the attributes of a member computer, a managed account or a domain controller."""
    state = account(
        control=SERVER | TRUSTED if controller else WORKSTATION,
        primary_group=516 if controller else 515,
        born=born,
        account_type=805306369,
    )
    return {**principal(sid, sam), **state}


def group(sid: str, sam: str, group_type: int) -> Values:
    """Return the attributes of a group."""
    is_global = bool(group_type & (2 | 8))
    kind = 268435456 if is_global else 536870912
    if group_type > 0:
        kind += 1  # a distribution group
    return {
        **principal(sid, sam),
        "groupType": [str(group_type)],
        "sAMAccountType": [str(kind)],
    }
