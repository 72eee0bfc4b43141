"""A mail server on a loopback socket: STARTTLS or TLS, sign-in, and the refusals of real ones.

It delivers nothing. What it refuses, and with which codes, follows RFC 5321 and RFC 3463.
"""

from __future__ import annotations

# ruff: noqa: ARG002, N802
# The library calls these with fixed names and arguments.
import secrets
import ssl
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Self

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER = "muster@msp.example"


@dataclass(slots=True)
class SmtpKnobs:
    """What goes wrong."""

    unknown: set[str] = field(default_factory=set)
    """Recipients that do not exist."""
    greylist: int = 0
    """How many recipients are put off."""
    full: bool = False
    """Whether mails are put off after they were sent."""
    spam: bool = False
    """Whether mails are refused after they were sent."""
    lose_replies: int = 0
    """After how many mails the connection breaks instead of an answer."""
    relay_denied: bool = False


class LabSmtp:
    """One mail server; `start` opens the socket."""

    def __init__(
        self,
        ca: trustme.CA,
        *,
        tls: bool = False,
        sign_in: bool = True,
        start_tls: bool = True,
        international: bool = True,
    ) -> None:
        self.authority = ca
        self.knobs = SmtpKnobs()
        self.received: list[Envelope] = []
        self.password = secrets.token_urlsafe(18)
        self.folder: Path | None = None
        """Where each mail is also written as `0001.eml`, for people to look at."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        self._controller = _Controller(
            self,
            hostname="127.0.0.1",
            port=0,
            server_hostname="localhost",
            ready_timeout=10,
            ssl_context=context if tls else None,
            tls_context=context if start_tls and not tls else None,
            require_starttls=start_tls and not tls,
            auth_required=sign_in and not tls,
            # The library does not see that a connection was encrypted from its first byte.
            auth_require_tls=not tls,
            authenticator=self._authenticate,
            enable_SMTPUTF8=international,
        )

    def start(self) -> None:
        """Begin to listen."""
        self._controller.start()

    def stop(self) -> None:
        """Close every connection."""
        self._controller.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return self._controller.bound_port

    @property
    def contents(self) -> list[bytes]:
        """The mails that were taken, as they came."""
        return [one.original_content or b"" for one in self.received]

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that were taken, in the order of arrival."""
        parser = BytesParser(EmailMessage, policy=policy.SMTPUTF8)
        return [parser.parsebytes(content) for content in self.contents]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Say whether a sender may send."""
        if self.knobs.relay_denied:
            return "550 5.7.60 Client does not have permissions to send as this sender"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Say whether a recipient exists."""
        if self.knobs.greylist:
            self.knobs.greylist -= 1
            return "451 4.7.1 Greylisted, try again in five minutes"
        if address in self.knobs.unknown:
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a mail, or say why not."""
        if self.knobs.full:
            return "452 4.3.1 Insufficient system storage"
        if self.knobs.spam:
            return "550 5.7.515 Message refused as spam"
        self.received.append(envelope)
        self._write_down(envelope)
        if self.knobs.lose_replies:
            self.knobs.lose_replies -= 1
            transport: Any = server.transport
            transport.abort()
        return "250 2.0.0 Message accepted for delivery"

    def _write_down(self, envelope: Envelope) -> None:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{len(self.received):04}.eml"
            file.write_bytes(envelope.original_content or b"")

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        right = LoginPassword(USER.encode(), self.password.encode())
        return AuthResult(success=data == right, handled=False)


class _Controller(Controller):
    """Tells which port it got; the library asks itself on the one that it was given."""

    bound_port = 0

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.bound_port = self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]
