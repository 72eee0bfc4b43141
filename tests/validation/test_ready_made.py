"""The ready-made pieces for CI systems: their published schemas accept them, their scripts run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pre_commit.clientlib import load_manifest
from tests.validation.problems import schema

from muster.cli.main import app
from muster.cli.shell import run

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((ROOT / "deploy/ci/muster.gitlab-ci.yml").read_text(encoding="utf-8"))
JOB = GITLAB[".muster-validate"]


def _bash(script: str, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script as runners do, with the `muster` of this environment."""
    known = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(
        words, check=False, capture_output=True, text=True, cwd=folder, env={**known, **variables}
    )


@pytest.mark.parametrize(
    ("file", "kind"),
    [("action.yml", "github-actions"), ("deploy/ci/muster.gitlab-ci.yml", "gitlab-ci")],
)
def test_a_published_schema_accepts_it(file: str, kind: str) -> None:
    """GitHub's and GitLab's schemas, as check-jsonschema carries them, know every word."""
    assert _schema_says(ROOT / file, kind) == ""


@pytest.mark.parametrize(
    ("page", "beginning", "kind"),
    [
        ("use-in-ci", "name: muster", "github-workflows"),
        ("use-in-ci", "include:", "gitlab-ci"),
        ("use-in-ci", "steps:", "azure-pipelines"),
        ("review-a-change", "name: blast radius", "github-workflows"),
        ("review-a-change", "blast radius:", "gitlab-ci"),
    ],
)
def test_a_published_schema_accepts_what_pages_show(
    page: str, beginning: str, kind: str, tmp_path: Path
) -> None:
    """What people copy from a how-to is a pipeline that its CI system takes."""
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"^```yaml\n({beginning}\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "pipeline.yml"
    file.write_text(block, encoding="utf-8")
    assert _schema_says(file, kind) == ""


def _schema_says(file: Path, kind: str) -> str:
    """Return what is wrong with a file by the schema that its CI system publishes."""
    assert schema("check_jsonschema", f"builtin_schemas/vendor/{kind}.json")
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{kind}"]
    done = subprocess.run([*words, str(file)], check=False, capture_output=True, text=True)
    return done.stdout if done.returncode else ""


def _act(folder: Path, **inputs: str) -> tuple[int, str, str, str]:
    """Run the action's script with inputs; return its code, log, outputs and summary."""
    step = next(one for one in ACTION["runs"]["steps"] if one.get("id") == "validate")
    defaults = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
    values = {f"${{{{ inputs.{name} }}}}": value for name, value in {**defaults, **inputs}.items()}
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    variables = {name: values[value] for name, value in step["env"].items()}
    for name, file in files.items():
        file.write_text("", encoding="utf-8")
        variables[name] = str(file)
    done = _bash(step["run"], folder, {**variables, "RUNNER_TEMP": str(folder)})
    texts = [file.read_text(encoding="utf-8") for file in files.values()]
    return done.returncode, done.stdout + done.stderr, texts[0], texts[1]


