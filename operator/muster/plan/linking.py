"""The link of every kept account to one system, with what has to be created for it.

A source that could not be read whole changes no link. What a policy does not match is
skipped, and keeps the link it had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from muster.model.accounts import IntentState, Link
from muster.model.names import (
    LINKED_STATES,
    AccountId,
    AccountType,
    LinkState,
    Mode,
    Source,
    System,
)
from muster.model.plans import Draft
from muster.model.reasons import Reason
from muster.model.records import ContactDraft, EntryDraft
from muster.model.settings import Customer
from muster.plan.context import Context, Kept
from muster.plan.drift import contact_names, entry_name
from muster.plan.evidence import Matcher, Subject
from muster.plan.keys import fold
from muster.plan.matching import match_all
from muster.plan.psa_matching import ContactMatcher
from muster.plan.vault_matching import EntryMatcher, category_to_write, mark_of

SETTLING = timedelta(minutes=2)
"""How long after an unanswered create its record may still be missing from a list.

Unconfirmed for every vendor; a list served from a replica is the case it covers.
"""

_SOURCE = {System.VAULT: Source.VAULT, System.PSA: Source.PSA}
_NOT_CONNECTED = {System.VAULT: Reason.NO_VAULT, System.PSA: Reason.NO_PSA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """The links to one system, and the drafts of what is created."""

    system: System
    usable: bool
    links: Mapping[AccountId, Link]
    drafts: Mapping[AccountId, Draft]
    matcher: Matcher | None = None


def link_all(system: System, kept: Mapping[AccountId, Kept], context: Context) -> Linking:
    """Decide the links of all kept accounts to one system."""
    read = context.observed.read(_SOURCE[system])
    if not read.connected:
        reason = _NOT_CONNECTED[system]
        links = {account: _skipped(one, system, reason) for account, one in kept.items()}
        return Linking(system=system, usable=False, links=links, drafts={})
    if not read.usable:
        links = {account: _unread(one, system) for account, one in kept.items()}
        return Linking(system=system, usable=False, links=links, drafts={})
    matcher = _matcher(system, context)
    wanted = {account: one for account, one in kept.items() if _matches(one, system)}
    place = place_of(system, context.desired.customer)
    subjects = {account: _subject(one, system, place, context) for account, one in wanted.items()}
    links = match_all(subjects, matcher)
    for account, one in kept.items():
        if account not in wanted:
            links[account] = _skipped(one, system, Reason.MATCHING_OFF)
    drafts = _create_missing(system, wanted, links, context)
    for account, link in links.items():
        if account in wanted and link.place != place and _leads_somewhere(link):
            links[account] = replace(link, place=place)
    return Linking(system=system, usable=True, links=links, drafts=drafts, matcher=matcher)


def _matcher(system: System, context: Context) -> EntryMatcher | ContactMatcher:
    if system is System.VAULT:
        customer = context.desired.customer.name
        return EntryMatcher(customer, context.netbios_name, context.observed.entries)
    return ContactMatcher(context.observed.contacts)


def _matches(one: Kept, system: System) -> bool:
    if system is System.VAULT:
        return one.options.vault.match
    return one.options.psa.match and one.settings.account_type is AccountType.END_USER


def _prior(one: Kept, system: System) -> Link | None:
    return one.before.link(system) if one.before else None


def _leads_somewhere(link: Link) -> bool:
    return link.id is not None or link.state is LinkState.CREATED


def place_of(system: System, customer: Customer) -> str:
    """Return the integration and organization that a customer's records are in."""
    vault, psa = customer.vault, customer.psa
    if system is System.VAULT:
        return f"{vault.integration}/{vault.organization_id}" if vault else ""
    return f"{psa.integration}/{psa.company_id}" if psa else ""


def _prior_here(one: Kept, system: System, place: str) -> Link | None:
    """Return the earlier link; one to another tenant's record is none, whatever its id."""
    prior = _prior(one, system)
    if prior and prior.id and prior.place and prior.place != place:
        return Link(state=LinkState.UNMATCHED, reason=Reason.NO_MATCH)
    return prior


def _skipped(one: Kept, system: System, reason: Reason) -> Link:
    """Return that the system is not asked; an id that was linked is kept for later."""
    prior = _prior(one, system)
    if prior and prior.state is LinkState.SKIPPED and prior.reason is reason:
        return prior
    skipped = Link(state=LinkState.SKIPPED, reason=reason)
    if prior and prior.id:
        return replace(skipped, id=prior.id, key=prior.key, name=prior.name, place=prior.place)
    return skipped


def _unread(one: Kept, system: System) -> Link:
    """Return the link as it was: an unread source proves nothing."""
    return _prior(one, system) or Link(state=LinkState.UNKNOWN, reason=Reason.SOURCE_INCOMPLETE)


