"""Which rules of the policies the tests exercise: lines, and the ways in which records are found.

A line counts where some test's plan becomes another one when the line says something else; that a
policy was in force is not enough. A way counts where some test's account was found by it, or has
a candidate that was. What the tests expect is `mutate`'s question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from muster.model.names import (
    AccountType,
    DirectoryKind,
    MatchKey,
    NameFallback,
    PasswordAuthority,
    System,
)
from muster.model.settings import Desired, ImportSettings
from muster.testing.compare import LINK_NAMES
from muster.testing.mutate import Mutation
from muster.testing.outcome import Outcome
from muster.testing.run import TestResult, Trees, wanted

_USERNAMES = (
    MatchKey.SAM_ACCOUNT_NAME,
    MatchKey.USER_PRINCIPAL_NAME,
    MatchKey.DOMAIN_ACCOUNT_NAME,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One rule of a policy, and a test that exercises it."""

    policy: str
    place: str
    """`file:line`; empty for a way in which records are found."""
    text: str
    test: str
    """Empty: no test exercises the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """All rules of all policies that the tests can see."""

    rules: tuple[Covered, ...]

    @property
    def exercised(self) -> int:
        """How many rules some test exercises."""
        return sum(bool(one.test) for one in self.rules)

    @property
    def percent(self) -> int:
        """The share that is exercised, rounded down; 100 where there are no rules."""
        return self.exercised * 100 // len(self.rules) if self.rules else 100


def cover(results: Sequence[TestResult], trees: Trees, mutation: Mutation) -> Coverage:
    """Return what the tests exercise; the mutation has asked about the lines."""
    return Coverage(rules=(*_lines(mutation), *_ways(results, trees)))


def _lines(mutation: Mutation) -> Iterator[Covered]:
    found: dict[tuple[str, str], Covered] = {}
    for one in mutation.judged:
        line = one.line
        before = found.get((line.reference, line.place))
        found[(line.reference, line.place)] = Covered(
            policy=line.policy,
            place=line.place,
            text=line.text,
            test=(before.test if before else "") or one.exercised_by,
        )
    yield from found.values()


def _ways(results: Sequence[TestResult], trees: Trees) -> Iterator[Covered]:
    """Yield the ways of finding records that policies allow, with a test of each."""
    found: dict[tuple[str, str], str] = {}
    for result in results:
        if not result.passed or result.outcome is None:
            continue
        desired = wanted(result.test, trees.of(result.test).estate)
        seen = _seen(result.outcome)
        for source in desired.sources:
            policy = source.settings.origin.reference
            for system, key in _possible(source.settings, desired):
                way = f"{LINK_NAMES[system]} by {key}"
                test = result.test.name if (policy, way) in seen else ""
                found[(policy, way)] = found.get((policy, way)) or test
    for (policy, way), test in sorted(found.items()):
        yield Covered(policy=policy, place="", text=way, test=test)


def _seen(outcome: Outcome) -> Mapping[tuple[str, str], None]:
    found: dict[tuple[str, str], None] = {}
    for account in outcome.accounts.values():
        for system, link in account.links.items():
            for key in (link.key, *link.evidence):
                found[(account.policy, f"{LINK_NAMES[system]} by {key}")] = None
    return found


def _possible(settings: ImportSettings, desired: Desired) -> Iterator[tuple[System, MatchKey]]:
    """Yield by what the accounts of a policy can be found at a customer."""
    options, customer = settings.options, desired.customer
    local = DirectoryKind.ACTIVE_DIRECTORY in settings.select.directories
    if customer.vault and options.vault.match:
        for key in _USERNAMES if local else (MatchKey.USER_PRINCIPAL_NAME,):
            yield System.VAULT, key
    if settings.account_type is not AccountType.END_USER:
        return
    if customer.psa and options.psa.match:
        yield System.PSA, MatchKey.EMAIL
        if options.psa.name_fallback is not NameFallback.NEVER:
            yield System.PSA, MatchKey.NAME
    if local and customer.entra and customer.password_authority is not PasswordAuthority.SEPARATE:
        for key in options.pairing:
            yield System.ENTRA, key
