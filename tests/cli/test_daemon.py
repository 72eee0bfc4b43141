"""`muster run`: it takes up what changes in git, and ends between two changes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from muster.lab.lab import Lab

_PATIENCE_S = 20


class Daemon:
    """A running `muster run` and what it says."""

    def __init__(self, estate: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from muster.cli.main import main; main()", "run", str(estate)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            self._lines.put(line)

    def hear(self, wanted: str) -> str:
        """Return the next line that holds the words."""
        heard = []
        while True:
            try:
                heard.append(self._lines.get(timeout=_PATIENCE_S))
            except Empty:
                raise AssertionError(f"{wanted!r} was not said: {heard}") from None
            if wanted in heard[-1]:
                return heard[-1]

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_PATIENCE_S)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(_PATIENCE_S)
        if self._process.stderr:
            self._process.stderr.close()


@pytest.fixture
def daemon(estate: Path, lab: Lab) -> Iterator[Daemon]:
    """A daemon on the lab's estate."""
    running = Daemon(estate)
    try:
        yield running
    finally:
        running.kill()


def test_a_changed_file_is_taken_up_at_once_and_a_wrong_one_is_not(
    daemon: Daemon, estate: Path
) -> None:
    """Its customer runs again; while a file is wrong the old resources stay in force."""
    daemon.hear("contoso: ")
    daemon.hear("fabrikam: ")
    customer = estate / "customers" / "contoso.yaml"
    text = customer.read_text()
    customer.write_text("kind: [\n")
    daemon.hear("The resources have problems")
    customer.write_text(text.replace("displayName: ", "displayName: New "))
    daemon.hear("have changed")
    daemon.hear("contoso: ")
    assert daemon.end() == 0
    daemon.hear("Ended; everything that was done is recorded.")


def test_a_changed_secret_is_used_without_a_restart(daemon: Daemon, estate: Path) -> None:
    """A key that was exchanged is noticed by itself, and the next run signs in with it."""
    daemon.hear("contoso: ")
    daemon.hear("fabrikam: ")
    (key,) = (estate / "secrets").glob("*/apiKey")
    key.write_text("ITG.exchanged")
    daemon.hear("have changed")
    customer = estate / "customers" / "contoso.yaml"
    customer.write_text(customer.read_text().replace("displayName: ", "displayName: New "))
    assert "SourceIncomplete" in daemon.hear("contoso: ")
    assert daemon.end() == 0


def test_a_deleted_state_stops_writing_instead_of_writing_into_nowhere(
    daemon: Daemon, estate: Path
) -> None:
    """What is saved after the file was deleted would be lost, so nothing is done any more."""
    daemon.hear("contoso: ")
    daemon.hear("fabrikam: ")
    for file in (estate / ".muster").iterdir():
        file.unlink()
    customer = estate / "customers" / "contoso.yaml"
    customer.write_text(customer.read_text().replace("displayName: ", "displayName: New "))
    assert "was deleted or replaced" in daemon.hear("error: ")
    assert daemon.end() == 0
