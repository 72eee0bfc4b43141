"""What Autotask's error answers mean.

Refusals of a single request come with status 500 and their reasons in `errors`
(https://github.com/KelvinTegelaar/AutotaskAPI/issues/25,
https://github.com/Anteris-Dev/autotask-client/issues/24). Only the words tell them from an
outage, so the words decide here and nowhere else.
"""

from __future__ import annotations

from typing import Any

from muster.errors import AccessDenied, RateLimited, Rejected, RemoteError, Unexpected

ADVICE = (
    "check userName, the secret, the integration code and the zone; whether the API user is"
    " locked or inactive (Admin > Resources/Users); and its security level, which must show all"
    " organizations and contacts."
)

_MEANINGS: tuple[tuple[type[RemoteError] | None, tuple[str, ...]], ...] = (
    # The generic text with an Error ID, and what SQL Server says: both pass.
    (None, ("unexpected error", "timeout", "timed out", "deadlock")),
    # Unconfirmed: the words of the hourly threshold and of the thread limit.
    (RateLimited, ("threshold", "too many", "thread limit", "concurrent")),
    # KerkhoffTechnologies/django-autotask, djautotask/api.py: "adequate permissions".
    (AccessDenied, ("permission", "not authorized", "unauthorized", "security level")),
    # What only a faulty question gets: an unknown field, operator or page size.
    (Unexpected, ("unable to find", "must be between", "filter", "operator")),
)
"""Read from the top; none of them: the request itself was refused."""


class SignInRefused(AccessDenied):
    """401: wrong keys, a locked user or the wrong zone; Autotask does not say which."""


def verdict(status: int, body: Any) -> type[RemoteError] | None:
    """Return what an error answer means; None: what its status says."""
    if status == 401:
        return SignInRefused
    words = explain(body).lower()
    if status != 500 or not words:
        return None
    for meaning, marks in _MEANINGS:
        if any(mark in words for mark in marks):
            return meaning
    return Rejected


def explain(body: Any) -> str:
    """Return the reasons in an error body."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return "; ".join(str(one) for one in errors if one) if isinstance(errors, list) else ""
