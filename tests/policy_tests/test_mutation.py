"""What tests exercise and what they notice: a weak set of tests against a strong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.policy_tests.conftest import GOLD, Tree

from muster.testing.coverage import cover
from muster.testing.load import load_tests
from muster.testing.mutate import mutate
from muster.testing.run import Trees, run_tests

ROOT = Path(__file__).parents[2]
WORLD = (
    GOLD
    + """\
directory:
  users:
    - {name: jsmith, groups: [Muster Staff], mail: j@example.test, givenName: John, surname: Smith}
    - {name: mdoe, groups: [Muster Board], mail: m@example.test, givenName: Mary, surname: Doe}
    - {name: root, groups: [Muster Board, Server Operators]}
    - {name: svc-scan, groups: [Muster Staff]}
vault: {entries: [{id: "1", username: jsmith}]}
psa:
  contacts:
    - {id: "7", name: Mary Doe, emails: [m.doe@freemail.test]}
    - {id: "8", name: John Smith}
registry: {accounts: [{account: left@example.test}]}
"""
)
WEAK = WORLD + "expect: {exact: false, accounts: {jsmith: {decision: Imported}}}\n"
STRONG = (
    WORLD
    + """\
expect:
  accounts:
    jsmith: {vault: {id: "1"}, psa: {id: "8"}}
    mdoe: {via: Muster Board, psa: {state: Ambiguous}, changes: [Import registry, Create vault]}
    root: {reason: ExcludedPrivileged}
    svc-scan: {reason: ExcludedExplicit}
    left@example.test: {decision: Retained}
"""
)
REFUSED = (
    GOLD
    + """\
directory:
  users:
    - {name: a, groups: [Muster Staff]}
    - {name: b, groups: [Muster Staff]}
    - {name: c, groups: [Muster Staff]}
vault: {}
expect: {exact: false, refused: [LimitExceeded]}
"""
)


def _survivors(tree: Tree, *texts: str) -> list[str]:
    results, trees = tree.run(*texts)
    assert all(result.passed for result in results)
    return [f"{one.line.text} → {one.what}" for one in mutate(results, trees).survivors]


def test_a_weak_test_lets_mutants_live(tree: Tree) -> None:
    """A test that looks at one decision notices only what changes that decision."""
    alive = _survivors(tree, WEAK)
    assert "exclude.accounts[0]: svc-scan → removed" in alive
    assert "select.activeDirectory.excludePrivileged: true → excludePrivileged: false" in alive
    assert "select.activeDirectory.groups[1]: Muster Board → removed" in alive
    assert "select.activeDirectory.groups[0]: Muster Staff → removed" not in alive
    assert "the policy as a whole → removed" not in alive


def test_a_strong_set_lets_none_live(tree: Tree) -> None:
    """Tests that look at every effect of the policy notice each of its lines."""
    alive = _survivors(tree, STRONG, REFUSED)
    # With a floor, no share can be lower than what always passes.
    assert alive == []


def test_a_survivor_is_told_with_its_line(tree: Tree) -> None:
    """The place of a mutant is the line of the policy, in the order of the file."""
    results, trees = tree.run(WEAK)
    found = mutate(results, trees).survivors
    text = (tree.folder / "staff.yaml").read_text(encoding="utf-8").splitlines()
    lines = [int(one.line.place.rpartition(":")[2]) for one in found]
    assert lines == sorted(lines)
    for one, line in zip(found, lines, strict=True):
        assert one.line.text.partition(": ")[2] in text[line - 1]


def test_the_time_is_bounded(tree: Tree) -> None:
    """When the time is over, the rest is told as untried."""
    results, trees = tree.run(STRONG)
    found = mutate(results, trees, limit_s=0)
    assert found.judged == ()
    assert found.untried > 10


def test_coverage_is_what_changes_a_plan(tree: Tree) -> None:
    """A line that no test's plan depends on is not covered; nor is a key that found nobody."""
    results, trees = tree.run(STRONG)
    coverage = cover(results, trees, mutate(results, trees, expectations=False))
    missing = {one.text for one in coverage.rules if not one.test}
    assert "limits.create.floor: 2" in missing
    assert "select.activeDirectory.groups[1]: Muster Board" not in missing
    assert {"vault by UserPrincipalName", "vault by DomainAccountName", "psa by Email"} <= missing
    assert "psa by Name" not in missing
    assert 50 < coverage.percent < 100


def test_a_failing_test_speaks_for_nothing(tree: Tree) -> None:
    """A test that does not pass neither covers nor notices anything."""
    results, trees = tree.run(WEAK.replace("decision: Imported", "decision: Excluded"))
    assert mutate(results, trees).judged == ()


@pytest.mark.parametrize(
    ("folder", "survivors"), [("policies", 0), ("examples/02-many-customers", 2)]
)
def test_the_policies_that_are_shipped_are_tested(folder: str, survivors: int) -> None:
    """Their tests pass; of the baseline policies they exercise and notice every line."""
    loaded = load_tests([ROOT / folder])
    assert loaded.problems == ()
    trees = Trees()
    results = run_tests(loaded.tests, trees)
    assert [(one.test.name, one.differences, one.error) for one in results if not one.passed] == []
    found = mutate(results, trees)
    assert len(found.survivors) <= survivors
    if not survivors:
        assert cover(results, trees, found).percent == 100
