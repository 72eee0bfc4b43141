"""The index of policies finds what asking every policy finds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from muster.resources import load_estate
from muster.resources.covering import Covering, covers

HEAD = "---\napiVersion: muster.dev/v1alpha1\n"
LABELS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]), max_size=2)
WORDS = {"In": "['1']", "NotIn": "['1', '2']", "Exists": None, "DoesNotExist": None}
EXPRESSIONS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(list(WORDS))), min_size=1, max_size=2
)


def _customer(number: int, labels: dict[str, str]) -> str:
    return f"{HEAD}kind: Customer\nmetadata: {{name: c{number}, labels: {labels}}}\n" + (
        "spec: {displayName: x}\n"
    )


def _policy(number: int, who: str) -> str:
    return (
        f"{HEAD}kind: AutomaticImportPolicy\nmetadata: {{name: p{number}}}\nspec:\n"
        f"  accountType: EndUser\n  customers: {who}\n"
        "  select: {activeDirectory: {groups: [Staff]}}\n"
    )


def _selector(expressions: list[tuple[str, str]]) -> str:
    rows = [
        f"{{key: {key}, operator: {word}{f', values: {WORDS[word]}' if WORDS[word] else ''}}}"
        for key, word in expressions
    ]
    return f"{{selector: {{matchExpressions: [{', '.join(rows)}]}}}}"


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(LABELS, min_size=1, max_size=4),
    selectors=st.lists(EXPRESSIONS.map(_selector) | st.just("{names: [c0, c2]}")
                       | st.just("{selector: {matchLabels: {a: '1'}}}"), max_size=5),
)  # fmt: skip
def test_the_index_misses_nothing(labels: list[dict[str, str]], selectors: list[str]) -> None:
    """Every customer gets exactly the policies that fit it, in their order."""
    text = "".join(_customer(i, one) for i, one in enumerate(labels))
    text += "".join(_policy(i, one) for i, one in enumerate(selectors))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.yaml")
        file.write_text(text, encoding="utf-8")
        estate = load_estate([file]).estate
    assert len(estate.policies) == len(selectors)
    covering = Covering(estate.policies)
    for customer in estate.customers:
        asked = tuple(one for one in estate.policies if covers(one, customer))
        assert covering.of(customer) == asked
