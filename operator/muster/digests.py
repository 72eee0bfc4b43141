"""Sends the daily digest of each mail integration that has one, once a day.

At most once per slot: that it is served is on disk before the mail leaves. A mail that was
certainly not taken is tried again some minutes later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from muster.errors import MusterError, RemoteError
from muster.mail.digest import CustomerDigest, digest_customer, due_slot, write_digest
from muster.model.accounts import Known
from muster.model.connections import Integration
from muster.model.mail import DigestSettings, MailMessage
from muster.model.names import CustomerName
from muster.ports import Mailer, Marks

_RETRY_AFTER = timedelta(minutes=10)

OpenMail = Callable[[Integration], Mailer]
Load = Callable[[CustomerName], Known]


def compose(
    load: Load, customers: Iterable[CustomerName], settings: DigestSettings, now: datetime
) -> MailMessage:
    """Return the digest of these customers, each loaded in its turn."""
    found: list[CustomerDigest] = [
        digest_customer(name, load(name), now) for name in sorted(customers)
    ]
    return write_digest(found, settings.to, now.astimezone(ZoneInfo(settings.time_zone)))


@dataclass(slots=True)
class DailyDigests:
    """Looks whether a digest is due, and sends it."""

    load: Load
    marks: Marks
    open_mail: OpenMail
    _not_before: dict[str, datetime] = field(default_factory=dict)

    def send_due(
        self, integrations: Iterable[Integration], customers: Iterable[CustomerName], now: datetime
    ) -> tuple[str, ...]:
        """Send what is due, and return what to say about it: a line per digest."""
        names = tuple(customers)
        told = (self._send(one, one.digest, names, now) for one in integrations if one.digest)
        return tuple(filter(None, told))

    def _send(
        self,
        integration: Integration,
        settings: DigestSettings,
        customers: tuple[CustomerName, ...],
        now: datetime,
    ) -> str:
        key = f"digest/{integration.name}"
        if integration.suspend or now < self._not_before.get(key, now):
            return ""
        sent = self.marks.read_mark(key)
        slot = due_slot(settings, sent, now)
        if not slot:
            self._not_before[key] = now + timedelta(minutes=1)
            return ""
        self._not_before[key] = now + _RETRY_AFTER
        try:
            mailer = self.open_mail(integration)
            message = compose(self.load, customers, settings, now)
        except MusterError as error:
            return f"The daily digest was not sent: {error}"
        self.marks.write_mark(key, slot)
        try:
            mailer.send(message)
        except MusterError as error:
            maybe = isinstance(error, RemoteError) and error.maybe_applied
            if not maybe:
                self.marks.write_mark(key, sent)
            doubt = "may have been" if maybe else "was not"
            return f"The daily digest {doubt} sent: {error}"
        return f"The daily digest was sent to {', '.join(settings.to)}."
