"""Problems as a Report of OpenReports, which Policy Reporter shows beside those of policy engines.

A Report has no place for files and lines, so these stand in the properties of each result.
Source: openreports/reports-api, apis/openreports.io/v1alpha1/report_types.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from muster.cli.output import visible
from muster.resources.codes import Code, Severity
from muster.resources.problems import Problem

API_VERSION = "openreports.io/v1alpha1"
MAX_RESULTS = 2_000
"""Results in one Report: etcd refuses objects above 1.5 MiB (etcd, docs/dev-guide/limit)."""

_RESULT = {Severity.ERROR: "fail", Severity.WARNING: "warn", Severity.NOTE: "skip"}
_SEVERITY = {Severity.ERROR: "high", Severity.WARNING: "medium", Severity.NOTE: "info"}


def as_open_report(problems: Sequence[Problem], *, name: str = "muster-validate") -> dict[str, Any]:
    """Return the Report; the summary counts all problems, also those too many to be listed.

    A tree without a problem gives one result that passed, so that the Report is not empty.
    """
    counts = Counter(_RESULT[one.code.severity] for one in problems)
    passed = {"pass": 0 if problems else 1}
    zeros = dict.fromkeys(("fail", "warn", "error", "skip"), 0)
    return {
        "apiVersion": API_VERSION,
        "kind": "Report",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "muster"}},
        "source": "muster",
        "summary": {**passed, **zeros, **counts},
        "results": [_result(one) for one in problems[:MAX_RESULTS]] or [_PASSED],
    }


_PASSED = {
    "policy": "muster-validate",
    "category": "validation",
    "result": "pass",
    "scored": True,
    "message": "No problem was found.",
}


def _result(one: Problem) -> dict[str, Any]:
    return {
        "policy": "muster-validate",
        "rule": str(one.code),
        "category": _category(one.code),
        "severity": _SEVERITY[one.code.severity],
        "result": _RESULT[one.code.severity],
        "scored": one.code.severity is Severity.ERROR,
        "message": visible(one.text, keep="\n"),
        "properties": {
            "file": visible(one.file),
            "line": str(one.line),
            "column": str(one.column),
            "path": one.path,
        },
    }


def _category(code: Code) -> str:
    return "guardrails" if code.startswith("Guardrail") else "validation"
