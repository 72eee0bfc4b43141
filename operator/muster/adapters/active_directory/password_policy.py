"""Reads the rules for passwords that hold for one account, and tells why they refused a password.

Source: MS-ADTS 3.1.1.4.5.36 (msDS-ResultantPSO) and MS-SAMR 3.1.1.7.1.
"""

from __future__ import annotations

from datetime import timedelta

from muster.adapters.active_directory import decode, sweep
from muster.errors import RemoteError
from muster.model.accounts import Identity
from muster.model.names import AccountId
from muster.model.passwords import PasswordPolicy
from muster.model.secret import Secret
from muster.passwords.rules import explain
from muster.passwords.typed import find_problem
from muster.transport.ldap import Entry, LdapSession

_DOMAIN_RULES = (
    "minPwdLength",
    "pwdProperties",
    "pwdHistoryLength",
    "minPwdAge",
    "lockoutThreshold",
)
_FINE_RULES = (
    "name",
    "msDS-MinimumPasswordLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-PasswordHistoryLength",
    "msDS-MinimumPasswordAge",
    "msDS-LockoutThreshold",
)
_COMPLEX = 1
"""Bit of pwdProperties. Source: MS-SAMR 2.2.3.7, DOMAIN_PASSWORD_COMPLEX."""


def read_policy(session: LdapSession, dn: str) -> PasswordPolicy:
    """Return the fine-grained policy of a user where one applies and may be read.

    Else the domain's; `resultant_unreadable` tells that stricter rules may hold.
    """
    fine_dn = decode.text(_read(session, dn, ("msDS-ResultantPSO",)), "msDS-ResultantPSO")
    head = _read_head(session)
    if fine_dn is None:
        hidden = not _lists_policies(session, head.dn)
        return _domain_policy(head, hidden=hidden)
    fine = _read_fine(session, fine_dn)
    return _fine_policy(fine) if fine else _domain_policy(head, hidden=True)


def why_refused(session: LdapSession, account: AccountId, dn: str, password: Secret) -> str:
    """Return why the rules refused a password, without showing it; empty where nothing is read."""
    try:
        policy = read_policy(session, dn)
        user = _read(session, dn, ("sAMAccountName", "displayName"))
    except RemoteError:
        return ""
    identity = Identity(
        id=account,
        sam=decode.text(user, "sAMAccountName") or "",
        display_name=decode.text(user, "displayName"),
    )
    return explain(policy, find_problem(password, policy, identity))


def _lists_policies(session: LdapSession, domain_dn: str) -> bool:
    """Say whether the container of fine-grained policies may be looked into."""
    container = f"CN=Password Settings Container,CN=System,{domain_dn}"
    try:
        return session.read(container, ("name",)) is not None
    except RemoteError:
        return False


def _read_fine(session: LdapSession, dn: str) -> Entry | None:
    """Return a fine-grained policy, or None where it may not be read."""
    try:
        fine = session.read(dn, _FINE_RULES)
    except RemoteError:
        return None
    return fine if fine and fine.first("msDS-LockoutThreshold") is not None else None


def _read(session: LdapSession, dn: str, attributes: tuple[str, ...]) -> Entry:
    return session.read(dn, attributes) or Entry(dn=dn)


def _read_head(session: LdapSession) -> Entry:
    root = sweep.read_root(session)
    return _read(session, sweep.root_text(root, "defaultNamingContext", session), _DOMAIN_RULES)


def _domain_policy(head: Entry, *, hidden: bool) -> PasswordPolicy:
    with decode.understood(head.dn):
        return PasswordPolicy(
            min_length=_number(head, "minPwdLength"),
            complexity=bool(_number(head, "pwdProperties") & _COMPLEX),
            history=_number(head, "pwdHistoryLength"),
            min_age=_span(_number(head, "minPwdAge")),
            lockout_threshold=_number(head, "lockoutThreshold"),
            resultant_unreadable=hidden or head.first("lockoutThreshold") is None,
        )


def _fine_policy(fine: Entry) -> PasswordPolicy:
    with decode.understood(fine.dn):
        return PasswordPolicy(
            min_length=_number(fine, "msDS-MinimumPasswordLength"),
            complexity=decode.flag(fine, "msDS-PasswordComplexityEnabled"),
            history=_number(fine, "msDS-PasswordHistoryLength"),
            min_age=_span(_number(fine, "msDS-MinimumPasswordAge")),
            lockout_threshold=_number(fine, "msDS-LockoutThreshold"),
            fine_grained=decode.text(fine, "name") or fine.dn,
        )


def _number(entry: Entry, attribute: str) -> int:
    return int(entry.first(attribute) or 0)


def _span(ticks: int) -> timedelta:
    """Return a duration, which is stored as negative ticks of 100 ns."""
    return timedelta(microseconds=-ticks // 10)
