"""All that a run of `muster test` found, and how it is written as one document. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.resources.problems import Problem
from muster.testing.coverage import Coverage
from muster.testing.mutate import Mutation
from muster.testing.run import TestResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one run of `muster test` found."""

    results: tuple[TestResult, ...]
    problems: tuple[Problem, ...] = ()
    coverage: Coverage | None = None
    mutation: Mutation | None = None

    @property
    def passed(self) -> bool:
        """Whether every test could be run and passed."""
        return not self.problems and all(result.passed for result in self.results)


def as_data(report: Report) -> dict[str, Any]:
    """Return the document of `-o json`."""
    data: dict[str, Any] = {
        "passed": report.passed,
        "problems": [
            {
                "file": one.file,
                "line": one.line,
                "column": one.column,
                "code": str(one.code),
                "message": one.text,
            }
            for one in report.problems
        ],
        "tests": [_test(result) for result in report.results],
    }
    if report.coverage:
        data["coverage"] = _coverage(report.coverage)
    if report.mutation:
        data["mutation"] = _mutation(report.mutation)
    return data


def _test(result: TestResult) -> dict[str, Any]:
    test = result.test
    return {
        "name": test.name,
        "place": test.where,
        "customer": str(test.customer),
        "passed": result.passed,
        "error": result.error,
        "differences": [
            {
                "account": one.account,
                "field": one.field,
                "expected": one.expected,
                "actual": one.actual,
                "why": one.why,
                "place": test.place.locate(one.path),
            }
            for one in result.differences
        ],
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "percent": coverage.percent,
        "rules": [
            {"policy": one.policy, "place": one.place, "rule": one.text, "test": one.test}
            for one in coverage.rules
        ],
    }


def _mutation(mutation: Mutation) -> dict[str, Any]:
    return {
        "mutants": len(mutation.judged),
        "untried": mutation.untried,
        "survivors": [
            {
                "policy": one.line.policy,
                "place": one.line.place,
                "line": one.line.text,
                "mutant": one.what,
                "exercisedBy": one.exercised_by,
            }
            for one in mutation.survivors
        ],
    }
