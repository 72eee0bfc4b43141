"""The shapes of Hudu's answers: records, lists without any count, and errors of many forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from muster.lab.http import html_page
from muster.lab.http_server import Reply

DEFAULT_PAGE = 25


class ProblemError(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def refuse(status: int, error: str, details: str | None = None) -> NoReturn:
    """Raise an error of the usual form."""
    body = {"error": error} if details is None else {"error": error, "details": details}
    raise ProblemError(record(body, status=status))


def invalid(field: str, what: str, turn: int) -> NoReturn:
    """Raise a failed validation, in one of the three forms that Hudu has for it.

    Source: text and list from the vendor's OpenAPI and live probes; the map is Rails' own.
    """
    sentence = f"{field.replace('_', ' ').capitalize()} {what}"
    forms: tuple[Any, ...] = (sentence, [sentence], {field: [what]})
    raise ProblemError(record({"errors": forms[turn % len(forms)]}, status=422))


def record(body: Any, *, status: int = 200) -> Reply:
    """Return one JSON value."""
    return Reply(status=status, body=json.dumps(body).encode())


def listed(name: str, rows: Sequence[bytes]) -> Reply:
    """Return a page: there is no total and no link to the next one (live)."""
    return Reply(body=b'{"' + name.encode() + b'":[' + b",".join(rows) + b"]}")


def failure(status: int, title: str) -> Reply:
    """Return an error that no route made. 429 is the text of Rack::Attack.

    Source: lwhitelock/HuduAPI, Private/Invoke-HuduRequest.ps1 looks for that text.
    """
    if status == 429:
        return Reply(status=429, body=b"Retry later\n", content_type="text/plain")
    if status == 404:
        return html_page(404)
    return record({"error": title}, status=status)
