"""The guard refuses a plan that is too large to be meant. It never edits what one does.

A refusal names the number, the limit and the field that raises it, and the approval that
lets exactly this plan pass. Where a source shrank, the numbers are part of the plan's digest:
plans without a change are all alike, and to approve one must not approve the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from muster.model.accounts import Known
from muster.model.limits import Limit, Limits
from muster.model.names import Action, Source, System
from muster.model.plans import Approved, CustomerPlan, PlannedPolicy, Refusal, Refused, Verdict
from muster.model.reasons import Reason
from muster.model.settings import Approval, Desired
from muster.plan.digest import Shrunken, digest_shrunken
from muster.plan.directories import SOURCE_OF

_LIMITED = {
    Action.CREATE: "create",
    Action.UPDATE: "update",
    Action.RELEASE: "release",
    Action.RELINK: "relink",
    Action.ROTATE: "rotate",
}
_CALLED = {Source.ENTRA: "tenant"}
_MOVING = frozenset({Action.RELINK, Action.CREATE})
"""What becomes of a link whose record is to be found elsewhere."""

_CROWD = 2
"""From so many accounts on, all of them leaving at once is no everyday event."""

_OF_REGISTERED = frozenset({"release", "relink"})


def guard(plan: CustomerPlan, desired: Desired, known: Known, now: datetime) -> Verdict:
    """Approve or refuse a plan whole; what contradicts itself is refused whatever is approved."""
    if plan.contradictions:
        return Refused(plan, plan.contradictions)
    shrunken = tuple(_shrunken(plan, desired, known))
    too_many = tuple(_over_limit(plan, desired))
    emptied = tuple(_emptied(plan, {refusal.policy for refusal in too_many}))
    refusals = (*_replaced(plan), *too_many, *emptied, *(refusal for _, refusal in shrunken))
    if not refusals:
        return Approved(plan)
    if shrunken:
        plan = replace(plan, digest=digest_shrunken(plan, (numbers for numbers, _ in shrunken)))
    approval = _approval(plan, desired, now)
    if approval is not None:
        return Approved(plan, approved_by=approval.reason)
    how = _how_to_approve(plan)
    told = (replace(refusal, message=f"{refusal.message} {how}") for refusal in refusals)
    return Refused(plan, tuple(told))


def _approval(plan: CustomerPlan, desired: Desired, now: datetime) -> Approval | None:
    for approval in desired.customer.approvals:
        if approval.plan == plan.digest and now < approval.until:
            return approval
    return None


def _over_limit(plan: CustomerPlan, desired: Desired) -> Iterator[Refusal]:
    limits = {
        source.settings.origin.reference: source.settings.limits for source in desired.sources
    }
    policies = {policy.origin: policy for policy in plan.policies}
    counts = Counter((change.policy, change.action) for change in plan.changes)
    for (origin, action), count in sorted(counts.items()):
        kind = _LIMITED.get(action)
        if kind is None:
            continue
        limit: Limit = getattr(limits.get(origin, Limits()), kind)
        allowed = limit.allowed(_population(kind, policies.get(origin), count))
        if count > allowed:
            yield _too_many(origin, kind, count, allowed, _moves(plan, action))


def _emptied(plan: CustomerPlan, refused: set[str]) -> Iterator[Refusal]:
    """Refuse to release everybody of a policy, which small customers' floors would allow.

    A group that was emptied, or whose members can no longer be read, looks exactly like it.
    """
    released = Counter(change.policy for change in plan.changes if change.action is Action.RELEASE)
    for policy in plan.policies:
        everybody = policy.registered >= _CROWD and released[policy.origin] == policy.registered
        if everybody and policy.selected == 0 and policy.origin not in refused:
            yield Refusal(
                reason=Reason.SELECTION_EMPTIED,
                policy=policy.origin,
                message=f"{policy.origin} selects nobody where it selected {policy.registered}. "
                "Check its groups and units in the directory.",
            )


def _replaced(plan: CustomerPlan) -> Iterator[Refusal]:
    """Refuse to take another customer's directory for this one's."""
    for finding in plan.findings:
        if finding.reason is Reason.DIRECTORY_REPLACED:
            yield Refusal(reason=finding.reason, message=finding.message)


def _population(kind: str, policy: PlannedPolicy | None, left: int) -> int:
    """Return what a percentage is a share of: the selected, or those already kept.

    A policy that is gone leaves behind exactly the accounts that would be released.
    """
    if policy is None:
        return left
    return policy.registered if kind in _OF_REGISTERED else policy.selected


def _moves(plan: CustomerPlan, action: Action) -> str:
    """Return where records are looked for now, if that is why so many links change."""
    moves = [one.message for one in plan.findings if one.reason is Reason.PLACE_CHANGED]
    return "".join(f" The {move}" for move in moves) if action in _MOVING else ""


def _too_many(origin: str, kind: str, count: int, allowed: int, moves: str) -> Refusal:
    where = f"{origin} sets it in spec.limits.{kind}" if origin else "No policy is left to raise it"
    return Refusal(
        reason=Reason.LIMIT_EXCEEDED,
        policy=origin,
        message=f"{count} changes of kind {kind} exceed the limit of {allowed}.{moves} {where}.",
    )


def _how_to_approve(plan: CustomerPlan) -> str:
    return (
        f"If they are meant, approve exactly this plan in Customer {plan.customer}: "
        f'spec.approvals: [{{plan: "{plan.digest}", until: …, reason: …}}].'
    )


def _shrunken(
    plan: CustomerPlan, desired: Desired, known: Known
) -> Iterator[tuple[Shrunken, Refusal]]:
    """Yield each source that shrank, with its sizes before and now, and what to say about it."""
    limits = [source.settings.limits.shrink for source in desired.sources] or [Limits().shrink]
    for source, size in plan.sizes:
        before = known.size(source) or 0
        allowed = min(limit.allowed(before) for limit in limits)
        vanished = size == 0 and before > 0 and _rests_on(source, known)
        if vanished or before - size > allowed:
            refusal = Refusal(
                reason=Reason.SOURCE_SHRUNKEN,
                message=f"The {_CALLED.get(source, source)} shows {size} records where it showed "
                f"{before}, and it may lose {allowed} between two runs (spec.limits.shrink). Check "
                "its filters and rights.",
            )
            yield (source, before, size), refusal


def _rests_on(source: Source, known: Known) -> bool:
    """Say whether any record of the registry rests on this source."""
    live = [record for record in known.records if record.live]
    sources = {SOURCE_OF[record.identity.source] for record in live}
    match source:
        case Source.DIRECTORY:
            return source in sources
        case Source.ENTRA:
            return source in sources or any(record.pair.id for record in live)
    return any(record.link(System(source)).id for record in live)
