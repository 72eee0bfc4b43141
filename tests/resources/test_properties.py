"""Whatever stands in a file, loading it ends with a result, and no secret comes out."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.resources import LoadedEstate, load_estate, load_schema, parse_resource
from muster.resources.schemas import DESIRED_KINDS

CORPUS = Path(__file__).parents[1] / "corpus"
TEXTS = [file.read_text(encoding="utf-8") for file in sorted(CORPUS.rglob("*.yaml"))]
QUICK = settings(
    max_examples=100,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

PIECES = st.sampled_from(
    ["- ", ": ", "\n", "  ", "&a ", "*a", "{", "}", "[", "]", "'", '"', "|\n", "#", "!", "!!str ",
     "<<: ", "? ", "---\n", "...\n", "%YAML 1.1\n", "\t", "on", "010", "~", "a", "spec", "@", "`"]
)  # fmt: skip
YAML_LIKE = st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=60).map("".join)


def _load(data: bytes) -> LoadedEstate:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "file.yaml")
        file.write_bytes(data)
        return load_estate([file])


@QUICK
@given(text=YAML_LIKE)
def test_any_text_is_loaded_or_refused(text: str) -> None:
    """No text makes the loader raise or hang."""
    loaded = _load(text.encode("utf-8", "surrogatepass"))
    assert loaded.problems or loaded.estate.customers == ()


@QUICK
@given(data=st.binary(max_size=200))
def test_any_bytes_are_loaded_or_refused(data: bytes) -> None:
    """No bytes make the loader raise or hang."""
    _load(data)


@QUICK
@given(text=st.sampled_from(TEXTS), at=st.integers(0, 10_000), piece=YAML_LIKE)
def test_a_damaged_file_is_loaded_or_refused(text: str, at: int, piece: str) -> None:
    """A good or bad file with something pasted into it makes no difference."""
    place = at % (len(text) + 1)
    _load((text[:place] + piece + text[place:]).encode("utf-8", "surrogatepass"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["name", "spec"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = dict(enumerate(value)) if isinstance(value, list) else value
    items = below.items() if isinstance(below, dict) else ()
    return [path, *(found for key, item in items for found in _paths(item, (*path, key)))]


GOOD = [
    document
    for document in yaml.safe_load_all(
        (CORPUS / "good" / "estate.yaml").read_text(encoding="utf-8")
    )
    if document
]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


@QUICK
@given(data=st.data())
def test_any_value_at_any_place_is_parsed_or_refused(data: st.DataObject) -> None:
    """A resource in which any one value is anything at all is parsed or refused, never more."""
    resource = data.draw(st.sampled_from(GOOD))
    path = data.draw(st.sampled_from(_paths(resource)[1:]))
    outcome = parse_resource(_replaced(resource, path, data.draw(JSON)))
    if isinstance(outcome, tuple):
        assert outcome
        assert all("cannot be checked" not in str(problem) for problem in outcome)


def _references(schema: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path] if path and path[-1].endswith("Ref") else []
    for name, child in schema.get("properties", {}).items():
        found += _references(child, (*path, name))
    return found


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind in DESIRED_KINDS for path in _references(load_schema(kind))],
    ids=lambda value: value if isinstance(value, str) else ".".join(value[1:]),
)
@pytest.mark.parametrize(
    "value",
    ["hunter2", "'hunter2'", "[hunter2]", "{name: a, key: 'hunter2 x'}", "{name: HUNTER2-hunter2}",
     "*hunter2", "!hunter2 x"],
)  # fmt: skip
def test_a_secret_in_the_place_of_a_reference_is_never_shown(
    kind: str, path: tuple[str, ...], value: str
) -> None:
    """Somebody who pastes a secret where its name belongs does not find it in the output."""
    text = f"apiVersion: muster.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\n"
    for depth, name in enumerate(path):
        text += "  " * depth + f"{name}:" + ("\n" if depth < len(path) - 1 else f" {value}\n")
    loaded = _load(text.encode())
    assert loaded.problems
    assert "hunter2" not in repr(loaded).casefold()
    assert "hunter2" not in " ".join(map(str, loaded.problems)).casefold()
