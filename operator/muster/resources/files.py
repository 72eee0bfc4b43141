"""Finds the YAML files that were named and reads their text. What it means is left to others."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from muster.resources.codes import Code
from muster.resources.problems import Problem

STDIN = Path("-")
"""Standard input, such as what Kustomize or Helm write."""
MAX_BYTES = 4 * 1024 * 1024
_SUFFIXES = {".yaml", ".yml"}
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")

# YAML 1.1, section 5.1: the characters that may stand in a stream.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML 1.1 (section 5.4), by which the parser counts."""


class Unreadable(Exception):
    """The file has no text that could be YAML."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def list_files(paths: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Problem, ...]]:
    """Return the files that the paths name, each once, and a problem for each path without any.

    Directories are read whole, in the order of names; hidden files and directories in them and
    files that are no YAML are left out. A file that is named itself is read whatever its name is.
    """
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        found = list(_below(path)) if path.is_dir() else _itself(path)
        for place, file in found:
            files.setdefault(place, file)
        if not found:
            problems.append(_nothing_at(path))
    return tuple(files.values()), tuple(problems)


def read_text(file: Path) -> str:
    """Return a file's text without its byte order mark.

    Raises:
        Unreadable: the file is too large, is not UTF-8, holds control characters, or the
            operating system refuses it; or nothing came on standard input.
    """
    try:
        if file != STDIN and file.stat().st_size > MAX_BYTES:
            raise _unreadable(file, "The file is larger than 4 MiB.", "Split it.")
        data = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except OSError as exc:
        raise _unreadable(file, f"The file cannot be read: {exc.strerror}.") from None
    if file == STDIN and not data.strip():
        # Left to itself, a pipe hides that the command before it failed: nothing would be sound.
        message, advice = "Standard input is empty.", "Look at the command that writes to it."
        raise _unreadable(file, message, advice)
    return _decode(file, data)


def split_lines(text: str) -> list[str]:
    """Return the lines of a text with their ends, as YAML counts lines."""
    ends = [found.end() for found in _BREAK.finditer(text)]
    starts = [0, *ends]
    return [text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True)]


def place_after(before: str) -> tuple[int, int]:
    """Return line and column, from 1, of what follows a text, as YAML counts them."""
    lines = split_lines(before)
    return len(lines), len(lines[-1]) + 1


def is_yaml(path: Path) -> bool:
    """Say whether a file in a directory is read, by its name."""
    return path.suffix.lower() in _SUFFIXES


def leads_away(file: Path) -> bool:
    """Say whether a link leads out of the directory we run in.

    Who may write a tree may put links into it, to any file of the machine that checks it.
    """
    if not any(one.is_symlink() for one in (file, *file.parents)):
        return False
    return not file.resolve().is_relative_to(Path.cwd())


def _itself(path: Path) -> list[tuple[str, Path]]:
    return [(os.path.realpath(path), path)] if path == STDIN or path.exists() else []


def _below(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield where each YAML file really lies, and its path."""
    for root, directories, files in os.walk(directory):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        place = os.path.realpath(root)
        for name in sorted(files):
            path = Path(root, name)
            if not name.startswith(".") and is_yaml(path) and path.is_file():
                link = path.is_symlink()
                yield os.path.realpath(path) if link else f"{place}{os.sep}{name}", path


def _nothing_at(path: Path) -> Problem:
    missing = not path.exists()
    return Problem(
        code=Code.NOTHING_FOUND,
        file=str(path),
        line=1,
        column=1,
        path="",
        message="The path does not exist." if missing else "The directory holds no YAML file.",
        advice="Check the path." if missing else "Name the directory that holds the resources.",
    )


def _decode(file: Path, data: bytes) -> str:
    if data.startswith(_UTF_16_MARKS):
        raise _unreadable(file, "The file is UTF-16, not UTF-8.", "Save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = data[: exc.start].decode("utf-8-sig")
        message = f"The byte 0x{data[exc.start]:02x} is not valid UTF-8."
        raise _unreadable(file, message, "Save the file as UTF-8.", before) from None
    odd = _UNPRINTABLE.search(text)
    if odd:
        message = f"The character U+{ord(odd[0]):04X} is not allowed in YAML."
        raise _unreadable(file, message, "Remove it.", text[: odd.start()])
    return text


def _unreadable(file: Path, message: str, advice: str = "", before: str = "") -> Unreadable:
    line, column = place_after(before)
    return Unreadable(
        Problem(
            code=Code.UNREADABLE,
            file=str(file),
            line=line,
            column=column,
            path="",
            message=message,
            advice=advice,
        )
    )
