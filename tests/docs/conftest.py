"""A running lab as `muster lab serve` makes it, and the command line in its estate."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path

import pytest
from tests.docs.pages import lab_of

from muster.cli.main import app
from muster.cli.shell import run
from muster.lab.lab import Lab
from muster.lab.mix import Mix

_CALLS = ("SIGINT", "SIGTERM", "SIGHUP")


class Terminal:
    """Runs commands in one estate and returns what a person sees: both outputs, and the code."""

    def __init__(self, estate: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.estate = estate
        self._capfd = capfd

    def __call__(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Run `muster ARGUMENTS` in the estate's directory."""
        self._capfd.readouterr()
        before = {name: signal.getsignal(getattr(signal, name)) for name in _CALLS}
        try:
            with chdir(self.estate):
                code = run(app, arguments)
        finally:
            # `muster run` listens to these, and so does the test runner.
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)
        captured = self._capfd.readouterr()
        return code, captured.out + captured.err


@pytest.fixture
def terminal(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Terminal]:
    """A terminal in the estate of a lab as `muster lab serve` starts it, or as a page wants it."""
    page = request.getfixturevalue("page") if "page" in request.fixturenames else None
    mix = lab_of(page) if page else None
    monkeypatch.setenv("MUSTER_PATIENCE", "1")
    # A command of a page that writes to the home directory must not find the tester's own.
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("MUSTER_SECRET")]:
        monkeypatch.delenv(name)
    estate = tmp_path / "estate"
    with Lab(mix=Mix.parse(mix) if mix else None) as lab:
        lab.write_estate(estate)
        yield Terminal(estate, capfd)
