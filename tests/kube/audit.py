"""The API server's audit log: who asked what, and what the answer was.

The log never holds a body, which may be a secret: its level is Metadata.
Source: https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
"""One event when a request was answered; for a watch one more when its answer began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that the API server answered."""

    user: str
    verb: str
    resource: str
    """Group, resource and subresource, as in `muster.dev/customers/status`; empty for a path."""
    namespace: str
    name: str
    code: int


def read(log: Path, user: str) -> Iterator[Request]:
    """Yield the requests of one user, oldest first; of an impersonated one under that name.

    A watch counts once, from its beginning.
    """
    seen: set[str] = set()
    with log.open() as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # still being written
            event = json.loads(line)
            # A request with a wrong token has no user at all.
            who = event.get("impersonatedUser", event["user"]).get("username")
            if who == user and event["auditID"] not in seen:
                seen.add(event["auditID"])
                yield _request(event, who)


def _request(event: dict[str, Any], user: str) -> Request:
    target = event.get("objectRef", {})
    parts = (target.get("apiGroup"), target.get("resource"), target.get("subresource"))
    return Request(
        user=user,
        verb=event["verb"],
        resource="/".join(part for part in parts if part),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
    )
