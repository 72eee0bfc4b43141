"""The quick check and the thorough one agree, whatever stands in a resource."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.resources.documents import NotYaml, read_documents
from muster.resources.schema_faults import _validator
from muster.resources.schemas import DESIRED_KINDS
from muster.resources.soundness import is_sound

CORPUS = Path(__file__).parents[1] / "corpus"
GOOD = [
    one
    for one in yaml.safe_load_all((CORPUS / "good" / "estate.yaml").read_text(encoding="utf-8"))
    if one and one["kind"] in DESIRED_KINDS
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from(["Enforce", "US", "P1D", "1h", "2026-01-01T00:00:00Z", 0, 1, -1, 10**9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner,
                                                                 max_size=3),
    max_leaves=6,
)  # fmt: skip


def _has_no_error(kind: str, resource: Any) -> bool:
    return next(_validator(kind).iter_errors(resource), None) is None


def _corpus() -> list[Any]:
    values = []
    for file in sorted(CORPUS.rglob("*.yaml")):
        try:
            values += [one.value for one in read_documents(file.read_text(encoding="utf-8"))]
        except NotYaml:
            continue
    return [one for one in values if isinstance(one, dict) and one.get("kind") in DESIRED_KINDS]


def test_both_judge_the_corpus_alike() -> None:
    """No resource of the corpus is good for one and bad for the other."""
    corpus = _corpus()
    assert len(corpus) > 100
    for one in corpus:
        assert is_sound(one["kind"], one) == _has_no_error(one["kind"], one), one


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = dict(enumerate(value)) if isinstance(value, list) else value
    items = below.items() if isinstance(below, dict) else ()
    return [path, *(found for key, item in items for found in _places(item, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


@settings(max_examples=150, deadline=timedelta(seconds=20))
@given(data=st.data())
def test_both_judge_any_change_alike(data: st.DataObject) -> None:
    """With any value at any place, the quick check says what the thorough one says."""
    resource = data.draw(st.sampled_from(GOOD))
    path = data.draw(st.sampled_from(_places(resource)))
    changed = _replaced(resource, path, data.draw(VALUES))
    assert is_sound(resource["kind"], changed) == _has_no_error(resource["kind"], changed)
