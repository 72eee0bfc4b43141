"""What is wrong with a password that a person chose, before anything is sent.

Only the directory decides in the end: it knows its filters and banned words. Source of the
rules: MS-SAMR 3.1.1.7.2 and learn.microsoft.com, `Password must meet complexity requirements`.
"""

from __future__ import annotations

import string

from muster.model.passwords import PasswordPolicy
from muster.model.secret import Secret
from muster.passwords.generate import name_parts

_KINDS = 3
"""How many of the five kinds of characters a complex password has."""


def find_problem(password: Secret, policy: PasswordPolicy, names: tuple[str, ...]) -> str:
    """Return why a policy refuses a password, without showing it; empty when it does not."""
    text = password.reveal()
    length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if not length:
        return "It is empty."
    if length < policy.min_length:
        return f"It has {length} characters, and the policy asks for {policy.min_length}."
    if not policy.complexity:
        return ""
    if _kinds(text) < _KINDS:
        return (
            "It needs three of these kinds of characters: capital letters, small letters, digits, "
            "marks, and letters of other scripts."
        )
    if any(part in text.casefold() for part in name_parts(names)):
        return "It holds a part of the user's names."
    return ""


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
