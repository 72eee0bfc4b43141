"""The plan of one customer: pure, total and deterministic.

Without a whole read of any directory there is no plan: nothing is decided, and every record
stays as it is. Without a whole read of one of two directories, of a vault or a PSA the rest goes
on; the accounts of that directory, and the links to that system, stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from muster.model.accounts import Known
from muster.model.names import AccountId, DecisionState, Source, System
from muster.model.observed import Observed
from muster.model.plans import (
    AccountDecision,
    Change,
    Counts,
    CustomerPlan,
    PlannedPolicy,
)
from muster.model.settings import Desired
from muster.plan.account import AccountPlan, plan_kept, plan_released
from muster.plan.context import Context, Kept, gather, keep, no_policy
from muster.plan.counting import count_links
from muster.plan.decide import Considered
from muster.plan.digest import digest_changes
from muster.plan.directories import SOURCE_OF, index_directories
from muster.plan.edits import edit_findings
from muster.plan.emails import with_emails
from muster.plan.findings import account_findings, customer_findings, source_findings
from muster.plan.identity import user_name
from muster.plan.interlocks import contradictions, unsynced_tenant
from muster.plan.linking import Linkings, link_all
from muster.plan.moves import move_findings
from muster.plan.noticing import notice_findings, with_notices
from muster.plan.reaching import selection_findings
from muster.plan.replaced import replaced_directories
from muster.plan.rotation import rotation_findings, with_rotations
from muster.plan.welcoming import welcome_findings, with_welcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Workings:
    """Everything between the observation and the plan; `explain` shows it."""

    context: Context
    kept: Mapping[AccountId, Kept]
    linkings: Linkings
    plans: Mapping[AccountId, AccountPlan]
    released: Mapping[AccountId, AccountPlan]


def make_plan(desired: Desired, observed: Observed, known: Known, now: datetime) -> CustomerPlan:
    """Plan one customer from what git asks, what the systems answered and what is known."""
    workings = work_out(desired, observed, known, now)
    return _assemble(workings) if workings else _without_directory(desired, observed)


def work_out(desired: Desired, observed: Observed, known: Known, now: datetime) -> Workings | None:
    """Decide and link every account; None when no directory was read whole."""
    directories = index_directories(observed)
    if not directories.read:
        return None
    context = gather(desired, observed, known, directories, now)
    seen = {one.account: link for one in context.considered if (link := keep(one, context))}
    pair = link_all(System.ENTRA, seen, context)
    kept = with_emails(seen, pair, context)
    vault = link_all(System.VAULT, kept, context)
    psa = link_all(System.PSA, kept, context)
    linkings = Linkings(pair=pair, vault=vault, psa=psa)
    plans = {account: plan_kept(one, linkings, context) for account, one in kept.items()}
    return Workings(
        context=context,
        kept=kept,
        linkings=linkings,
        plans=with_rotations(_with_mails(plans, kept, context), kept, context),
        released=dict(_released(context, now)),
    )


def _with_mails(
    plans: Mapping[AccountId, AccountPlan], kept: Mapping[AccountId, Kept], context: Context
) -> Mapping[AccountId, AccountPlan]:
    return with_notices(with_welcomes(plans, kept, context), kept, context)


def _without_directory(desired: Desired, observed: Observed) -> CustomerPlan:
    """Return the plan of a customer none of whose directories was read whole."""
    connected = any(observed.read(source).connected for source in SOURCE_OF.values())
    customer = desired.customer.name
    return CustomerPlan(
        customer=customer,
        digest=digest_changes(customer, ()),
        complete=not desired.sources or not connected,
        reads=observed.reads,
        findings=tuple(sorted(source_findings(desired, observed), key=lambda one: one.order)),
    )


def _released(context: Context, now: datetime) -> Iterable[tuple[AccountId, AccountPlan]]:
    for one in context.considered:
        before = context.records.get(one.account)
        if one.decision.state is DecisionState.RELEASED and before is not None:
            settings = one.settings or no_policy(one.account_type)
            gone = Kept(
                considered=one,
                identity=before.identity,
                options=before.imported_with.options,
                settings=settings,
                before=before,
                override=None,
            )
            yield one.account, plan_released(before, gone, now)


def _assemble(workings: Workings) -> CustomerPlan:
    context, kept, plans = workings.context, workings.kept, workings.plans
    linkings, released = workings.linkings, workings.released
    settings = {one.account: one.settings for one in context.considered}
    moving = {
        account: plan
        for account, plan in {**plans, **released}.items()
        if not context.suspended(settings[account])
    }
    changes = _changes(moving.values())
    selected = {account: one for account, one in kept.items() if one.imported}
    findings = [
        *source_findings(context.desired, context.observed),
        *selection_findings(context.selections),
        *customer_findings(context),
        *replaced_directories(context),
        *account_findings(kept, plans, linkings),
        *chain(welcome_findings(plans, kept, context), notice_findings(plans, kept, context)),
        *chain(rotation_findings(plans, kept, context), edit_findings(kept, context)),
        *(one for linking in linkings for one in move_findings(kept, linking, context)),
        *unsynced_tenant(context),
    ]
    customer = context.desired.customer.name
    return CustomerPlan(
        customer=customer,
        digest=digest_changes(customer, changes),
        complete=all(read.usable or not read.connected for read in context.observed.reads),
        reads=context.observed.reads,
        policies=_policies(context),
        decisions=_decisions(context),
        changes=changes,
        findings=tuple(sorted(findings, key=lambda one: one.order)),
        counts=Counts(
            considered=len(context.considered),
            selected=len(selected),
            excluded=_count(context, DecisionState.EXCLUDED),
            released=len(released),
            drift=sum(len(plan.drift) for plan in plans.values()),
            pair=count_links(linkings.pair, selected),
            vault=count_links(linkings.vault, selected),
            psa=count_links(linkings.psa, selected),
        ),
        records=tuple(
            plan.record
            for account, plan in sorted(moving.items())
            if plan.record != context.records.get(account)
        ),
        sizes=_sizes(context.observed),
        contradictions=tuple(contradictions(context, linkings.pair)),
    )


def _changes(plans: Iterable[AccountPlan]) -> tuple[Change, ...]:
    changes = (change for plan in plans for change in plan.changes)
    return tuple(sorted(changes, key=lambda change: change.order))


def _count(context: Context, state: DecisionState) -> int:
    return sum(one.decision.state is state for one in context.considered)


def _decisions(context: Context) -> tuple[AccountDecision, ...]:
    decisions = (_decision(one, context) for one in context.considered)
    return tuple(sorted(decisions, key=lambda one: (one.user.casefold(), one.account)))


def _decision(one: Considered, context: Context) -> AccountDecision:
    before = context.records.get(one.account)
    user = user_name(one.user) if one.user else ""
    return AccountDecision(
        account=one.account,
        user=user or (before.identity.user if before else one.account),
        account_type=one.account_type,
        decision=one.decision,
    )


def _policies(context: Context) -> tuple[PlannedPolicy, ...]:
    selected: Counter[str] = Counter()
    registered: Counter[str] = Counter()
    for one in context.considered:
        origin = one.settings.origin.reference if one.settings else ""
        before = context.records.get(one.account)
        if one.decision.state is DecisionState.IMPORTED:
            selected[origin] += 1
        if before and before.live:
            registered[origin] += 1
    return tuple(
        PlannedPolicy(
            origin=one.settings.origin.reference,
            account_type=one.settings.account_type,
            resolved_from=one.resolved_from,
            selected=selected[one.settings.origin.reference],
            registered=registered[one.settings.origin.reference],
            suspended=context.suspended(one.settings),
        )
        for one in context.sources
    )


def _sizes(observed: Observed) -> tuple[tuple[Source, int], ...]:
    """Return the sizes of the sources that were read whole."""
    return tuple((read.source, read.size) for read in observed.reads if read.usable)
