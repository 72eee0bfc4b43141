"""Why is she there, or not there? Every rule in order, with what it saw.

The rules are the planner's own; nothing is decided a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from muster.model.accounts import AccountRecord, Identity, Link
from muster.model.directory import DirectoryUser
from muster.model.names import AccountId, System
from muster.model.settings import ImportSettings
from muster.plan.context import Context, Kept
from muster.plan.decide import SourceSelection
from muster.plan.evidence import Hits, Nothing, SetAside, Subject
from muster.plan.exclusions import EXCLUSIONS, Facts
from muster.plan.identity import identify
from muster.plan.keys import fold
from muster.plan.linking import Linking
from muster.plan.make import Workings
from muster.plan.vault_matching import usernames


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule and what it saw."""

    section: str
    rule: str
    answer: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one account."""

    account: AccountId
    user: str
    steps: tuple[Step, ...]


def find_accounts(name: str, workings: Workings) -> tuple[AccountId, ...]:
    """Return the accounts that a name fits: sAMAccountName, UPN, id, resource or display name."""
    wanted = fold(name)
    found = {
        user.id
        for user in workings.context.index.by_id.values()
        if wanted in map(fold, (user.sam, user.upn, user.id, user.display_name))
    }
    for account, record in workings.context.records.items():
        identity = record.identity
        if wanted in map(fold, (record.name, identity.sam, identity.upn, account)):
            found.add(account)
    return tuple(sorted(found))


def near_accounts(name: str, workings: Workings) -> list[str]:
    """Return up to three account names that look like a name that fits nobody."""
    names = {fold(user.sam): user.sam for user in workings.context.index.by_id.values()}
    return [names[found] for found in get_close_matches(fold(name), names, n=3)]


def explain(account: AccountId, workings: Workings) -> Explanation:
    """Explain one account of the directory or the registry."""
    context = workings.context
    user = context.index.by_id.get(account)
    record = context.records.get(account)
    steps = [
        *_who(user, record, context),
        *_selection(account, user, context),
        *_decision(account, workings),
        *_links(account, workings),
        *_changes(account, workings),
    ]
    return Explanation(account=account, user=_name(user, record), steps=tuple(steps))


def _name(user: DirectoryUser | None, record: AccountRecord | None) -> str:
    if user:
        return user.upn or user.sam
    return record.identity.user if record else ""


def _who(
    user: DirectoryUser | None, record: AccountRecord | None, context: Context
) -> Iterator[Step]:
    place = user.dn if user else "not in the directory"
    yield Step(section="account", rule="in the directory", answer=_yes(user), detail=place)
    if user:
        email = identify(user, context.overrides.get(user.id)).email
        shown = f"{email.address} ({email.source})" if email else "none"
        yield Step(section="account", rule="e-mail", answer=_yes(email), detail=shown)
    kept = f"{record.name}, {record.decision.state}" if record else "never imported"
    yield Step(section="account", rule="in the registry", answer=_yes(record), detail=kept)
    override = context.overrides.get(user.id) if user else None
    if override:
        yield Step(
            section="account",
            rule="override",
            answer="yes",
            detail=f"{override.name}: {override.reason}",
        )


def _selection(account: AccountId, user: DirectoryUser | None, context: Context) -> Iterator[Step]:
    for one in context.selections:
        section = one.settings.origin.reference
        yield _selected(account, one, section)
        if user and account in one.selection.hits:
            facts = Facts(user, one.around, context.overrides.get(account))
            for rule in EXCLUSIONS:
                exclusion = rule(facts)
                words = rule.__name__.replace("_", " ")
                detail = " ".join(part for part in exclusion if part) if exclusion else ""
                yield Step(section=section, rule=words, answer=_yes(exclusion), detail=detail)


def _selected(account: AccountId, one: SourceSelection, section: str) -> Step:
    hit = one.selection.hits.get(account)
    if hit:
        return Step(section=section, rule="selected", answer="yes", detail=f"{hit[0]} {hit[1]}")
    path = one.selection.nested_only.get(account)
    if path:
        detail = f"only through a nested group: {path}"
        return Step(section=section, rule="selected", answer="no", detail=detail)
    return Step(section=section, rule="selected", answer="no", detail=_asked(one.settings))


def _asked(settings: ImportSettings) -> str:
    select = settings.select.active_directory
    asked = [unit.path for unit in select.organizational_units]
    asked += [*select.groups, *select.built_in_groups, *select.accounts]
    return f"not in {', '.join(asked)}"


def _decision(account: AccountId, workings: Workings) -> Iterator[Step]:
    for one in workings.context.considered:
        if one.account == account:
            decision = one.decision
            yield Step(
                section="decision",
                rule=str(one.account_type),
                answer=str(decision.state),
                detail=f"{decision.reason} {decision.via}".strip(),
            )
            return
    yield Step(section="decision", rule="considered", answer="no", detail="NotSelected")


def _links(account: AccountId, workings: Workings) -> Iterator[Step]:
    one = workings.kept.get(account)
    if one is None:
        return
    for linking in (workings.vault, workings.psa):
        yield from _tiers(one, linking, workings.context)
        yield _link(linking.links[account], linking.system)


def _tiers(one: Kept, linking: Linking, context: Context) -> Iterator[Step]:
    """Show the link of earlier runs, what was compared, and what that found by itself."""
    section = str(linking.system)
    prior = one.before.link(linking.system) if one.before else None
    linked = f"{prior.id} {prior.name or ''}".strip() if prior and prior.id else "no link"
    yield Step(section=section, rule="earlier run", answer=_yes(prior and prior.id), detail=linked)
    compared = _compared(one.identity, linking.system, context.netbios_name)
    yield Step(section=section, rule="compared", answer=_yes(compared), detail=compared)
    if linking.matcher is None:
        return
    found = linking.matcher.find(
        Subject(
            identity=one.identity, options=one.options, override=one.link_override(linking.system)
        )
    )
    match found:
        case Hits(found=hits):
            shown = ", ".join(f"{record} by {key}" for record, key in hits)
            yield Step(section=section, rule="records that match", answer="yes", detail=shown)
        case SetAside(link):
            shown = ", ".join(f"{c.id} ({c.evidence})" for c in link.candidates)
            yield Step(section=section, rule="records set aside", answer="yes", detail=shown)
        case Nothing(hints):
            shown = ", ".join(f"{hint.id} ({hint.evidence})" for hint in hints)
            yield Step(section=section, rule="records that match", answer="no", detail=shown)


def _compared(identity: Identity, system: System, netbios_name: str) -> str:
    if system is System.VAULT:
        return " or ".join(name for _, name in usernames(identity, netbios_name))
    email = identity.email.address if identity.email else "no e-mail"
    return f"{email}, then {identity.given_name or '?'} {identity.surname or '?'}"


def _link(link: Link, system: System) -> Step:
    detail = " ".join(part for part in (link.reason, link.id, link.name, link.message) if part)
    return Step(section=str(system), rule="link", answer=str(link.state), detail=detail)


def _changes(account: AccountId, workings: Workings) -> Iterator[Step]:
    plan = workings.plans.get(account) or workings.released.get(account)
    for change in plan.changes if plan else ():
        yield Step(
            section="changes",
            rule=f"{change.action} {change.system}",
            answer=str(change.reason),
            detail=f"{change.target} because {change.because}".strip(),
        )


def _yes(value: object) -> str:
    return "yes" if value else "no"
