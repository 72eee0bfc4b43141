"""What is created for accounts that have no record, and why it is held back.

A create is the one thing that cannot be taken back, so every doubt holds it: a policy that
observes, a suspension, an earlier create that was not answered, an address that two accounts have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from muster.model.accounts import Link
from muster.model.names import AccountId, LinkState, Mode, Source, System
from muster.model.plans import Draft
from muster.model.reasons import Reason
from muster.model.records import ContactDraft, EntryDraft
from muster.plan.context import Context, Kept
from muster.plan.drift import contact_names, entry_name
from muster.plan.keys import fold
from muster.plan.vault_matching import CATEGORIES, category_to_write, mark_of, username_to_write

SETTLING = timedelta(minutes=2)
"""How long after an unanswered create its record may still be missing from a list.

Unconfirmed for every vendor; a list served from a replica is the case it covers.
"""


def create_missing(
    system: System,
    kept: Mapping[AccountId, Kept],
    links: dict[AccountId, Link],
    context: Context,
) -> dict[AccountId, Draft]:
    """Turn unmatched links into creates where the policy says so; return what to write."""
    missing = {
        account: one
        for account, one in kept.items()
        if system is not System.ENTRA
        and links[account].state is LinkState.UNMATCHED
        and links[account].reason is Reason.NO_MATCH
        and one.imported
        and _creates(one, system)
    }
    drafts: dict[AccountId, Draft] = {}
    shared = _shared_addresses(missing.values()) if system is System.PSA else frozenset()
    for account, one in missing.items():
        if one.frozen:
            continue
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
    category = category_to_write(context.observed.categories, one.identity.source)
    if category is None:
        return Reason.CATEGORY_MISSING
    return EntryDraft(
        name=entry_name(one.identity),
        username=username_to_write(one.identity),
        category=category,
        mark=mark_of(context.desired.customer.name, one.identity),
    )


_CANNOT = {
    Reason.EMAIL_MISSING: "No contact is created without an e-mail address. Fill it in the "
    "directory, or supply it with an AccountOverride.",
    Reason.CATEGORY_MISSING: "The vault has no category {category}. Create it there.",
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
        names = " or ".join(f'"{name}"' for name in CATEGORIES[one.identity.source])
        message = _CANNOT[draft].format(category=names)
        return Link(state=LinkState.UNMATCHED, reason=draft, message=message)
    if isinstance(draft, ContactDraft) and fold(draft.email) in shared:
        reason = Reason.SHARED_MATCH
        return Link(state=LinkState.CONFLICT, reason=reason, message=_CANNOT[reason])
    intent = context.intents.get((one.identity.id, system))
    if intent is not None and context.now - intent.opened_at < SETTLING:
        return _held(Reason.UNSETTLED_CREATE)
    if one.settings.mode is Mode.OBSERVE:
        return _held(Reason.OBSERVE_ONLY)
    if context.suspended(one.settings) or context.observed.read(Source(system)).suspended:
        return _held(Reason.SUSPENDED)
    return None


def _held(reason: Reason) -> Link:
    return Link(state=LinkState.HELD, reason=reason, message=_CANNOT[reason])
