"""What a test file may say, and how it is told what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.policy_tests.conftest import GOLD, HEAD, Tree

from muster.adapters.active_directory.containers import hidden
from muster.model.names import LinkState, MatchKey
from muster.resources import load_estate, load_schema
from muster.testing.domain import DEFAULT_CONTAINERS
from muster.testing.load import load_tests

_WRONG = [
    ("expect: {acounts: {}}\n", "UnknownField", "expect.acounts", 5),
    (
        "directory: {users: [{ou: OU=X}]}\nexpect: {}\n",
        "MissingField",
        "directory.users[0].name",
        5,
    ),
    ("vault: {entries: [{id: 7}]}\nexpect: {}\n", "WrongType", "quotes", 5),
    ("expect: {accounts: {nobody: {reason: InGroup}}}\n", "UnknownReference", "nobody", 5),
    ("expect: {refused: [LimitExeeded]}\n", "WrongValue", "LimitExceeded", 5),
    (
        "directory: {users: [{name: a}], groups: [{name: g, members: [b]}]}\nexpect: {}\n",
        "UnknownReference",
        "user or group `b`",
        5,
    ),
    ("entra: {users: [{upn: a@b, syncedFrom: c}]}\nexpect: {}\n", "UnknownReference", "`c`", 5),
    ("vault: {entries: [{id: '1', markedFor: x}]}\nexpect: {}\n", "UnknownReference", "`x`", 5),
    ("overrides: [{account: x}]\nexpect: {}\n", "UnknownReference", "`x`", 5),
]


@pytest.mark.parametrize(("text", "code", "words", "line"), _WRONG)
def test_a_mistake_is_told_with_its_line(
    tree: Tree, text: str, code: str, words: str, line: int
) -> None:
    """A test that is wrong does not run; its problem has a code, a line and the right words."""
    loaded = tree.load(GOLD + text)
    assert loaded.tests == ()
    (problem,) = loaded.problems
    assert (str(problem.code), problem.line) == (code, line)
    assert words in problem.text


def test_all_mistakes_are_told_at_once(tree: Tree) -> None:
    """Mistakes of several documents come together, and the sound ones still run."""
    loaded = tree.load(GOLD + "expect: {}\n", "expect: {}\n", GOLD + "now: yesterday\nexpect: {}\n")
    assert [one.name for one in loaded.tests] == ["test 0"]
    assert len(loaded.problems) == 2
    assert "exampleCustomer" in loaded.problems[0].text


def test_neither_validate_nor_a_cluster_takes_a_test_for_a_resource(tree: Tree) -> None:
    """A test beside policies is not read as one, whichever of its two names it has."""
    text = HEAD + "name: x\nexampleCustomer: {}\nexpect: {}\n"
    (tree.folder / "a.muster-test").write_text(text, encoding="utf-8")
    (tree.folder / "b.muster-test.yaml").write_text(text, encoding="utf-8")
    loaded = load_estate([tree.folder])
    assert loaded.problems == ()
    assert loaded.estate.ignored_resources == 1
    assert len(load_tests([tree.folder]).tests) == 2


def test_a_directory_without_tests_is_told(tmp_path: Path) -> None:
    """An empty directory is no success."""
    (problem,) = load_tests([tmp_path]).problems
    assert ".muster-test" in problem.text


def test_the_schema_has_the_words_of_the_model() -> None:
    """Link states and keys that a test may expect are exactly those there are."""
    link = load_schema("PolicyTest")["properties"]["expect"]["properties"]["accounts"][
        "additionalProperties"
    ]["properties"]["vault"]["properties"]
    assert link["state"]["enum"] == [str(state) for state in LinkState]
    assert link["key"]["enum"] == [str(key) for key in MatchKey]


def test_a_made_up_domain_hides_what_a_real_one_hides() -> None:
    """The default containers are those that the adapter finds."""
    real = {(one.dn, one.name) for one in hidden("DC=x", {})}
    assert {(f"{one},DC=x", one.partition("=")[2]) for one in DEFAULT_CONTAINERS} == real


def test_a_customer_that_is_no_resource_is_an_error(tree: Tree) -> None:
    """A test of a customer that the resources do not have cannot run, and says so."""
    ((result,), _) = tree.run("customer: contoso\nexpect: {}\n")
    assert "no Customer `contoso`" in result.error
    assert not result.passed
