"""The shapes of Autotask's answers: items, pages, ids and the list of errors."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from muster.lab.http_server import Reply

OUTAGE = (
    "An unexpected error has occurred. If the problem persists, please contact Autotask Support"
    " and reference Error ID: 1166"
)
"""https://github.com/Anteris-Dev/autotask-client/issues/24"""


class FailureError(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def answer(value: Any, *, status: int = 200) -> Reply:
    """Return a JSON value."""
    return Reply(status=status, body=json.dumps(value).encode())


def errors(status: int, *words: str) -> Reply:
    """Return the list of errors."""
    return answer({"errors": list(words)}, status=status)


def message(status: int, words: str) -> Reply:
    """Return what the web framework below the API says."""
    return answer({"Message": words}, status=status)


def refuse(words: str) -> NoReturn:
    """Raise a refusal, which is a 500 (KelvinTegelaar/AutotaskAPI issue 25)."""
    raise FailureError(errors(500, words))


def not_allowed(method: str) -> Reply:
    """Return 405 (https://github.com/WYRE-AI/autotask-mcp/pull/170)."""
    return message(405, f"The requested resource does not support http method '{method}'.")
