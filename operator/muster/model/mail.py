"""E-mail as the core sees it: who writes, what is written, and what became of a welcome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from muster.model.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender:
    """Who mails come from."""

    address: str
    name: str = ""
    """What people see beside the address, such as `Example IT`."""
    reply_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTemplate:
    """The three parts of a mail, as Jinja text."""

    subject: str
    text: str
    html: str = ""
    """Empty: the mail has a text part only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailMessage:
    """One mail to one person, or to the engineers who read the digest. It holds no secret."""

    to: tuple[str, ...]
    to_name: str = ""
    """The name beside the address, where there is one recipient."""
    subject: str
    text: str
    html: str = ""
    key: str
    """What the mail is about, such as an account: the same key gives the same Message-ID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSettings:
    """A daily mail to the MSP about the last 24 hours."""

    to: tuple[str, ...]
    at: time = time(8, 0)
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeSettings:
    """How welcome e-mails of a policy are sent. Whether at all is one of its options."""

    integration: str = ""
    max_per_run: int = 25
    template: MailTemplate | None = None
    """Absent: the one that is shipped."""
    language: str = "en"
    """Of the one that is shipped."""


class WelcomeState(StrEnum):
    """What became of an account's welcome e-mail; decided when it is imported."""

    NOT_WANTED = "NotWanted"
    PENDING = "Pending"
    """It will be sent in a later run."""
    SENT = "Sent"
    """The mail server took it; whether it was read, nobody knows."""
    SKIPPED = "Skipped"
    """It is not sent, also not later; `reason` says why."""
    UNKNOWN = "Unknown"
    """It may have been sent; it is not sent again by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """An account's welcome e-mail."""

    state: WelcomeState
    reason: Reason
    at: datetime | None = None
    """When it was decided, or sent."""
    message: str = ""


NO_WELCOME = Welcome(state=WelcomeState.NOT_WANTED, reason=Reason.WELCOME_EMAIL_OFF)
"""That of an account whose import did not ask for one, as in every record of old."""


class NoticeKind(StrEnum):
    """What a person with self-serve is told by e-mail."""

    LOCKED = "Locked"
    PASSWORD_EXPIRES = "PasswordExpires"  # noqa: S105 - no password


def notice_of(reason: Reason) -> NoticeKind | None:
    """Return which notice a mail of this reason is; None for a welcome."""
    return {one: kind for kind, one in NOTICE_REASONS.items()}.get(reason)


NOTICE_REASONS: Mapping[NoticeKind, Reason] = {
    NoticeKind.LOCKED: Reason.ACCOUNT_LOCKED,
    NoticeKind.PASSWORD_EXPIRES: Reason.PASSWORD_EXPIRES,
}
"""Why each is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a person was told of one event, at most once."""

    kind: NoticeKind
    about: datetime
    """When the account was locked, or when its password expires: which event it is."""
    state: WelcomeState
    """Pending when it was not taken, Sent, Skipped when it was refused for good, or Unknown."""
    at: datetime
    message: str = ""


_ATOM = r"[^\s\x00-\x1f\x7f()<>\[\]:;@\\,\"]"
_ADDRESS = re.compile(rf"{_ATOM}{{1,64}}@{_ATOM}{{1,255}}")


def is_address(text: str) -> bool:
    """Say whether a mail can be sent to this; directories take anything for an address.

    Quoted local parts and address literals are left out on purpose: nobody has them.
    """
    return len(text) <= 254 and text.isprintable() and bool(_ADDRESS.fullmatch(text))
