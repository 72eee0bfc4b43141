"""What differs between what a test expects and what the plan says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from muster.model.names import AccountId, System
from muster.model.reasons import Reason
from muster.resources.problems import FieldPath
from muster.testing.format import (
    NOT_SELECTED,
    Expectation,
    ExpectedAccount,
    ExpectedLink,
)
from muster.testing.outcome import AccountSeen, LinkSeen, Outcome

LINK_NAMES = {System.VAULT: "vault", System.PSA: "psa", System.ENTRA: "pair"}
"""What a test calls the links of an account."""
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as expected; `account` is empty for the plan as a whole."""

    account: str
    field: str
    expected: str
    actual: str
    why: str
    """What the plan says about it, in its own words."""
    path: FieldPath
    """Where in the test it is expected."""


def compare(expect: Expectation, outcome: Outcome) -> tuple[Difference, ...]:
    """Return all differences: those of accounts in the order of the test, then the others."""
    found = [
        difference
        for one in expect.accounts
        for difference in _account(one, outcome.accounts.get(one.account))
    ]
    if expect.exact:
        found.extend(_unexpected(expect, outcome.accounts))
    found.extend(_totals(expect, outcome))
    found.extend(_findings(expect, outcome))
    found.extend(_refusals(expect, outcome))
    return tuple(found)


def _account(expected: ExpectedAccount, seen: AccountSeen | None) -> Iterator[Difference]:
    why = _why(seen)
    rows = (
        ("decision", expected.decision, seen.decision if seen else NOT_SELECTED),
        ("reason", expected.reason, seen.reason if seen else str(Reason.NOT_SELECTED)),
        ("via", expected.via, seen.via if seen else ""),
        ("type", expected.type, seen.type if seen else ""),
        ("rotation", expected.rotation, seen.rotation if seen else ""),
        ("welcomeEmail", expected.welcome, seen.welcome if seen else ""),
        ("changes", _listed(expected.changes), _listed(seen.changes if seen else ())),
        ("drift", _listed(expected.drift), _listed(seen.drift if seen else ())),
    )
    for field, wanted, actual in rows:
        if wanted is not None and wanted != actual:
            yield _difference(expected.name, field, wanted, actual or "", why)
    for system, link in expected.links:
        yield from _link(expected.name, system, link, seen)


def _link(
    name: str, system: System, wanted: ExpectedLink, account: AccountSeen | None
) -> Iterator[Difference]:
    seen = account.links.get(system) if account else None
    why = _why_link(seen) if seen else _why(account)
    field = LINK_NAMES[system]
    rows = (
        ("state", wanted.state, seen.state if seen else ""),
        ("id", wanted.id, seen.id if seen else ""),
        ("key", wanted.key, seen.key if seen else ""),
        ("reason", wanted.reason, seen.reason if seen else ""),
        ("candidates", _listed(wanted.candidates), _listed(seen.candidates if seen else ())),
    )
    for part, expected, actual in rows:
        if expected is not None and expected != actual:
            yield _difference(name, f"{field}.{part}", expected, actual or "", why)


def _listed(words: tuple[str, ...] | None) -> str | None:
    return None if words is None else ", ".join(words) or _NOTHING


def _difference(name: str, field: str, expected: str, actual: str, why: str) -> Difference:
    return Difference(
        account=name,
        field=field,
        expected=expected or _NOTHING,
        actual=actual or _NOTHING,
        why=why,
        path=("expect", "accounts", name, *field.split(".")),
    )


def _why(seen: AccountSeen | None) -> str:
    if seen is None:
        return "No policy of this customer selects the account."
    return f"{seen.decision}: {seen.reason} {seen.via}".rstrip()


def _why_link(seen: LinkSeen) -> str:
    found = f" ({', '.join(seen.evidence)})" if seen.evidence else ""
    return f"{seen.state}: {seen.reason}{found} {seen.advice}".rstrip()


def _unexpected(
    expect: Expectation, accounts: Mapping[AccountId, AccountSeen]
) -> Iterator[Difference]:
    """Yield the accounts that a policy reaches and the test does not list."""
    listed = {one.account for one in expect.accounts}
    for account, seen in sorted(accounts.items(), key=lambda row: (row[1].user, row[0])):
        if account not in listed:
            yield Difference(
                account=seen.user,
                field="decision",
                expected="not listed",
                actual=seen.decision,
                why=f"{_why(seen)}. List it, or set exact: false.",
                path=("expect", "accounts"),
            )


def _totals(expect: Expectation, outcome: Outcome) -> Iterator[Difference]:
    for name, wanted in expect.totals:
        actual = outcome.totals[name]
        if wanted != actual:
            yield Difference(
                account="",
                field=f"totals.{name}",
                expected=str(wanted),
                actual=str(actual),
                why="",
                path=("expect", "totals", name),
            )


def _findings(expect: Expectation, outcome: Outcome) -> Iterator[Difference]:
    found = sorted({str(one.reason) for one in outcome.plan.findings})
    for index, reason in enumerate(expect.findings):
        if reason not in found:
            yield Difference(
                account="",
                field="findings",
                expected=reason,
                actual=", ".join(found) or _NOTHING,
                why="",
                path=("expect", "findings", index),
            )


def _refusals(expect: Expectation, outcome: Outcome) -> Iterator[Difference]:
    if set(expect.refused) == set(outcome.refusals):
        return
    refused = getattr(outcome.verdict, "refusals", ())
    yield Difference(
        account="",
        field="refused",
        expected=", ".join(sorted(expect.refused)) or "approved",
        actual=", ".join(sorted(set(outcome.refusals))) or "approved",
        why=" ".join(one.message for one in refused),
        path=("expect", "refused") if expect.refused else ("expect",),
    )
