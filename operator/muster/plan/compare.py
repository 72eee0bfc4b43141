"""What a change in git does: the plans of both sides of it, compared.

Both sides were planned from the same observation, so that all which differs comes from the
files. What would be done without the change as well is pending, and only counted. Pure; the
order of what is given does not matter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from muster.model.names import AccountId, Action, CustomerName, DecisionState, Source, System
from muster.model.plans import (
    AccountDecision,
    Change,
    CustomerPlan,
    Draft,
    Finding,
    Refusal,
    Refused,
    Verdict,
)
from muster.plan.digest import digest_plans

KEPT = frozenset({DecisionState.IMPORTED, DecisionState.RETAINED})
"""The decisions by which Muster keeps an account."""


class Standing(StrEnum):
    """What becomes of a customer as a whole."""

    NEW = "New"
    """Only the new side has it."""
    REMOVED = "Removed"
    """Only the old side has it: nothing is done for it any more, and nothing is released."""
    COVERED = "Covered"
    """A policy covers it that no policy covered before."""
    UNCOVERED = "Uncovered"
    """No policy covers it any more."""
    SAME = "Same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One customer on one side."""

    verdict: Verdict
    covered: bool
    """Whether any policy is in force for it."""
    connections: frozenset[tuple[Source, str]] = frozenset()
    """What tells the connections of its systems apart."""

    @property
    def plan(self) -> CustomerPlan:
        """The plan, approved or refused."""
        return self.verdict.plan

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Why the plan is refused, if it is."""
        return self.verdict.refusals if isinstance(self.verdict, Refused) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An account that is decided about in another way; None: it was not looked at."""

    before: AccountDecision | None
    after: AccountDecision | None

    @property
    def either(self) -> AccountDecision:
        """The decision that says who it is."""
        found = self.after or self.before
        if found is None:
            raise AssertionError("a shift has at least one side")
        return found

    @property
    def gained(self) -> bool:
        """Whether the account is kept only with the change."""
        return _is_kept(self.after) and not _is_kept(self.before)

    @property
    def lost(self) -> bool:
        """Whether the account is kept only without the change."""
        return _is_kept(self.before) and not _is_kept(self.after)

    @property
    def order(self) -> tuple[str, str]:
        """The sort key."""
        return (self.either.user.casefold(), self.either.account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What the change does to one customer."""

    name: CustomerName
    standing: Standing
    base: Side | None
    head: Side | None
    shifts: tuple[Shift, ...] = ()
    added: tuple[Change, ...] = ()
    """What is done only with the change."""
    dropped: tuple[Change, ...] = ()
    """What would have been done only without it."""
    pending: int = 0
    """Changes that are due anyway."""
    questions: tuple[Finding, ...] = ()
    """What only the new side has to tell."""
    answered: int = 0
    """Findings that are gone with the change."""
    refusals: tuple[Refusal, ...] = ()
    """Why only the new side is refused."""

    @property
    def gained(self) -> tuple[Shift, ...]:
        """The accounts that are kept only with the change."""
        return tuple(one for one in self.shifts if one.gained)

    @property
    def lost(self) -> tuple[Shift, ...]:
        """The accounts that are kept only without it."""
        return tuple(one for one in self.shifts if one.lost)

    @property
    def otherwise(self) -> tuple[Shift, ...]:
        """The accounts about which something else differs, such as why they are left out."""
        return tuple(one for one in self.shifts if not one.gained and not one.lost)

    @property
    def left_behind(self) -> int:
        """How many accounts stay as they are, because git no longer names their customer."""
        policies = self.base.plan.policies if self.base and self.head is None else ()
        return sum(policy.registered for policy in policies)

    @property
    def digest(self) -> str:
        """The digest that an approval of the new side names; empty without one."""
        return self.head.plan.digest if self.head else ""

    @property
    def needs_approval(self) -> bool:
        """Whether the new side is refused, for whatever reason."""
        return bool(self.head and self.head.refusals)

    @property
    def whole(self) -> bool:
        """Whether both sides rest on systems that were read whole; one that is gone needs none."""
        return self.head is None or all(
            side.plan.complete for side in (self.base, self.head) if side
        )

    @property
    def elsewhere(self) -> tuple[Source, ...]:
        """The sources that the two sides reach through different connections."""
        before, after = (dict(side.connections) if side else {} for side in (self.base, self.head))
        both = before.keys() & after.keys()
        return tuple(sorted(one for one in both if before[one] != after[one]))

    @property
    def only_asks(self) -> bool:
        """Whether nothing but what there is to tell differs."""
        same = self.standing is Standing.SAME
        return same and not (self.shifts or self.added or self.dropped or self.refusals)

    @property
    def touched(self) -> bool:
        """Whether the change does anything here."""
        return not self.only_asks or bool(self.questions or self.answered)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLine:
    """What one field of the new side demands that is not done without the change."""

    because: str
    effects: tuple[tuple[System, Action, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """What a change in git does to all customers, in the order of their names."""

    digest: str
    """Of the new side; what `apply --expect` takes."""
    base_digest: str
    differences: tuple[Difference, ...] = ()
    """Every customer of either side."""

    @property
    def touched(self) -> tuple[Difference, ...]:
        """The customers to which the change does something, and those not read whole."""
        return tuple(one for one in self.differences if one.touched or not one.whole)

    @property
    def lines(self) -> tuple[PolicyLine, ...]:
        """What each policy line demands more than before, over all customers."""
        return policy_lines(change for one in self.differences for change in one.added)

    def effects(self) -> Counter[Action]:
        """Return how often each action is done only because of the change."""
        return Counter(change.action for one in self.differences for change in one.added)


def compare(base: Mapping[CustomerName, Side], head: Mapping[CustomerName, Side]) -> BlastRadius:
    """Compare the plans of two sides."""
    names = sorted({*base, *head})
    return BlastRadius(
        digest=digest_plans(side.plan for side in head.values()),
        base_digest=digest_plans(side.plan for side in base.values()),
        differences=tuple(_compare(name, base.get(name), head.get(name)) for name in names),
    )


def policy_lines(changes: Iterable[Change]) -> tuple[PolicyLine, ...]:
    """Return what each policy line demands, in the order of lines."""
    lines: defaultdict[str, Counter[tuple[System, Action]]] = defaultdict(Counter)
    for one in changes:
        lines[one.because][one.system, one.action] += 1
    return tuple(
        PolicyLine(
            because=because,
            effects=tuple((*effect, count) for effect, count in sorted(lines[because].items())),
        )
        for because in sorted(lines)
    )


def _compare(name: CustomerName, base: Side | None, head: Side | None) -> Difference:
    before, after = _changes(base), _changes(head)
    # Of a customer that git no longer names nothing is decided, which is not the same as no.
    judged = head is not None
    told, tell = _findings(base), _findings(head)
    return Difference(
        name=name,
        standing=_standing(base, head),
        base=base,
        head=head,
        shifts=_shifts(base, head) if judged else (),
        added=_only(after, before),
        dropped=_only(before, after),
        pending=len(before.keys() & after.keys()),
        questions=tuple(sorted(tell - told, key=lambda one: one.order)),
        answered=len(told - tell) if judged else 0,
        refusals=_new_refusals(base, head),
    )


def _standing(base: Side | None, head: Side | None) -> Standing:
    if base is None or head is None:
        return Standing.NEW if base is None else Standing.REMOVED
    if base.covered == head.covered:
        return Standing.SAME
    return Standing.COVERED if head.covered else Standing.UNCOVERED


_Effect = tuple[System, Action, AccountId, str, Draft | None]
"""What a change does to the world. Which line asks for it is no part of that."""


def _changes(side: Side | None) -> dict[_Effect, Change]:
    changes = side.plan.changes if side else ()
    return {(one.system, one.action, one.account, one.target, one.draft): one for one in changes}


def _only(here: Mapping[_Effect, Change], there: Mapping[_Effect, Change]) -> tuple[Change, ...]:
    changes = (change for effect, change in here.items() if effect not in there)
    return tuple(sorted(changes, key=lambda one: one.order))


def _findings(side: Side | None) -> frozenset[Finding]:
    return frozenset(side.plan.findings) if side else frozenset()


def _shifts(base: Side | None, head: Side | None) -> tuple[Shift, ...]:
    before, after = _decisions(base), _decisions(head)
    shifts = (
        Shift(before=before.get(account), after=after.get(account))
        for account in before.keys() | after.keys()
    )
    return tuple(sorted((one for one in shifts if _differs(one)), key=lambda one: one.order))


def _decisions(side: Side | None) -> dict[AccountId, AccountDecision]:
    return {one.account: one for one in side.plan.decisions} if side else {}


def _differs(shift: Shift) -> bool:
    """Say whether an account is decided otherwise; one left out that nobody looked at is not."""
    before, after = shift.before, shift.after
    if before is None or after is None:
        return _is_kept(before or after)
    return (before.decision.state, before.decision.reason, before.account_type) != (
        after.decision.state,
        after.decision.reason,
        after.account_type,
    )


def _is_kept(one: AccountDecision | None) -> bool:
    return one is not None and one.decision.state in KEPT


def _new_refusals(base: Side | None, head: Side | None) -> tuple[Refusal, ...]:
    """Return the refusals of the new side that the old one does not have; numbers may move."""
    before = {(one.reason, one.policy) for one in base.refusals} if base else set()
    refusals = head.refusals if head else ()
    return tuple(one for one in refusals if (one.reason, one.policy) not in before)
