"""What a person should know about a plan, in sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from muster.model.accounts import Drift, Identity, Link
from muster.model.names import (
    AccountId,
    ApplyTo,
    DecisionState,
    LinkState,
    Source,
    System,
)
from muster.model.observed import Observed, SourceRead
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import Desired, ImportSettings, ResolvedFrom
from muster.plan.account import AccountPlan
from muster.plan.context import Context, Kept
from muster.plan.keys import fold
from muster.plan.linking import Linkings

_TELLS = frozenset(
    {
        LinkState.AMBIGUOUS,
        LinkState.CONFLICT,
        LinkState.UNCATEGORIZED_CANDIDATE,
        LinkState.UNUSABLE,
        LinkState.MATCH_LOST,
        LinkState.HELD,
    }
)
_TELLING_REASONS = frozenset(
    {Reason.OVERRIDE_INVALID, Reason.EMAIL_MISSING, Reason.CATEGORY_MISSING, Reason.CREATE_FAILED}
)

_SENTENCE = {
    Reason.SEVERAL_MATCHES: "Several records match. Delete the duplicate, or pin one with an "
    "AccountOverride.",
    Reason.WITHOUT_CATEGORY: "The username matches an entry without a category. Give it the "
    'category of the account, such as "Active Directory" or "Microsoft 365", or pin it with an '
    "AccountOverride.",
    Reason.NOT_USABLE: "The record that matches cannot be used. Make it usable, pin another, or "
    "ignore it with an AccountOverride.",
}


def source_findings(desired: Desired, observed: Observed) -> Iterator[Finding]:
    """Yield what could not be read, and what the systems call the customer."""
    if desired.suspended:
        yield Finding(
            reason=Reason.SUSPENDED,
            message=f"{desired.customer.name} is suspended: nothing is written.",
        )
    for read in observed.reads:
        if read.connected and not read.usable:
            yield _unread(read)
    for system, found in ((System.VAULT, observed.organization), (System.PSA, observed.company)):
        if found and found.name and fold(found.name) != fold(desired.customer.display_name):
            yield Finding(
                reason=Reason.NAME_DIFFERS,
                system=system,
                message=f'It is called "{found.name}" there and '
                f'"{desired.customer.display_name}" here. Nothing follows from that.',
            )


def _unread(read: SourceRead) -> Finding:
    reason = Reason.LINK_BROKEN if read.link_broken else Reason.SOURCE_INCOMPLETE
    system = System(read.source) if read.source is not Source.DIRECTORY else None
    return Finding(reason=reason, system=system, message=read.problem)


def customer_findings(context: Context) -> Iterator[Finding]:
    """Yield what concerns the customer as a whole."""
    yield from context.findings
    for source in context.sources:
        settings = source.settings
        if settings.suspend:
            yield Finding(
                reason=Reason.SUSPENDED,
                message=f"{settings.origin.reference} is suspended: its accounts do not change.",
            )
        if source.resolved_from is ResolvedFrom.DEFAULT:
            yield from _gained(settings, context)


def _gained(settings: ImportSettings, context: Context) -> Iterator[Finding]:
    """Yield that a default policy brings accounts of a type that the customer had none of."""
    had = any(
        record.live and record.account_type is settings.account_type
        for record in context.records.values()
    )
    gained = sum(
        one.decision.state is DecisionState.IMPORTED and one.settings is settings
        for one in context.considered
    )
    if gained and not had:
        yield Finding(
            reason=Reason.GAINED_BY_DEFAULT,
            message=f"{settings.origin.reference} is the default for {settings.account_type} "
            f"accounts and brings this customer {gained} of them.",
        )


def account_findings(
    kept: Mapping[AccountId, Kept],
    plans: Mapping[AccountId, AccountPlan],
    linkings: Linkings,
) -> Iterator[Finding]:
    """Yield what concerns single accounts."""
    for account, one in kept.items():
        for linking in linkings:
            link = linking.links[account]
            if link.state in _TELLS or link.reason in _TELLING_REASONS:
                yield link_finding(one.identity, linking.system, link)
        for drift in plans[account].drift:
            yield _drifted(one.identity, drift)
        if one.override and one.override.entra and not one.frozen:
            yield from _useless_pairing(one, linkings.pair.links[account])
        if _keeps_old_options(one):
            yield Finding(
                reason=Reason.OPTIONS_DIFFER,
                account=account,
                user=one.identity.user,
                message=f"Imported with other options than {one.settings.origin.reference} has "
                "now; applyTo: NewOnly keeps them.",
            )


def _useless_pairing(one: Kept, pair: Link) -> Iterator[Finding]:
    """Yield that a person has decided about the pair of an account that is not paired."""
    if pair.state is LinkState.SKIPPED and one.override:
        yield Finding(
            reason=Reason.OVERRIDE_INVALID,
            system=System.ENTRA,
            account=one.identity.id,
            user=one.identity.user,
            message=f"AccountOverride {one.override.name} decides about an Entra user, but this "
            f"account is not paired ({pair.reason}). Remove its spec.entra.",
        )


def advice_of(link: Link) -> str:
    """Return the sentence that says what to do about a link; empty where there is nothing."""
    return link.message or _SENTENCE.get(link.reason, "")


def link_finding(identity: Identity, system: System, link: Link) -> Finding:
    """Return the finding of a link that a person should look at."""
    return Finding(
        reason=link.reason,
        system=system,
        account=identity.id,
        user=identity.user,
        state=link.state,
        message=advice_of(link),
        candidates=link.candidates,
    )


def _drifted(identity: Identity, drift: Drift) -> Finding:
    return Finding(
        reason=Reason.DRIFTED,
        system=drift.system,
        account=identity.id,
        user=identity.user,
        message=f'{drift.field} is "{drift.observed}" and should be "{drift.desired}".',
    )


def _keeps_old_options(one: Kept) -> bool:
    return (
        one.before is not None
        and not one.frozen
        and one.settings.apply_to is ApplyTo.NEW_ONLY
        and one.options != one.settings.options
    )
