"""One account's part of the plan: the record as it will be, and the changes that lead there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from muster.model.accounts import AccountRecord, Drift, ImportedWith, Link
from muster.model.names import (
    LINKED_STATES,
    Action,
    DirectoryKind,
    DriftRemediation,
    LinkState,
    Mode,
    Source,
    System,
)
from muster.model.plans import Change, Draft
from muster.model.reasons import Reason
from muster.model.records import ContactChange, EntryChange
from muster.plan.context import Context, Kept
from muster.plan.drift import contact_change, contact_drift, entry_change, entry_drift
from muster.plan.emails import paired_user
from muster.plan.linking import Linking, Linkings, is_linked
from muster.plan.psa_matching import ContactMatcher
from muster.plan.vault_matching import EntryMatcher, category_to_write

_MATCH_FIELD = {
    System.VAULT: "options/vault/match",
    System.PSA: "options/psa/match",
    System.ENTRA: "options/pairing",
}
_PIN_FIELD = {
    System.VAULT: "vault/entryId",
    System.PSA: "psa/contactId",
    System.ENTRA: "entra/objectId",
}
_SELECT_FIELD = {
    DirectoryKind.ACTIVE_DIRECTORY: "select/activeDirectory",
    DirectoryKind.ENTRA: "select/entra",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """What happens to one account: `record` is as it will be, all `drift` is what was seen."""

    record: AccountRecord
    changes: tuple[Change, ...] = ()
    drift: tuple[Drift, ...] = ()


def plan_kept(one: Kept, linkings: Linkings, context: Context) -> AccountPlan:
    """Plan an account that is imported or retained."""
    if one.frozen and one.before is not None:
        return AccountPlan(record=one.before, drift=one.before.drift)
    account = one.identity.id
    after = _record(one, linkings, context)
    changes = list(_import_changes(one))
    drift: list[Drift] = []
    standing: list[Drift] = []
    for linking in linkings:
        link = linking.links[account]
        changes.extend(_link_changes(one, link, linking))
        found = _drift(one, link, linking, context)
        update = _update(one, found, linking, context) if found else ()
        changes.extend(update)
        drift.extend(found)
        standing.extend(() if update else found)
    unchanged = after.drift == tuple(standing)
    record = after if unchanged else replace(after, drift=tuple(standing))
    return AccountPlan(record=record, changes=tuple(changes), drift=tuple(drift))


def plan_released(before: AccountRecord, one: Kept, now: datetime) -> AccountPlan:
    """Plan the release of an account: its record becomes a tombstone that keeps its links."""
    record = replace(
        before, decision=one.considered.decision, leaving_since=None, released_at=now, drift=()
    )
    reason = one.considered.decision.reason
    origin = one.settings.origin
    because = origin.at("onLeave") if origin.name else f"Customer/{before.customer}#/spec"
    change = change_of(one, System.REGISTRY, Action.RELEASE, before.name, reason, because)
    return AccountPlan(record=record, changes=(change,))


def _record(one: Kept, linkings: Linkings, context: Context) -> AccountRecord:
    """Return the record as it will be, the old object itself when nothing changed."""
    before, decision = one.before, one.considered.decision
    account = one.identity.id
    pair = linkings.pair.links[account]
    vault, psa = linkings.vault.links[account], linkings.psa.links[account]
    user = paired_user(one, linkings.pair, context)
    if before is None:
        return AccountRecord(
            name=context.names[one.identity.id],
            customer=context.desired.customer.name,
            account_type=one.settings.account_type,
            identity=one.identity,
            imported_with=_imported_with(one, context.now),
            decision=decision,
            vault=vault,
            psa=psa,
            pair=pair,
            paired_user=user,
        )
    record = AccountRecord(
        name=before.name,
        customer=before.customer,
        account_type=one.settings.account_type if one.imported else before.account_type,
        identity=one.identity,
        imported_with=_imported_with(one, context.now),
        decision=decision,
        vault=vault,
        psa=psa,
        pair=pair,
        paired_user=user,
        welcome=before.welcome,
        notices=before.notices,
        rotation=before.rotation,
        drift=before.drift,
        leaving_since=_leaving_since(one, before, context.now),
    )
    return before if record == before else record


def _leaving_since(one: Kept, before: AccountRecord, now: datetime) -> datetime | None:
    if one.considered.decision.reason is Reason.GRACE_PERIOD:
        return before.leaving_since or now
    return None


def _imported_with(one: Kept, now: datetime) -> ImportedWith:
    """Return the policy and options in force; the moment of import stays."""
    policy = one.settings.origin.reference
    if one.before is None:
        return ImportedWith(policy=policy, options=one.options, at=now)
    before = one.before.imported_with
    if not one.imported or (before.policy == policy and before.options == one.options):
        return before
    return replace(before, policy=policy, options=one.options)


def _import_changes(one: Kept) -> Iterator[Change]:
    if one.before is None:
        action, target, reason = Action.IMPORT, one.identity.user, Reason.NEWLY_SELECTED
    elif not one.before.live:
        action, target, reason = Action.READOPT, one.before.name, Reason.RETURNED
    else:
        return
    because = one.settings.origin.at(_SELECT_FIELD[one.identity.source])
    yield change_of(one, System.REGISTRY, action, target, reason, because)


def _link_changes(one: Kept, link: Link, linking: Linking) -> Iterator[Change]:
    """Yield the create, link or re-link that turns the old link into the new one."""
    system = linking.system
    draft = linking.drafts.get(one.identity.id)
    prior = one.before.link(system) if one.before else None
    if draft is not None:
        because = one.settings.origin.at(f"options/{system}/createWhenMissing")
        reason = Reason.CREATE_WHEN_MISSING
        change = change_of(one, system, Action.CREATE, _new_target(draft), reason, because)
        yield replace(change, draft=draft)
        return
    old, new = prior.id if prior else None, link.id if is_linked(link) else None
    moved = bool(prior and prior.place and prior.place != link.place)
    if new and (new != old or moved):
        action = Action.RELINK if old else Action.LINK
        yield change_of(one, system, action, new, link.reason, _because_link(one, link, system))
    elif old and link.id is None and linking.usable:
        because = _because_link(one, link, system)
        yield change_of(one, system, Action.RELINK, "", link.reason, because)


def _new_target(draft: Draft) -> str:
    """Return what a new record is known by before it has an id."""
    return getattr(draft, "username", None) or getattr(draft, "email", None) or ""


def _because_link(one: Kept, link: Link, system: System) -> str:
    override = one.link_override(system)
    if override is None or one.override is None:
        return one.settings.origin.at(_MATCH_FIELD[system])
    if link.state is LinkState.LINKED_BY_OVERRIDE:
        return one.override.origin.at(_PIN_FIELD[system])
    return one.override.origin.at(str(system))


def _drift(one: Kept, link: Link, linking: Linking, context: Context) -> tuple[Drift, ...]:
    """Return the drift of a linked record; of an unread source, the drift last seen."""
    if link.state is LinkState.SKIPPED:
        return ()
    directories, source = context.directories, one.identity.source
    if not linking.usable or (source not in directories.read and one.before):
        seen = one.before.drift if one.before else ()
        return tuple(drift for drift in seen if drift.system is linking.system)
    if link.id is None or link.state not in LINKED_STATES:
        return ()
    origin = one.settings.origin
    match linking.matcher:
        case EntryMatcher(entries=entries):
            entry = entries[link.id]
            netbios_name, categories = directories.netbios_name, context.observed.categories
            return entry_drift(one.identity, link, entry, netbios_name, categories, origin)
        case ContactMatcher(contacts=contacts):
            return contact_drift(one.identity, link, contacts[link.id], origin)
    return ()


def _update(
    one: Kept, drift: tuple[Drift, ...], linking: Linking, context: Context
) -> tuple[Change, ...]:
    """Return the correction of the drift, where the policy corrects and may write."""
    source = Source(linking.system)
    may_write = (
        one.options.drift_remediation is DriftRemediation.CORRECT
        and one.settings.mode is Mode.ENFORCE
        and one.imported
        and linking.usable
        and not context.observed.read(source).suspended
    )
    draft = _correction(one, drift, linking.system, context) if may_write else None
    if draft is None:
        return ()
    record = linking.links[one.identity.id].id or ""
    because = one.settings.origin.at("options/driftRemediation")
    change = change_of(one, linking.system, Action.UPDATE, record, Reason.DRIFTED, because)
    return (replace(change, draft=draft, drift=drift),)


def _correction(
    one: Kept, drift: tuple[Drift, ...], system: System, context: Context
) -> EntryChange | ContactChange | None:
    if system is System.PSA:
        return contact_change(drift)
    category = category_to_write(context.observed.categories, one.identity.source)
    change = entry_change(drift, category)
    return None if change == EntryChange() else change


def change_of(
    one: Kept, system: System, action: Action, target: str, reason: Reason, because: str
) -> Change:
    """Return a change of an account, counted by the policy that it is imported with."""
    return Change(
        system=system,
        action=action,
        account=one.identity.id,
        user=one.identity.user,
        account_type=one.settings.account_type,
        target=target,
        reason=reason,
        because=because,
        policy=one.settings.origin.reference if one.settings.origin.name else "",
    )
