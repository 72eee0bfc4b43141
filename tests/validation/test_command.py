"""`muster validate` as a CI calls it: several outputs at once, exit codes, standard input."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from muster.cli.exit_codes import ExitCode
from muster.cli.main import app
from muster.cli.problem_formats import ProblemFormat
from muster.cli.shell import run

CORPUS = Path(__file__).parents[1] / "corpus"
SOUND = CORPUS / "good" / "entra.yaml"
WRONG = CORPUS / "bad" / "unknown-field.yaml"
WARNED = """\
apiVersion: muster.dev/v1alpha1
kind: Integration
metadata: {name: it-glue}
spec: {itGlue: {region: US, apiKeyRef: {name: it-glue, key: apiKey}}}
---
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: contoso}
spec: {displayName: Contoso}
"""
RENDERED = """\
# Source: estate/templates/empty.yaml
---
---
# Source: estate/templates/config.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data: {a: b}
---
apiVersion: v1
kind: List
items:
  - apiVersion: muster.dev/v1alpha1
    kind: Customer
    metadata: {name: contoso}
    spec: {displayName: Contoso}
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: other}}
  - {apiVersion: muster.dev/v1alpha1, kind: Customer, metadata: {name: x}, spec: {display: X}}
---
null
...
"""


def _validate(*arguments: str | Path) -> int:
    return run(app, ["validate", *map(str, arguments)])


def _typed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (WARNED, (), ExitCode.OK),
        (WARNED, ("--strict",), ExitCode.ERROR),
        (WARNED.partition("---\n")[2], ("--strict",), ExitCode.OK),
        (WARNED.replace("displayName", "display"), (), ExitCode.ERROR),
        (WARNED.replace("displayName", "display"), ("--strict",), ExitCode.ERROR),
    ],
    ids=["warning", "strict", "note, strict", "error", "error, strict"],
)
def test_what_fails(text: str, options: tuple[str, ...], code: ExitCode, tmp_path: Path) -> None:
    """Errors always fail, warnings with --strict, notes never; the output changes nothing."""
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    assert _validate(file, *options) == code
    assert _validate(file, *options, "-o", f"sarif={tmp_path / 'x.sarif'}") == code


def test_several_outputs_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file holds its form, the screen one more, and all are from one run."""
    kinds = [kind for kind in ProblemFormat if kind is not ProblemFormat.GITHUB]
    targets = [f"{kind}={tmp_path / kind}" for kind in kinds]
    options = [word for one in [*targets, "github"] for word in ("-o", one)]
    assert _validate(WRONG, *options) == ExitCode.ERROR
    captured = capsys.readouterr()
    assert captured.out.startswith("::error file=")
    assert captured.err == ""
    for kind in kinds:
        assert "displayname" in (tmp_path / kind).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "json", "-o", "text"), "Only one --output may go to the screen"),
        (("-o", "json", "-o", "yaml=-"), "Only one --output may go to the screen"),
        (("-o", "jsonn"), 'There is no format "jsonn"'),
        (("-o", "sarif="), '"sarif=" names no file'),
    ],
)
def test_an_output_that_cannot_be_meant_is_refused(
    options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong use exits with its own code before anything is read or written."""
    assert _validate(SOUND, *options) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert words in " ".join(captured.err.replace("│", " ").split())
    assert captured.out == ""


@pytest.mark.parametrize("path", ["missing/x.json", "directory"])
def test_a_path_that_cannot_be_written_is_an_error(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report that was asked for and not written fails the job, also for a sound tree."""
    (tmp_path / "directory").mkdir()
    assert _validate(SOUND, "-o", f"json={tmp_path / path}") == ExitCode.ERROR
    assert "cannot be written" in capsys.readouterr().err


def test_a_rendered_stream_is_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Helm and Kustomize write lists, foreign kinds and empty documents; all are read."""
    _typed(RENDERED, monkeypatch)
    assert _validate("-", "-o", "json") == ExitCode.ERROR
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert {(one["file"], one["path"], one["code"]) for one in problems} == {
        ("-", "/items/2/spec", "MissingField"),
        ("-", "/items/2/spec/display", "UnknownField"),
    }
    _typed(RENDERED, monkeypatch)
    _validate("-")
    shown = capsys.readouterr().out
    assert "2 of other API groups, ignored" in shown
    line = next(one for one in shown.splitlines() if "display: X" in one)
    assert shown.splitlines()[shown.splitlines().index(line) + 1].strip() == "^"


@pytest.mark.parametrize("text", ["", "\n  \r\n"])
def test_an_empty_standard_input_is_not_sound(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed to render does not pass as an estate without a mistake."""
    _typed(text, monkeypatch)
    assert _validate("-") == ExitCode.ERROR
    assert "Standard input is empty" in capsys.readouterr().out


def test_fix_mends_and_checks_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What --fix mends is no problem any more in the same run; a machine's output stays whole."""
    file = tmp_path / "a.yaml"
    file.write_text(WARNED.replace("US", "us"), encoding="utf-8")
    assert _validate(file) == ExitCode.ERROR
    capsys.readouterr()
    assert _validate(file, "--fix", "-o", "json") == ExitCode.OK
    captured = capsys.readouterr()
    assert json.loads(captured.out)["valid"]
    assert "us is now US" in captured.err
    assert file.read_text(encoding="utf-8") == WARNED


@pytest.mark.parametrize("kind", ProblemFormat)
def test_a_file_with_any_name_is_reported(
    kind: ProblemFormat, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that are no UTF-8, or hold escape sequences and line breaks, harm no output."""
    name = os.fsdecode(b"\x1b[2J\xff\n::error::x.yaml")
    (tmp_path / name).write_text(WRONG.read_text(encoding="utf-8"), encoding="utf-8")
    assert _validate(tmp_path, "-o", kind) == ExitCode.ERROR
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert not any(line.startswith("::error::") for line in out.splitlines())
    assert _validate(tmp_path, "-o", f"{kind}={tmp_path / 'report'}") == ExitCode.ERROR
    assert "\x1b" not in (tmp_path / "report").read_text(encoding="utf-8")


def test_a_guardrail_is_found_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A guardrail in the tree is obeyed, and its resource is the place."""
    rules = Path(__file__).parents[2] / "policies" / "guardrails" / "customers-have-a-tier.yaml"
    file = tmp_path / "a.yaml"
    file.write_text(WARNED.partition("---\n")[2], encoding="utf-8")
    assert _validate(file, "-o", "json", "-g", rules, "--strict") == ExitCode.ERROR
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [one["line"] for one in problems if one["code"] == "GuardrailWarned"] == [3]


def test_a_path_without_guardrails_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who names guardrails is not told that all is well while nothing was asked."""
    shipped = Path(__file__).parents[2] / "policies" / "guardrails"
    file = tmp_path / "a.yaml"
    file.write_text(WARNED, encoding="utf-8")
    words = ("-g", shipped / "customers-have-a-tier.yaml", "-g", file)
    assert _validate(file, *words) == ExitCode.ERROR
    assert f"{file}:1:1: error: There is no Validating" in capsys.readouterr().out
    assert _validate(file, *words[:2]) == ExitCode.OK


def test_a_faulty_guardrail_is_a_problem_like_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told with its place in every output, beside everything else, once."""
    rules, file, log = tmp_path / "rules.yaml", tmp_path / "a.yaml", tmp_path / "log.json"
    shipped = Path(__file__).parents[2] / "policies" / "guardrails" / "customers-have-a-tier.yaml"
    text = shipped.read_text(encoding="utf-8").replace("validations:", "validation:")
    rules.write_text(f"{text}---\na: [\n", encoding="utf-8")
    file.write_text(WARNED, encoding="utf-8")
    for paths in ((file,), (file, rules)):
        words = (*paths, "-o", "json", "-o", f"sarif={log}", "-g", rules)
        assert _validate(*words) == ExitCode.ERROR
        problems = json.loads(capsys.readouterr().out)["problems"]
        codes = [one["code"] for one in problems if one["file"] == str(rules)]
        assert sorted(codes) == ["GuardrailWrong", "NotYaml"]
        assert "GuardrailWrong" in log.read_text(encoding="utf-8")
