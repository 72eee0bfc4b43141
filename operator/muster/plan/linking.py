"""The link of every kept account to one system, with what has to be created for it.

A source that could not be read whole changes no link. What a policy does not match is
skipped, and keeps the link it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from muster.model.accounts import IntentState, Link
from muster.model.connections import Autotask, Integration
from muster.model.names import (
    LINKED_STATES,
    AccountId,
    AccountType,
    DirectoryKind,
    LinkState,
    PasswordAuthority,
    Source,
    System,
)
from muster.model.plans import Draft
from muster.model.reasons import Reason
from muster.model.settings import LinkOverride
from muster.plan.context import Context, Kept, place_of
from muster.plan.creating import create_missing
from muster.plan.evidence import Matcher, Subject
from muster.plan.keys import NAME_LIMIT, SHORTEST_NAME_LIMIT
from muster.plan.matching import match_all
from muster.plan.pair_matching import PairMatcher
from muster.plan.psa_matching import ContactMatcher
from muster.plan.vault_matching import EntryMatcher

_NOT_CONNECTED = {
    System.VAULT: Reason.NO_VAULT,
    System.PSA: Reason.NO_PSA,
    System.ENTRA: Reason.NO_ENTRA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """The links to one system, and the drafts of what is created."""

    system: System
    usable: bool
    """Whether the system was read whole, so that links may change."""
    links: Mapping[AccountId, Link]
    drafts: Mapping[AccountId, Draft]
    matcher: Matcher | None = None
    connected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Linkings:
    """The links of every kept account: to its Entra user, its entry and its contact.

    Iterating leaves out the pairs of a customer without a tenant: nothing follows from them.
    """

    pair: Linking
    vault: Linking
    psa: Linking

    def __iter__(self) -> Iterator[Linking]:
        return iter(
            (self.pair, self.vault, self.psa) if self.pair.connected else (self.vault, self.psa)
        )


def link_all(system: System, kept: Mapping[AccountId, Kept], context: Context) -> Linking:
    """Decide the links of all kept accounts to one system."""
    read = context.observed.read(Source(system))
    links: dict[AccountId, Link]
    if not read.connected:
        absent = _NOT_CONNECTED[system]
        links = {account: _skipped(one, system, absent) for account, one in kept.items()}
        frozen = _frozen_as_before(links, kept, system, context)
        return Linking(system=system, usable=False, links=frozen, drafts={}, connected=False)
    skipped = {
        account: reason
        for account, one in kept.items()
        if (reason := _skip_reason(one, system, context))
    }
    if not read.usable:
        links = {account: _unread(one, system) for account, one in kept.items()}
        if system is System.ENTRA:
            links.update(
                (account, _skipped(kept[account], system, why)) for account, why in skipped.items()
            )
        frozen = _frozen_as_before(links, kept, system, context)
        return Linking(system=system, usable=False, links=frozen, drafts={})
    matcher = _matcher(system, kept, context)
    place = place_of(system, context.desired.customer)
    links = match_all(
        {
            account: _subject(one, system, place, context)
            for account, one in kept.items()
            if account not in skipped
        },
        matcher,
    )
    for account, why in skipped.items():
        links[account] = _skipped(kept[account], system, why)
    drafts = create_missing(system, kept, links, context)
    for account, link in links.items():
        if account not in skipped and _leads_here(link) and link.place != place:
            links[account] = replace(link, place=place)
    links = _frozen_as_before(links, kept, system, context)
    return Linking(system=system, usable=True, links=links, drafts=drafts, matcher=matcher)


def _frozen_as_before(
    links: dict[AccountId, Link], kept: Mapping[AccountId, Kept], system: System, context: Context
) -> dict[AccountId, Link]:
    """Give the accounts of an unread directory the links that they had."""
    if context.directories.unread:
        links.update((account, _unread(one, system)) for account, one in kept.items() if one.frozen)
    return links


def _matcher(system: System, kept: Mapping[AccountId, Kept], context: Context) -> Matcher:
    observed, directories = context.observed, context.directories
    if system is System.VAULT:
        customer = context.desired.customer.name
        return EntryMatcher(customer, directories.netbios_name, observed.entries)
    if system is System.PSA:
        return ContactMatcher(observed.contacts, _name_limit(context.desired.psa))
    tenant, domain = directories.entra, directories.active_directory
    return PairMatcher(
        users=tenant.by_id if tenant else {},
        people=domain.by_id if domain else {},
        own=[account for account, one in kept.items() if _is_cloud(one)],
    )


def _is_cloud(one: Kept) -> bool:
    return one.identity.source is DirectoryKind.ENTRA


def _skip_reason(one: Kept, system: System, context: Context) -> Reason | None:
    """Return why an account is not linked to a system that is connected; None where it is."""
    if system is System.VAULT:
        return None if one.options.vault.match else Reason.MATCHING_OFF
    end_user = one.settings.account_type is AccountType.END_USER
    if system is System.PSA:
        return None if one.options.psa.match and end_user else Reason.MATCHING_OFF
    if not end_user or _is_cloud(one):
        return Reason.NOT_PAIRED
    separate = context.desired.customer.password_authority is PasswordAuthority.SEPARATE
    return Reason.PASSWORDS_SEPARATE if separate else None


def _name_limit(psa: Integration | None) -> int:
    """Return how much of a name a PSA keeps, so that names are compared on that."""
    short = psa is not None and isinstance(psa.product, Autotask)
    return SHORTEST_NAME_LIMIT if short else NAME_LIMIT


def _prior(one: Kept, system: System) -> Link | None:
    return one.before.link(system) if one.before else None


def _leads_here(link: Link) -> bool:
    if link.reason is Reason.OVERRIDE_INVALID:
        return False
    return link.id is not None or link.state is LinkState.CREATED


def _pinned_in(prior: Link | None, override: LinkOverride | None, place: str) -> str:
    """Return the other place in which the id that is pinned was linked; empty for none."""
    if prior is None or override is None or prior.place in ("", place):
        return ""
    return prior.place if prior.id and prior.id == override.pin else ""


def _still_here(prior: Link | None, place: str) -> Link | None:
    """Return the earlier link; one to another tenant's record is none, whatever its id."""
    if prior and prior.id and prior.place and prior.place != place:
        return Link(state=LinkState.UNMATCHED, reason=Reason.NO_MATCH)
    return prior


