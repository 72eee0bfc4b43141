"""The demo, with every secret of its lab known: what it prints, starts and leaves holds none.

Legitimate are the estate's `secrets` directory, which is what Muster is given, and the lab in
memory, which is the world outside: a directory knows its passwords, a vault is there to hold them.
"""

from __future__ import annotations

import gc
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.leaks.world import GIVEN, Known, Search

import muster
from muster.cli.main import app
from muster.cli.shell import run
from muster.lab.generate.estate import MAILS
from muster.lab.lab import Lab

EVERY_S = 0.02
ESTATES = ("ad-itglue-connectwise", "ad-native-halopsa")
PLANTED = "planted-Variable-77"


class Observer:
    """Looks again and again: at the secrets of the demo's lab, and, apart from that, at children.

    Two threads, because the lab answers slowly while the demo wants it to.
    """

    def __init__(self, estate: Path) -> None:
        self.search: Search | None = None
        self.children: dict[str, bytes] = {}
        self._estate = estate
        self._end = threading.Event()
        looks = (self._look_at_lab, self._look_at_children)
        self._threads = [threading.Thread(target=one, daemon=True) for one in looks]
        for one in self._threads:
            one.start()

    def end(self) -> Search:
        """Stop looking; return what was found."""
        self._end.set()
        for one in self._threads:
            one.join()
        assert self.search is not None
        return self.search

    def _look_at_lab(self) -> None:
        while not self._end.wait(EVERY_S):
            if self.search is None:
                self._find_lab()
            else:
                self.search.known.look()
                self._read_registry(self.search)

    def _look_at_children(self) -> None:
        while not self._end.wait(EVERY_S):
            for name, content in _of_children():
                if content:  # of a process that was killed, nothing is left to read
                    self.children[name] = content

    def _read_registry(self, search: Search) -> None:
        """Take up the database as it is now: what is not yet merged into it, too."""
        for path in (self._estate / ".muster").glob("state.sqlite*"):
            with suppress(FileNotFoundError):
                search.places[f"{path.name} meanwhile, {path.stat().st_size}"] = path.read_bytes()

    def _find_lab(self) -> None:
        ready = (self._estate / GIVEN).is_dir()
        for one in gc.get_objects() if ready else ():
            if isinstance(one, Lab) and one.mail.folder == self._estate / MAILS:
                self.search = Search(Known(one, self._estate))


def _of_children() -> Iterator[tuple[str, bytes]]:
    """Yield arguments and environment of every process that we started."""
    for place in Path("/proc").iterdir():
        with suppress(OSError):  # it is no process, or ended meanwhile
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                for what in ("cmdline", "environ"):
                    yield f"{what} of child {place.name}", (place / what).read_bytes()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("estate", ESTATES)
def test_the_demo_shows_and_leaves_no_secret(
    estate: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Output, logs, arguments and environment of its child, its files, temporary and compiled."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MUSTER_SECRET_OF_SOMEBODY", PLANTED)
    monkeypatch.setenv("MUSTER_STATE", str(tmp_path / "real.sqlite"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    began = time.time()
    observer = Observer(tmp_path / "kept")
    code = run(app, ("demo", "--keep", str(tmp_path / "kept"), "--estate", estate))
    search = observer.end()
    assert code == 0
    search.known.add("variable", PLANTED)
    for name, content in observer.children.items():
        search.add(name, content)
    printed = capsys.readouterr()
    search.add("stdout", printed.out)
    search.add("stderr", printed.err)
    search.add_logs(caplog.records)
    search.add_files(tmp_path / "kept", without=GIVEN)
    search.add_files(tmp_path / "tmp")
    for path in Path(muster.__file__).parent.rglob("__pycache__/*"):
        if path.is_file() and path.stat().st_mtime >= began:
            search.add(f"compiled {path.name}", path.read_bytes())
    assert any(b"rotate" in one for one in observer.children.values())
    assert len(search.known.values) > 10
    assert any(one.startswith("state.sqlite meanwhile") for one in search.places)
    assert search.leaks() == []
    assert not (tmp_path / "real.sqlite").exists()
    assert os.environ["MUSTER_SECRET_OF_SOMEBODY"] == PLANTED
