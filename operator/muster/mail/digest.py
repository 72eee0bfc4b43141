"""The daily digest for the MSP: what the last 24 hours brought, of all customers on one page.

Pure: it reads what the registry knows, and decides when a digest is due. Names come from
directories, so that every line is made fit for a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from muster.model.accounts import Known
from muster.model.mail import DigestSettings, MailMessage, WelcomeState
from muster.model.names import CustomerName
from muster.model.passwords import JobEnd, JobKind, JobState

PERIOD = timedelta(hours=24)

CATCH_UP = timedelta(hours=6)
"""How late a digest is still sent, such as after a stop; later there is the next one."""

_MOST_LINES = 20
"""Per customer and subject; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDigest:
    """What there is to tell about one customer."""

    customer: CustomerName
    rotated: int = 0
    not_rotated: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    """Changes of the last run that failed, and why its plan was refused."""
    ambiguous: int = 0
    drift: int = 0
    welcomed: int = 0
    unsure_mails: int = 0
    """Welcome e-mails that may have been sent."""
    unwell: str = ""
    """Why the customer is not in agreement; empty when it is."""

    @property
    def quiet(self) -> bool:
        """Whether nobody needs to look."""
        waits = self.ambiguous or self.drift or self.unsure_mails
        return not (waits or self.not_rotated or self.failures or self.unwell)


def digest_customer(customer: CustomerName, known: Known, now: datetime) -> CustomerDigest:
    """Return what the last 24 hours brought a customer.

    Rotations are those of the schedule and of `muster rotate`; a reset is not among them.
    """
    since = now - PERIOD
    names = {record.identity.id: record.identity.user for record in known.records}
    ends = [end for end in known.job_ends if end.kind is JobKind.ROTATION and end.ended_at >= since]
    welcomes = [one.welcome for one in known.records if one.welcome.at and one.welcome.at >= since]
    status = known.status
    return CustomerDigest(
        customer=customer,
        rotated=sum(end.state is JobState.CONFIRMED for end in ends),
        not_rotated=tuple(
            f"{names.get(end.account, end.account)}: {_why(end)}"
            for end in sorted(ends, key=lambda end: (end.account, end.ended_at))
            if end.state is not JobState.CONFIRMED
        ),
        failures=tuple(_failures(status)),
        ambiguous=int(status.get("ambiguous", 0)),
        drift=int(status.get("drift", 0)),
        welcomed=sum(one.state is WelcomeState.SENT for one in welcomes),
        unsure_mails=sum(one.state is WelcomeState.UNKNOWN for one in welcomes),
        unwell=_unwell(status),
    )


def _why(end: JobEnd) -> str:
    word = f"{end.state} ({end.cause})" if end.cause else str(end.state)
    return f"{word}, {end.problem}" if end.problem else word


def _failures(status: dict[str, Any]) -> Iterator[str]:
    for one in status.get("failures", ()):
        yield f"{one['action']} {one['system']} {one['account']}: {one['problem']}"
    for one in status.get("refusals", ()):
        yield f"refused: {one['message']}"


def _unwell(status: dict[str, Any]) -> str:
    for one in status.get("conditions", ()):
        if one["type"] == "Ready" and one["status"] != "True":
            return f"{one['reason']}: {one.get('message', '')}"
    return ""


def write_digest(
    customers: Iterable[CustomerDigest], to: tuple[str, ...], now: datetime
) -> MailMessage:
    """Return the digest as a mail of plain text; who needs somebody comes first."""
    ordered = sorted(customers, key=lambda one: (one.quiet, one.customer))
    loud = [one for one in ordered if not one.quiet]
    day = now.strftime("%Y-%m-%d %H:%M %Z").strip()
    head = [
        f"The 24 hours until {day}.",
        f"Customers: {len(ordered)}. In need of somebody: {len(loud)}.",
        f"Passwords rotated: {sum(one.rotated for one in ordered)}. "
        f"Not rotated: {sum(len(one.not_rotated) for one in ordered)}. "
        f"Welcome e-mails: {sum(one.welcomed for one in ordered)}.",
        "",
    ]
    lines = [*head, *(line for one in loud for line in _lines(one))]
    quiet = ", ".join(one.customer for one in ordered if one.quiet)
    lines += [f"In agreement: {quiet}"] if quiet else []
    return MailMessage(
        to=to,
        subject=f"Muster: {len(loud)} of {len(ordered)} customers in need of somebody"
        if loud
        else "Muster: everything is in agreement",
        text="\n".join(lines) + "\n",
        key=f"digest/{now.isoformat()}",
    )


def _lines(one: CustomerDigest) -> Iterator[str]:
    yield one.customer
    if one.unwell:
        yield f"  {_fit(one.unwell)}"
    counts = (
        (one.ambiguous, f"matches that wait (muster matches -c {one.customer})"),
        (one.drift, "fields that differ"),
        (one.unsure_mails, "welcome e-mails that may have been sent"),
        (one.rotated, "passwords rotated"),
    )
    yield from (f"  {what}: {count}" for count, what in counts if count)
    for what, texts in (("not rotated", one.not_rotated), ("failed", one.failures)):
        yield from (f"  {what}: {_fit(text)}" for text in texts[:_MOST_LINES])
        if len(texts) > _MOST_LINES:
            yield f"  {what}: … and {len(texts) - _MOST_LINES} more"
    yield ""


def _fit(text: str) -> str:
    """Return foreign text as one line."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def next_due(settings: DigestSettings, now: datetime) -> datetime:
    """Return when the next slot begins, after `now`."""
    zone = ZoneInfo(settings.time_zone)
    local = now.astimezone(zone)
    slot = datetime.combine(local.date(), settings.at, zone)
    if slot <= local:
        slot = datetime.combine(local.date() + timedelta(days=1), settings.at, zone)
    return slot.astimezone(UTC)


def due_slot(settings: DigestSettings, sent: str, now: datetime) -> str:
    """Return the slot that is due, as text to remember; empty when none is.

    `sent` is the slot that was last served.
    """
    zone = ZoneInfo(settings.time_zone)
    local = now.astimezone(zone)
    slot = datetime.combine(local.date(), settings.at, zone)
    if slot > local:
        slot = datetime.combine(local.date() - timedelta(days=1), settings.at, zone)
    name = slot.isoformat()
    return name if name != sent and local - slot < CATCH_UP else ""
