"""What is wrong with a password that a person chose, before anything is sent.

Only the directory decides in the end: it knows its filters and banned words. Source of the
rules: MS-SAMR 3.1.1.7.2 and learn.microsoft.com, `Password must meet complexity requirements`.
"""

from __future__ import annotations

import string

from muster.model.accounts import Identity
from muster.model.passwords import PasswordPolicy
from muster.model.secret import Secret
from muster.passwords.generate import SHORTEST_NAME, name_parts
from muster.passwords.rules import name_of

_KINDS = 3
"""How many of the five kinds of characters a complex password has."""


def find_problem(password: Secret, policy: PasswordPolicy, identity: Identity) -> str:
    """Return why a policy refuses a password, without showing it; empty when it does not."""
    text = password.reveal()
    length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if not length:
        return "It is empty."
    if length < policy.min_length:
        return f"It has {length} characters, and {name_of(policy)} asks for {policy.min_length}."
    if not policy.complexity:
        return ""
    if _kinds(text) < _KINDS:
        return (
            "It needs three of these kinds of characters: capital letters, small letters, digits, "
            "marks, and letters of other scripts."
        )
    if any(part in text.casefold() for part in _forbidden(identity)):
        return "It holds the user's account name, or a part of the display name."
    return ""


def _forbidden(identity: Identity) -> frozenset[str]:
    """Return what of an account's names counts: the account name whole, the display name's parts.

    Not the parts of the account name: who is `adm-jsmith` may choose `Admiral`.
    """
    account = identity.short_name.casefold()
    whole = {account} if len(account) >= SHORTEST_NAME else set[str]()
    return name_parts((identity.display_name or "",)) | whole


def _kinds(text: str) -> int:
    return sum(
        (
            any(one.isupper() for one in text),
            any(one.islower() for one in text),
            any(one in string.digits for one in text),
            any(not one.isalnum() for one in text),
            any(one.isalpha() and not one.isupper() and not one.islower() for one in text),
        )
    )
