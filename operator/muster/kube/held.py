"""What status says of resources that contradict each other or cannot be read. Pure."""

from __future__ import annotations

from typing import Any

from muster.kube.resources import Kind
from muster.kube.status_writer import timed
from muster.kube.view import View
from muster.model.reasons import Reason

Status = dict[str, Any]


def failed_status(old: Status, why: str) -> Status:
    """Return the status of a customer whose run did not reach its end; it is tried again."""
    conditions = [
        {
            "type": "Ready",
            "status": "False",
            "reason": str(Reason.RUN_FAILED),
            "message": why[:30_000],
        },
    ]
    return old | {"conditions": timed(conditions, old)}


def held_status(old: Status, why: str) -> Status:
    """Return the status of a customer for whom nothing is done; what was found before stays."""
    message = f"{why} Nothing is read or written for this customer until that is settled."
    conditions = [
        {
            "type": "Ready",
            "status": "False",
            "reason": str(Reason.RESOURCE_CONFLICT),
            "message": message,
        },
        {
            "type": "Stalled",
            "status": "True",
            "reason": str(Reason.RESOURCE_CONFLICT),
            "message": message,
        },
    ]
    return old | {"conditions": timed(conditions, old)}


def resource_conditions(view: View, kind: Kind, name: str) -> list[Status]:
    """Return the conditions of a policy, an override or an integration."""
    problems = view.problems.get((kind.kind, name), ())
    if not problems:
        return [
            {
                "type": "Ready",
                "status": "True",
                "reason": str(Reason.ACCEPTED),
                "message": "Read, and in agreement with the other resources.",
            }
        ]
    message = " ".join(problems)[:30_000]
    return [
        {"type": "Ready", "status": "False", "reason": str(Reason.INVALID), "message": message},
        {"type": "Stalled", "status": "True", "reason": str(Reason.INVALID), "message": message},
    ]
