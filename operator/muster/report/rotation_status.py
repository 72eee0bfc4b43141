"""What a customer's status says about passwords: counts, what waits, and who must look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from muster.model.accounts import AccountRecord, Known
from muster.model.passwords import JobState, PasswordJob
from muster.model.plans import Approved, Outcome, Verdict
from muster.model.reasons import Reason
from muster.model.rotation import Rotation
from muster.report.account_resource import timestamp
from muster.report.password_jobs import Whereabouts, whereabouts

MANY_FAILURES = 3
"""From so many failures in a row on, a person should look."""

_MOST_JOBS = 20
_LONGEST_MESSAGE = 2048
"""Both as in the schema of a Customer."""

Status = dict[str, Any]
Condition = tuple[str, bool, Reason, str]


def rotation_status(verdict: Verdict, outcome: Outcome, known: Known) -> Status:
    """Return the numbers, and the passwords that are being set; empty where there are none."""
    records = tuple(_records(verdict, outcome, known))
    rotated = [one.rotation for one in records if one.rotation.enabled]
    # Only what was set or is to be set concerns anybody.
    if not rotated and not known.jobs and not any(one.rotation.stale for one in records):
        return {}
    stale = sum(one.rotation.stale for one in records)
    status: Status = {"rotation": _numbers(rotated) | {"stale": stale, "underway": len(known.jobs)}}
    if known.jobs:
        users = {one.identity.id: one.identity.user for one in records}
        oldest = sorted(known.jobs, key=lambda one: (one.opened_at, one.id))[:_MOST_JOBS]
        status["passwords"] = [
            _waiting(job, place, users.get(job.account, str(job.account)))
            for job in oldest
            if (place := whereabouts(job))
        ]
    return status


def _numbers(rotated: Sequence[Rotation]) -> Status:
    """Count accounts that are rotated: how they stand, and why the last one failed."""
    causes = Counter(str(one.cause) for one in rotated if one.cause)
    counted = [{"cause": cause, "accounts": count} for cause, count in sorted(causes.items())]
    coming = min((one.next for one in rotated if one.next), default=None)
    return {
        "enabled": len(rotated),
        "failing": sum(one.failures >= MANY_FAILURES for one in rotated),
        **({"causes": counted} if counted else {}),
        **({"next": timestamp(coming)} if coming else {}),
    }


def _waiting(job: PasswordJob, place: Whereabouts, user: str) -> Status:
    return {
        "account": user,
        "job": job.id,
        "kind": job.kind,
        "since": timestamp(job.opened_at),
        "needsPerson": job.state is JobState.NEEDS_PERSON,
        "message": place.sentence[:_LONGEST_MESSAGE],
        **({"cause": place.cause} if place.cause else {}),
    }


def rotation_conditions(status: Status, customer: str) -> Iterator[Condition]:
    """Yield the conditions that are there only while they are true."""
    numbers = status.get("rotation", {})
    if numbers.get("failing"):
        yield (
            "RotationsFailing",
            True,
            Reason.ROTATIONS_FAIL,
            f"{_accounts(numbers['failing'])} could not be rotated {MANY_FAILURES} times or more "
            f"in a row{_causes(numbers)}; the findings say why.",
        )
    if numbers.get("stale"):
        yield (
            "PasswordsStale",
            True,
            Reason.PASSWORD_STALE,
            f"{_accounts(numbers['stale'])} had the password changed by somebody else; the "
            "vault's entries are not the live ones.",
        )
    waiting = sum(one["needsPerson"] for one in status.get("passwords", ()))
    if waiting:
        yield (
            "PasswordNeedsPerson",
            True,
            Reason.PASSWORD_NEEDS_PERSON,
            f"{_accounts(waiting)}: which password is live must be decided by a person: "
            f"muster passwords list {customer}",
        )


def _causes(numbers: Status) -> str:
    causes = [f"{one['cause']} {one['accounts']}" for one in numbers.get("causes", ())]
    return f" ({', '.join(causes)})" if causes else ""


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count} accounts"


def _records(verdict: Verdict, outcome: Outcome, known: Known) -> Iterator[AccountRecord]:
    """Yield the live records as they are after the run."""
    planned = verdict.plan.records if isinstance(verdict, Approved) else ()
    records = {one.identity.id: one for one in (*known.records, *planned)}
    for result in outcome.results:
        account = result.change.account
        if result.rotation is not None and account in records:
            records[account] = replace(records[account], rotation=result.rotation)
    return (one for one in records.values() if one.live)