def _skipped(one: Kept, system: System, reason: Reason) -> Link:
    """Return that the system is not asked; an id that was linked is kept for later."""
    prior = _prior(one, system)
    if prior and prior.state is LinkState.SKIPPED and prior.reason is reason:
        return prior
    if prior and prior.id:
        return replace(
            _not_asked(reason), id=prior.id, key=prior.key, name=prior.name, place=prior.place
        )
    return _not_asked(reason)


@cache
def _not_asked(reason: Reason) -> Link:
    """Return the link of all accounts that are skipped for one reason: it is often everybody's."""
    return Link(state=LinkState.SKIPPED, reason=reason)


def _unread(one: Kept, system: System) -> Link:
    """Return the link as it was: an unread source proves nothing."""
    return _prior(one, system) or Link(state=LinkState.UNKNOWN, reason=Reason.SOURCE_INCOMPLETE)


def _subject(one: Kept, system: System, place: str, context: Context) -> Subject:
    intent = context.intents.get((one.identity.id, system)) if context.intents else None
    done = intent and intent.state is IntentState.DONE
    prior, override = _prior(one, system), one.link_override(system)
    return Subject(
        identity=one.identity,
        options=one.options,
        override=override,
        override_name=f"AccountOverride {one.override.name}" if one.override else "",
        place=place,
        prior=_still_here(prior, place),
        created=intent.remote_id if intent and done else None,
        creating=bool(intent and not done),
        returning=bool(one.before and not one.before.live),
        pinned_in=_pinned_in(prior, override, place),
        frozen=one.frozen,
    )


def is_linked(link: Link) -> bool:
    """Say whether the link leads to a record that is there."""
    return link.state in LINKED_STATES and link.id is not None
