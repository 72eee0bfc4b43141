"""A plan for people: per customer the changes with the line that demands each, then questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from rich.console import Console

from muster.cli.output import counted, plain, print_table
from muster.model.names import Action, DecisionState
from muster.model.plans import Approved, Change, CustomerPlan, Finding, Refused, Verdict
from muster.model.reasons import Reason
from muster.plan.digest import digest_plans
from muster.reconcile import Report

Locate = Callable[[str], str | None]
"""Turns a field's reference into `file:line`, where it is known."""

MOST_ROWS = 40
"""Per customer; the rest is counted. `-o json` prints all."""

_ROUTINE = frozenset({Action.IMPORT, Action.LINK})
"""Changes that are counted and not listed: they write nothing outside and lose nothing."""

_EXCLUDED = DecisionState.EXCLUDED


def print_plans(verdicts: Iterable[Verdict], locate: Locate, console: Console) -> None:
    """Print plans in the order of customers, then one line that sums them up."""
    ordered = sorted(verdicts, key=lambda verdict: verdict.plan.customer)
    for verdict in ordered:
        _print_customer(verdict, locate, console)
    plans = [verdict.plan for verdict in ordered]
    waiting = sum(plan.counts.ambiguous for plan in plans)
    changes = sum(len(plan.changes) for plan in plans)
    unread = sum(not plan.complete for plan in plans)
    refused = sum(isinstance(verdict, Refused) for verdict in ordered)
    console.print(
        f"[bold]{counted(len(plans), 'customer')}, {counted(changes, 'change')}[/], "
        f"{counted(waiting, 'match', 'matches')} waiting for a person, "
        f"{counted(refused, 'plan')} refused, "
        f"{counted(unread, 'customer')} not read whole."
    )
    if plans:
        console.print(f"For apply --expect: {digest_plans(plans)}")


def _print_customer(verdict: Verdict, locate: Locate, console: Console) -> None:
    plan = verdict.plan
    console.print(f"[bold]{plan.customer}[/]  {_summary(plan)}")
    for policy in plan.policies:
        state = ", suspended" if policy.suspended else ""
        console.print(
            f"  {policy.account_type}: {policy.selected} selected by {policy.origin} "
            f"({policy.resolved_from}{state})"
        )
    _print_changes(plan, locate, console)
    _print_findings(plan, console)
    if plan.changes or isinstance(verdict, Refused):
        console.print(f"  for approvals: {plan.digest}")
    if isinstance(verdict, Refused):
        for refusal in verdict.refusals:
            console.print(f"  [bold red]refused:[/] {plain(refusal.message)}")
    elif isinstance(verdict, Approved) and verdict.approved_by:
        console.print(f"  approved: {plain(verdict.approved_by)}")
    console.print()


def _summary(plan: CustomerPlan) -> str:
    if not plan.complete:
        return ", ".join(["[red]could not be read whole[/]", *_totals(plan)])
    if not plan.changes:
        return f"nothing to do, {plan.counts.selected} accounts in agreement"
    return ", ".join(_totals(plan))


def _totals(plan: CustomerPlan) -> list[str]:
    counts = Counter(change.action for change in plan.changes)
    return [f"{counts[action]} {action}" for action in Action if counts[action]]


def _print_changes(plan: CustomerPlan, locate: Locate, console: Console) -> None:
    shown = [change for change in plan.changes if change.action not in _ROUTINE]
    rows = [
        (
            f"  {change.action}",
            change.system,
            change.user,
            target_text(change),
            locate(change.because) or change.because,
        )
        for change in shown[:MOST_ROWS]
    ]
    if rows:
        print_table(("  ACTION", "SYSTEM", "ACCOUNT", "TARGET", "BECAUSE"), rows, console)
    if len(shown) > MOST_ROWS:
        console.print(f"  … and {len(shown) - MOST_ROWS} more; -o json prints all.")
    out_reasons = Counter(
        one.decision.reason for one in plan.decisions if one.decision.state is _EXCLUDED
    )
    if out_reasons:
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(out_reasons.items()))
        console.print(f"  left out: {listed}")


def target_text(change: Change) -> str:
    """Say what a change is aimed at: of a correction, which fields go from what to what."""
    if change.drift:
        return "; ".join(
            f"{d.field}: {d.observed or 'nothing'} → {d.desired}" for d in change.drift
        )
    return change.target


def _print_findings(plan: CustomerPlan, console: Console) -> None:
    for finding in plan.findings[:MOST_ROWS]:
        system = f" {finding.system}" if finding.system else ""
        who = f"{finding.user}{system}: " if finding.user else ""
        mark = _mark(finding)
        console.print(f"  {mark} {finding.reason}  {plain(who + finding.message)}")
        for candidate in finding.candidates:
            line = f"{candidate.id}  {candidate.name}  ({candidate.evidence}; {candidate.detail})"
            console.print(f"      {plain(line)}")
    if len(plan.findings) > MOST_ROWS:
        console.print(
            f"  … and {len(plan.findings) - MOST_ROWS} more findings; -o json prints all."
        )


def _mark(finding: Finding) -> str:
    if finding.reason in (Reason.SOURCE_INCOMPLETE, Reason.LINK_BROKEN):
        return "[bold red]![/]"
    return "[yellow]?[/]" if finding.state else "[dim]i[/]"


def print_reports(reports: Iterable[Report], console: Console) -> None:
    """Print what was done, a line per customer, then what failed or was refused."""
    ordered = sorted(reports, key=lambda report: report.proposal.plan.customer)
    print_table(
        ("CUSTOMER", "DONE", "FAILED", "WAITING", "READY", "REASON"),
        (_report_row(report) for report in ordered),
        console,
    )
    for report in ordered:
        for refusal in report.status["refusals"]:
            console.print(f"[bold red]refused[/] {plain(refusal['message'])}")
        for result in report.outcome.results:
            if not result.done:
                change = result.change
                what = f"{change.action} {change.system} {change.user}: {result.problem}"
                console.print(f"[red]failed[/] {plain(what)}")


def _report_row(report: Report) -> tuple[object, ...]:
    results = report.outcome.results
    done = sum(result.done for result in results)
    ready = report.status["conditions"][0]
    return (
        report.proposal.plan.customer,
        str(done),
        str(len(results) - done),
        str(report.status["ambiguous"]),
        ready["status"],
        ready["reason"],
    )
