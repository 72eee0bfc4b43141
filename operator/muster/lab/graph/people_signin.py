"""People at the token endpoint: a name and a password, as Entra judges them.

It judges in this order: the federated domain, the block of an address, the account, smart
lockout, the password, and only then what comes after the first factor. Passwords are compared
and forgotten; of wrong ones a digest is kept, as Entra keeps it.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc and
https://learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from muster.lab.graph.knobs import GraphKnobs
from muster.lab.graph.state import Json, LabTenant

_LOCKED_FOR = timedelta(minutes=1)
_REMEMBERED = 3
"""The last wrong passwords of a user that are not counted again."""

_TEXTS = {
    50034: "The user account does not exist in the directory.",
    50053: "Sign-in was blocked: too many wrong attempts, or an address with malicious activity.",
    50055: "The password is expired.",
    50056: "Invalid or null password: password doesn't exist in the directory for this user.",
    50057: "The user account is disabled.",
    50126: "Error validating credentials due to invalid username or password.",
}


class PersonRefusedError(Exception):
    """A person gets no token; `code` is the number after AADSTS."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
        self.text = _TEXTS.get(code, "The sign-in was refused after the first factor.")


@dataclass(slots=True)
class _Attempts:
    """The wrong attempts of one user."""

    count: int = 0
    locked_until: datetime | None = None
    digests: list[bytes] = field(default_factory=list, repr=False)


class PeopleSignIn:
    """Judges names and passwords."""

    def __init__(self, knobs: GraphKnobs, clock: Callable[[], datetime]) -> None:
        self._knobs = knobs
        self._clock = clock
        self._attempts: dict[str, _Attempts] = {}

    def realm(self, name: str) -> Mapping[str, str]:
        """Return what is told of a name before any password is given."""
        federated = name.partition("@")[2] in self._knobs.federated_domains
        return {"ver": "1.0", "account_type": "Federated" if federated else "Managed"}

    def judge(self, tenant: LabTenant, form: Mapping[str, str]) -> Json:
        """Return the record of the person who may have a token; raises PersonRefusedError."""
        if self._knobs.sign_in_block:
            raise PersonRefusedError(self._knobs.sign_in_block)
        record = _find(tenant, form.get("username", ""))
        user = str(record["id"])
        if not record["accountEnabled"]:
            raise PersonRefusedError(50057)
        if user not in tenant.passwords:
            raise PersonRefusedError(50056)
        self._judge_password(tenant, user, form.get("password", ""))
        if user in tenant.must_change:
            raise PersonRefusedError(50055)
        if self._knobs.after_password:
            raise PersonRefusedError(self._knobs.after_password)
        return record

    def wrong_attempts(self, user: str) -> int:
        """Return how many wrong attempts count against a user."""
        return self._attempts[user].count if user in self._attempts else 0

    def _judge_password(self, tenant: LabTenant, user: str, password: str) -> None:
        attempts, now = self._attempts.setdefault(user, _Attempts()), self._clock()
        if attempts.locked_until and now < attempts.locked_until:
            raise PersonRefusedError(50053)
        former = tenant.former.get(user) if self._knobs.stale_sign_in else None
        if password == (former.password if former else tenant.passwords[user]):
            del self._attempts[user]
            return
        digest = hashlib.sha256(password.encode()).digest()
        if digest not in attempts.digests:
            attempts.digests = [*attempts.digests, digest][-_REMEMBERED:]
            attempts.count += 1
        if attempts.count >= self._knobs.lockout_threshold:
            attempts.locked_until = now + _LOCKED_FOR
        raise PersonRefusedError(50126)


def _find(tenant: LabTenant, name: str) -> Json:
    for record in tenant.users.values():
        if record["userPrincipalName"].casefold() == name.casefold():
            return record
    raise PersonRefusedError(50034)
