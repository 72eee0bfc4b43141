"""Who is sent a welcome e-mail: decided once, when an account is imported.

Nobody is mailed because an option was switched on later, or because a policy stopped to
observe. What one run may not send waits for the next ones. The mail itself is written in
`muster.mail`, and sent by apply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from muster.model.accounts import AccountRecord
from muster.model.connections import Integration
from muster.model.mail import NO_WELCOME, Welcome, WelcomeState, is_address
from muster.model.names import AccountId, Action, Mode, System
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import ImportSettings
from muster.plan.account import AccountPlan, change_of
from muster.plan.context import Context, Kept
from muster.plan.keys import fold

_TOLD_FOR = timedelta(days=7)
"""For so long a person is reminded of a mail with an unknown outcome."""

Plans = Mapping[AccountId, AccountPlan]


def with_welcomes(plans: Plans, kept: Mapping[AccountId, Kept], context: Context) -> Plans:
    """Return the plans with the welcome e-mails that this run decides and sends."""
    decided = dict(plans)
    waiting: list[tuple[Kept, AccountPlan]] = []
    addresses = _known_addresses(kept, context)
    for account, one in kept.items():
        if one.frozen:
            continue
        welcome = _decide(one, addresses, context)
        plan = _with(plans[account], welcome)
        decided[account] = plan
        if welcome.state is WelcomeState.PENDING and _may_send(one, context):
            waiting.append((one, plan))
    sent: Counter[str] = Counter()
    for one, plan in sorted(waiting, key=_by_age):
        origin = one.settings.origin.reference
        if sent[origin] < one.settings.welcome.max_per_run:
            sent[origin] += 1
            decided[one.identity.id] = _sending(one, plan, context)
    return decided


def _decide(one: Kept, addresses: Collection[str], context: Context) -> Welcome:
    """Return what becomes of the mail, before it is known what this run may send."""
    if one.before is None:
        return _at_import(one, addresses, context)
    before = one.before.welcome
    if before.state is not WelcomeState.PENDING or not one.imported:
        return before
    if not one.options.welcome_email:
        return NO_WELCOME
    return _unreachable(one, context) or before


def _at_import(one: Kept, addresses: Collection[str], context: Context) -> Welcome:
    if not one.options.welcome_email:
        return NO_WELCOME
    if one.settings.mode is Mode.OBSERVE:
        return _skipped(Reason.OBSERVE_ONLY, context)
    if _suspended(one.settings, context):
        return _skipped(Reason.SUSPENDED, context)
    if one.identity.email and fold(one.identity.email.address) in addresses:
        # The person was there before: made anew, or moved to the customer's tenant.
        return _skipped(Reason.ADDRESS_KNOWN, context)
    waits = Welcome(state=WelcomeState.PENDING, reason=Reason.WELCOME_EMAIL_WAITS, at=context.now)
    return _unreachable(one, context) or waits


def _known_addresses(kept: Mapping[AccountId, Kept], context: Context) -> frozenset[str]:
    """Return the addresses of the accounts kept so far; none where nobody new is to be mailed."""
    if not any(one.before is None and one.options.welcome_email for one in kept.values()):
        return frozenset()
    emails = (record.identity.email for record in context.records.values() if record.live)
    return frozenset(fold(email.address) for email in emails if email) - {""}


def _unreachable(one: Kept, context: Context) -> Welcome | None:
    email = one.identity.email
    if email is None:
        # It may be the address of a pair, which only a read of both directories shows.
        return None if context.directories.unread else _skipped(Reason.NO_EMAIL, context)
    return None if is_address(email.address) else _skipped(Reason.EMAIL_INVALID, context)


def _skipped(reason: Reason, context: Context) -> Welcome:
    return Welcome(state=WelcomeState.SKIPPED, reason=reason, at=context.now)


def mail_of(settings: ImportSettings, context: Context) -> Integration | None:
    """Return the integration that a policy's mails go through."""
    wanted = settings.welcome.integration
    return next((one for one in context.desired.mail if one.name == wanted), None)


