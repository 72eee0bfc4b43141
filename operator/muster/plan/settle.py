"""An account's record after its changes were tried: what was hoped for, or what happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from muster.model.accounts import AccountRecord, Link
from muster.model.mail import Notice, Welcome, WelcomeState, notice_of
from muster.model.names import Action, LinkState, MatchKey, System
from muster.model.plans import ChangeResult
from muster.model.reasons import Reason
from muster.model.records import ContactDraft, EntryDraft


def settle(record: AccountRecord, results: Iterable[ChangeResult]) -> AccountRecord:
    """Return the planned record with the outcome of each change put in."""
    for result in results:
        if result.change.action is Action.CREATE:
            system = result.change.system
            link = replace(_link(result), place=record.link(system).place)
            record = _with_link(record, system, link)
        elif result.change.action is Action.SEND:
            record = record if result.done else _unsent(record, result)
        elif result.change.action is Action.ROTATE:
            record = replace(record, rotation=result.rotation or record.rotation)
        elif not result.done:
            record = replace(record, drift=(*record.drift, *result.change.drift))
    return record


def _with_link(record: AccountRecord, system: System, link: Link) -> AccountRecord:
    if system is System.VAULT:
        return replace(record, vault=link)
    return replace(record, psa=link)


def _link(result: ChangeResult) -> Link:
    if result.unsettled:
        return Link(state=LinkState.HELD, reason=Reason.UNSETTLED_CREATE, message=result.problem)
    if not result.done:
        return Link(state=LinkState.UNMATCHED, reason=Reason.CREATE_FAILED, message=result.problem)
    key = MatchKey.MARK if result.change.system is System.VAULT else MatchKey.CREATED
    return Link(
        state=LinkState.CREATED,
        reason=Reason.CREATE_WHEN_MISSING,
        id=result.remote_id,
        key=key,
        name=_name(result),
    )


def _unsent(record: AccountRecord, result: ChangeResult) -> AccountRecord:
    """Return what becomes of a mail that was not seen to leave."""
    kind = notice_of(result.change.reason)
    if kind is None:
        return replace(record, welcome=_welcome(record, result))
    notices = tuple(_notice(one, result) if one.kind is kind else one for one in record.notices)
    return replace(record, notices=notices)


def _notice(notice: Notice, result: ChangeResult) -> Notice:
    """Return what is known of a notice; a pending one is told by a later run."""
    if result.unsettled:
        return replace(notice, state=WelcomeState.UNKNOWN, message=result.problem)
    if result.refused:
        return replace(notice, state=WelcomeState.SKIPPED, message=result.problem)
    return replace(notice, state=WelcomeState.PENDING, message=result.problem)


def _welcome(record: AccountRecord, result: ChangeResult) -> Welcome:
    """Return what becomes of a welcome e-mail; a pending one is tried again."""
    state, reason = WelcomeState.PENDING, Reason.WELCOME_EMAIL_WAITS
    if result.unsettled:
        state, reason = WelcomeState.UNKNOWN, Reason.WELCOME_EMAIL_UNKNOWN
    elif result.refused:
        state, reason = WelcomeState.SKIPPED, Reason.EMAIL_REFUSED
    return replace(record.welcome, state=state, reason=reason, message=result.problem)


def _name(result: ChangeResult) -> str:
    match result.change.draft:
        case EntryDraft(name=name):
            return name
        case ContactDraft(given_name=given, surname=surname):
            return f"{given} {surname}".strip()
    return ""
