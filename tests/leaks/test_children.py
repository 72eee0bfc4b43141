"""What other processes see of us: what they are started with, and what they inherit."""

from __future__ import annotations

import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from tests.docs.generate import commands
from tests.leaks.conftest import CUSTOMER, MakeJourney
from tests.leaks.forms import find
from typer.main import get_command

from muster.adapters.secrets import variable_of
from muster.cli.main import app
from muster.model.connections import SecretRef

WITNESS = """\
    #!/bin/sh
    {{ echo "$0" "$@"; env; }} >> {told}
    exec {real} "$@"
"""
TRACES = "Authorization=Bearer%20planted-Traces-77"


def put_witness_before_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a program stand in for git that writes down how it was started, and starts git."""
    told, program = folder / "told", folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(textwrap.dedent(WITNESS).format(told=told, real=shutil.which("git")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return told


def commit(estate: Path) -> None:
    """Make the estate's files a commit."""
    who = ("-c", "user.name=A", "-c", "user.email=a@msp.example")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "Begin")):
        subprocess.run(["git", "-C", str(estate), *words], check=True)


def test_git_sees_no_secret(
    make_journey: MakeJourney, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets that come by the environment go to no other program, by argument or inheritance."""
    journey = make_journey("ad-itglue-connectwise")
    for file in (journey.estate / "secrets").rglob("*"):
        if file.is_file():
            ref = SecretRef(name=file.parent.name, key=file.name)
            monkeypatch.setenv(variable_of(ref), file.read_text())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", TRACES)
    journey.known.add("traces", TRACES)
    shutil.rmtree(journey.estate / "secrets")
    commit(journey.estate)
    told = put_witness_before_git(tmp_path, monkeypatch)
    journey.ok("plan", "-c", CUSTOMER, "--base", "HEAD")
    seen = told.read_bytes()
    assert b"\nPATH=" in seen
    assert b" cat-file " in seen
    assert find({"git": seen}, journey.known.values) == []
    assert journey.leaks() == []


def test_no_option_takes_a_secret() -> None:
    """Arguments show in the list of processes, so a secret comes by file, variable or stdin."""
    words = {"password", "token", "key", "credential", "secret", "value"}
    found = [(path, one) for path, command in commands(get_command(app)) for one in command.params]
    takes = {
        f"{path} {one.name}"
        for path, one in found
        if words & set(one.name.split("_")) and not getattr(one, "is_flag", False)
    }
    assert "muster reset stdin" in {f"{path} {one.name}" for path, one in found}
    assert takes == set()
