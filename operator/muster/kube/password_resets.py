"""`PasswordReset` objects: each sets one password once, whatever dies meanwhile.

The object's uid is the job's id, and `Underway` is written to its status before anything is
sent. So a reset that was cut off is gone on with, and one whose end is no longer known is never
begun again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from muster.assembly import Assembly
from muster.errors import PasswordRefused, RemoteError, SpecError, StateError
from muster.kube.events import EventRecorder
from muster.kube.resources import PASSWORD_RESET
from muster.kube.status_writer import StatusWriter, timed
from muster.kube.store import Store
from muster.model.accounts import AccountRecord, Known
from muster.model.causes import Cause
from muster.model.names import CustomerName
from muster.model.passwords import JobEnd, JobKind, JobState, PasswordJob, left_open_of
from muster.model.reasons import Reason
from muster.model.resets import PasswordReset
from muster.model.settings import Desired
from muster.passwords.causes import cause_in_directory
from muster.reconcile import resume
from muster.report.account_resource import timestamp
from muster.report.password_jobs import success_text, whereabouts
from muster.resets import reset
from muster.rotations import PasswordOrder

logger = logging.getLogger("muster.resets")

OVER = frozenset({"Done", "Refused", "Failed"})
"""The phases in which nothing more happens."""

Status = dict[str, Any]

_PHASES = {
    JobState.CONFIRMED: ("Done", Reason.PASSWORD_SET),
    JobState.REFUSED: ("Refused", Reason.PASSWORD_REFUSED),
    JobState.NEEDS_PERSON: ("NeedsPerson", Reason.PASSWORD_NEEDS_PERSON),
}


def is_over(raw: Mapping[str, Any]) -> bool:
    """Say whether nothing more happens for a reset."""
    return (raw.get("status") or {}).get("phase") in OVER


def customers_of(account: str, names: Iterable[CustomerName]) -> list[CustomerName]:
    """Return the customers that an account may belong to by its name, the likeliest first."""
    fitting = [name for name in names if account.startswith(f"{name}-")]
    return sorted(fitting, key=len, reverse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetCarrier:
    """Carries out resets, one at a time per customer: the caller sees to that."""

    store: Store
    writer: StatusWriter
    events: EventRecorder
    assembly: Assembly

    def carry_out(self, name: str, desired: Desired) -> bool:
        """Go on with a reset of a customer's account.

        Return whether the account is this customer's; a shorter name may fit another one's.
        """
        raw = self.store.raw(PASSWORD_RESET.kind, name)
        if raw is None or is_over(raw):
            return True
        wanted = self.store.parsed()[PASSWORD_RESET.kind, name].resource
        if not isinstance(wanted, PasswordReset):
            return True
        ports = self.assembly.ports(desired)
        known = resume(desired, ports)
        record = _find(wanted.account, known)
        if record is None:
            return False
        status = self._known(raw, record, known) or self._begin(wanted, raw, record, desired)
        self._tell(name, raw, status)
        return True

    def refuse(self, name: str, message: str) -> None:
        """Say that a reset is not carried out."""
        raw = self.store.raw(PASSWORD_RESET.kind, name)
        if raw is not None and not is_over(raw):
            status = self._status(raw, "Refused", Reason.ACCOUNT_UNKNOWN, message)
            self._tell(name, raw, status)

    def _known(self, raw: Mapping[str, Any], record: AccountRecord, known: Known) -> Status | None:
        """Return how a reset stands that was begun before; None for a new one."""
        job_id = _job_id(raw)
        for job in known.jobs:
            if job.id == job_id:
                return self._of_job(raw, record, job)
        for end in known.job_ends:
            if end.id == job_id:
                return self._of_end(raw, record, end)
        if (raw.get("status") or {}).get("phase") != "Underway":
            return None
        return self._status(
            raw,
            "Failed",
            Reason.RUN_FAILED,
            "It was cut off before it began, or a later password of the account has taken its "
            "place: the audit says which. Make another reset if one is needed.",
        )

    def _begin(
        self, wanted: PasswordReset, raw: Mapping[str, Any], record: AccountRecord, desired: Desired
    ) -> Status:
        name = str(raw["metadata"]["name"])
        order = PasswordOrder(
            kind=JobKind.RESET,
            id=_job_id(raw),
            requested_by=f"PasswordReset/{name}",
            reason=wanted.reason,
            must_change=wanted.must_change,
            unlock=wanted.unlock,
            generator=wanted.generator,
        )
        started = {"startedAt": timestamp(datetime.now(UTC)), **_about(record)}
        begun = self._status(raw, "Underway", Reason.PASSWORD_UNDERWAY, "It is being set.")
        self.writer.write(PASSWORD_RESET, name, begun | started)
        try:
            job = reset(order, record, desired, self.assembly.ports(desired))
        except (PasswordRefused, SpecError) as error:
            refused = self._status(raw, "Refused", Reason.PASSWORD_REFUSED, str(error))
            return refused | started | _cause(cause_in_directory(error))
        except (RemoteError, StateError) as error:
            # It may have failed in the middle of the job: the journal knows.
            if underway := self._known(raw, record, resume(desired, self.assembly.ports(desired))):
                return underway | {"startedAt": started["startedAt"]}
            failed = self._status(raw, "Failed", Reason.CHANGES_FAILED, str(error))
            return failed | started | _cause(cause_in_directory(error))
        return self._of_job(raw, record, job) | {"startedAt": started["startedAt"]}

    def _of_job(self, raw: Mapping[str, Any], record: AccountRecord, job: PasswordJob) -> Status:
        place = whereabouts(job)
        if place is not None:
            phase, reason = _PHASES.get(job.state, ("Underway", Reason.PASSWORD_UNDERWAY))
            status = self._status(raw, phase, reason, place.sentence)
            return status | _about(record) | _cause(place.cause)
        phase, reason = _PHASES.get(job.state, ("Failed", Reason.CHANGES_FAILED))
        message = job.problem or success_text(left_open_of(job))
        ended = {"endedAt": timestamp(job.ended_at)} if job.ended_at else {}
        more = {"revision": job.vault.revision} if job.vault.revision else {}
        proof = {"proof": str(job.targets[0].proof)} if job.targets[0].proof else {}
        more |= _cause(job.cause) | _about(record)
        return self._status(raw, phase, reason, message) | ended | more | proof

    def _of_end(self, raw: Mapping[str, Any], record: AccountRecord, end: JobEnd) -> Status:
        phase, reason = _PHASES.get(end.state, ("Failed", Reason.CHANGES_FAILED))
        message = end.problem or success_text(end.left_open)
        ended = {"endedAt": timestamp(end.ended_at)}
        more = {"revision": end.revision} if end.revision else {}
        proof = {"proof": str(end.proof)} if end.proof else {}
        more |= _cause(end.cause) | _about(record)
        return self._status(raw, phase, reason, message) | ended | more | proof

    def _status(self, raw: Mapping[str, Any], phase: str, reason: Reason, message: str) -> Status:
        old = self.writer.current(PASSWORD_RESET, str(raw["metadata"]["name"]))
        ready = {
            "type": "Ready",
            "status": "True" if phase == "Done" else "False",
            "reason": str(reason),
            "message": message,
        }
        kept = {key: old[key] for key in ("startedAt",) if key in old}
        told = {"phase": phase, "message": message, "conditions": timed([ready], old)}
        return kept | told

    def _tell(self, name: str, raw: Mapping[str, Any], status: Status) -> None:
        old = self.writer.current(PASSWORD_RESET, name)
        if self.writer.write(PASSWORD_RESET, name, status):
            self.events.tell_changes(PASSWORD_RESET, raw, old, status)
        logger.info("PasswordReset %s: %s", name, status["phase"])


def _find(account: str, known: Known) -> AccountRecord | None:
    return next((one for one in known.records if one.name == account and one.live), None)


def _cause(cause: Cause | None) -> Status:
    return {"cause": str(cause)} if cause else {}


def _job_id(raw: Mapping[str, Any]) -> str:
    return f"reset-{raw['metadata']['uid']}"


def _about(record: AccountRecord) -> Status:
    place = f"{record.vault.place}/{record.vault.id}" if record.vault.id else ""
    about = {"customer": str(record.customer), "account": record.identity.user}
    return about | ({"vault": place} if place else {})
