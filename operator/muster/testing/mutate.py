"""Changes policies line by line, and asks the tests whether they would notice.

Two questions about each line. Is it exercised: does any test's plan become another one when the
line says something else? And is it noticed: does any test then fail? A line that is exercised and
not noticed is one whose effect no expectation looks at. Deterministic: lines in the order of
files, tests in their own, the one that noticed last first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from muster.model.settings import Estate
from muster.resources.load import LoadedEstate
from muster.resources.references import find_conflicts
from muster.resources.resolve import resolve
from muster.testing.compare import compare
from muster.testing.format import PolicyTest
from muster.testing.lines import Line, Mutant, policy_lines, replaced
from muster.testing.outcome import Outcome
from muster.testing.run import CannotRun, TestResult, Trees, plan_test

Tell = Callable[[int, int], None]
"""Is told how many lines are done, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One mutant, and what the tests say about it."""

    line: Line
    what: str
    exercised_by: str
    """The first test whose plan becomes another one; empty for none."""
    noticed_by: str
    """The first test that fails; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What became of all mutants; with `untried`, the time was over."""

    judged: tuple[Judged, ...] = ()
    untried: int = 0

    @property
    def survivors(self) -> tuple[Judged, ...]:
        """The mutants that no test notices; of a policy that nobody would miss, only that."""
        alive = [one for one in self.judged if not one.noticed_by]
        missed = {one.line.policy for one in alive if one.line.whole}
        return tuple(one for one in alive if one.line.whole or one.line.policy not in missed)


@dataclass(slots=True)
class _Tree:
    """One tree of resources, and the tests that use it with what they said before."""

    loaded: LoadedEstate
    tests: list[tuple[PolicyTest, Outcome]] = field(default_factory=list)


def mutate(
    results: Sequence[TestResult],
    trees: Trees,
    *,
    expectations: bool = True,
    limit_s: float = 60,
    tell: Tell = lambda _, __: None,
) -> Mutation:
    """Try every mutant of every policy that the tests can see.

    Without `expectations` only whether a line is exercised is asked, which is less work.
    Tests that did not pass are left out: they fail anyway.
    """
    found = _trees(results, trees)
    work = [(tree, line) for tree in found for line in policy_lines(tree.loaded)]
    judged: list[Judged] = []
    end = monotonic() + limit_s
    for number, (tree, line) in enumerate(work):
        tell(number, len(work))
        if monotonic() > end:
            untried = sum(len(rest.mutants) for _, rest in work[number:])
            return Mutation(judged=tuple(judged), untried=untried)
        judged.extend(_judge(tree, line, mutant, expectations) for mutant in line.mutants)
    return Mutation(judged=tuple(_merged(judged)))


def _trees(results: Sequence[TestResult], trees: Trees) -> list[_Tree]:
    found: dict[int, _Tree] = {}
    for result in results:
        if result.passed and result.outcome:
            loaded = trees.of(result.test)
            tree = found.setdefault(id(loaded), _Tree(loaded))
            tree.tests.append((result.test, result.outcome))
    return list(found.values())


def _merged(judged: Sequence[Judged]) -> Iterator[Judged]:
    """Yield each mutant once: a policy that several trees hold is noticed where any tree does."""
    found: dict[tuple[str, str, str], Judged] = {}
    for one in judged:
        key = (one.line.place, one.line.reference, one.what)
        before = found.get(key, one)
        found[key] = replace(
            one,
            exercised_by=before.exercised_by or one.exercised_by,
            noticed_by=before.noticed_by or one.noticed_by,
        )
    return iter(found.values())


def _judge(tree: _Tree, line: Line, mutant: Mutant, expectations: bool) -> Judged:
    exercised = noticed = ""
    estate = _mutated(tree.loaded, line, mutant)
    if estate is None:
        exercised = noticed = "muster validate"
    for index, (test, before) in enumerate(tree.tests if estate else ()):
        if estate is None or (exercised and (noticed or not expectations)):
            break
        after = _planned(test, estate)
        if after is None or after.effect != before.effect:
            exercised = exercised or test.name
        if after is None or (expectations and compare(test.expect, after)):
            noticed = test.name
            tree.tests.insert(0, tree.tests.pop(index))
            break
    return Judged(line=line, what=mutant.what, exercised_by=exercised, noticed_by=noticed)


def _planned(test: PolicyTest, estate: Estate) -> Outcome | None:
    """Return what a test says now; None where it cannot even run."""
    try:
        return plan_test(test, estate)
    except CannotRun:
        return None


def _mutated(loaded: LoadedEstate, line: Line, mutant: Mutant) -> Estate | None:
    """Return the estate with the mutant; None where `muster validate` would find it."""
    customers, policies = replaced(loaded, line, mutant)
    estate = replace(loaded.estate, customers=customers, policies=policies)
    if find_conflicts(estate):
        return None
    return resolve(estate)
