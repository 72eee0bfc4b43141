"""Shows the line of a problem with a caret below it, unless a secret may stand in that line.

A line is shown only where it is about nothing that could be a secret: the names of its fields,
those that it stands below, and the text itself are asked. When in doubt it is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from muster.cli.output import visible
from muster.resources.codes import Code
from muster.resources.files import MAX_BYTES, STDIN, leads_away, split_lines
from muster.resources.leaks import find_keys
from muster.resources.problems import Problem
from muster.resources.schemas import DESIRED_KINDS, written_schema

MAX_WIDTH = 160
"""Characters of one line; of longer ones the part around the place is shown."""

_SECRETS = {Code.SECRET_IN_TREE, Code.READABLE_SECRET}

_HARMLESS_REFERENCES = {"integrationRef", "customerRef", "accountRef"}
_SECRET = re.compile(
    r"pass(word|wd|phrase)|pwd|secret|token|credential|api[_-]?key|private|\wRef\b"
    r"|^\W*(stringData|data|key)\b|\bENC\[|://\S*@",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]+")


class Excerpts:
    """Reads each file once, and looks at each line once; `typed` is what standard input held."""

    def __init__(self, typed: str = "") -> None:
        self._lines: dict[str, Sequence[str]] = {str(STDIN): _without_ends(typed)}
        self._parents: dict[str, Sequence[int | None]] = {}
        self._hidden: dict[tuple[str, int], bool] = {}

    def of(self, one: Problem) -> list[str]:
        """Return the problem's line and a caret below it; nothing where that cannot be shown."""
        if one.file not in self._lines:
            self._lines[one.file] = _file_lines(Path(one.file))
        lines = self._lines[one.file]
        if not 1 <= one.line <= len(lines) or not lines[one.line - 1].strip():
            return []
        if one.code in _SECRETS or _is_about_secret(one) or self._hides(one, lines):
            return []
        return _drawn(lines[one.line - 1], one)

    def _hides(self, one: Problem, lines: Sequence[str]) -> bool:
        place = (one.file, one.line)
        if place not in self._hidden:
            self._hidden[place] = self._may_hold_secret(one, lines)
        return self._hidden[place]

    def _may_hold_secret(self, one: Problem, lines: Sequence[str]) -> bool:
        if any(True for _ in find_keys(one.file, lines[one.line - 1])):
            return True
        if one.file not in self._parents:
            self._parents[one.file] = _parents(lines)
        chain = _chain(self._parents[one.file], one.line - 1)
        return any(_SECRET.search(_without_fields(lines[index])) for index in chain)


def _drawn(line: str, one: Problem) -> list[str]:
    place = one.column - 1
    start = max(place - MAX_WIDTH // 2, 0) if len(line) > MAX_WIDTH else 0
    stop = start + MAX_WIDTH
    head = f"{one.line:>5} | " + ("…" if start else "")
    before = head + visible(line[start:place].replace("\t", " "))
    after = visible(line[place:stop].replace("\t", " ")) + ("…" if stop < len(line) else "")
    # East Asian letters take two columns of a terminal, and combining marks none.
    return [before + after, " " * cell_len(before) + "^"]


def _file_lines(file: Path) -> Sequence[str]:
    if leads_away(file):
        return []
    try:
        return _without_ends(_text(file))
    except (OSError, UnicodeDecodeError):
        return []


def _without_ends(text: str) -> Sequence[str]:
    return [line.rstrip("\r\n\x85\u2028\u2029") for line in split_lines(text)]


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES).decode("utf-8-sig")


def _is_about_secret(one: Problem) -> bool:
    steps = one.path.split("/")
    return any(step.endswith("Ref") and step not in _HARMLESS_REFERENCES for step in steps)


def _parents(lines: Sequence[str]) -> Sequence[int | None]:
    """Return for each line the nearest one above that is indented less, within its document."""
    found: list[int | None] = []
    above: list[int] = []
    indents: list[tuple[int, bool]] = []  # of those above, each deeper than the one before it
    for index, line in enumerate(lines):
        if line.startswith("---"):
            above, indents = [], []
        indent = _indent(line), line.lstrip().startswith("-")  # a list may stand as far left
        depth = bisect_left(indents, indent)
        found.append(above[depth - 1] if depth else None)
        if line.strip() and not line.lstrip().startswith("#"):
            above[depth:], indents[depth:] = [index], [indent]
    return found


def _chain(parents: Sequence[int | None], index: int | None) -> Iterator[int]:
    """Yield a line and those that it stands below, up to the document's first."""
    while index is not None:
        yield index
        index = parents[index]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _without_fields(line: str) -> str:
    """Return a line without the names of fields of ours that hold no secret."""
    return _WORD.sub(lambda word: "" if word[0] in _fields() else word[0], line)


@cache
def _fields() -> frozenset[str]:
    """Return the names of all fields and allowed values but those of references to secrets."""
    found: set[str] = set()
    for kind in DESIRED_KINDS:
        _collect(written_schema(kind), found)
    return frozenset(found) | _HARMLESS_REFERENCES


def _collect(schema: Any, found: set[str]) -> None:
    if isinstance(schema, list):
        for one in schema:
            _collect(one, found)
    if not isinstance(schema, dict):
        return
    found.update(one for one in schema.get("enum", ()) if isinstance(one, str))
    for name, field in schema.get("properties", {}).items():
        if name.endswith("Ref"):
            continue
        found.add(name)
        _collect(field, found)
    _collect(schema.get("items"), found)
