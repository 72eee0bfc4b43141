"""What a refused sign-in tells of the password that it was tried with.

Microsoft says that these numbers may change, and that programs should not go by them. So only
what is known to follow a right password counts as a yes, one number alone as a no, and every
other leaves it open, which is safe: the date of the change decides then.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from collections.abc import Mapping

from muster.adapters.entra.aadsts import CAUSES

RIGHT: Mapping[int, str] = {
    50055: "the password has expired, or must be changed at the next sign-in",
    50072: "the person must enrol for a second factor",
    50074: "a second factor is asked for",
    50076: "a second factor is asked for",
    50079: "the person must enrol for a second factor",
    50158: "a challenge of another provider is asked for",
    53000: "the device is not compliant",
    53001: "the device is not joined to a domain",
    53002: "the application is not an approved one",
    53003: "a Conditional Access policy blocks it",
    530003: "the device must be managed",
}
"""Refusals of a sign-in whose password was right. Conditional Access, which also demands second
factors, is enforced after the first factor
(https://learn.microsoft.com/entra/identity/conditional-access/overview). For 53003 with a right
password and 50126 with a wrong one see https://github.com/dafthack/MSOLSpray/issues/5.
Unconfirmed: 50055 by Microsoft; field reports agree that it follows a right password only
(dafthack/MSOLSpray:MSOLSpray.ps1)."""

WRONG = 50126
"""The name or the password is wrong; the name is read from Entra right before."""

_LEFT_OPEN: Mapping[int, str] = {
    50034: "it does not know the name yet",
    # Of a bad address the same number tells, whatever the password (Microsoft's page on smart
    # lockout, https://learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout).
    50053: "the account is locked out, or the address of this machine has a bad name",
    50056: "it has no password of this person",
    50057: "the account is disabled",
    50105: "the application is for assigned people only",
    50131: "it takes the sign-in for a risk",
    65001: "nobody consented to `openid` and `profile` of the application",
    7000218: "the application does not present its credential",
}


def reason_of(codes: frozenset[int]) -> str:
    """Return in words why a refusal leaves it open, with its number."""
    numbers = ", ".join(f"AADSTS{code}" for code in sorted(codes)) or "no number"
    return f"{_meaning(codes)} ({numbers})"


def _meaning(codes: frozenset[int]) -> str:
    if len(codes) != 1:
        return "it gives more than one reason" if codes else "it gives no reason"
    (code,) = codes
    cause = CAUSES.get(code)
    return _LEFT_OPEN.get(code) or (cause.meaning if cause else "Muster does not know its reason")
