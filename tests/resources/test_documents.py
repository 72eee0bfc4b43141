"""Values and places come out of YAML the same, whichever parser reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from muster.resources.documents import (
    FASTEST_LOADER,
    Mark,
    NotYaml,
    read_documents,
    resolve_scalar,
)

CORPUS = Path(__file__).parents[1] / "corpus"
Outcome = list[tuple[object, object]]


def _read(text: str, loader: type) -> tuple[Outcome, tuple[int, str] | None]:
    found: Outcome = []
    try:
        for document in read_documents(text, loader):
            found.append((repr(document.value), (document.marks, document.keys, document.faults)))
    except NotYaml as exc:
        return found, (exc.line, exc.message.partition(":")[0])
    return found, None


@pytest.mark.parametrize("file", sorted(CORPUS.rglob("*.yaml")), ids=lambda file: file.stem)
def test_both_parsers_agree(file: Path) -> None:
    """Without libyaml, values, places and problems are the same."""
    text = file.read_text(encoding="utf-8")
    assert _read(text, yaml.SafeLoader) == _read(text, FASTEST_LOADER)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20", 20),
        ("-7", -7),
        ("0", 0),
        ("true", True),
        ("on", True),
        ("No", False),
        ("~", None),
        ("", None),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("3h", "3h"),
        ("y", "y"),
        ("=", "="),
    ],
)
def test_unquoted_text_means_what_yaml_1_1_says(text: str, value: object) -> None:
    """Plain words, decimal numbers, true and false; times stay text."""
    assert resolve_scalar(text) == value
    assert type(resolve_scalar(text)) is type(value)


@pytest.mark.parametrize("text", ["010", "0x10", "0b1", "1:30", "1_000", "9" * 5000, "1.0", ".inf"])
def test_numbers_in_other_notations_fit_nowhere(text: str) -> None:
    """A number that people and YAML read differently is neither a whole number nor text."""
    assert isinstance(resolve_scalar(text), float)


def test_places_count_from_one() -> None:
    """A scalar stands at its first character, a mapping or list at its field's name."""
    (document,) = read_documents("a: 1\nb:\n  - x\n  - c: 'y'\n")
    assert document.place(("a",)) == Mark(1, 4, True, "1")
    assert document.place(("a",), on_key=True) == Mark(1, 1)
    assert document.place(("b",)) == Mark(2, 1)
    assert document.place(("b", 0)) == Mark(3, 5, True, "x")
    assert document.place(("b", 1, "c")) == Mark(4, 8, True, None)
    assert document.place(("b", 1, "d", "e")) == Mark(4, 5)
    assert document.place(("z",)) == Mark(1, 1)


def test_an_alias_shares_and_a_merge_yields() -> None:
    """An alias repeats a value; a merged field gives way to one that is written."""
    text = "base: &b {x: 1, y: 2}\nsame: *b\nmerged: {<<: *b, y: 3}\n"
    (document,) = read_documents(text)
    assert document.value["same"] == {"x": 1, "y": 2}
    assert document.value["merged"] == {"y": 3, "x": 1}


def test_the_first_of_several_merged_mappings_counts() -> None:
    """A merge key takes a list, as the API server's reader does: the first is the strongest."""
    text = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b], z: 3}\n"
    (document,) = read_documents(text)
    assert document.value["c"] == {"x": 1, "y": 2, "z": 3}
    assert document.faults == []