def test_the_action_marks_lines_and_fails(tmp_path: Path) -> None:
    """A problem is an annotation, a row of the summary, an output, a report, and a failure."""
    bad = CORPUS / "bad" / "unknown-field.yaml"
    code, log, outputs, summary = _act(
        tmp_path, paths=f"{bad}\n{CORPUS}/good/entra.yaml\n", sarif="x.sarif", junit="x.xml"
    )
    assert code == 1
    assert f"::error file={bad},line=8,col=3,title=UnknownField::" in log
    assert outputs == "valid=false\n"
    assert "| UnknownField |" in summary
    assert json.loads((tmp_path / "x.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert "<failure" in (tmp_path / "x.xml").read_text(encoding="utf-8")


def test_the_action_obeys_its_inputs(tmp_path: Path) -> None:
    """A sound tree passes; strict makes a guardrail's warning fail."""
    file = tmp_path / "a b.yaml"
    file.write_text(
        "apiVersion: muster.dev/v1alpha1\nkind: Customer\nmetadata: {name: a}\n"
        "spec: {displayName: A}\n",
        encoding="utf-8",
    )
    rules = f"{ROOT}/policies/guardrails/customers-have-a-tier.yaml"
    assert _act(tmp_path, paths="a b.yaml")[::2] == (0, "valid=true\n")
    assert _act(tmp_path, paths="a b.yaml", guardrails=rules, strict="true")[0] == 1


def test_an_input_is_never_run(tmp_path: Path) -> None:
    """Shell words in an input are a path that does not exist, and no option either."""
    code, log, *_ = _act(tmp_path, paths="$(touch ran); touch ran\n--help")
    assert code == 1
    assert log.count("NothingFound") == 2
    assert not (tmp_path / "ran").exists()
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_gitlab_job_writes_its_reports(tmp_path: Path) -> None:
    """The job fails with the problems in its log, and the files that it declares are there."""
    variables = {**JOB["variables"], "MUSTER_PATHS": f"{CORPUS}/bad/unknown-field.yaml"}
    done = _bash("\n".join(JOB["script"]), tmp_path, variables)
    assert done.returncode == 1
    assert "UnknownField" in done.stdout
    reports = JOB["artifacts"]["reports"]
    (first, *_) = json.loads((tmp_path / reports["codequality"]).read_text(encoding="utf-8"))
    assert first["check_name"] == "UnknownField"
    assert (tmp_path / reports["junit"]).is_file()


def test_pre_commit_accepts_the_hooks() -> None:
    """pre-commit's own reader accepts the manifest, and each entry is a command that runs."""
    hooks: list[dict[str, Any]] = load_manifest(ROOT / ".pre-commit-hooks.yaml")
    assert [hook["id"] for hook in hooks] == ["muster-validate", "muster-fix"]
    for hook in hooks:
        program, *words = hook["entry"].split()
        assert program == "muster"
        assert run(app, [*words, str(CORPUS / "good" / "entra.yaml")]) == 0


@pytest.fixture
def committing(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Commit in a repository with both hooks; their programs are those of this environment."""
    hooks = load_manifest(ROOT / ".pre-commit-hooks.yaml")
    ours = [{**one, "language": "system", "args": ["estate"]} for one in reversed(hooks)]
    config = {"repos": [{"repo": "local", "hooks": ours}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copytree(ROOT / "examples/05-native-vault", tmp_path / "estate")
    home = {"PRE_COMMIT_HOME": str(tmp_path / ".git" / "home"), "HOME": str(tmp_path)}
    who = "-c user.name=Ada -c user.email=ada@example.test"

    def commit(script: str) -> subprocess.CompletedProcess[str]:
        return _bash(f"{script}\ngit add -A\ngit {who} commit -m change", tmp_path, home)

    assert commit("git init -q -b main; pre-commit install").returncode == 0
    return commit


def test_pre_commit_stops_a_wrong_commit(
    committing: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """What is wrong is shown and not committed, what has one answer is mended, deletions count."""
    gone = committing("git rm -q estate/integrations.yaml")
    assert gone.returncode == 1
    assert "UnknownReference" in gone.stdout + gone.stderr
    _bash("git reset -q --hard", tmp_path, {})
    policy = next((tmp_path / "estate" / "policies").glob("*.yaml"))
    good = policy.read_text(encoding="utf-8")
    policy.write_text(good.replace("mode: Observe", "mode: observe"))
    mended = committing("true")
    assert (mended.returncode, policy.read_text(encoding="utf-8")) == (1, good)
    assert "observe is now Observe" in mended.stdout + mended.stderr


def test_the_image_of_ci_is_well_made() -> None:
    """The linter of Dockerfiles has nothing to say."""
    hadolint = Path(sys.executable).parent / "hadolint"
    file = ROOT / "deploy" / "ci" / "Dockerfile"
    done = subprocess.run([str(hadolint), str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
