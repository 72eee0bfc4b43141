"""The `PasswordDirectory` port for Active Directory.

A password is written as `unicodePwd` over TLS only, together with must-change and unlock in one
request, and is sent once. It is proved by signing in with it on a connection of its own. Which
password, when, and how often is decided by the protocol. Source: MS-ADTS 3.1.1.3.1.5.1.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from muster.adapters.active_directory import decode, sweep
from muster.adapters.active_directory.access_list import denies_own_change
from muster.adapters.active_directory.password_policy import read_policy, why_refused
from muster.errors import (
    AccessDenied,
    NotFound,
    PasswordRefused,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)
from muster.model.names import AccountId
from muster.model.passwords import PasswordPolicy, PasswordState, Proof
from muster.model.secret import Secret
from muster.transport.ldap import Entry, LdapSession
from muster.transport.ldap_connect import Endpoint, LdapLogin, endpoints, open_first, try_sign_in
from muster.transport.ldap_failures import OUTAGES, WriteRefused

_STATE = (
    "pwdLastSet",
    "lockoutTime",
    "badPwdCount",
    "userAccountControl",
    "accountExpires",
    "msDS-User-Account-Control-Computed",
    "nTSecurityDescriptor",
)
_LOCKED, _NEVER_EXPIRES = 0x10, 0x10000
"""Bits of msDS-User-Account-Control-Computed and of userAccountControl (MS-ADTS 2.2.16)."""

_RIGHT_ALL_THE_SAME = frozenset({"530", "531", "532", "533", "701", "773"})
"""Refused for the hour, the computer, an expired password, a disabled or expired account, or a
password that must be changed: told only to who gave the right password. Source: ldapwiki.com,
`Common Active Directory Bind Errors`."""
_WRONG = "52e"
_LOCKED_OUT = "775"

_POLICY_CODE = "0000052D"
"""ERROR_PASSWORD_RESTRICTION (MS-ERREF 2.2)."""
_UNREAD_RULES = (
    "Choose one that is long enough, has three kinds of characters, and holds no part of the "
    "user's names; or look for a password filter on the domain controllers."
)
_NO_RIGHT = frozenset({"00000005", "00002098"})
"""ERROR_ACCESS_DENIED and ERROR_DS_INSUFF_ACCESS_RIGHTS."""
_NO_OBJECT = frozenset({"0000208D", "00002030"})
"""ERROR_DS_OBJ_NOT_FOUND and ERROR_DS_NO_SUCH_OBJECT."""
_UNCLEAR = frozenset({1, 3, 80})
"""operationsError, timeLimitExceeded and other (RFC 4511, appendix A): no clear no."""
_NOT_ENCRYPTED = "0000001F"


class ActiveDirectoryPasswords:
    """Passwords of one domain, with a session per call; threads may share an instance."""

    proves_by = Proof.BIND

    def __init__(self, login: LdapLogin) -> None:
        self._login = login
        self._turn = threading.Lock()
        self._written_at: dict[AccountId, str] = {}

    def read_policy(self, account: AccountId) -> PasswordPolicy:
        """Return the fine-grained policy of an account where one applies, else the domain's.

        Only administrators may read fine-grained policies, unless read access to the Password
        Settings Container is delegated. `resultant_unreadable` tells that stricter rules may
        hold than what is returned, which is the domain's.
        """
        with self._session(account) as session:
            return read_policy(session, _find(session, account))

    def read_password_state(self, account: AccountId) -> PasswordState:
        """Return how a password stands, from the server that took the last write if it answers."""
        with self._session(account) as session:
            dn = _find(session, account)
            user = session.read(dn, _STATE, access_list=True)
            if user is None or user.first("userAccountControl") is None:
                raise AccessDenied(
                    f"Active Directory does not let the account read the state of {dn} at "
                    f"{session.server}. Grant it read access to the user."
                )
            with decode.understood(dn):
                return _state(user)

    def set_password(
        self, account: AccountId, password: Secret, *, must_change: bool, unlock: bool
    ) -> None:
        """Reset a password as an administrator does: its history and minimum age do not bind.

        Raises:
            PasswordRefused: the password policy, or a filter on a domain controller, refuses it.
            AccessDenied, NotFound, Rejected: nothing was changed either.
            Unavailable: with `maybe_applied`, when no answer came.
        """
        values = {"unicodePwd": _quoted(password)}
        values |= {"pwdLastSet": b"0"} if must_change else {}
        values |= {"lockoutTime": b"0"} if unlock else {}
        with self._session(account) as session:
            dn = _find(session, account)
            with self._turn:
                self._written_at[account] = session.server
            try:
                session.replace(dn, values)
            except WriteRefused as refused:
                of_rules = refused.win32 == _POLICY_CODE
                rules = why_refused(session, account, dn, password) if of_rules else ""
                raise _explained(refused, dn, session.server, rules) from refused

    def prove(self, account: AccountId, password: Secret) -> bool:
        """Sign in as the account, once, at the server that took the last write if it answers.

        Raises:
            Unavailable: the account is locked out, so that nobody tells; or no answer came.
        """
        if not password:
            return False
        with self._session(account) as session:
            dn, server = _find(session, account), session.server
        if self._login.before_write:
            self._login.before_write()
        candidate = replace(self._login, user_name=dn, password=password)
        where = next(one for one in self._servers(account) if one.url == server)
        code = try_sign_in(candidate, where)
        if code in _RIGHT_ALL_THE_SAME or not code:
            return True
        if code == _WRONG:
            return False
        if code == _LOCKED_OUT:
            raise Unavailable(
                f"Active Directory does not say whether the password of {dn} is right, because "
                "the account is locked out. Unlock it, and look for what uses an old password."
            )
        raise Unavailable(
            f"Active Directory refused a sign-in as {dn} at {server} for a reason that says "
            f"nothing about its password (49/{code}).",
            maybe_applied=True,
        )

    def _servers(self, account: AccountId) -> tuple[Endpoint, ...]:
        """Return the servers, the one first that took this account's last write."""
        with self._turn:
            last = self._written_at.get(account)
        return tuple(sorted(endpoints(self._login), key=lambda one: one.url != last))

    @contextmanager
    def _session(self, account: AccountId) -> Iterator[LdapSession]:
        with open_first(self._login, self._servers(account)) as session:
            yield session


