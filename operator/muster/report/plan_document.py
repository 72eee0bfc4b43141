"""A plan as one JSON document, the same from the CLI, the daemon and the operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from muster.model.accounts import Candidate
from muster.model.plans import (
    AccountDecision,
    Approved,
    Change,
    CustomerPlan,
    Finding,
    Refused,
    Verdict,
)
from muster.plan.digest import digest_plans
from muster.report.account_resource import render_candidate

API_VERSION = "muster.dev/v1alpha1"


def plan_document(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return the plan of a whole run, customers in the order of their names."""
    ordered = sorted(verdicts, key=lambda verdict: verdict.plan.customer)
    return {
        "apiVersion": API_VERSION,
        "kind": "Plan",
        "digest": digest_plans(verdict.plan for verdict in ordered),
        "customers": [_customer(verdict) for verdict in ordered],
    }


def _customer(verdict: Verdict) -> dict[str, Any]:
    plan = verdict.plan
    return {
        "name": plan.customer,
        "digest": plan.digest,
        "complete": plan.complete,
        "sources": [_source(plan, index) for index in range(len(plan.reads))],
        "policies": [
            {
                "name": policy.origin,
                "accountType": policy.account_type,
                "resolvedFrom": policy.resolved_from,
                "selected": policy.selected,
                "registered": policy.registered,
                "suspended": policy.suspended,
            }
            for policy in plan.policies
        ],
        "counts": asdict(plan.counts),
        "decisions": [_decision(one) for one in plan.decisions],
        "changes": [render_change(change) for change in plan.changes],
        "findings": [render_finding(finding) for finding in plan.findings],
        "refusals": render_refusals(verdict),
        "approvedBy": verdict.approved_by if isinstance(verdict, Approved) else "",
    }


def _source(plan: CustomerPlan, index: int) -> dict[str, Any]:
    read = plan.reads[index]
    return {
        "source": read.source,
        "connected": read.connected,
        "complete": read.usable,
        "size": read.size,
        "problem": read.problem,
    }


def _decision(one: AccountDecision) -> dict[str, Any]:
    return {
        "account": one.user,
        "objectId": one.account,
        "accountType": one.account_type,
        "decision": one.decision.state,
        "reason": one.decision.reason,
        "via": one.decision.via,
    }


def render_change(change: Change) -> dict[str, Any]:
    """Return one change; an update says which fields go from what to what."""
    rendered: dict[str, Any] = {
        "system": change.system,
        "action": change.action,
        "account": change.user,
        "objectId": change.account,
        "target": change.target,
        "reason": change.reason,
        "because": change.because,
    }
    if change.drift:
        rendered["fields"] = [
            {"field": one.field, "from": one.observed, "to": one.desired} for one in change.drift
        ]
    return rendered


def render_finding(finding: Finding) -> dict[str, Any]:
    """Return one finding with its candidates."""
    return {
        "account": finding.user,
        "objectId": finding.account or "",
        "system": finding.system or "",
        "state": finding.state or "",
        "reason": finding.reason,
        "message": finding.message,
        "candidates": _candidates(finding.candidates),
    }


def _candidates(candidates: Iterable[Candidate]) -> list[dict[str, Any]]:
    return [render_candidate(candidate) for candidate in candidates]


def render_refusals(verdict: Verdict) -> list[dict[str, Any]]:
    """Return why a plan was refused; empty for an approved one."""
    if not isinstance(verdict, Refused):
        return []
    return [
        {"reason": one.reason, "message": one.message, "policy": one.policy}
        for one in verdict.refusals
    ]
