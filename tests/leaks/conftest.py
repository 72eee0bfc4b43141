"""The command line in a lab whose secrets are known; whatever it says or leaves is searched."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Result
from tests.leaks.forms import Leak
from tests.leaks.world import GIVEN, Known, Search, prepare

from muster.cli.exit_codes import ExitCode
from muster.cli.main import app
from muster.cli.shell import run
from muster.lab.graph import READ_PERMISSIONS
from muster.lab.lab import Lab
from muster.lab.mix import Mix

WHY = ("--reason", "ticket 20312")
CUSTOMER = "contoso"
GRANTED = READ_PERMISSIONS | {"User-PasswordProfile.ReadWrite.All", "User.RevokeSessions.All"}
ENTRA_ROLE = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
"""Privileged Authentication Administrator, who may set administrators' passwords too."""


class Journey:
    """Commands in one estate. Everything but what `shown` returned is searched by `leaks`."""

    def __init__(
        self,
        lab: Lab,
        folder: Path,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        self.lab = lab
        self.folder = folder
        self.estate = folder / "estate"
        lab.write_estate(self.estate)
        for tenant in lab.tenant_ids.values():
            assert lab.graph is not None
            lab.graph.consent(tenant, GRANTED, roles=[ENTRA_ROLE])
        prepare(self.estate)
        self.known = Known(lab, self.estate)
        self.known.look()
        self.search = Search(self.known)
        self._capsys, self._caplog = capsys, caplog

    def __call__(self, *arguments: str) -> Result:
        """Run `muster ARGUMENTS`, as people do who want to see everything."""
        result = self.shown(*arguments)
        self.search.add(f"stdout of {arguments[0]}", result.out)
        return result

    def ok(self, *arguments: str) -> Result:
        """Run a command that must end well."""
        result = self(*arguments)
        assert result.code == 0, result.err + result.out
        return result

    def shown(self, *arguments: str) -> Result:
        """Run a command whose standard output may hold a password: it was asked to print it."""
        self._capsys.readouterr()
        with chdir(self.estate):
            code = run(app, ("--verbose", *arguments))
        captured = self._capsys.readouterr()
        self.search.add(f"stderr of {arguments[0]}", captured.err)
        self.known.look()
        assert code != ExitCode.USAGE, captured.err
        return Result(code, captured.out, captured.err)

    def accounts(self, kind: str) -> list[Any]:
        """Return the accounts of a type whose vault entry is linked."""
        items = self.ok("get", "accounts", "-c", CUSTOMER, "-o", "json").data["items"]
        linked = [one for one in items if one["status"]["vault"]["state"] in ("Linked", "Created")]
        return [one for one in linked if one["spec"]["accountType"] == kind]

    def leaks(self) -> list[Leak]:
        """Search everything that was printed, logged, sent by mail or left in a file."""
        self.search.add_logs(self._caplog.records)
        self.search.add_files(self.folder / "estate", without=GIVEN)
        self.search.add_files(self.folder / "tmp")
        for mail in self.lab.mail.contents:
            self.search.add("mail", mail)
        return self.search.leaks()


MakeJourney = Callable[[str], Journey]


@pytest.fixture
def make_journey(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeJourney]:
    """Give a maker of journeys; every library may log what it likes."""
    monkeypatch.setenv("MUSTER_PATIENCE", "0.5")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(logging, "raiseExceptions", True)  # so that --verbose is taken back
    caplog.set_level(logging.DEBUG)
    with ExitStack() as labs:

        def make(mix: str) -> Journey:
            lab = labs.enter_context(Lab(customers=1, people=8, mix=Mix.parse(mix)))
            return Journey(lab, tmp_path, capsys, caplog)

        yield make


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a line on standard input."""
    return lambda line: monkeypatch.setattr("sys.stdin", StringIO(f"{line}\n"))
