"""How it stands with passwords in a policy test: read from it, and written for a recording.

A test has no passwords, no jobs and no dates of the directory: it says what follows from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from muster.model.accounts import AccountRecord
from muster.model.names import RemoteId
from muster.model.passwords import JobKind, PasswordJob, Proof, Target, VaultTarget
from muster.model.rotation import Rotation
from muster.plan.rotation import is_unkept
from muster.resources.tables import Json
from muster.testing.domain import aware

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""No plan asks when a job was opened."""
_DATES = ("since", "last", "failedAt")


def rotation(body: Json) -> Rotation:
    """Return how it stood with an account's password."""
    since, last, failed_at = (aware(body[key]) if key in body else None for key in _DATES)
    return Rotation(
        since=since,
        last=last,
        failures=body.get("failures", 0),
        failed_at=failed_at,
        stale=body.get("stale", False),
    )


def underway(body: Json, record: AccountRecord) -> Iterator[PasswordJob]:
    """Yield the job of an account whose password is being set."""
    unkept = body.get("unkept", False)
    if body.get("underway") or unkept:
        own = record.identity
        yield PasswordJob(
            id=f"underway-{record.name}",
            customer=record.customer,
            account=own.id,
            kind=JobKind.ROTATION,
            targets=(Target(system=own.source, account=own.id, proves_by=Proof.CHANGE_DATE),),
            vault=VaultTarget(place="", entry=RemoteId(""), failures=int(unkept)),
            sealed="",
            opened_at=_LONG_AGO,
            deadline=_LONG_AGO,
        )


def rotation_body(now: Rotation, job: PasswordJob | None) -> dict[str, Any]:
    """Return how it stands with an account's password as a test says it; empty says nothing."""
    dates = zip(_DATES, (now.since, now.last, now.failed_at), strict=True)
    body: dict[str, Any] = {key: moment.isoformat() for key, moment in dates if moment}
    body |= {"failures": now.failures} if now.failures else {}
    body |= {"stale": True} if now.stale else {}
    if job:
        body["unkept" if is_unkept(job) else "underway"] = True
    return body
