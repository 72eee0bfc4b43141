"""Who imports whom, how large things are, what they are called, and where they lie."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.architecture.source import ROOT, modules, tracked_files

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    ".dockerignore",
    ".pre-commit-hooks.yaml",
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "action.yml",
    "benchmarks",
    "deploy",
    "docs",
    "examples",
    "operator",
    "policies",
    "pyproject.toml",
    "schemas",
    "tests",
}
FIXED = TOP_LEVEL - {
    ".dockerignore",
    ".pre-commit-hooks.yaml",
    "Dockerfile",
    "action.yml",
    "benchmarks",
    "deploy",
}
"""What is there from the first version on."""

PYPROJECT = (ROOT / "pyproject.toml").read_text()


def requirements() -> list[str]:
    """Return the requirements of the project and its extras, our own name left out."""
    project = tomllib.loads(PYPROJECT)["project"]
    extras = project["optional-dependencies"].values()
    listed = {*project["dependencies"], *(one for extra in extras for one in extra)}
    return sorted(one for one in listed if not one.startswith("muster["))


def short(path: Path) -> str:
    """Return a path as a test's name shows it."""
    return path.relative_to(ROOT).as_posix()


def test_imports_point_one_way() -> None:
    """No module imports from a layer above it, and the pure core imports nothing that does I/O.

    In a process of its own: the linter switches every logger of its process off.
    """
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_longer_than_400_lines() -> None:
    """A module that outgrows a reader's patience has two reasons to change."""
    long = {short(path): len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    """A function fits on one screen."""
    long = [
        f"{short(path)}:{node.lineno} {node.name}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= 50
    ]
    assert long == []


def test_no_module_is_named_for_nothing() -> None:
    """A module's name says what is in it."""
    names = {short(path) for path in modules() if {path.stem, path.parent.name} & FORBIDDEN_NAMES}
    assert names == set()


def test_every_module_says_what_it_decides() -> None:
    """Every module begins with a docstring."""
    silent = [short(path) for path in modules() if not ast.get_docstring(parse(path))]
    assert silent == []


def test_the_source_root_is_no_package() -> None:
    """`operator/` is a folder only: the standard library owns the name."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_top_level_is_as_agreed() -> None:
    """Nothing is added to the top of the repository unnoticed, and nothing is lost from it."""
    tops = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    if not tops:
        pytest.skip("this is no git checkout")
    assert tops - TOP_LEVEL == set()
    assert FIXED - tops == set()


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    """What is committed works on other machines and tells nothing about this one."""
    homes = re.compile(r"(?<![\w.$}])/(?:home|Users)/[a-z]\w*/|[A-Z]:\\+Users\\+\w")
    own = [str(path) + os.sep for path in (ROOT, Path.home()) if len(path.parts) > 1]
    if len(ROOT.parts) < 3:
        own.remove(str(ROOT) + os.sep)
    found = [
        f"{short(path)}: {hit}" for path in tracked_files() for hit in own_paths(path, homes, own)
    ]
    assert found == []


@pytest.mark.parametrize("requirement", requirements())
def test_every_dependency_has_its_reason_beside_it(requirement: str) -> None:
    """Who reads pyproject.toml learns why each dependency is there."""
    assert re.search(rf'^ +"{re.escape(requirement)}",\s*# \w', PYPROJECT, re.MULTILINE)


def own_paths(path: Path, homes: re.Pattern[str], own: list[str]) -> list[str]:
    """Return what a file says about a machine: a home folder, or where this checkout lies."""
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return []
    return [*homes.findall(text), *(one for one in own if one in text)]


def parse(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text())
