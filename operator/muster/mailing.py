"""Prepares welcome e-mails for apply, and sends those that a person asks for.

At most once: before a mail leaves, its record says that it may have.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from muster.audit import Effect
from muster.errors import AccessDenied, RemoteError, SpecError, Unavailable
from muster.mail.notice import write_notice
from muster.mail.welcome import mail_integration, sender_of, template_of, write_welcome
from muster.model.accounts import AccountRecord
from muster.model.mail import (
    MailMessage,
    MailSender,
    NoticeKind,
    Welcome,
    WelcomeSettings,
    WelcomeState,
)
from muster.model.names import Action, System
from muster.model.reasons import Reason
from muster.model.settings import Desired
from muster.ports import Mailer, Ports


def prepare_welcome(
    record: AccountRecord,
    settings: WelcomeSettings,
    desired: Desired,
    ports: Ports,
    again: str = "",
) -> tuple[Mailer, MailMessage]:
    """Return what sends a welcome e-mail, and the mail.

    Raises:
        AccessDenied: the mailer cannot be opened, such as for a missing secret.
        SpecError: the mail cannot be written for this account.
    """
    mailer, sender = _open(settings, desired, ports)
    template = template_of(settings)
    return mailer, write_welcome(record, desired.customer, sender, template, again=again)


def prepare_notice(
    record: AccountRecord,
    kind: NoticeKind,
    settings: WelcomeSettings,
    desired: Desired,
    ports: Ports,
) -> tuple[Mailer, MailMessage]:
    """Return what sends one of the record's notices, and the mail; raises as `prepare_welcome`."""
    mailer, sender = _open(settings, desired, ports)
    notice = next(one for one in record.notices if one.kind is kind)
    return mailer, write_notice(record, notice, desired.customer, sender, settings.language)


def _open(settings: WelcomeSettings, desired: Desired, ports: Ports) -> tuple[Mailer, MailSender]:
    if ports.open_mailer is None:
        raise Unavailable("Nothing here opens mail integrations.")
    try:
        sender = sender_of(mail_integration(desired, settings.integration))
        return ports.open_mailer(settings.integration), sender
    except SpecError as error:
        # No fault of this account: its mail waits.
        raise AccessDenied(str(error)) from error


def settings_for(record: AccountRecord, desired: Desired) -> WelcomeSettings:
    """Return how the welcome e-mail of an account is sent: as its policy says.

    Raises:
        SpecError: its policy is gone, or names no mail integration.
    """
    policy = record.imported_with.policy
    for source in desired.sources:
        if source.settings.origin.reference == policy and source.settings.welcome.integration:
            return source.settings.welcome
    raise SpecError(
        (
            f"{policy} names no mail integration; set options.welcomeEmail.integrationRef. "
            "`enabled` may stay false.",
        )
    )


def send_by_hand(
    record: AccountRecord, desired: Desired, ports: Ports, *, again: bool
) -> AccountRecord:
    """Send the welcome e-mail of one account now, and return its record as it is saved.

    Raises:
        SpecError: it was, or may have been, sent already, and `again` is not said; or it cannot be
            sent at all.
        RemoteError: it was not sent, or with `maybe_applied` may have been.
        StateError: the audit or the registry cannot be written; it was not sent.
    """
    _require_sendable(record, desired, again=again)
    settings = settings_for(record, desired)
    now = ports.clock()
    repeat = now.astimezone(UTC).isoformat() if again else ""
    mailer, message = prepare_welcome(record, settings, desired, ports, repeat)
    doubt = Welcome(
        state=WelcomeState.UNKNOWN,
        reason=Reason.WELCOME_EMAIL_UNKNOWN,
        at=now,
        message="Muster ended while it was sent.",
    )
    customer = desired.customer.name
    effect = Effect(
        customer=customer,
        action=str(Action.SEND),
        subject=" ".join((record.identity.user, record.identity.id, *message.to)),
        system=str(System.MAIL),
        reason="asked for by hand",
    )
    # First: where that cannot be recorded nothing is sent, and the record must not say otherwise.
    begun = ports.audit.begin(effect)
    ports.registry.save(customer, [replace(record, welcome=doubt)])
    try:
        mailer.send(message)
    except RemoteError as error:
        left = replace(doubt, message=str(error)) if error.maybe_applied else record.welcome
        ports.registry.save(customer, [replace(record, welcome=left)])
        ports.audit.end(begun, effect, "Unknown" if error.maybe_applied else "Failed", str(error))
        raise
    ports.audit.end(begun, effect, "Done")
    sent = Welcome(state=WelcomeState.SENT, reason=Reason.WELCOME_EMAIL_SENT, at=now)
    after = replace(record, welcome=sent)
    ports.registry.save(customer, [after])
    return after


def _require_sendable(record: AccountRecord, desired: Desired, *, again: bool) -> None:
    user, welcome = record.identity.user, record.welcome
    if not record.live:
        raise SpecError((f"{user} is released; it is sent nothing.",))
    if desired.suspended:
        raise SpecError((f"{desired.customer.name} is suspended: nothing is written.",))
    if welcome.state in (WelcomeState.SENT, WelcomeState.UNKNOWN) and not again:
        at = f" at {welcome.at.isoformat()}" if welcome.at else ""
        how = "was sent" if welcome.state is WelcomeState.SENT else "may have been sent"
        raise SpecError((f"The welcome e-mail of {user} {how}{at}. To repeat it: --again.",))
