"""Edits of entries that the directory refused: said until the next password is set. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from muster.model.names import AccountId, RemoteId, System
from muster.model.passwords import JobEnd
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.plan.context import Context, Kept

_PREFIX = "edit-"


def edit_job(entry: RemoteId, at: datetime) -> str:
    """Return the id of the job that follows an edit: the same one however often it is told."""
    return f"{_PREFIX}{entry}-{at.isoformat(timespec='milliseconds')}"


def edit_findings(kept: Mapping[AccountId, Kept], context: Context) -> Iterator[Finding]:
    """Yield the accounts whose entry holds a password that the directory does not take."""
    for account, one in kept.items():
        ends = context.job_ends.get(account, ())
        last = max(ends, key=lambda end: end.ended_at, default=None)
        if last and last.id.startswith(_PREFIX) and not last.was_set:
            yield _refused(account, one.identity.user, last)


def _refused(account: AccountId, user: str, end: JobEnd) -> Finding:
    return Finding(
        reason=Reason.EDIT_REFUSED,
        system=System.VAULT,
        account=account,
        user=user,
        message=f"The entry was edited by {end.requested_by}, and its password was not set: "
        f"{end.problem} The directory keeps the former one. Set another password in the entry.",
    )
