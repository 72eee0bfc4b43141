"""The shapes of ConnectWise's answers: bare arrays, records and the error envelope."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from muster.lab.http_server import Reply

API_VERSION = "2025.16"
_HEADERS = (("api-current-version", API_VERSION),)


class FailureError(Exception):
    """A request that is answered with an error."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def answer(value: Any, *, status: int = 200) -> Reply:
    """Return a JSON value."""
    return raw(json.dumps(value).encode(), status=status)


def raw(body: bytes, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a body that is JSON already."""
    return Reply(status=status, body=body, headers=(*_HEADERS, *headers))


def failure(
    status: int, code: str, message: str, errors: Sequence[dict[str, str]] | None = None
) -> Reply:
    """Return the error envelope; `errors` is often missing (amp-labs/connectors, connectwise)."""
    body: dict[str, Any] = {"code": code, "message": message}
    if errors:
        body["errors"] = list(errors)
    return answer(body, status=status)


class InvalidPatchError(FailureError):
    """A PATCH that cannot be applied: 400 `InvalidPatch`."""

    def __init__(self, message: str) -> None:
        super().__init__(failure(400, "InvalidPatch", message))


def refuse_object(resource: str, field: str, message: str) -> NoReturn:
    """Raise a failed validation of one field (amp-labs/connectors, connectwise)."""
    code = "MissingRequiredField" if message.endswith("field is required.") else "InvalidField"
    error = {"code": code, "message": message, "resource": resource, "field": field}
    raise FailureError(failure(400, "InvalidObject", f"{resource} object is invalid", [error]))
