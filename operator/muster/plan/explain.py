"""Why is she there, or not there? Every rule in order, with what it saw.

The rules are the planner's own; nothing is decided a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from muster.model.accounts import AccountRecord, Link
from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.names import AccountId, DirectoryKind, LinkState, System
from muster.model.settings import AccountOverride
from muster.plan.context import Context, Kept
from muster.plan.directories import User
from muster.plan.entra_exclusions import ENTRA_EXCLUSIONS, EntraFacts, EntraSurroundings
from muster.plan.evidence import Hits, Nothing, SetAside, Subject
from muster.plan.exclusions import EXCLUSIONS, Exclusion, Facts, Surroundings
from muster.plan.identity import identify, user_name
from muster.plan.keys import fold
from muster.plan.linking import Linking
from muster.plan.make import Workings
from muster.plan.pair_matching import STRENGTH
from muster.plan.reaching import SourceSelection
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
        for user in workings.context.directories.by_id.values()
        if wanted in map(fold, (_sam(user), user.upn, user.id, user.display_name))
    }
    for account, record in workings.context.records.items():
        identity = record.identity
        if wanted in map(fold, (record.name, identity.sam, identity.upn, account)):
            found.add(account)
    return tuple(sorted(found))


def _sam(user: User) -> str:
    return user.sam if isinstance(user, DirectoryUser) else ""


def near_accounts(name: str, workings: Workings) -> list[str]:
    """Return up to three account names that look like a name that fits nobody."""
    users = workings.context.directories.by_id.values()
    names = {fold(shown): shown for user in users for shown in [_sam(user) or user.upn or ""]}
    return [names[found] for found in get_close_matches(fold(name), names, n=3)]


def explain(account: AccountId, workings: Workings) -> Explanation:
    """Explain one account of a directory or the registry."""
    context = workings.context
    user = context.directories.by_id.get(account)
    record = context.records.get(account)
    steps = [
        *_who(user, record, workings),
        *_selection(account, user, context),
        *_decision(account, workings),
        *_links(account, workings),
        *_changes(account, workings),
    ]
    return Explanation(account=account, user=_name(user, record), steps=tuple(steps))


def _name(user: User | None, record: AccountRecord | None) -> str:
    if user:
        return user_name(user)
    return record.identity.user if record else ""


def _who(user: User | None, record: AccountRecord | None, workings: Workings) -> Iterator[Step]:
    context = workings.context
    yield Step(
        section="account",
        rule="in the directory",
        answer=_yes(user),
        detail=_place(user, record, context),
    )
    if user:
        kept = workings.kept.get(user.id)
        identity = kept.identity if kept else identify(user, context.overrides.get(user.id))
        email = identity.email
        shown = f"{email.address} ({email.source})" if email else "none"
        yield Step(section="account", rule="e-mail", answer=_yes(email), detail=shown)
    known = f"{record.name}, {record.decision.state}" if record else "never imported"
    yield Step(section="account", rule="in the registry", answer=_yes(record), detail=known)
    override = context.overrides.get(user.id) if user else None
    if override:
        yield Step(
            section="account",
            rule="override",
            answer="yes",
            detail=f"{override.name}: {override.reason}",
        )


def _place(user: User | None, record: AccountRecord | None, context: Context) -> str:
    match user:
        case DirectoryUser(dn=dn):
            return dn
        case EntraUser():
            tenant = context.directories.entra
            return f"Entra tenant {tenant.tenant.name}" if tenant else "Entra"
    if record and record.identity.source in context.directories.unread:
        return f"{record.identity.source} was not read whole; the account stays as it was"
    return "not in the directory"


def _selection(account: AccountId, user: User | None, context: Context) -> Iterator[Step]:
    for one in context.selections:
        section = one.settings.origin.reference
        yield _selected(account, one, section)
        if user and account in one.selection.hits:
            for words, exclusion in _rules(user, one, context.overrides.get(account)):
                detail = " ".join(part for part in exclusion if part) if exclusion else ""
                yield Step(section=section, rule=words, answer=_yes(exclusion), detail=detail)


def _rules(
    user: User, one: SourceSelection, override: AccountOverride | None
) -> Iterator[tuple[str, Exclusion | None]]:
    match user, one.around:
        case DirectoryUser(), Surroundings() as around:
            facts = Facts(user, around, override)
            yield from ((_words(rule.__name__), rule(facts)) for rule in EXCLUSIONS)
        case EntraUser(), EntraSurroundings() as cloud:
            seen = EntraFacts(user, cloud, override)
            yield from ((_words(rule.__name__), rule(seen)) for rule in ENTRA_EXCLUSIONS)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _selected(account: AccountId, one: SourceSelection, section: str) -> Step:
    hit = one.selection.hits.get(account)
    if hit:
        return Step(section=section, rule="selected", answer="yes", detail=f"{hit[0]} {hit[1]}")
    if one.around is None:
        detail = f"{one.directory} was not read"
        return Step(section=section, rule="selected", answer="no", detail=detail)
    path = one.selection.nested_only.get(account)
    if path:
        detail = f"only through a nested group: {path}"
        return Step(section=section, rule="selected", answer="no", detail=detail)
    return Step(section=section, rule="selected", answer="no", detail=_asked(one))


def _asked(one: SourceSelection) -> str:
    select = one.settings.select
    if one.directory is DirectoryKind.ENTRA:
        asked = [*select.entra.groups, *select.entra.roles, *select.entra.accounts]
        return f"not in {', '.join(asked)}"
    domain = select.active_directory
    asked = [unit.path for unit in domain.organizational_units]
    asked += [*domain.groups, *domain.built_in_groups, *domain.accounts]
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
    for linking in workings.linkings:
        yield from _tiers(one, linking, workings.context)
        yield _link(linking.links[account], linking.system)


def _tiers(one: Kept, linking: Linking, context: Context) -> Iterator[Step]:
    """Show the link of earlier runs, what was compared, and what that found by itself."""
    section = str(linking.system)
    prior = one.before.link(linking.system) if one.before else None
    linked = f"{prior.id} {prior.name or ''}".strip() if prior and prior.id else "no link"
    yield Step(section=section, rule="earlier run", answer=_yes(prior and prior.id), detail=linked)
    compared = _compared(one, linking.system, context.directories.netbios_name)
    yield Step(section=section, rule="compared", answer=_yes(compared), detail=compared)
    if linking.matcher is None or linking.links[one.identity.id].state is LinkState.SKIPPED:
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


def _compared(one: Kept, system: System, netbios_name: str) -> str:
    identity = one.identity
    if system is System.ENTRA:
        return " then ".join(key for key in STRENGTH if key in one.options.pairing)
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
