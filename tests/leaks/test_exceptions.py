"""Unexpected exceptions, whose texts hold every secret there is: none is printed or logged."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from tests.leaks.conftest import CUSTOMER, WHY, Journey, MakeJourney
from tests.leaks.forms import find

from muster.cli.main import app, main
from muster.cli.shell import run
from muster.errors import MusterError
from muster.kube.logs import JsonLines, LogFormat, TextLines, set_up_logging

PLANTED = "Pl4nted+secret/77"
SAMPLES = 4
COMMANDS = (
    ("plan",),
    ("rotate", CUSTOMER, "--all", *WHY),
    ("run", "--rounds", "1"),
)
SPARED = ("muster.lab.", "muster.cli.shell", "muster.cli.output", "muster.cli.main")


class SurpriseError(Exception):
    """Nobody expects it."""


class Saboteur:
    """Counts the calls of Muster's functions, and lets one of them fail."""

    def __init__(self, at: int = 0, text: str = "") -> None:
        self.calls = 0
        self._at, self._text = at, text

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Be told of a call, before its first line runs."""
        module = str(frame.f_globals.get("__name__"))
        if event != "call" or not module.startswith("muster.") or module.startswith(SPARED):
            return
        if threading.current_thread().name.startswith(("MainThread", "ThreadPool")):
            self.calls += 1
            if self.calls == self._at:
                raise SurpriseError(self._text)


@contextmanager
def watching(saboteur: Saboteur) -> Iterator[None]:
    """Let it see the calls of this thread, and of those that begin meanwhile."""
    threading.setprofile(saboteur)
    sys.setprofile(saboteur)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def count_calls(journey: Journey, command: tuple[str, ...]) -> int:
    """Return how many calls a command makes."""
    saboteur = Saboteur()
    with watching(saboteur):
        journey(*command)
    return saboteur.calls


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_bug_anywhere_shows_no_secret(
    command: tuple[str, ...], make_journey: MakeJourney
) -> None:
    """Wherever a command breaks, it names the lines to report and the kind, and nothing else."""
    journey = make_journey("ad-itglue-connectwise")
    journey.ok("apply")
    calls = count_calls(journey, command)
    told = 0
    for number in range(1, SAMPLES + 1):
        text = "\n".join(journey.known.values.values())
        saboteur = Saboteur(calls * number // (SAMPLES + 1), text)
        with watching(saboteur):
            result = journey(*command)
        told += "This is a bug in Muster (SurpriseError)" in result.out + result.err
    assert told > SAMPLES // 2
    assert journey.leaks() == []


def broken() -> KeyError:
    """Return an exception with a cause, each with a secret in its text, as it was caught."""

    def fail() -> None:
        raise MusterError("contoso: said by us") from ValueError(PLANTED)

    def fail_again() -> None:
        try:
            fail()
        except MusterError as first:
            raise KeyError(PLANTED) from first

    with pytest.raises(KeyError) as caught:
        fail_again()
    return caught.value


@pytest.mark.parametrize("lines", [JsonLines(), TextLines()], ids=["json", "text"])
def test_a_log_names_kind_and_place_of_an_exception(lines: logging.Formatter) -> None:
    """Its text is left out, and those of its causes; Muster's own words stay."""
    error = broken()
    record = logging.LogRecord(
        "lib", logging.ERROR, __file__, 1, "failed", (), (KeyError, error, error.__traceback__)
    )
    shown = lines.format(record)
    for expected in ("builtins.KeyError", "builtins.ValueError", "contoso: said by us", "broken"):
        assert expected in shown
    assert find({"log": shown.encode()}, {"planted": PLANTED}) == []


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Set up logging as the operator does, into what is returned; take it back."""
    root, hook, raises = logging.getLogger(), threading.excepthook, logging.raiseExceptions
    kept = root.handlers[:], root.level
    set_up_logging(LogFormat.JSON)
    screen = StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(screen)
    yield screen
    root.handlers[:], threading.excepthook, logging.raiseExceptions = kept[0], hook, raises
    root.setLevel(kept[1])
    logging.getLogger("muster").setLevel(logging.NOTSET)


def end_a_thread() -> None:
    """Let a thread end by an exception that nobody catches."""

    def fail() -> None:
        raise SurpriseError(PLANTED) from broken()

    thread = threading.Thread(target=fail, name="the-mail")
    thread.start()
    thread.join()


def test_a_thread_of_the_operator_ends_without_the_text(
    log: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says which thread, where and by what kind of exception."""
    end_a_thread()
    shown = log.getvalue()
    for expected in ("the-mail", "SurpriseError", "in fail"):
        assert expected in shown
    assert PLANTED not in shown
    assert capsys.readouterr().err == ""


def test_a_log_that_cannot_be_written_goes_nowhere_else(
    log: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python would print the exception, the message and its arguments as they are."""
    log.close()
    logging.getLogger("muster").error("%s is wrong", PLANTED)
    end_a_thread()
    assert capsys.readouterr().err == ""


def test_a_thread_of_the_command_line_ends_without_the_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed names the thread and the lines to report."""
    hook = threading.excepthook
    monkeypatch.setattr("sys.argv", ["muster", "--version"])
    with pytest.raises(SystemExit):
        main()
    try:
        end_a_thread()
    finally:
        threading.excepthook = hook
    shown = capsys.readouterr().err
    for expected in ("the-mail", "SurpriseError", "in fail"):
        assert expected in shown
    assert PLANTED not in shown


def test_verbose_logs_as_the_operator_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What other libraries say is masked there too, and texts of exceptions are left out."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    run(app, ("--verbose", "validate", str(tmp_path)))
    (handler,) = root.handlers
    assert isinstance(handler.formatter, TextLines)
    assert logging.raiseExceptions is False
