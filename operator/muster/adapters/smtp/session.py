"""One conversation with a mail server: connected, encrypted, signed in (RFC 5321, 3207, 4954).

Nothing is said in the clear but the greeting and STARTTLS. What a refusal means is decided by
where it comes: of the sender it concerns every mail, of a recipient only this one.
"""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from muster.adapters.smtp.message import Envelope
from muster.errors import AccessDenied, Rejected, RemoteError, Unavailable, Unexpected
from muster.model.connections import MailSecurity, Smtp
from muster.model.secret import Secret
from muster.transport.options import HttpOptions
from muster.transport.redaction import Redactor

_POLICY = re.compile(r"5\.7\.(0|1|[89])\b")
"""Enhanced codes that speak of us, not of a mailbox: relaying is denied, sign in first.

Source: https://www.iana.org/assignments/smtp-enhanced-status-codes
"""


class Session:
    """An open connection that may send; made by `connect`."""

    def __init__(self, smtp: smtplib.SMTP, settings: Smtp, redactor: Redactor) -> None:
        self._smtp = smtp
        self._name = f"The mail server {settings.host}"
        self._redactor = redactor

    def sign_in(self, user: str, password: Secret) -> None:
        """Sign in by PLAIN, or by LOGIN where only that is offered.

        The library would do it too, but not with a password beyond ASCII.

        Raises:
            AccessDenied: it is refused, or there is nothing to sign in by.
            Unavailable: the server cannot say now.
        """
        offered = self._smtp.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            answer = self._smtp.docmd("AUTH", f"PLAIN {_plain(user, password.reveal())}")
        elif "LOGIN" in offered:
            answer = self._smtp.docmd("AUTH", "LOGIN")
            for part in (user, password.reveal()):
                answer = self._smtp.docmd(_b64(part)) if answer[0] == 334 else answer
        else:
            raise AccessDenied(f"{self._name} offers neither PLAIN nor LOGIN to sign in by.")
        if answer[0] != 235:
            raise self._refused(answer, "the sign-in", AccessDenied)

    def begin(self, sender: str, *, international: bool = False) -> None:
        """Say who a mail comes from.

        Raises:
            AccessDenied: this sender may not send; it concerns every mail.
            Unavailable: not now.
        """
        options = ["SMTPUTF8", "BODY=8BITMIME"] if international else []
        answer = self._smtp.mail(sender, options)
        if answer[0] != 250:
            raise self._refused(answer, f"the sender {sender}", AccessDenied)

    def reset(self) -> None:
        """Take back who a mail comes from."""
        self._smtp.rset()

    def send(self, envelope: Envelope, patience_s: float) -> None:
        """Hand a mail over; until its end was sent, nothing has happened.

        Raises:
            Rejected: a recipient or the mail is refused.
            Unavailable: not now; with `maybe_applied` when no answer came to the whole mail.
        """
        if envelope.international and not self._smtp.has_extn("smtputf8"):
            raise Rejected(f"{self._name} takes no addresses with letters beyond ASCII (SMTPUTF8).")
        self.begin(envelope.sender, international=envelope.international)
        for recipient in envelope.recipients:
            answer = self._smtp.rcpt(recipient)
            if answer[0] not in (250, 251):
                raise self._refused(answer, "the recipient", Rejected)
        answer = self._smtp.docmd("DATA")
        if answer[0] != 354:
            raise self._refused(answer, "the mail", Rejected)
        answer = self._transfer(envelope.content, patience_s)
        if answer[0] != 250:
            raise self._refused(answer, "the mail", Rejected)

    def _transfer(self, content: bytes, patience_s: float) -> tuple[int, bytes]:
        # RFC 5321, 4.5.2: a dot that begins a line is doubled, and a lone one ends the mail.
        body = re.sub(rb"(?m)^\.", b"..", content)
        end = b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            if self._smtp.sock:
                self._smtp.sock.settimeout(patience_s)
            self._smtp.send(body + end)
            return self._smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(
                f"{self._name} was given the mail and did not answer.", maybe_applied=True
            ) from error

    def _refused(
        self, answer: tuple[int, bytes], what: str, forever: type[RemoteError]
    ) -> RemoteError:
        """Return what a refusal means: 4xx is for now, 5xx for good (RFC 5321, 4.2.1)."""
        code, text = answer
        said = self._redactor.clean(text.decode("utf-8", "replace"))
        message = f"{self._name} refused {what}: {code} {said}"
        if 400 <= code < 500:
            return Unavailable(message)
        if not 500 <= code < 600:
            return Unexpected(message)
        return AccessDenied(message) if _POLICY.search(said) else forever(message)


