"""Who with self-serve is told by e-mail that the account is locked, or its password soon expires.

Each event is told at most once: the record holds of which event the person was told. An account
that is just imported is told nothing before the next run. The mail is written in `muster.mail`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from muster.model.directory import DirectoryUser
from muster.model.mail import NOTICE_REASONS, Notice, NoticeKind, WelcomeState, is_address
from muster.model.names import AccountId, Action, Mode, System
from muster.model.plans import Finding
from muster.plan.account import AccountPlan, change_of
from muster.plan.context import Context, Kept
from muster.plan.welcoming import mail_of

TELL_BEFORE = timedelta(days=10)
"""How long before its end a person is told of a password."""

Plans = Mapping[AccountId, AccountPlan]


def with_notices(plans: Plans, kept: Mapping[AccountId, Kept], context: Context) -> Plans:
    """Return the plans with what people are told in this run, and without what is over."""
    decided = dict(plans)
    sent: Counter[str] = Counter()
    for account, one in sorted(kept.items()):
        if one.frozen or one.before is None:
            continue
        if not (one.options.self_serve or one.before.notices):
            continue  # as are nearly all
        events, before = dict(_events(one, context.now)), one.before.notices
        told = tuple(notice for notice in before if _is_told(notice, events))
        decided[account] = plan = _with(plans[account], told)
        origin, limit = one.settings.origin.reference, one.settings.welcome.max_per_run
        known = {notice.kind for notice in told}
        for kind, about in events.items():
            if kind not in known and sent[origin] < limit and _may_tell(one, context):
                sent[origin] += 1
                decided[account] = plan = _telling(
                    one,
                    plan,
                    Notice(kind=kind, about=about, state=WelcomeState.SENT, at=context.now),
                )
    return decided


def _is_told(notice: Notice, events: Mapping[NoticeKind, datetime]) -> bool:
    """Say whether a notice is of what still holds, and is not to be tried again."""
    return notice.state is not WelcomeState.PENDING and events.get(notice.kind) == notice.about


def _events(one: Kept, now: datetime) -> Iterator[tuple[NoticeKind, datetime]]:
    """Yield what holds of an account now, and which event it is, to the second."""
    user = one.considered.user
    if not (one.imported and one.options.self_serve and isinstance(user, DirectoryUser)):
        return
    if user.locked_since is not None:
        yield NoticeKind.LOCKED, user.locked_since.replace(microsecond=0)
    expires = user.password_expires
    if expires is not None and now < expires <= now + TELL_BEFORE:
        yield NoticeKind.PASSWORD_EXPIRES, expires.replace(microsecond=0)


def _may_tell(one: Kept, context: Context) -> bool:
    mail, email = mail_of(one.settings, context), one.identity.email
    return (
        mail is not None
        and not mail.suspend
        and email is not None
        and is_address(email.address)
        and one.settings.mode is Mode.ENFORCE
        and not context.suspended(one.settings)
    )


def _with(plan: AccountPlan, notices: tuple[Notice, ...]) -> AccountPlan:
    if plan.record.notices == notices:
        return plan
    return replace(plan, record=replace(plan.record, notices=notices))


def _telling(one: Kept, plan: AccountPlan, notice: Notice) -> AccountPlan:
    """Return the plan with one more mail, as it will be when all goes well."""
    address = one.identity.email.address if one.identity.email else ""
    because = one.settings.origin.at("options/selfServe")
    change = change_of(one, System.MAIL, Action.SEND, address, NOTICE_REASONS[notice.kind], because)
    told = _with(plan, (*plan.record.notices, notice))
    return replace(told, changes=(*plan.changes, change))


_WORDS = {
    NoticeKind.LOCKED: "The account is locked since {about}.",
    NoticeKind.PASSWORD_EXPIRES: "The password expires at {about}.",
}

_TOLD = {
    WelcomeState.PENDING: "The person is not told yet. {message}",
    WelcomeState.SENT: "The person is told by e-mail.",
    WelcomeState.SKIPPED: "The mail server refused to tell the person. {message}",
    WelcomeState.UNKNOWN: "The person may have been told by e-mail; it is not repeated. {message}",
}

_NOT_YET = (WelcomeState.PENDING, "")


def notice_findings(
    plans: Plans, kept: Mapping[AccountId, Kept], context: Context
) -> Iterator[Finding]:
    """Yield the accounts with self-serve that are locked, or whose password soon expires."""
    for account, one in kept.items():
        told = {notice.kind: notice for notice in plans[account].record.notices}
        for kind, about in _events(one, context.now):
            words = _WORDS[kind].format(about=about.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"))
            notice = told.get(kind)
            state, message = (notice.state, notice.message) if notice else _NOT_YET
            how = _TOLD[state].format(message=message).strip()
            yield Finding(
                reason=NOTICE_REASONS[kind],
                system=System.MAIL,
                account=account,
                user=one.identity.user,
                message=f"{words} {how}",
            )
