"""A customer's status: what was read, decided and done, enough to act on without a log.

`lastSync` moves only when something else changed or a tenth of the interval has passed, so
that a run that changes nothing writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from muster.model.accounts import Known
from muster.model.names import Source, System
from muster.model.observed import SourceRead
from muster.model.plans import Approved, CustomerPlan, Outcome, Refused, Verdict
from muster.model.reasons import Reason
from muster.model.settings import Customer, Desired
from muster.plan.context import place_of
from muster.report.account_resource import timestamp
from muster.report.plan_document import render_finding, render_refusals
from muster.report.rotation_status import rotation_conditions, rotation_status

MOST_FINDINGS = 50
DEFAULT_INTERVAL = timedelta(hours=3)
_HEARTBEAT_SHARE = 10

_DIRECTORIES = {Source.DIRECTORY: "Active Directory", Source.ENTRA: "Entra"}

Status = dict[str, Any]
Condition = tuple[str, bool, Reason, str]
"""Type, whether it holds, reason, and a sentence."""


def report(
    verdict: Verdict, outcome: Outcome, desired: Desired, known: Known, now: datetime
) -> Status:
    """Return the status of a customer; the old one itself when nothing changed."""
    old = known.status
    plan = verdict.plan
    findings = (*outcome.findings, *plan.findings)
    passwords = rotation_status(verdict, outcome, known)
    status: Status = {
        "directory": _directory(desired.customer),
        "vault": place_of(System.VAULT, desired.customer),
        "psa": place_of(System.PSA, desired.customer),
        **_numbers(verdict, old),
        "sources": [_source(read) for read in plan.reads],
        "conditions": _with_times(
            chain(
                _conditions(verdict, outcome, desired),
                rotation_conditions(passwords, desired.customer.name),
            ),
            old,
            now,
        ),
        **passwords,
        "findings": [render_finding(one) for one in findings[:MOST_FINDINGS]],
        "truncated": len(findings) > MOST_FINDINGS,
        "refusals": render_refusals(verdict),
        "failures": _failures(outcome),
    }
    if not isinstance(verdict, Approved) or verdict.approved_by:
        status["plan"] = plan.digest
    return _with_sync_times(status, old, desired, now)


_NUMBERS = ("accounts", "ambiguous", "drift", "counts", "policies")


def _numbers(verdict: Verdict, old: Status) -> Status:
    """Return what is kept; after a refusal or a blind run, that is what was kept before."""
    plan = verdict.plan
    if (_blind(plan) or isinstance(verdict, Refused)) and all(name in old for name in _NUMBERS):
        return {name: old[name] for name in _NUMBERS}
    return {
        "accounts": plan.counts.selected,
        "ambiguous": plan.counts.ambiguous,
        "drift": plan.counts.drift,
        "counts": asdict(plan.counts),
        "policies": [
            {
                "name": policy.origin,
                "accountType": str(policy.account_type),
                "resolvedFrom": str(policy.resolved_from),
                "selected": policy.selected,
            }
            for policy in plan.policies
        ],
    }


def _directory(customer: Customer) -> str:
    """Return `AD`, `Entra` or `AD+Entra`."""
    parts = (("AD", customer.active_directory), ("Entra", customer.entra))
    return "+".join(name for name, connection in parts if connection)


def _directory_reads(plan: CustomerPlan) -> list[SourceRead]:
    return [read for read in plan.reads if read.source in _DIRECTORIES and read.connected]


def _blind(plan: CustomerPlan) -> bool:
    """Say whether none of the customer's directories was read whole."""
    reads = _directory_reads(plan)
    return bool(reads) and not any(read.usable for read in reads)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _source(read: SourceRead) -> Status:
    return {
        "source": read.source,
        "connected": read.connected,
        "complete": read.usable,
        "problem": read.problem,
    }


def _failures(outcome: Outcome) -> list[Status]:
    failed = [result for result in outcome.results if not result.done]
    return [
        {
            "account": result.change.user,
            "system": result.change.system,
            "action": result.change.action,
            "problem": result.problem,
        }
        for result in failed[:MOST_FINDINGS]
    ]


