"""Which files are read, and what keeps one from being text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.errors import SpecError
from muster.resources import load_estate
from muster.resources.codes import Code
from muster.resources.files import list_files
from muster.resources.keys import KEYS, may_hold_key

CUSTOMER = """\
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: contoso}
spec:
  displayName: Contoso
"""


def _messages(path: Path) -> list[str]:
    return [str(p).removeprefix(f"{path}:") for p in load_estate([path]).problems]


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"a: \x00\n", "1:4: The character U+0000 is not allowed in YAML."),
        (b"a: b\nc: \x07\n", "2:4: The character U+0007 is not allowed in YAML."),
        (b"a: b\n  c: \xff\n", "2:6: The byte 0xff is not valid UTF-8."),
        (b"a: \xed\xa0\x80\n", "1:4: The byte 0xed is not valid UTF-8."),
        ("a: b\n".encode("utf-16"), "1:1: The file is UTF-16, not UTF-8."),
        (b"a: " + b"x" * (4 * 1024 * 1024), "1:1: The file is larger than 4 MiB."),
    ],
)
def test_what_is_no_text_is_refused_where_it_stands(
    tmp_path: Path, data: bytes, start: str
) -> None:
    """A file that cannot be YAML is one problem, at the first character that is wrong."""
    file = tmp_path / "file.yaml"
    file.write_bytes(data)
    assert [message[: len(start)] for message in _messages(file)] == [start]


@pytest.mark.parametrize("text", ["\ufeff" + CUSTOMER, CUSTOMER.replace("\n", "\r\n")])
def test_byte_order_marks_and_carriage_returns_do_no_harm(tmp_path: Path, text: str) -> None:
    """Files from Windows editors load, and their lines and columns are right."""
    file = tmp_path / "file.yaml"
    file.write_bytes(text.encode())
    assert _messages(file) == []
    file.write_bytes((text + "  nope: 1\n").encode())
    assert [message[:24] for message in _messages(file)] == ["6:3: Unknown field `spec"]


def test_a_directory_is_read_whole_but_for_hidden_files_and_other_suffixes(tmp_path: Path) -> None:
    """Only visible YAML files count, at any depth, in the order of names."""
    for name in ("b/one.yaml", "a.yml", ".git/x.yaml", ".x.yaml", "c/notes.txt", "z.YAML"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("nope: 1\n", encoding="utf-8")
    files = [
        Path(p.file).relative_to(tmp_path).as_posix() for p in load_estate([tmp_path]).problems
    ]
    assert files == ["a.yml", "z.YAML", "b/one.yaml"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """Naming a directory and a file in it makes no duplicates."""
    file = tmp_path / "contoso.yaml"
    file.write_text(CUSTOMER, encoding="utf-8")
    loaded = load_estate([file, tmp_path])
    assert loaded.problems == ()
    assert [customer.name for customer in loaded.checked().customers] == ["contoso"]


def test_a_file_that_links_lead_to_is_read_once(tmp_path: Path) -> None:
    """Links to a file or its directory make no duplicates; the first path in order names it."""
    below = tmp_path / "estate"
    below.mkdir()
    (below / "one.yaml").write_text(CUSTOMER, encoding="utf-8")
    (below / "linked.yaml").symlink_to(below / "one.yaml")
    (tmp_path / "again").symlink_to(below)
    files, problems = list_files([below, tmp_path / "again", tmp_path / "again" / "one.yaml"])
    assert (files, problems) == ((below / "linked.yaml",), ())


def test_a_path_without_anything_is_a_problem(tmp_path: Path) -> None:
    """A misspelt path is never an empty estate."""
    empty = tmp_path / "empty"
    empty.mkdir()
    problems = load_estate([tmp_path / "nope", empty]).problems
    assert [problem.message for problem in problems] == [
        "The path does not exist.",
        "The directory holds no YAML file.",
    ]


def test_a_kustomization_may_leave_its_kind_out(tmp_path: Path) -> None:
    """Kustomize's own file is somebody else's, also without apiVersion and kind."""
    (tmp_path / "kustomization.yaml").write_text("resources: [contoso.yaml]\n", encoding="utf-8")
    (tmp_path / "contoso.yaml").write_text(CUSTOMER, encoding="utf-8")
    loaded = load_estate([tmp_path])
    assert loaded.problems == ()
    assert loaded.estate.ignored_resources == 1


def test_a_secret_in_a_kustomization_is_found(tmp_path: Path) -> None:
    """Text for a Secret is found without apiVersion and kind too; files beside it are fine."""
    file = tmp_path / "kustomization.yaml"
    file.write_text("secretGenerator: [{name: a, files: [b]}]\n", encoding="utf-8")
    assert load_estate([tmp_path]).problems == ()
    file.write_text("secretGenerator: [{name: a, literals: [b=hunter2]}]\n", encoding="utf-8")
    (problem,) = load_estate([tmp_path]).problems
    assert (problem.code, problem.line, problem.column) == (Code.SECRET_IN_TREE, 1, 29)
    assert "hunter2" not in str(problem)


def test_problems_name_both_files(tmp_path: Path) -> None:
    """A conflict between two files names the place in the other file."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(CUSTOMER, encoding="utf-8")
    loaded = load_estate([tmp_path])
    expected = f"{tmp_path}/b.yaml:3:18: Customer `contoso` exists already in {tmp_path}/a.yaml:3."
    assert [str(problem)[: len(expected)] for problem in loaded.problems] == [expected]
    with pytest.raises(SpecError) as caught:
        loaded.checked()
    assert caught.value.problems == tuple(str(problem) for problem in loaded.problems)


@settings(max_examples=50, deadline=None)
@given(st.from_regex(KEYS))
def test_the_quick_look_for_keys_misses_none(text: str) -> None:
    """Every text in which a key is found is one that may hold a key."""
    assert may_hold_key(text)
