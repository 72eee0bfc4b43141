"""A running lab, an estate that points at it, and the command line as people call it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muster.cli.main import app
from muster.cli.shell import run
from muster.lab.lab import Lab


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class Shell:
    """Runs commands in one estate's directory."""

    def __init__(self, estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.estate = estate
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Result:
        """Run `muster ARGUMENTS` in the estate's directory."""
        self._capsys.readouterr()
        with chdir(self.estate):
            code = run(app, arguments)
        captured = self._capsys.readouterr()
        return Result(code, captured.out, captured.err)

    def ok(self, *arguments: str) -> Result:
        """Run a command that must end well."""
        result = self(*arguments)
        assert result.code == 0, result.err + result.out
        return result


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of two customers, running."""
    with Lab(customers=2, people=12) as running:
        yield running


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Path:
    """An estate that points at the lab."""
    directory = tmp_path / "estate"
    lab.write_estate(directory)
    return directory


@pytest.fixture
def muster(
    estate: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """The command line, in the estate, with little patience for systems that fail."""
    monkeypatch.setenv("MUSTER_PATIENCE", "0.5")
    return Shell(estate, capsys)


def writes(lab: Lab) -> int:
    """Return how many writes took effect outside."""
    return lab.itglue.writes() + lab.connectwise.writes()


def accounts(result: Result) -> Sequence[Any]:
    """Return the items of `get accounts -o json`."""
    items: Sequence[Any] = result.data["items"]
    return items
