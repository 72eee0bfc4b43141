"""Events (events.k8s.io): one for each change of a condition, never one per round.

Events expire after about an hour, so they tell and do not record.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from muster.errors import RemoteError
from muster.kube.api import KubeApi
from muster.kube.resources import EVENT, Kind

_NOTE_LIMIT = 1024
"""In bytes. Source: Kubernetes API reference, Event v1 events.k8s.io, note."""

_INSTANCE_LIMIT = 128
"""Source: Kubernetes API reference, Event v1 events.k8s.io, reportingInstance."""

_BAD_WHEN_TRUE = frozenset(
    {
        "Stalled",
        "Refused",
        "AmbiguousMatches",
        "DriftDetected",
        "RotationsFailing",
        "PasswordsStale",
        "PasswordNeedsPerson",
    }
)

logger = logging.getLogger("muster.events")

Status = dict[str, Any]


class EventRecorder:
    """Tells about changes of conditions. A lost event is logged and troubles nobody."""

    def __init__(self, api: KubeApi, namespace: str, identity: str) -> None:
        self._api = api
        self._namespace = namespace
        self._identity = identity[:_INSTANCE_LIMIT]

    def tell_changes(self, kind: Kind, raw: Any, old: Status, new: Status) -> int:
        """Send an event for each condition that has changed; return how many."""
        changed = list(_changed(old.get("conditions", ()), new.get("conditions", ())))
        for condition in changed:
            self._tell(kind, raw, condition)
        return len(changed)

    def _tell(self, kind: Kind, raw: Any, condition: Status) -> None:
        metadata = raw["metadata"]
        good = (condition["status"] == "True") != (condition["type"] in _BAD_WHEN_TRUE)
        body = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}"},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Normal" if good else "Warning",
            "reason": condition["reason"],
            "action": condition["type"],
            "note": _fit(condition.get("message", "")),
            "reportingController": "muster.dev/operator",
            "reportingInstance": self._identity,
            "regarding": {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "namespace": self._namespace,
                "name": metadata["name"],
                "uid": metadata.get("uid", ""),
            },
        }
        try:
            self._api.create(EVENT, self._namespace, body)
        except RemoteError as error:
            logger.warning("An event could not be sent: %s", error)


def _fit(text: str) -> str:
    return text.encode(errors="replace")[:_NOTE_LIMIT].decode(errors="ignore")


def _changed(old: Iterable[Status], new: Iterable[Status]) -> Iterable[Status]:
    before = {one["type"]: (one["status"], one["reason"]) for one in old}
    for condition in new:
        if condition["type"] in ("Reconciling", "Synced"):
            continue
        if before.get(condition["type"]) != (condition["status"], condition["reason"]):
            yield condition
