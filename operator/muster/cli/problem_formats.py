"""How problems are written for CI systems: one function per format, each pure.

A name may hold anything that a file system or a quoted YAML text allows. What is not printable
is written out, such as `\\x1b`, wherever a terminal, XML or a web page would obey or refuse it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import yaml

from muster import __version__
from muster.cli.junit import Case, Ending, write_junit
from muster.cli.markdown import MARKDOWN_LIMIT, fenced
from muster.cli.open_reports import as_open_report
from muster.cli.output import UNPRINTABLE, json_text, visible
from muster.resources.codes import Code, Severity, explanations
from muster.resources.problems import Problem

Problems = Sequence[Problem]


class ProblemFormat(StrEnum):
    """What `muster validate` can write."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"
    OPENREPORTS = "openreports"


def is_valid(problems: Problems) -> bool:
    """Say whether there is no error among the problems."""
    return not any(one.code.severity is Severity.ERROR for one in problems)


def as_data(problems: Problems) -> dict[str, Any]:
    """Return the document of `-o json` and `-o yaml`."""
    rows = [
        {
            "file": visible(one.file),
            "line": one.line,
            "column": one.column,
            "path": one.path,
            "code": str(one.code),
            "severity": str(one.code.severity),
            "message": one.text,
        }
        for one in problems
    ]
    return {"valid": is_valid(problems), "problems": rows}


def as_json(problems: Problems) -> str:
    """Write the document as JSON."""
    return json_text(as_data(problems))


def as_yaml(problems: Problems) -> str:
    """Write the document as YAML."""
    return _yaml(as_data(problems))


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    if UNPRINTABLE.search(text):
        text = yaml.safe_dump(value, sort_keys=False)
    return text.rstrip()


def as_junit(problems: Problems) -> str:
    """Write a JUnit report: one failed case per error, and one that passed where there is none.

    Warnings and notes are skipped cases, so that they show and fail nothing.
    """
    passed = Case(group="muster", name="validate")
    return write_junit("muster validate", [_junit_case(one) for one in problems] or [passed])


def _junit_case(one: Problem) -> Case:
    failed = one.code.severity is Severity.ERROR
    return Case(
        group=one.file,
        name=f"{one.code} {one.file}:{one.line}:{one.column}",
        ending=Ending.FAILURE if failed else Ending.SKIPPED,
        message=one.text,
        kind=one.code if failed else "",
    )


_SARIF_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def as_sarif(problems: Problems) -> str:
    """Write a SARIF 2.1.0 log, as code-scanning pages read it."""
    codes = sorted({one.code for one in problems})
    driver = {
        "name": "muster",
        "version": __version__,
        "rules": [_sarif_rule(code) for code in codes],
    }
    results = [_sarif_result(one, codes.index(one.code)) for one in problems]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
        ],
    }
    return json.dumps(log, indent=2)


def _sarif_rule(code: Code) -> dict[str, Any]:
    return {
        "id": str(code),
        "shortDescription": {"text": explanations()[code]},
        "help": {"text": f"docs/reference/lints.md#{code.lower()}"},
        "defaultConfiguration": {"level": _SARIF_LEVEL[code.severity]},
    }


def _sarif_result(one: Problem, rule: int) -> dict[str, Any]:
    uri = {"uri": quote(os.fsencode(one.file.replace(os.sep, "/")))}
    region = {"startLine": max(one.line, 1), "startColumn": max(one.column, 1)}
    return {
        "ruleId": str(one.code),
        "ruleIndex": rule,
        "level": _SARIF_LEVEL[one.code.severity],
        "message": {"text": visible(one.text, keep="\n")},
        "locations": [{"physicalLocation": {"artifactLocation": uri, "region": region}}],
        "partialFingerprints": {"muster/v1": _fingerprint(one)},
    }


def _fingerprint(one: Problem) -> str:
    """Return what stays the same while lines above a problem come and go."""
    words = f"{one.code}\n{one.file}\n{one.path}\n{one.message}"
    return hashlib.sha256(words.encode(errors="backslashreplace")).hexdigest()


_GITHUB_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_github(problems: Problems) -> str:
    """Write workflow commands, which GitHub shows beside the lines of a pull request.

    Errors come first, because GitHub shows only the first ten of each level. Source:
    docs.github.com, Workflow commands for GitHub Actions.
    """
    order = list(Severity)
    return "\n".join(
        f"::{_GITHUB_LEVEL[one.code.severity]} file={_property(visible(one.file))},line={one.line},"
        f"col={one.column},title={_property(str(one.code))}::"
        f"{_command(visible(one.text, keep=_BREAKS))}"
        for one in sorted(problems, key=lambda one: order.index(one.code.severity))
    )


_BREAKS = "\r\n"


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _command(text).replace(":", "%3A").replace(",", "%2C")


_GITLAB_LEVEL = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def as_gitlab(problems: Problems) -> str:
    """Write a Code Quality report. Source: docs.gitlab.com, Code Quality, report format."""
    seen: dict[str, int] = {}
    rows = []
    for one in problems:
        mark = _fingerprint(one)
        seen[mark] = seen.get(mark, 0) + 1
        rows.append(
            {
                "description": visible(one.text, keep="\n"),
                "check_name": str(one.code),
                "fingerprint": f"{mark}-{seen[mark]}" if seen[mark] > 1 else mark,
                "severity": _GITLAB_LEVEL[one.code.severity],
                "location": {"path": visible(one.file), "lines": {"begin": max(one.line, 1)}},
            }
        )
    return json.dumps(rows, indent=2)


_ROOM = 200
"""Characters kept for the line that says how many are left out."""


def as_markdown(problems: Problems) -> str:
    """Write a table for a comment or a job's summary, cut where a comment may not be longer."""
    if not problems:
        return "**muster validate**: no problem."
    lines = [f"**muster validate**: {_count(problems)}", "", "| | Place | Code | |"]
    lines.append("| --- | --- | --- | --- |")
    length = sum(len(line) + 1 for line in lines)
    for index, one in enumerate(problems):
        row = _markdown_row(one)
        length += len(row) + 1
        if length > MARKDOWN_LIMIT - _ROOM:
            left = len(problems) - index
            return "\n".join([*lines, "", f"… and {left} more. Run `muster validate` for all."])
        lines.append(row)
    return "\n".join(lines)


def _markdown_row(one: Problem) -> str:
    place = fenced(f"{visible(one.file)}:{one.line}")
    return f"| {one.code.severity} | {place} | {one.code} | {_cell(visible(one.text))} |"


def _count(problems: Problems) -> str:
    counts: dict[Severity, int] = dict.fromkeys(Severity, 0)
    for one in problems:
        counts[one.code.severity] += 1
    return ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def as_openreports(problems: Problems) -> str:
    """Write a Report of OpenReports as YAML."""
    return _yaml(as_open_report(problems))


WRITERS: Mapping[ProblemFormat, Callable[[Problems], str]] = {
    ProblemFormat.JSON: as_json,
    ProblemFormat.YAML: as_yaml,
    ProblemFormat.JUNIT: as_junit,
    ProblemFormat.SARIF: as_sarif,
    ProblemFormat.GITHUB: as_github,
    ProblemFormat.GITLAB: as_gitlab,
    ProblemFormat.MARKDOWN: as_markdown,
    ProblemFormat.OPENREPORTS: as_openreports,
}
"""Every format but text, which is for people."""
