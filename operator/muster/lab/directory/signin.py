"""Simple binds: who may sign in, and what everybody else is told.

Source: MS-ADTS 5.1.1.1.1 (names that a simple bind accepts); the `data` codes are Win32 error
numbers in hex (MS-ERREF 2.2). A locked account is told to everybody, right password or wrong.
"""

from __future__ import annotations

from muster.lab.directory.accounts import DISABLED
from muster.lab.directory.dn import InvalidName, fold
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.entry import Entry
from muster.lab.directory.identifiers import NEVER, ticks
from muster.lab.directory.passwords import count_right, count_wrong
from muster.lab.directory.protocol import Code, LdapFailure

_NO_SUCH_USER, _WRONG_PASSWORD, _DISABLED = "525", "52e", "533"
_EXPIRED, _MUST_CHANGE, _LOCKED_OUT = "701", "773", "775"


def sign_in(domain: LabDomain, name: str, password: bytes) -> Entry:
    """Return the account that signs in; raises LdapFailure with result 49 and the reason."""
    with domain.tree.lock:
        entry = _find(domain, name)
        if entry is None:
            raise _refusal(_NO_SUCH_USER)
        if entry.number("lockouttime"):
            raise _refusal(_LOCKED_OUT)
        if not _is_live(domain, entry, password):
            count_wrong(domain.tree, entry, password.decode(errors="replace"))
            raise _refusal(_WRONG_PASSWORD)
        count_right(domain.tree, entry)
        # What follows is told only to who knows the password.
        reason = _unusable(entry, ticks(domain.tree.now()))
        if reason:
            raise _refusal(reason)
        return entry


def _is_live(domain: LabDomain, entry: Entry, password: bytes) -> bool:
    """Say whether a password signs in: the live one, and for an hour the one before it.

    Source: learn.microsoft.com, KB 906305; Samba does so for LDAP too. Unconfirmed: that Windows
    does for a simple bind.
    """
    age = ticks(domain.tree.now()) - entry.number("pwdlastset")
    young = age < domain.old_password_lives.total_seconds() * 10_000_000
    valid = [entry.password, entry.former_password if young else None]
    return any(one and one.encode() == password for one in valid)


def _find(domain: LabDomain, name: str) -> Entry | None:
    netbios, backslash, sam = name.partition("\\")
    if backslash and fold(netbios) == fold(domain.netbios_name):
        return next(iter(domain.tree.with_sam(sam)), None)
    if "@" in name:
        # Every account also has the implicit name sam@domain (MS-ADTS 5.1.1.1.1).
        by_upn = domain.tree.lookup("userprincipalname", fold(name))
        sam, _, suffix = name.rpartition("@")
        implicit = domain.tree.with_sam(sam) if fold(suffix) == fold(domain.dns_name) else ()
        return next(iter([*by_upn, *implicit]), None)
    try:
        return domain.tree.get(name)
    except InvalidName:
        return None


def _unusable(entry: Entry, now: int) -> str | None:
    if entry.number("useraccountcontrol") & DISABLED:
        return _DISABLED
    if entry.number("accountexpires") not in {0, NEVER} and entry.number("accountexpires") <= now:
        return _EXPIRED
    return None if entry.number("pwdlastset") else _MUST_CHANGE


def _refusal(reason: str) -> LdapFailure:
    # Windows ends this message with a NUL, and so must clients expect it.
    comment = f"comment: AcceptSecurityContext error, data {reason}, v4563"
    return LdapFailure(Code.INVALID_CREDENTIALS, f"80090308: LdapErr: DSID-0C090439, {comment}\0")
