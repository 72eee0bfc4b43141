"""Finds test files and loads them, with everything that is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from muster.resources.codes import Code
from muster.resources.documents import NotYaml, read_documents
from muster.resources.files import Unreadable, read_text
from muster.resources.problems import Fault, Problem
from muster.testing.format import KIND, SUFFIXES, Place, PolicyTest
from muster.testing.parse import parse_test


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTests:
    """The tests that were found, and the problems of those that cannot run."""

    tests: tuple[PolicyTest, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Loading:
    tests: list[PolicyTest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def load_tests(paths: Sequence[Path]) -> LoadedTests:
    """Load tests; never raises for what the files hold."""
    loading = _Loading()
    seen: set[Path] = set()
    for path in paths:
        found = list(_files(path))
        if not found:
            loading.problems.append(_nothing(path))
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                _read(file, loading)
    problems = sorted(loading.problems, key=lambda one: (one.file, one.line, one.column))
    return LoadedTests(tests=tuple(loading.tests), problems=tuple(problems))


def _files(path: Path) -> Iterator[Path]:
    """Yield the test files of a directory, in the order of names; a named file is one."""
    if path.is_file():
        yield path
        return
    for root, directories, files in os.walk(path):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(root, name)


def _nothing(path: Path) -> Problem:
    missing = not path.exists()
    advice = f"Test files are called NAME{SUFFIXES[0]} or NAME{SUFFIXES[1]}."
    return Problem(
        code=Code.NOTHING_FOUND,
        file=str(path),
        line=1,
        column=1,
        path="",
        message="The path does not exist." if missing else "The directory holds no test file.",
        advice="Check the path." if missing else advice,
    )


def _read(file: Path, loading: _Loading) -> None:
    try:
        for document in read_documents(read_text(file)):
            _take(Place(file, document), loading)
    except Unreadable as exc:
        loading.problems.append(exc.problem)
    except NotYaml as exc:
        fault = Problem(
            code=Code.NOT_YAML,
            file=str(file),
            line=exc.line,
            column=exc.column,
            path="",
            message=exc.message,
            advice=exc.advice,
        )
        loading.problems.append(fault)


def _take(place: Place, loading: _Loading) -> None:
    value = place.document.value
    if not isinstance(value, dict) or value.get("kind") != KIND:
        message = f"The document is no {KIND}."
        advice = f"Write kind: {KIND}, or move it out of this file."
        fault = Fault(code=Code.UNKNOWN_KIND, path=("kind",), message=message, advice=advice)
        loading.problems.append(place.problem(fault))
        return
    test = parse_test(place)
    if isinstance(test, tuple):
        loading.problems.extend(place.problem(fault) for fault in test)
    else:
        loading.tests.append(test)
