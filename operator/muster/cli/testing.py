"""`muster test`: policies against made-up and recorded customers; and the recording of one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muster.cli import options
from muster.cli.exit_codes import ExitCode
from muster.cli.output import complain, out, say
from muster.cli.targets import read_targets, save

if TYPE_CHECKING:
    from muster.testing.documents import Report
    from muster.testing.mutate import Mutation
    from muster.testing.run import TestResult, Trees


class TestFormat(StrEnum):
    """What `muster test` can write."""

    __test__ = False

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


_FORMATS = ", ".join(TestFormat)


Targets = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Test files, or directories with some; the current directory when left out. "
        "With --record, the resources.",
        show_default=False,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT[=PATH]",
        help=f"How to print, or what to write where; repeat it for several. One of {_FORMATS}.",
        show_default="text",
    ),
]
WithCoverage = Annotated[
    bool,
    typer.Option("--coverage", help="List the rules of the policies that no test exercises."),
]
CoverageMin = Annotated[
    int | None,
    typer.Option(
        "--coverage-min",
        min=0,
        max=100,
        metavar="PERCENT",
        help="Fail when fewer of the rules are exercised; includes --coverage.",
        show_default=False,
    ),
]
Mutate = Annotated[
    bool,
    typer.Option(
        "--mutate",
        help="Change the policies line by line, and list what no test would notice.",
    ),
]
MutateLimit = Annotated[
    float,
    typer.Option("--mutate-limit", min=0, metavar="SECONDS", help="How long to try mutants."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Fail when --mutate finds what no test would notice."),
]
Record = Annotated[
    str | None,
    typer.Option(
        "--record",
        metavar="CUSTOMER",
        help="Instead of testing, read a customer's systems and write them as a test, with "
        "other names.",
        show_default=False,
    ),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="FILE",
        help="Where --record writes; standard output when left out.",
        show_default=False,
    ),
]


def policy_tests(
    paths: Targets = None,
    output: Outputs = None,
    coverage: WithCoverage = False,
    coverage_min: CoverageMin = None,
    mutate: Mutate = False,
    mutate_limit: MutateLimit = 60,
    strict: Strict = False,
    record: Record = None,
    to: To = None,
    state: options.State = None,
    secrets: options.SecretsFrom = None,
    patience: options.Patience = options.PATIENCE_S,
) -> int:
    """Test policies against made-up or recorded customers; touch no system.

    Exits with 0 when every test passes, else with 1. Only --record reads systems.

    \b
    muster test policies/
    muster test . --coverage-min 80 -o text -o junit=muster-tests.xml
    muster test . --mutate
    muster test estate/ --record contoso --to tests/recorded.muster-test
    """
    if record is not None:
        from muster.cli.redacting import record_customer
        from muster.cli.session import place

        return record_customer(record, place(paths, state, secrets, patience), to)
    targets = read_targets(TestFormat, output or (TestFormat.TEXT,))
    report = _run(
        paths or [Path()],
        mutate=mutate,
        coverage=coverage or coverage_min is not None,
        limit_s=mutate_limit,
    )
    for kind, path in targets:
        _write(kind, path, report)
    return _exit_code(report, coverage_min, strict=strict)


def _run(paths: Sequence[Path], *, mutate: bool, coverage: bool, limit_s: float) -> Report:
    from muster.testing.coverage import cover
    from muster.testing.documents import Report
    from muster.testing.load import load_tests
    from muster.testing.run import Trees, run_tests

    loaded = load_tests(paths)
    trees = Trees()
    results = run_tests(loaded.tests, trees)
    report = Report(results=results, problems=loaded.problems)
    if not (mutate or coverage):
        return report
    if not report.passed:
        say("Some tests do not pass; coverage and mutants rest on the others.")
    found = _mutation(results, trees, expectations=mutate, limit_s=limit_s)
    return Report(
        results=results,
        problems=loaded.problems,
        coverage=cover(results, trees, found) if coverage else None,
        mutation=found if mutate else None,
    )


def _mutation(
    results: Sequence[TestResult], trees: Trees, *, expectations: bool, limit_s: float
) -> Mutation:
    from muster.cli.session import progress
    from muster.testing.mutate import mutate

    with progress() as bar:
        task = bar.add_task("mutating")
        return mutate(
            results,
            trees,
            expectations=expectations,
            limit_s=limit_s,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _write(kind: TestFormat, path: Path | None, report: Report) -> None:
    from muster.cli.output import Format, print_data, print_text
    from muster.cli.testing_text import print_report
    from muster.testing.documents import as_data

    if path is not None:
        save(path, _text(kind, report))
    elif kind is TestFormat.TEXT:
        print_report(report, out())
    elif kind is TestFormat.JSON:
        print_data(as_data(report), Format.JSON)
    else:
        print_text(_text(kind, report))


def _text(kind: TestFormat, report: Report) -> str:
    import io

    from rich.console import Console

    from muster.cli.output import json_text
    from muster.cli.testing_junit import as_junit
    from muster.cli.testing_text import print_report
    from muster.testing.documents import as_data

    match kind:
        case TestFormat.JSON:
            return json_text(as_data(report))
        case TestFormat.JUNIT:
            return as_junit(report)
        case TestFormat.TEXT:
            console = Console(file=io.StringIO(), width=10_000, soft_wrap=True)
            with console.capture() as captured:
                print_report(report, console)
            return captured.get().rstrip("\n")


def _exit_code(report: Report, coverage_min: int | None, *, strict: bool) -> int:
    failed = not report.passed
    if report.coverage and coverage_min is not None and report.coverage.percent < coverage_min:
        complain(f"Coverage is {report.coverage.percent} %, and {coverage_min} % is asked for.")
        failed = True
    if strict and report.mutation and (report.mutation.survivors or report.mutation.untried):
        failed = True
    return ExitCode.ERROR if failed else ExitCode.OK
