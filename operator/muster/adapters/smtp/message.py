"""Turns a mail into the bytes that a mail server takes (RFC 5322, RFC 2045 to 2047, RFC 6532).

Nothing that comes from a directory can begin another header: the library refuses line breaks,
and names are one line before they come here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

import idna

from muster.errors import Rejected
from muster.model.mail import MailMessage, MailSender, is_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What is said to the server, beside the mail itself."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    international: bool
    """Whether an address needs a server that speaks SMTPUTF8 (RFC 6531)."""


def pack(message: MailMessage, sender: MailSender, now: datetime) -> Envelope:
    """Return the envelope of a mail.

    Raises:
        Rejected: an address is none.
    """
    recipients = tuple(ascii_domain(address) for address in message.to)
    addresses = (ascii_domain(sender.address), *recipients)
    international = not all(address.isascii() for address in addresses)
    policy = SMTPUTF8 if international else SMTP
    mail = EmailMessage(policy=policy)
    mail["From"] = _named(sender.name, addresses[0])
    mail["To"] = tuple(_named(message.to_name, address) for address in recipients)
    if sender.reply_to:
        mail["Reply-To"] = _named("", ascii_domain(sender.reply_to))
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = message_id(message, addresses[0])
    # RFC 3834: nobody's absence is to be told to us.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return Envelope(
        sender=addresses[0],
        recipients=recipients,
        content=mail.as_bytes(policy=policy),
        international=international,
    )


def message_id(message: MailMessage, sender: str) -> str:
    """Return the mail's id: the same for the same key, so that a copy is known as one."""
    digest = hashlib.sha256(f"{message.key}\n{'|'.join(message.to)}".encode()).hexdigest()
    return f"<muster.{digest[:32]}@{sender.rpartition('@')[2]}>"


def ascii_domain(address: str) -> str:
    """Return the address with its domain as the name system has it; raises Rejected."""
    if not is_address(address):
        raise Rejected("The mail was not sent: what it goes to is no e-mail address.")
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError as error:
        raise Rejected("The mail was not sent: the domain of its address is none.") from error


def _named(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return Address(" ".join(printable.split()), local, domain)
