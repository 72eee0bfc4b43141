"""What a change in git does, as one JSON document, and what every form of it is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muster.model.plans import AccountDecision, Change
from muster.plan.compare import BlastRadius, Difference, Shift, Side, policy_lines
from muster.report.plan_document import API_VERSION, render_change, render_finding

Locate = Callable[[str], str | None]
"""Turns a field's reference into `file:line`, where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison with what a person needs to read it."""

    radius: BlastRadius
    revision: str
    commit: str
    locate: Locate
    """For lines of the new side."""
    locate_base: Locate
    recorded_at: datetime | None = None
    """The oldest moment of the recording that was planned from; None: read just now."""
    notes: tuple[str, ...] = ()
    """What is to be known about the two sides."""
    anonymous: bool = False
    """Whether people are counted and not named."""


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return the whole comparison, customers in the order of their names."""
    radius = comparison.radius
    recorded = comparison.recorded_at
    return {
        "apiVersion": API_VERSION,
        "kind": "PlanComparison",
        "base": {
            "revision": comparison.revision,
            "commit": comparison.commit,
            "digest": radius.base_digest,
        },
        "digest": radius.digest,
        "recordedAt": recorded.isoformat() if recorded else "",
        "notes": list(comparison.notes),
        "lines": _lines((change for one in radius.differences for change in one.added), comparison),
        "customers": [_customer(one, comparison) for one in radius.differences],
    }


def _customer(one: Difference, comparison: Comparison) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": one.name,
        "standing": one.standing,
        "digest": one.digest,
        "complete": one.whole,
        "elsewhere": list(one.elsewhere),
        "counts": {
            "gained": len(one.gained),
            "lost": len(one.lost),
            "otherwise": len(one.otherwise),
            "added": len(one.added),
            "dropped": len(one.dropped),
            "pending": one.pending,
            "questions": len(one.questions),
            "answered": one.answered,
        },
        "lines": _lines(one.added, comparison),
        "refused": one.needs_approval,
        "refusals": _refusals(one, anonymous=comparison.anonymous),
    }
    if not comparison.anonymous:
        body["accounts"] = [_shift(shift) for shift in one.shifts]
        body["added"] = [_change(change, comparison.locate) for change in one.added]
        body["dropped"] = [_change(change, comparison.locate_base) for change in one.dropped]
        body["questions"] = [render_finding(finding) for finding in one.questions]
    return body


def _lines(changes: Iterable[Change], comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "because": line.because,
            "at": comparison.locate(line.because) or "",
            "effects": [
                {"system": system, "action": action, "count": count}
                for system, action, count in line.effects
            ],
        }
        for line in policy_lines(changes)
    ]


def _refusals(one: Difference, *, anonymous: bool) -> list[dict[str, Any]]:
    new = set(one.refusals)
    refusals = one.head.refusals if one.head else ()
    return [
        {
            "reason": refusal.reason,
            "policy": refusal.policy,
            "message": "" if anonymous else refusal.message,
            "new": refusal in new,
        }
        for refusal in refusals
    ]


def _shift(shift: Shift) -> dict[str, Any]:
    return {
        "account": shift.either.user,
        "objectId": shift.either.account,
        "accountType": shift.either.account_type,
        "before": _decision(shift.before),
        "after": _decision(shift.after),
    }


def _decision(one: AccountDecision | None) -> dict[str, Any] | None:
    if one is None:
        return None
    decision = one.decision
    return {"decision": decision.state, "reason": decision.reason, "via": decision.via}


def _change(change: Change, locate: Locate) -> dict[str, Any]:
    return {**render_change(change), "at": locate(change.because) or ""}


def unread(side: Side | None) -> tuple[str, ...]:
    """Return the sources of a side that were not read whole."""
    reads = side.plan.reads if side else ()
    return tuple(read.source for read in reads if read.connected and not read.usable)
