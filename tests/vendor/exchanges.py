"""What was said on the wire between an adapter and a simulator, recorded for judgement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request

from muster.lab.http import HttpLab
from muster.lab.http_server import Reply

NO_JSON = object()
"""Stands for a body that is there and is no JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer; bodies are parsed JSON, or None where there is none."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names in lower case."""
    body: Any = field(default=None, repr=False)
    status: int = 200
    answer_type: str = "application/json"
    answer: Any = field(default=None, repr=False)


def record(lab: HttpLab) -> list[Exchange]:
    """Return a list that grows with each request which the lab processes.

    Requests that a fault or the rate limit answers are not among them: the product never saw
    those.
    """
    exchanges: list[Exchange] = []
    lab.witness = lambda request, reply: exchanges.append(_exchange(request, reply))
    return exchanges


def _exchange(request: Request, reply: Reply) -> Exchange:
    return Exchange(
        method=request.method,
        path=request.path,
        query={name: tuple(values) for name, values in request.args.lists()},
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_parsed(request.get_data()),
        status=reply.status,
        answer_type=reply.content_type.partition(";")[0],
        answer=_parsed(reply.body),
    )


def _parsed(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return NO_JSON
