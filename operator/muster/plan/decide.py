"""One decision for every account that was considered, and what it is imported as.

Considered are the accounts that a selector reaches, directly or through a nested group,
and those that the registry already holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from muster.model.accounts import AccountRecord, Decision
from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.names import (
    AccountId,
    AccountType,
    DecisionState,
    DirectoryKind,
    LeaveAction,
)
from muster.model.reasons import Reason
from muster.model.settings import AccountOverride, ImportSettings, OnLeave
from muster.plan.directories import Directories, User
from muster.plan.entra_exclusions import ENTRA_EXCLUSIONS, EntraFacts, EntraSurroundings
from muster.plan.exclusions import EXCLUSIONS, Exclusion, Facts, Surroundings
from muster.plan.reaching import NOT_CONNECTED, SourceSelection

_STAYS_KEPT = frozenset({Reason.EXCLUDED_DISABLED, Reason.EXCLUDED_EXPIRED})
"""Exclusions that do not release an account that is already kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One account and the decision about it; `settings` are those it is imported with."""

    account: AccountId
    user: User | None
    decision: Decision
    account_type: AccountType
    settings: ImportSettings | None = None
    frozen: bool = False
    """Whether the account's directory is unread, so that it stays exactly as it is."""


def decide_all(
    selections: tuple[SourceSelection, ...],
    directories: Directories,
    records: Mapping[AccountId, AccountRecord],
    overrides: Mapping[AccountId, AccountOverride],
    now: datetime,
) -> list[Considered]:
    """Decide every considered account, in the order of their ids."""
    reached: set[AccountId] = set()
    for one in selections:
        reached.update(one.selection.hits, one.selection.nested_only)
    reached.update(account for account, record in records.items() if record.live)
    return [
        _decide(account, selections, directories, records.get(account), overrides.get(account), now)
        for account in sorted(reached)
    ]


def _decide(
    account: AccountId,
    selections: tuple[SourceSelection, ...],
    directories: Directories,
    record: AccountRecord | None,
    override: AccountOverride | None,
    now: datetime,
) -> Considered:
    if directories.unread and record and record.live and _unread(record, directories):
        return _frozen(record, selections)
    user = directories.by_id.get(account)
    imports: list[tuple[ImportSettings, Decision]] = []
    refused: list[tuple[ImportSettings, Decision]] = []
    for one in selections if user else ():
        hit = one.selection.hits.get(account)
        if hit is None or user is None:
            continue
        exclusion = first_exclusion(user, one, override)
        if exclusion is None:
            imports.append(
                (one.settings, Decision(state=DecisionState.IMPORTED, reason=hit[0], via=hit[1]))
            )
        else:
            refused.append((one.settings, _excluded(exclusion)))
    if imports:
        return _imported(account, user, imports, record)
    if record and record.live:
        return _leaving(user, record, refused, selections, directories, now)
    if refused:
        return _considered(account, user, refused[0][1], refused[0][0])
    return _nested_only(account, user, selections)


def first_exclusion(
    user: User, one: SourceSelection, override: AccountOverride | None
) -> Exclusion | None:
    """Return the first rule's answer, or None when nothing speaks against the account."""
    around = one.around
    if isinstance(around, Surroundings) and isinstance(user, DirectoryUser):
        facts = Facts(user, around, override)
        for rule in EXCLUSIONS:
            exclusion = rule(facts)
            if exclusion is not None:
                return exclusion
    elif isinstance(around, EntraSurroundings) and isinstance(user, EntraUser):
        seen = EntraFacts(user, around, override)
        return next((found for rule in ENTRA_EXCLUSIONS if (found := rule(seen))), None)
    return None


def _unread(record: AccountRecord, directories: Directories) -> bool:
    return record.identity.source in directories.unread


def _frozen(record: AccountRecord, selections: tuple[SourceSelection, ...]) -> Considered:
    """Return an account of an unread directory, about which nothing can be decided."""
    return Considered(
        account=record.identity.id,
        user=None,
        decision=record.decision,
        account_type=record.account_type,
        settings=settings_of(record, selections),
        frozen=True,
    )


def settings_of(
    record: AccountRecord | None, selections: tuple[SourceSelection, ...]
) -> ImportSettings | None:
    """Return the settings that an account was imported with, else others of its type in force."""
    if record is None:
        return None
    own = [one.settings for one in selections if one.settings.account_type is record.account_type]
    policy = record.imported_with.policy
    return next((one for one in own if one.origin.reference == policy), own[0] if own else None)


def _excluded(exclusion: Exclusion) -> Decision:
    return Decision(state=DecisionState.EXCLUDED, reason=exclusion[0], via=exclusion[1])