def _conditions(verdict: Verdict, outcome: Outcome, desired: Desired) -> Iterator[Condition]:
    plan = verdict.plan
    ready, reason, message = _readiness(verdict, outcome, desired)
    yield "Ready", ready, reason, message
    yield "Synced", ready, reason, message
    if any(read.access_denied or read.link_broken for read in plan.reads):
        yield "Stalled", True, reason, message
    counts = plan.counts
    waiting = counts.ambiguous
    if waiting:
        yield (
            "AmbiguousMatches",
            True,
            Reason.CANDIDATES_WAIT,
            f"{_counted(waiting, 'match waits', 'matches wait')} for a person: "
            f"muster matches -c {plan.customer}",
        )
    if counts.drift:
        yield (
            "DriftDetected",
            True,
            Reason.RECORDS_DIFFER,
            f"{_counted(counts.drift, 'field differs', 'fields differ')}.",
        )
    if desired.suspended or (plan.policies and all(one.suspended for one in plan.policies)):
        yield "Suspended", True, Reason.SUSPENDED, "Nothing is written."
    if isinstance(verdict, Refused):
        yield "Refused", True, Reason.PLAN_REFUSED, verdict.refusals[0].message


def _readiness(verdict: Verdict, outcome: Outcome, desired: Desired) -> tuple[bool, Reason, str]:
    plan = verdict.plan
    failed = sum(not result.done for result in outcome.results)
    if isinstance(verdict, Refused):
        return False, Reason.PLAN_REFUSED, verdict.refusals[0].message
    unread = [read for read in plan.reads if read.connected and not read.usable]
    if unread:
        broken = any(read.link_broken for read in unread)
        reason = Reason.LINK_BROKEN if broken else Reason.SOURCE_INCOMPLETE
        return False, reason, _unread_message(plan, [read.problem for read in unread])
    if failed:
        return (
            False,
            Reason.CHANGES_FAILED,
            f"{_counted(failed, 'change', 'changes')} failed; the next run tries again.",
        )
    if not desired.sources:
        return True, Reason.NOTHING_IMPORTED, "No policy covers this customer."
    if not _counts_add_up(plan):
        return False, Reason.COUNTS_DO_NOT_ADD_UP, "A bug in Muster: please report it."
    return (
        True,
        Reason.IN_AGREEMENT,
        f"{_counted(plan.counts.selected, 'account is', 'accounts are')} in agreement.",
    )


def _unread_message(plan: CustomerPlan, problems: list[str]) -> str:
    return f"{' '.join(problems)} {_what_stays(plan)}"


def _what_stays(plan: CustomerPlan) -> str:
    if _blind(plan):
        return "Every account stays as it was."
    unread = [_DIRECTORIES[read.source] for read in _directory_reads(plan) if not read.usable]
    if unread:
        return f"Accounts of {unread[0]} stay as they were; the others go on."
    return "The links to it stay as they were, and nothing is created there."


def _counts_add_up(plan: CustomerPlan) -> bool:
    return plan.counts.add_up


def _with_times(conditions: Iterator[Condition], old: Status, now: datetime) -> list[Status]:
    """Return conditions; the time moves only when the status of one changes."""
    before = {one["type"]: one for one in old.get("conditions", ())}
    rendered = []
    for kind, holds, reason, message in conditions:
        value = "True" if holds else "False"
        same = before.get(kind, {}).get("status") == value
        since = before[kind]["lastTransitionTime"] if same else timestamp(now)
        rendered.append(
            {
                "type": kind,
                "status": value,
                "reason": str(reason),
                "message": message,
                "lastTransitionTime": since,
            }
        )
    return rendered


def _with_sync_times(status: Status, old: Status, desired: Desired, now: datetime) -> Status:
    interval = min(
        (source.settings.interval for source in desired.sources), default=DEFAULT_INTERVAL
    )
    last = old.get("lastSync")
    unchanged = {**status, "lastSync": last, "nextSync": old.get("nextSync")} == old
    if unchanged and last and now - _parse(last) < interval / _HEARTBEAT_SHARE:
        return old
    return {**status, "lastSync": timestamp(now), "nextSync": timestamp(now + interval)}


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text)
