"""The corpus: one file per case. A bad file says in its first lines what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.resources import load_estate
from muster.resources.codes import Code, Severity
from muster.resources.keys import KEYS

CORPUS = Path(__file__).parents[1] / "corpus"
EXPECT = "# expect "


def _files(verdict: str) -> list[Path]:
    return sorted((CORPUS / verdict).glob("*.y*ml"))


@pytest.mark.parametrize("file", _files("good"), ids=lambda file: file.stem)
def test_a_good_file_has_no_problem(file: Path) -> None:
    """A file that follows the contract is loaded without a word."""
    assert [str(problem) for problem in load_estate([file]).problems] == []


@pytest.mark.parametrize("file", _files("bad"), ids=lambda file: file.stem)
def test_a_bad_file_has_exactly_the_problems_it_announces(file: Path) -> None:
    """Every problem is found, with code, line and column, in the order of lines; no other is."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    expected = [line.removeprefix(EXPECT) for line in lines if line.startswith(EXPECT)]
    found = [
        f"{problem.line}:{problem.column} {problem.code} {problem.text}".replace(str(file), "FILE")
        for problem in load_estate([file]).problems
    ]
    assert expected
    assert len(found) == len(expected), found
    for message, start in zip(found, expected, strict=True):
        assert message.startswith(start)


def test_every_error_is_in_the_corpus() -> None:
    """No code of an error is without a file that shows its line and column.

    A missing path is no file, and guardrails have a corpus of their own.
    """
    elsewhere = {Code.NOTHING_FOUND, Code.GUARDRAIL_DENIED, Code.GUARDRAIL_WRONG}
    announced = {
        Code(line.split()[3])
        for file in _files("bad")
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.startswith(EXPECT)
    }
    assert announced | elsewhere == {code for code in Code if code.severity is Severity.ERROR}


def test_no_key_of_the_corpus_is_repeated() -> None:
    """Keys stand in several files, as values too, and in no message."""
    said = " ".join(map(str, load_estate([CORPUS / "bad"]).problems))
    assert "looks like" in said
    assert KEYS.search(said) is None


def test_all_files_of_a_tree_are_reported_in_their_order() -> None:
    """Loading the bad corpus at once reports every file's problems, file by file."""
    problems = load_estate([CORPUS / "bad"]).problems
    files = [problem.file for problem in problems]
    assert files == sorted(files)
    assert {Path(file).stem for file in files} == {file.stem for file in _files("bad")}


def test_an_estate_with_problems_desires_nothing() -> None:
    """What is wrong is never planned: `desired` is empty as soon as there is one problem."""
    paths = [CORPUS / "good" / "estate.yaml", CORPUS / "bad" / "unknown-field.yaml"]
    assert load_estate(paths).estate.desired == ()
    assert load_estate(paths[:1]).estate.desired != ()