def _imported(
    account: AccountId,
    user: User | None,
    imports: list[tuple[ImportSettings, Decision]],
    record: AccountRecord | None,
) -> Considered:
    settings, decision = imports[0]
    types = {one.account_type for one, _ in imports} if len(imports) > 1 else ()
    if len(types) > 1:
        via = " and ".join(
            f"{one.account_type} by {one.origin.kind}/{one.origin.name}" for one, _ in imports
        )
        state = DecisionState.EXCLUDED
        if record and record.live:
            # Until a person decides, it stays what it is, under the settings it has.
            state = DecisionState.RETAINED
            settings = next(one for one, _ in imports if one.account_type is record.account_type)
        decision = Decision(state=state, reason=Reason.TYPE_CONFLICT, via=via)
    return _considered(account, user, decision, settings)


def _considered(
    account: AccountId, user: User | None, decision: Decision, settings: ImportSettings
) -> Considered:
    return Considered(
        account=account,
        user=user,
        decision=decision,
        account_type=settings.account_type,
        settings=settings,
    )


def _nested_only(
    account: AccountId, user: User | None, selections: tuple[SourceSelection, ...]
) -> Considered:
    for one in selections:
        path = one.selection.nested_only.get(account)
        if path:
            decision = Decision(
                state=DecisionState.EXCLUDED, reason=Reason.ONLY_IN_NESTED_GROUP, via=path
            )
            return _considered(account, user, decision, one.settings)
    raise AssertionError(f"{account} was considered by nothing")


def _leaving(
    user: User | None,
    record: AccountRecord,
    refused: list[tuple[ImportSettings, Decision]],
    selections: tuple[SourceSelection, ...],
    directories: Directories,
    now: datetime,
) -> Considered:
    """Decide about an account that is kept and that no policy imports any more."""
    own = [one for one in selections if one.settings.account_type is record.account_type]
    refused = [one for one in refused if one[0].account_type is record.account_type]
    settings = refused[0][0] if refused else settings_of(record, selections)
    connected = record.identity.source in directories.read
    why = _why_left(user, record.identity.source, refused, own, connected=connected)
    return Considered(
        account=record.identity.id,
        user=user,
        decision=_leave(record, why, own, settings, now),
        account_type=record.account_type,
        settings=settings,
    )


def _leave(
    record: AccountRecord,
    why: Exclusion,
    own: list[SourceSelection],
    settings: ImportSettings | None,
    now: datetime,
) -> Decision:
    reason, via = why
    retained = DecisionState.RETAINED
    if reason in _STAYS_KEPT:
        return Decision(state=retained, reason=Reason.DISABLED_AFTER_IMPORT, via=via)
    if reason in NOT_CONNECTED.values():
        return Decision(state=retained, reason=reason)
    if reason is Reason.LEFT_SELECTION and _unsure(own, record.identity.source):
        return Decision(state=retained, reason=Reason.RETAINED_SELECTOR_PROBLEM)
    return _release(settings.on_leave if settings else OnLeave(), record, reason, via, now)


def _unsure(own: list[SourceSelection], source: DirectoryKind) -> bool:
    """Say whether it is open whom the policies select where the account comes from.

    A policy that selects only in the other directory has moved there; that counts once it is
    known whom it selects there.
    """
    here = [one for one in own if one.directory is source]
    return any(not one.selection.whole for one in here or own)


def _why_left(
    user: User | None,
    source: DirectoryKind,
    refused: list[tuple[ImportSettings, Decision]],
    own: list[SourceSelection],
    *,
    connected: bool,
) -> Exclusion:
    if not own:
        return Reason.NO_POLICY, ""
    if not connected and any(one.directory is source for one in own):
        return NOT_CONNECTED[source], ""
    if user is None and connected:
        return Reason.DELETED_IN_DIRECTORY, ""
    if refused:
        return refused[0][1].reason, refused[0][1].via
    return Reason.LEFT_SELECTION, ""


def _release(
    on_leave: OnLeave, record: AccountRecord, reason: Reason, via: str, now: datetime
) -> Decision:
    if on_leave.action is LeaveAction.RETAIN:
        return Decision(state=DecisionState.RETAINED, reason=Reason.RETAINED_BY_POLICY, via=reason)
    since = record.leaving_since or now
    if now - since < on_leave.grace_period:
        until = (since + on_leave.grace_period).isoformat()
        return Decision(
            state=DecisionState.RETAINED, reason=Reason.GRACE_PERIOD, via=f"{reason} until {until}"
        )
    return Decision(state=DecisionState.RELEASED, reason=reason, via=via)
