"""Test results as a JUnit report: a case per test, one in error per file that cannot be read."""

from __future__ import annotations

from muster.cli.junit import Case, Ending, write_junit
from muster.resources.problems import Problem
from muster.testing.documents import Report
from muster.testing.run import TestResult


def as_junit(report: Report) -> str:
    """Write the report."""
    unread = [_unread(one) for one in report.problems]
    return write_junit("muster test", [*unread, *map(_case, report.results)])


def _unread(one: Problem) -> Case:
    return Case(
        group=one.file,
        name=f"{one.code} {one.line}:{one.column}",
        ending=Ending.ERROR,
        message=one.text,
        kind=one.code,
    )


def _case(result: TestResult) -> Case:
    group, name = str(result.test.place.file), result.test.name
    if result.error:
        return Case(
            group=group, name=name, ending=Ending.ERROR, message=result.error, kind="CannotRun"
        )
    if not result.differences:
        return Case(group=group, name=name)
    return Case(
        group=group,
        name=name,
        ending=Ending.FAILURE,
        message=f"{len(result.differences)} not as expected",
        kind="Difference",
        details="\n".join(_sentence(result, index) for index in range(len(result.differences))),
    )


def _sentence(result: TestResult, index: int) -> str:
    one = result.differences[index]
    where = result.test.place.locate(one.path)
    who = f"{one.account} " if one.account else ""
    why = f" ({one.why})" if one.why else ""
    return f"{where}: {who}{one.field}: expected {one.expected}, but it is {one.actual}{why}"