def _suspended(settings: ImportSettings, context: Context) -> bool:
    mail = mail_of(settings, context)
    return mail is None or mail.suspend


def _may_send(one: Kept, context: Context) -> bool:
    return (
        one.imported
        and one.identity.email is not None
        and one.settings.mode is Mode.ENFORCE
        and not context.suspended(one.settings)
        and not _suspended(one.settings, context)
    )


def _with(plan: AccountPlan, welcome: Welcome) -> AccountPlan:
    if plan.record.welcome == welcome:
        return plan
    return replace(plan, record=replace(plan.record, welcome=welcome))


def _by_age(waiting: tuple[Kept, AccountPlan]) -> tuple[object, ...]:
    record = waiting[1].record
    return (record.imported_with.at, record.identity.user.casefold(), record.identity.id)


def _sending(one: Kept, plan: AccountPlan, context: Context) -> AccountPlan:
    """Return the plan with the mail sent, as it will be when all goes well."""
    address = one.identity.email.address if one.identity.email else ""
    change = change_of(
        one,
        System.MAIL,
        Action.SEND,
        address,
        Reason.WELCOME_EMAIL_WANTED,
        one.settings.origin.at("options/welcomeEmail"),
    )
    sent = Welcome(state=WelcomeState.SENT, reason=Reason.WELCOME_EMAIL_SENT, at=context.now)
    return replace(_with(plan, sent), changes=(*plan.changes, change))


def welcome_findings(
    plans: Plans, kept: Mapping[AccountId, Kept], context: Context
) -> Iterator[Finding]:
    """Yield the mails that wait, those that are not sent, and those that nobody knows about."""
    waiting: Counter[str] = Counter()
    limits = {one.settings.origin.reference: one.settings.welcome for one in kept.values()}
    for account, one in kept.items():
        record = plans[account].record
        if record.welcome.state is WelcomeState.PENDING:
            waiting[one.settings.origin.reference] += 1
        elif told := _told(record, one, context):
            yield told
    for origin, count in sorted(waiting.items()):
        yield Finding(
            reason=Reason.WELCOME_EMAIL_WAITS,
            system=System.MAIL,
            message=f"{count} welcome e-mails of {origin} wait for later runs; one run sends "
            f"{limits[origin].max_per_run} (maxPerRun).",
        )


_ADVICE = {
    Reason.NO_EMAIL: "NoEmail: the account has no e-mail address. Supply one with an "
    "AccountOverride, then send it with: muster welcome send {customer} {name}",
    Reason.EMAIL_INVALID: "EmailInvalid: mail cannot be sent to what the directory has as its "
    "address. Correct it, then send it with: muster welcome send {customer} {name}",
    Reason.ADDRESS_KNOWN: "AddressKnown: another account of the customer has the address, so its "
    "owner is no newcomer. If one is: muster welcome send {customer} {name}",
    Reason.EMAIL_REFUSED: "EmailRefused: the mail server refused it for good. {message}",
    Reason.WELCOME_EMAIL_UNKNOWN: "The welcome e-mail may have been sent; it is not sent again by "
    "itself. {message} To send it again: muster welcome send {customer} {name} --again",
}


def _told(record: AccountRecord, one: Kept, context: Context) -> Finding | None:
    welcome = record.welcome
    advice = _ADVICE.get(welcome.reason)
    if advice is None or welcome.at is None or context.now - welcome.at > _TOLD_FOR:
        return None
    skipped = welcome.state is WelcomeState.SKIPPED
    return Finding(
        reason=Reason.WELCOME_EMAIL_SKIPPED if skipped else welcome.reason,
        system=System.MAIL,
        account=one.identity.id,
        user=one.identity.user,
        message=advice.format(
            customer=record.customer, name=one.identity.user, message=welcome.message
        ),
    )
