"""How problems are written for CI systems: one function per format, each pure."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree

import yaml

from muster import __version__
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


def is_valid(problems: Problems) -> bool:
    """Say whether there is no error among the problems."""
    return not any(one.code.severity is Severity.ERROR for one in problems)


def as_data(problems: Problems) -> dict[str, Any]:
    """Return the document of `-o json` and `-o yaml`."""
    rows = [
        {
            "file": one.file,
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
    return json.dumps(as_data(problems), indent=2, ensure_ascii=False)


def as_yaml(problems: Problems) -> str:
    """Write the document as YAML."""
    return yaml.safe_dump(as_data(problems), sort_keys=False, allow_unicode=True).rstrip()


def as_junit(problems: Problems) -> str:
    """Write a JUnit report: one failed case per error, and one that passed where there is none.

    Warnings and notes are skipped cases, so that they show and fail nothing.
    """
    failures = sum(one.code.severity is Severity.ERROR for one in problems)
    counts = {
        "tests": str(len(problems) or 1),
        "failures": str(failures),
        "skipped": str(len(problems) - failures),
    }
    root = ElementTree.Element("testsuites", {"name": "muster validate"})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "muster validate", **counts})
    for one in problems:
        name = f"{one.code} {one.file}:{one.line}:{one.column}"
        case = ElementTree.SubElement(suite, "testcase", {"classname": one.file, "name": name})
        failed = one.code.severity is Severity.ERROR
        words = {"message": one.text, **({"type": str(one.code)} if failed else {})}
        ElementTree.SubElement(case, "failure" if failed else "skipped", words)
    if not problems:
        ElementTree.SubElement(suite, "testcase", {"classname": "muster", "name": "validate"})
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


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
    return json.dumps(log, indent=2, ensure_ascii=False)


def _sarif_rule(code: Code) -> dict[str, Any]:
    return {
        "id": str(code),
        "shortDescription": {"text": explanations()[code]},
        "help": {"text": "docs/reference/lints.md"},
        "defaultConfiguration": {"level": _SARIF_LEVEL[code.severity]},
    }


def _sarif_result(one: Problem, rule: int) -> dict[str, Any]:
    uri = {"uri": one.file.replace(os.sep, "/")}
    region = {"startLine": max(one.line, 1), "startColumn": max(one.column, 1)}
    return {
        "ruleId": str(one.code),
        "ruleIndex": rule,
        "level": _SARIF_LEVEL[one.code.severity],
        "message": {"text": one.text},
        "locations": [{"physicalLocation": {"artifactLocation": uri, "region": region}}],
        "partialFingerprints": {"muster/v1": _fingerprint(one)},
    }


def _fingerprint(one: Problem) -> str:
    """Return what stays the same while lines above a problem come and go."""
    words = f"{one.code}\n{one.file}\n{one.path}\n{one.message}"
    return hashlib.sha256(words.encode()).hexdigest()


_GITHUB_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_github(problems: Problems) -> str:
    """Write workflow commands, which GitHub shows beside the lines of a pull request.

    Source: docs.github.com, Workflow commands for GitHub Actions.
    """
    return "\n".join(
        f"::{_GITHUB_LEVEL[one.code.severity]} file={_property(one.file)},line={one.line},"
        f"col={one.column},title={_property(str(one.code))}::{_command(one.text)}"
        for one in problems
    )


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
                "description": one.text,
                "check_name": str(one.code),
                "fingerprint": f"{mark}-{seen[mark]}" if seen[mark] > 1 else mark,
                "severity": _GITLAB_LEVEL[one.code.severity],
                "location": {"path": one.file, "lines": {"begin": max(one.line, 1)}},
            }
        )
    return json.dumps(rows, indent=2, ensure_ascii=False)


def as_markdown(problems: Problems) -> str:
    """Write a table for a comment or a job's summary."""
    if not problems:
        return "**muster validate**: no problem."
    title = f"**muster validate**: {_count(problems)}"
    head = f"{title}\n\n| | Place | Code | |\n| --- | --- | --- | --- |"
    rows = (
        f"| {one.code.severity} | `{one.file}:{one.line}` | {one.code} | {_cell(one.text)} |"
        for one in problems
    )
    return "\n".join([head, *rows])


def _count(problems: Problems) -> str:
    counts: dict[Severity, int] = dict.fromkeys(Severity, 0)
    for one in problems:
        counts[one.code.severity] += 1
    return ", ".join(f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


WRITERS: Mapping[ProblemFormat, Callable[[Problems], str]] = {
    ProblemFormat.JSON: as_json,
    ProblemFormat.YAML: as_yaml,
    ProblemFormat.JUNIT: as_junit,
    ProblemFormat.SARIF: as_sarif,
    ProblemFormat.GITHUB: as_github,
    ProblemFormat.GITLAB: as_gitlab,
    ProblemFormat.MARKDOWN: as_markdown,
}
"""Every format but text, which is for people."""