def _quoted(password: Secret) -> bytes:
    """Return a password as unicodePwd wants it; half a character would not bind in UTF-8."""
    text = password.reveal()
    if not text or any("\ud800" <= character <= "\udfff" for character in text):
        raise PasswordRefused(
            "The password is empty or holds half a character, so nobody could sign in with it. "
            "Choose another one. Nothing was sent.",
            code="",
        )
    return f'"{text}"'.encode("utf-16-le")


def _find(session: LdapSession, account: AccountId) -> str:
    root = sweep.read_root(session)
    domain_dn = sweep.root_text(root, "defaultNamingContext", session)
    wanted = f"(&{sweep.USERS}{decode.guid_filter(account)})"
    for entry in session.search(domain_dn, wanted, ("objectGUID",)):
        return entry.dn
    raise NotFound(
        f"Active Directory does not show the user {account} at {session.server}. It was deleted, "
        "or the account of Muster may not read it."
    )


def _state(user: Entry) -> PasswordState:
    control = _number(user, "userAccountControl")
    changed = _number(user, "pwdLastSet")
    descriptor = user.first("nTSecurityDescriptor")
    return PasswordState(
        changed_at=decode.filetime(user.first("pwdLastSet")),
        locked=bool(_number(user, "msDS-User-Account-Control-Computed") & _LOCKED),
        must_change=not changed,
        never_expires=bool(control & _NEVER_EXPIRES),
        cannot_change=descriptor is not None and denies_own_change(descriptor),
        enabled=not control & decode.ACCOUNT_DISABLED,
        expires_at=decode.filetime(user.first("accountExpires")),
        failed_attempts=_number(user, "badPwdCount"),
    )


def _number(entry: Entry, attribute: str) -> int:
    return int(entry.first(attribute) or 0)


def _explained(refused: WriteRefused, dn: str, server: str, rules: str) -> RemoteError:
    """Return the error of a password that was not set, with what to do about it.

    `rules` is why the rules refuse it, where that could be read.
    """
    where = f"Active Directory did not set the password of {dn} at {server}"
    said = f"({refused.said})"
    if refused.win32 == _POLICY_CODE:
        return PasswordRefused(
            f"{where}: it does not satisfy the password policy {said}. {rules or _UNREAD_RULES}",
            code=refused.win32,
        )
    if refused.code == 50 or refused.win32 in _NO_RIGHT:
        return AccessDenied(
            f"{where}: the account of Muster has no right to {said}. Delegate to it `Reset "
            "password` and write access to pwdLastSet and lockoutTime; for members of "
            "administrators' groups on CN=AdminSDHolder too."
        )
    if refused.code == 32 or refused.win32 in _NO_OBJECT:
        return NotFound(f"{where}: it is not there any more {said}.")
    if refused.code in {8, 13} or refused.win32 == _NOT_ENCRYPTED:
        return AccessDenied(
            f"{where}: the connection is not encrypted enough {said}. Use ldaps://."
        )
    return _otherwise(refused, where)


def _otherwise(refused: WriteRefused, where: str) -> RemoteError:
    if refused.code in OUTAGES:
        return Unavailable(f"{where}: {refused.said}. Try again later.")
    if refused.code in _UNCLEAR:
        return Unexpected(
            f"{where}: {refused.said}. Whether it took effect is unknown.", maybe_applied=True
        )
    return Rejected(f"{where}: {refused.said}.")
