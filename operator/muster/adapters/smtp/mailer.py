"""The `Mailer` port on a mail server: one conversation per mail.

Only connecting is tried again, because then nothing of a mail was said.
"""

from __future__ import annotations

import stamina

from muster.adapters.clock import utc_now
from muster.adapters.smtp.message import Envelope, ascii_domain, pack
from muster.adapters.smtp.session import connect
from muster.errors import RemoteError, SpecError, Unavailable
from muster.model.connections import Integration, Smtp
from muster.model.mail import MailMessage
from muster.model.secret import Secret
from muster.ports import Check, Clock, Secrets
from muster.transport.options import HttpOptions, tls_context

_ATTEMPTS = 3


def open_smtp(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> SmtpMailer:
    """Return the mailer of an integration; nothing is sent yet.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    settings = integration.product
    if not isinstance(settings, Smtp):
        raise SpecError((f"The integration `{integration.name}` is no mail server.",))
    return SmtpMailer(
        settings,
        secrets.read(settings.password) if settings.password else None,
        options,
        ca_pem=secrets.read(settings.ca).reveal() if settings.ca else None,
    )


class SmtpMailer:
    """Hands mails to one server; safe to use from many threads."""

    def __init__(
        self,
        settings: Smtp,
        password: Secret | None = None,
        options: HttpOptions | None = None,
        *,
        ca_pem: str | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self._password = password
        self._options = options or HttpOptions()
        self._context = tls_context(ca_pem, f"The mail server {settings.host}")
        self._clock = clock

    def send(self, message: MailMessage) -> None:
        """Hand a mail over, once.

        Raises:
            Rejected: the recipient or the mail is refused for good.
            Unavailable: not now; with `maybe_applied` when the mail was sent and not answered.
            AccessDenied: certificate, sign-in, or the right to send as this sender.
        """
        envelope = pack(message, self._settings.sender, self._clock())
        if self._options.before_write:
            self._options.before_write()
        for attempt in stamina.retry_context(
            on=_Unreached,
            attempts=_ATTEMPTS,
            timeout=self._options.retry_budget_s,
            wait_initial=self._options.first_delay_s,
        ):
            with attempt:
                self._send(envelope)

    def check(self) -> tuple[Check, ...]:
        """Try connection, certificate, sign-in and sender, and send nothing."""
        name = "mail server"
        try:
            sender = ascii_domain(self._settings.sender.address)
            with connect(self._settings, self._password, self._context, self._options) as session:
                session.begin(sender, international=not sender.isascii())
                session.reset()
        except RemoteError as error:
            return (Check(name=name, ok=False, detail=str(error)),)
        detail = f"{self._settings.host} takes mail of {self._settings.sender.address}"
        return (Check(name=name, ok=True, detail=detail),)

    def _send(self, envelope: Envelope) -> None:
        begun = False
        try:
            with connect(self._settings, self._password, self._context, self._options) as session:
                begun = True
                session.send(envelope, self._options.total_timeout_s)
        except Unavailable as error:
            if begun:
                raise
            raise _Unreached(str(error)) from error


class _Unreached(Unavailable):
    """The server was not reached; nothing of the mail was said."""
