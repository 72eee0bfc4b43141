"""The shapes of Graph's answers: records, pages and the error envelope.

Source: https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from muster.lab.http_server import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one Graph request comes to, alone or within a batch."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


class FailureError(Exception):
    """A request that is answered with an error."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.status)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class RequestIds:
    """The ids that Graph puts on an answer; the client's own is echoed."""

    client: str | None = None
    own: str = field(default_factory=lambda: str(uuid4()))

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that name them."""
        return (("request-id", self.own), ("client-request-id", self.client or self.own))


def failure(status: int, code: str, message: str, ids: RequestIds | None = None) -> Outcome:
    """Return the error envelope."""
    ids = ids or RequestIds()
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": ids.own,
        "client-request-id": ids.client or ids.own,
    }
    error = {"code": code, "message": message, "innerError": inner}
    return Outcome(status=status, body={"error": error})


def refuse(status: int, code: str, message: str) -> FailureError:
    """Return a refusal to raise."""
    return FailureError(failure(status, code, message))


def not_found(kind: str, one: str) -> FailureError:
    """Return the refusal of a record that does not exist."""
    return refuse(
        404,
        "Request_ResourceNotFound",
        f"Resource '{one}' does not exist or one of its queried reference-property objects are"
        f" not present ({kind}).",
    )


def reply_of(outcome: Outcome, ids: RequestIds | None = None) -> Reply:
    """Return the answer as it goes out."""
    ids = ids or RequestIds()
    body = b"" if outcome.body is None else json.dumps(outcome.body).encode()
    kind = "application/json;odata.metadata=minimal;charset=utf-8"
    return Reply(
        status=outcome.status,
        body=body,
        content_type=kind,
        headers=(*ids.headers, *outcome.headers),
    )
