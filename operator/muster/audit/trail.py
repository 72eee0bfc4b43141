"""Records effects: a line before each, and one that says what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from muster.audit.events import AuditEvent, Sink

_LONGEST_DETAIL = 500

BEGUN = "Begun"
"""The result of an effect that has no second line yet; without one it is Unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that is about to be done outside. No field may hold a secret."""

    customer: str
    action: str
    subject: str
    system: str = ""
    reason: str = ""
    requested_by: str = ""


class _Nowhere:
    def append(self, *events: AuditEvent, durable: bool = True) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the effects of one run are recorded, and in whose name."""

    sink: Sink
    actor: str
    revision: str = ""

    def begin(self, effect: Effect) -> str:
        """Record that an effect follows, and return what to end it with.

        Raises:
            StateError: it could not be kept; then there must be no effect.
        """
        name = uuid4().hex[:16]
        self.sink.append(self._event(effect, BEGUN, name))
        return name

    def end(
        self, name: str, effect: Effect, result: str, detail: str = "", cause: str = ""
    ) -> None:
        """Record what came of an effect; raises StateError."""
        # What was said at the beginning is not said again.
        short = Effect(customer=effect.customer, action=effect.action, subject=effect.subject)
        event = replace(self._event(short, result, name, detail), cause=cause)
        self.sink.append(event, durable=False)

    def note(self, effects: Iterable[Effect]) -> None:
        """Record what takes place in Muster's own records only; raises StateError."""
        self.sink.append(*(self._event(one, "Done", "") for one in effects))

    def _event(self, effect: Effect, result: str, name: str, detail: str = "") -> AuditEvent:
        return AuditEvent(
            at=datetime.now(UTC),
            actor=self.actor,
            action=effect.action,
            customer=effect.customer,
            subject=effect.subject,
            reason=effect.reason,
            result=result,
            system=effect.system,
            revision=self.revision,
            requested_by=effect.requested_by,
            effect=name,
            detail=detail[:_LONGEST_DETAIL],
        )


UNRECORDED = Trail(_Nowhere(), "")
"""For tests and rehearsals, which have no effect on anybody."""
