"""The shapes of HaloPSA's answers. Errors have several; each kind here has one of them.

Source: homotechsual/HaloAPI, Private (the error shapes that it reads).
"""

from __future__ import annotations

import json
from typing import Any

from muster.lab.http_server import Reply


class FailureError(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def answer(value: Any, *, status: int = 200) -> Reply:
    """Return a JSON value."""
    return Reply(status=status, body=json.dumps(value, ensure_ascii=False).encode())


def failure(status: int, words: str) -> Reply:
    """Return an error: a .NET exception for 500, a bare string for 403, `Message` otherwise."""
    if status >= 500:
        return answer({"ClassName": "System.Exception", "Message": words}, status=status)
    return answer(words if status == 403 else {"Message": words}, status=status)


def oauth_failure(code: str, words: str) -> Reply:
    """Return an error of the token endpoint (RFC 6749, section 5.2)."""
    return answer({"error": code, "error_description": words}, status=400)


def binding_failure(words: str) -> FailureError:
    """Return the error of a body that cannot be read. Unconfirmed: ASP.NET's usual shape."""
    body = {"title": "One or more validation errors occurred.", "status": 400}
    return FailureError(answer({**body, "errors": {"$": [words]}}, status=400))
