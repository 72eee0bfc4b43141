"""Decides with which exit code a plan, a comparison or a run ends."""

from __future__ import annotations

from collections.abc import Iterable

from muster.cli.exit_codes import ExitCode
from muster.model.names import NEEDS_PERSON
from muster.model.plans import Outcome, Refused, Verdict
from muster.plan.compare import BlastRadius


def of_plans(verdicts: Iterable[Verdict], *, detailed: bool) -> ExitCode:
    """Return the exit code of a plan: an error, then a refusal, then changes, then a person."""
    verdicts = tuple(verdicts)
    if any(not verdict.plan.complete for verdict in verdicts):
        return ExitCode.ERROR
    if any(isinstance(verdict, Refused) for verdict in verdicts):
        return ExitCode.REFUSED
    if not detailed:
        return ExitCode.OK
    if any(verdict.plan.changes for verdict in verdicts):
        return ExitCode.CHANGES
    counts = [verdict.plan.counts for verdict in verdicts]
    waiting = any(count.vault.ambiguous or count.psa.ambiguous for count in counts)
    return ExitCode.AMBIGUOUS if waiting else ExitCode.OK


def of_comparison(radius: BlastRadius, *, detailed: bool) -> ExitCode:
    """Return the exit code of a change in git; what is so without it as well does not count."""
    if any(not one.whole for one in radius.differences):
        return ExitCode.ERROR
    if any(one.refusals for one in radius.differences):
        return ExitCode.REFUSED
    if not detailed:
        return ExitCode.OK
    touched = [one for one in radius.differences if one.touched]
    only_asks = all(one.only_asks for one in touched)
    waiting = any(finding.state in NEEDS_PERSON for one in touched for finding in one.questions)
    if touched and not (only_asks and waiting):
        return ExitCode.CHANGES
    return ExitCode.AMBIGUOUS if waiting else ExitCode.OK


def of_run(verdicts: Iterable[Verdict], outcomes: Iterable[Outcome]) -> ExitCode:
    """Return the exit code of an apply."""
    if any(not result.done for outcome in outcomes for result in outcome.results):
        return ExitCode.ERROR
    return of_plans(verdicts, detailed=False)
