"""Test results for people: what differs and why, and what no test would notice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console

from muster.cli.output import counted, plain, print_table
from muster.testing.coverage import Coverage
from muster.testing.documents import Report
from muster.testing.mutate import Mutation
from muster.testing.run import TestResult

_MOST_LISTED = 200


def print_report(report: Report, console: Console) -> None:
    """Print problems, failed tests, coverage and survivors, then one line that sums them up."""
    for one in report.problems:
        place = f"{one.file}:{one.line}:{one.column}"
        console.print(f"{plain(place)}: [bold red]error:[/] {plain(one.text)}")
    for result in report.results:
        _print_result(result, console)
    if report.coverage:
        _print_coverage(report.coverage, console)
    if report.mutation:
        _print_mutation(report.mutation, console)
    console.print(f"[bold]{_summary(report.results)}[/]")


def _print_result(result: TestResult, console: Console) -> None:
    name = plain(result.test.name)
    if result.passed:
        console.print(f"[green]pass[/]  {name}")
        return
    console.print(f"[bold red]fail[/]  {name}  {plain(result.test.where)}")
    for line in result.error.splitlines():
        console.print(f"      {plain(line)}")
    if result.differences:
        rows = (
            (f"      {one.account or 'plan'}", one.field, one.expected, one.actual, one.why)
            for one in result.differences
        )
        print_table(("      ACCOUNT", "FIELD", "EXPECTED", "ACTUAL", "WHY"), rows, console)


def _print_coverage(coverage: Coverage, console: Console) -> None:
    missing = [one for one in coverage.rules if not one.test]
    console.print(
        f"\ncoverage: {coverage.exercised} of {counted(len(coverage.rules), 'rule')} exercised, "
        f"{coverage.percent} %"
    )
    for policy, rules in groupby(sorted(missing, key=lambda one: one.policy), lambda r: r.policy):
        console.print(f"  not exercised in {plain(policy)}:")
        for one in rules:
            console.print(f"    {plain(one.place or '(matching)')}  {plain(one.text)}")


def _print_mutation(mutation: Mutation, console: Console) -> None:
    survivors = mutation.survivors
    console.print(
        f"\nmutants: {len(mutation.judged)} tried, {len(survivors)} that no test would notice"
    )
    for one in survivors[:_MOST_LISTED]:
        seen = "" if one.exercised_by else "  (no test exercises it)"
        console.print(
            f"  {plain(one.line.place)}  {plain(one.line.text)} → {plain(one.what)}{seen}"
        )
    if len(survivors) > _MOST_LISTED:
        console.print(f"  … and {len(survivors) - _MOST_LISTED} more; -o json has all.")
    if mutation.untried:
        console.print(f"  {mutation.untried} not tried: the time was over; see --mutate-limit.")


def _summary(results: Sequence[TestResult]) -> str:
    failed = sum(bool(one.differences) for one in results)
    errors = sum(bool(one.error) for one in results)
    parts = [f"{counted(len(results), 'test')}", f"{len(results) - failed - errors} passed"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{errors} could not run"] if errors else []
    return ", ".join(parts) + "."