@contextmanager
def connect(
    settings: Smtp,
    password: Secret | None,
    context: ssl.SSLContext,
    options: HttpOptions,
) -> Iterator[Session]:
    """Open a conversation and end it; nothing of a mail was said when this fails.

    Raises:
        AccessDenied: certificate, encryption or sign-in; a person must act.
        Unavailable: the server cannot be reached, or breaks off.
    """
    smtp: smtplib.SMTP | None = None
    try:
        with _understood(settings):
            smtp = _open(settings, context, options)
            session = Session(smtp, settings, _redactor(settings, password))
            if settings.user_name and password:
                session.sign_in(settings.user_name, password)
        with _understood(settings):
            yield session
    finally:
        if smtp is not None:
            _hang_up(smtp)


def _open(settings: Smtp, context: ssl.SSLContext, options: HttpOptions) -> smtplib.SMTP:
    host, port, timeout = settings.host, settings.port, options.connect_timeout_s
    smtp: smtplib.SMTP
    if settings.security is MailSecurity.TLS:
        smtp = smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
    else:
        smtp = smtplib.SMTP(host, port, timeout=timeout)
    try:
        if smtp.sock:
            smtp.sock.settimeout(options.read_timeout_s)
        if settings.security is MailSecurity.START_TLS:
            _start_tls(smtp, settings, context)
        smtp.ehlo()
    except BaseException:
        _hang_up(smtp)
        raise
    return smtp


def _start_tls(smtp: smtplib.SMTP, settings: Smtp, context: ssl.SSLContext) -> None:
    smtp.ehlo()
    if not smtp.has_extn("starttls"):
        raise AccessDenied(
            f"The mail server {settings.host} offers no STARTTLS on port {settings.port}; nothing "
            "was sent. Set security: Tls if that port is encrypted from the start."
        )
    smtp.starttls(context=context)


@contextmanager
def _understood(settings: Smtp) -> Iterator[None]:
    """Tell what went wrong with a connection; only `_transfer` leaves a mail in doubt."""
    where = f"The mail server {settings.host}:{settings.port}"
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise AccessDenied(
            f"{where} has a certificate that is not trusted ({error.verify_message}). Set caRef to "
            "the authority that signed it, and host to the name in it."
        ) from error
    except ssl.SSLError as error:
        raise Unavailable(
            f"{where} does not speak TLS there ({error.reason}); compare port and security."
        ) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"{where} cannot be reached, or breaks off: {_kind(error)}.") from error


def _kind(error: Exception) -> str:
    """Return what happened without the server's text, which is not ours to repeat unseen."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code}"
    return getattr(error, "strerror", None) or type(error).__name__


def _hang_up(smtp: smtplib.SMTP) -> None:
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        smtp.close()


def _redactor(settings: Smtp, password: Secret | None) -> Redactor:
    """Return what hides the password in every form in which it is sent."""
    if password is None:
        return Redactor(())
    plain = password.reveal()
    sent = (plain, _b64(plain), _plain(settings.user_name or "", plain))
    return Redactor(tuple(map(Secret, sent)))


def _plain(user: str, password: str) -> str:
    return _b64(f"\0{user}\0{password}")  # RFC 4616


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
