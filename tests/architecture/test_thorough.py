"""What `make test` leaves out is there: a test that was renamed does not slip back in unseen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.architecture.source import ROOT
from tests.conftest import THOROUGH


@pytest.mark.parametrize("beginning", THOROUGH)
def test_each_beginning_is_that_of_a_test(beginning: str) -> None:
    """Each of them leaves out a directory, a file, or tests whose names begin so."""
    place, _, test = beginning.partition("::")
    name, _, case = test.partition("[")
    path = ROOT / place
    assert path.is_dir() if place.endswith("/") else path.is_file()
    assert any(one.startswith(name or "test_") for one in _names(path))
    assert not case or f'"{case}' in path.read_text(encoding="utf-8")


def _names(path: Path) -> list[str]:
    """Return the names of the tests in a file, or in a directory."""
    files = path.rglob("test_*.py") if path.is_dir() else [path]
    return [
        node.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
