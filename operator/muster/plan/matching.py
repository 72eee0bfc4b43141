"""Matching: links are sticky, one record belongs to one account, and nothing is guessed.

The order is fixed, so the order of input does not matter: what a person pinned, then the
links of earlier runs, then the tiers from the strongest to the weakest. A record that a
stronger tier has claimed, or that two accounts reach, is a conflict and links nobody.
What a record looks like is the matchers' business (`vault_matching`, `psa_matching`,
`pair_matching`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from muster.model.accounts import Candidate, Link
from muster.model.names import LINKED_STATES, AccountId, LinkState, MatchKey, RemoteId
from muster.model.reasons import Reason
from muster.plan.claims import Claims
from muster.plan.evidence import Hits, Matcher, Nothing, SetAside, Subject, by_id

_LASTING = frozenset({Reason.MATCHED, Reason.CREATE_WHEN_MISSING, Reason.ALREADY_LINKED})
"""The reasons that a link keeps from run to run."""

_OURS = frozenset({MatchKey.MARK, MatchKey.CREATED})
"""The keys of records that Muster made, by which it knows them again when a link returns."""


def match_all(subjects: Mapping[AccountId, Subject], matcher: Matcher) -> dict[AccountId, Link]:
    """Return the link of every subject."""
    claims = Claims(subjects)
    links: dict[AccountId, Link] = {}
    searching: dict[AccountId, Subject] = {}
    for account, subject in subjects.items():
        standing = _standing(account, subject, matcher, claims)
        if standing is None:
            searching[account] = subject
        else:
            links[account] = standing
            claims.claim(account, standing)
    _match_by_tier(searching, matcher, claims, links)
    return links


def _standing(
    account: AccountId, subject: Subject, matcher: Matcher, claims: Claims
) -> Link | None:
    """Return the link that a person or an earlier run has settled, or None to search."""
    override = subject.override
    if override and override.ignore:
        return Link(
            state=LinkState.UNMATCHED,
            reason=Reason.IGNORED,
            message=f"{subject.override_name} leaves the account unmatched.",
        )
    if override and override.pin:
        return _pinned(account, override.pin, subject, matcher, claims)
    record = subject.held
    name = matcher.name(record) if record else None
    if record is None or name is None:
        return None
    if claims.taken(record, account):
        return _taken(record, subject, matcher, claims)
    return _sticky(record, name, subject, matcher)


def _taken(record: RemoteId, subject: Subject, matcher: Matcher, claims: Claims) -> Link:
    """Return that the record of an earlier run belongs, or might belong, to somebody else.

    The id stays, so that the link heals when the other lets go, and nothing is created meanwhile.
    """
    key = (subject.prior.key if subject.prior else None) or MatchKey.MARK
    message = (
        f"The record belongs to {claims.holder(record)} already. "
        "Pin it or forbid it with an AccountOverride."
    )
    link = Link(
        state=LinkState.CONFLICT,
        reason=Reason.SHARED_MATCH,
        id=record,
        key=key,
        name=matcher.name(record),
        message=message,
        candidates=(matcher.candidate(record, key, subject),),
    )
    return _unless_equal(subject.prior, link)


def _sticky(record: RemoteId, name: str, subject: Subject, matcher: Matcher) -> Link:
    """Return the link of an earlier run, as it stands now."""
    prior = subject.prior
    trouble = matcher.unusable(record)
    if prior is None or prior.id is None:
        reason = Reason.CREATE_WHEN_MISSING
        prior = Link(state=LinkState.CREATED, reason=reason, key=MatchKey.CREATED)
    made = prior.key in _OURS
    state = LinkState.UNUSABLE if trouble else _sticky_state(prior)
    reason = Reason.NOT_USABLE if trouble else _sticky_reason(prior)
    link = Link(
        state=state,
        reason=reason,
        id=record,
        key=MatchKey.CREATED if state is LinkState.CREATED and not made else prior.key,
        name=name,
        place=prior.place,
        message=trouble,
    )
    return _unless_equal(subject.prior, link)


def _unless_equal(old: Link | None, new: Link) -> Link:
    """Return the old object when nothing changed, so that equal is also identical."""
    return old if old == new else new


def _sticky_state(prior: Link) -> LinkState:
    if prior.state is LinkState.LINKED_BY_OVERRIDE:
        return LinkState.LINKED
    if prior.state in LINKED_STATES:
        return prior.state
    return LinkState.CREATED if prior.key in _OURS else LinkState.LINKED


def _sticky_reason(prior: Link) -> Reason:
    return prior.reason if prior.reason in _LASTING else Reason.ALREADY_LINKED


def _pinned(
    account: AccountId, record: RemoteId, subject: Subject, matcher: Matcher, claims: Claims
) -> Link:
    name = matcher.name(record)
    other = claims.owner.get(record) or claims.sticky.get(record)
    by = subject.override_name
    if subject.pinned_in:
        # The id and its place stay, so that later runs know as well that it is not of here.
        message = f"{by} pins {record}, a record of {subject.pinned_in}. Name the one meant here."
        return replace(_invalid(LinkState.UNMATCHED, message), id=record, place=subject.pinned_in)
    if name is None:
        problem = f"{by} pins {record}, which does not exist at this customer."
        return _invalid(LinkState.UNMATCHED, f"{problem} Correct the id.")
    if trouble := matcher.unusable(record):
        return _invalid(LinkState.UNUSABLE, f"{by} pins {record}, which is {trouble}.")
    if other is None and claims.pins[record] > 1:
        return _invalid(
            LinkState.CONFLICT,
            f"{by} pins {record}, and so does another AccountOverride. Remove one of the pins.",
        )
    if other is not None and other != account:
        return _invalid(
            LinkState.CONFLICT,
            f"{by} pins {record}, which is linked to {claims.holder(record)}. "
            "Forbid it there with another AccountOverride first.",
        )
    return Link(
        state=LinkState.LINKED_BY_OVERRIDE,
        reason=Reason.PINNED,
        id=record,
        key=MatchKey.OVERRIDE,
        name=name,
    )


def _invalid(state: LinkState, message: str) -> Link:
    return Link(state=state, reason=Reason.OVERRIDE_INVALID, message=message)


def _match_by_tier(
    searching: Mapping[AccountId, Subject],
    matcher: Matcher,
    claims: Claims,
    links: dict[AccountId, Link],
) -> None:
    tiers: defaultdict[int, dict[AccountId, Hits]] = defaultdict(dict)
    for account, subject in searching.items():
        match matcher.find(subject):
            case Hits(rank) as hits:
                tiers[rank][account] = hits
            case SetAside(link):
                links[account] = _unless_equal(subject.prior, link)
            case Nothing(hints):
                links[account] = _unmatched(subject, hints)
    for rank in sorted(tiers):
        links.update(_settle_tier(tiers[rank], searching, matcher, claims))


def _settle_tier(
    tier: Mapping[AccountId, Hits],
    subjects: Mapping[AccountId, Subject],
    matcher: Matcher,
    claims: Claims,
) -> dict[AccountId, Link]:
    wanted = Counter(record for hits in tier.values() for record, _ in hits.found)
    links = {
        account: _settle(hits, subjects[account], wanted, matcher, claims)
        for account, hits in tier.items()
    }
    for account, link in links.items():
        claims.claim(account, link)
        if link.state is not LinkState.LINKED:
            claims.contested.update(record for record, _ in tier[account].found)
    return links


def _settle(
    hits: Hits, subject: Subject, wanted: Mapping[RemoteId, int], matcher: Matcher, claims: Claims
) -> Link:
    record, key = hits.found[0]
    if len(hits.found) > 1:
        return _open_question(
            LinkState.AMBIGUOUS, Reason.SEVERAL_MATCHES, hits.found, matcher, subject
        )
    if record in claims.owner or record in claims.sticky:
        message = f"The record belongs to {claims.holder(record)} already."
    elif record in claims.contested or wanted[record] > 1:
        message = (
            "Another account matches the same record. Correct what both have, or pin the record "
            "for the one whose it is with an AccountOverride."
        )
    else:
        # An entry shows by its mark that it is ours; a contact can only be known by its e-mail.
        found = MatchKey.CREATED if subject.creating and key is MatchKey.EMAIL else key
        ours = found in _OURS
        return Link(
            state=LinkState.CREATED if ours else LinkState.LINKED,
            reason=Reason.CREATE_WHEN_MISSING if ours else Reason.MATCHED,
            id=record,
            key=found,
            name=matcher.name(record),
            place=subject.place,
        )
    link = _open_question(LinkState.CONFLICT, Reason.SHARED_MATCH, hits.found, matcher, subject)
    return _unless_equal(subject.prior, replace(link, message=message))


def _open_question(
    state: LinkState,
    reason: Reason,
    found: Iterable[tuple[RemoteId, MatchKey]],
    matcher: Matcher,
    subject: Subject,
) -> Link:
    shown = (matcher.candidate(record, key, subject) for record, key in found)
    candidates = tuple(sorted(shown, key=by_id))
    link = Link(state=state, reason=reason, candidates=candidates)
    return _unless_equal(subject.prior, link)


def _unmatched(subject: Subject, hints: tuple[Candidate, ...]) -> Link:
    """Return that nothing matches, and whether a link was lost by that."""
    prior = subject.prior
    if prior and prior.id and not subject.detached(prior.id):
        message = (
            f"The linked record {prior.id} is gone. Restore it, create one that matches, "
            "or pin another with an AccountOverride."
        )
        lost = replace(
            prior,
            state=LinkState.MATCH_LOST,
            reason=Reason.RECORD_GONE,
            message=message,
            candidates=hints,
        )
        return _unless_equal(prior, lost)
    link = Link(state=LinkState.UNMATCHED, reason=Reason.NO_MATCH, candidates=hints)
    return _unless_equal(prior, link)