def _subject(one: Kept, system: System, place: str, context: Context) -> Subject:
    intent = context.intents.get((one.identity.id, system)) if context.intents else None
    done = intent and intent.state is IntentState.DONE
    return Subject(
        identity=one.identity,
        options=one.options,
        override=one.link_override(system),
        override_name=f"AccountOverride {one.override.name}" if one.override else "",
        prior=_prior_here(one, system, place),
        created=intent.remote_id if intent and done else None,
        creating=bool(intent and not done),
        returning=bool(one.before and not one.before.live),
    )


def _create_missing(
    system: System,
    kept: Mapping[AccountId, Kept],
    links: dict[AccountId, Link],
    context: Context,
) -> dict[AccountId, Draft]:
    """Turn unmatched links into creates where the policy says so; return what to write."""
    missing = {
        account: one
        for account, one in kept.items()
        if links[account].state is LinkState.UNMATCHED
        and links[account].reason is Reason.NO_MATCH
        and one.imported
        and _creates(one, system)
    }
    drafts: dict[AccountId, Draft] = {}
    shared = _shared_addresses(missing.values()) if system is System.PSA else frozenset()
    for account, one in missing.items():
        draft = _draft(one, system, context)
        held = _hold(one, system, draft, shared, context)
        if held is not None:
            links[account] = replace(held, candidates=links[account].candidates)
        elif not isinstance(draft, Reason):
            drafts[account] = draft
            links[account] = Link(state=LinkState.CREATED, reason=Reason.CREATE_WHEN_MISSING)
    return drafts


def _creates(one: Kept, system: System) -> bool:
    options = one.options.vault if system is System.VAULT else one.options.psa
    return options.create_when_missing


def _shared_addresses(creators: Iterable[Kept]) -> frozenset[str]:
    """Return the addresses that more than one of these accounts has."""
    emails = (one.identity.email for one in creators)
    counts = Counter(fold(email.address) for email in emails if email)
    return frozenset(address for address, count in counts.items() if count > 1)


def _draft(one: Kept, system: System, context: Context) -> Draft | Reason:
    """Return what to create, or why it cannot be created."""
    if system is System.PSA:
        if one.identity.email is None:
            return Reason.EMAIL_MISSING
        given, surname = contact_names(one.identity)
        return ContactDraft(given_name=given, surname=surname, email=one.identity.email.address)
    category = category_to_write(context.observed.categories)
    if category is None:
        return Reason.CATEGORY_MISSING
    return EntryDraft(
        name=entry_name(one.identity),
        username=one.identity.sam,
        category=category,
        mark=mark_of(context.desired.customer.name, one.identity),
    )


_CANNOT = {
    Reason.EMAIL_MISSING: "No contact is created without an e-mail address. Fill it in the "
    "directory, or supply it with an AccountOverride.",
    Reason.CATEGORY_MISSING: 'The vault has no category "Active Directory". Create it there.',
    Reason.SHARED_MATCH: "Several accounts without a contact have this e-mail address.",
    Reason.OBSERVE_ONLY: "The policy's mode is Observe; under Enforce it would be created.",
    Reason.SUSPENDED: "It would be created if nothing were suspended.",
    Reason.UNSETTLED_CREATE: "An earlier create was not answered and its record is not there "
    "yet. Muster looks again before it repeats it.",
}


def _hold(
    one: Kept,
    system: System,
    draft: Draft | Reason,
    shared: frozenset[str],
    context: Context,
) -> Link | None:
    """Return why nothing is created now, or None when the create may be planned."""
    if isinstance(draft, Reason):
        return Link(state=LinkState.UNMATCHED, reason=draft, message=_CANNOT[draft])
    if isinstance(draft, ContactDraft) and fold(draft.email) in shared:
        reason = Reason.SHARED_MATCH
        return Link(state=LinkState.CONFLICT, reason=reason, message=_CANNOT[reason])
    intent = context.intents.get((one.identity.id, system))
    if intent is not None and context.now - intent.opened_at < SETTLING:
        return _held(Reason.UNSETTLED_CREATE)
    if one.settings.mode is Mode.OBSERVE:
        return _held(Reason.OBSERVE_ONLY)
    if context.suspended(one.settings) or context.observed.read(_SOURCE[system]).suspended:
        return _held(Reason.SUSPENDED)
    return None


def _held(reason: Reason) -> Link:
    return Link(state=LinkState.HELD, reason=reason, message=_CANNOT[reason])


def is_linked(link: Link) -> bool:
    """Say whether the link leads to a record that is there."""
    return link.state in LINKED_STATES and link.id is not None
