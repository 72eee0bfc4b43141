"""How an account's rotation stands after password jobs have ended. Pure.

The journal keeps the last ends of each account; what they mean is counted here, each end once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from muster.model.causes import Cause
from muster.model.passwords import JobEnd, JobKind, JobState
from muster.model.reasons import Reason
from muster.model.rotation import Rotation

_CLOCKS = timedelta(minutes=5)
"""How far a directory's clock may differ from ours; Kerberos allows as much."""

_ROUNDING = timedelta(seconds=5)
"""Dates of changes are kept to the second."""

_MOST_WORDS = 1000


def with_ends(rotation: Rotation, ends: Iterable[JobEnd]) -> Rotation:
    """Return how it stands once these ends are counted; those counted before change nothing."""
    for end in sorted(ends, key=lambda one: (one.ended_at, one.id)):
        told = second(end.ended_at)
        if rotation.told_at is None or told > rotation.told_at:
            rotation = replace(_with_end(rotation, end), told_at=told)
    return rotation


def _with_end(rotation: Rotation, end: JobEnd) -> Rotation:
    if end.was_set:
        return replace(
            rotation,
            last=second(end.ended_at),
            proof=end.proof,
            changed_at=second(end.changed_at) if end.changed_at else None,
            revision=end.revision,
            slot=end.slot or rotation.slot,
            stale=end.state is JobState.SUPERSEDED,
            failures=0,
            failed_at=None,
            last_error="" if end.state is JobState.CONFIRMED else shortened(end.problem),
            cause=None if end.state is JobState.CONFIRMED else end.cause,
        )
    if end.kind is JobKind.RESET:
        return rotation
    return failed(replace(rotation, slot=end.slot), end.problem, end.cause, end.ended_at)


def failed(rotation: Rotation, problem: str, cause: Cause | None, at: datetime) -> Rotation:
    """Return how it stands after a rotation that changed nothing."""
    return replace(
        rotation,
        reason=Reason.ROTATION_FAILED,
        next=None,
        failures=rotation.failures + 1,
        failed_at=second(at),
        last_error=shortened(problem),
        cause=cause,
    )


def not_tried(rotation: Rotation, problem: str) -> Rotation:
    """Return how it stands after a rotation that was planned and not begun."""
    return replace(
        rotation,
        reason=Reason.ROTATION_FAILED,
        next=None,
        last_error=shortened(problem),
        cause=Cause.NOT_TRIED,
    )


def is_stale(rotation: Rotation, changed_at: datetime | None) -> bool:
    """Say whether a password that Muster set was changed by somebody else since.

    `changed_at` is what the directory says now; None tells nothing.
    """
    if rotation.last is None or changed_at is None:
        return rotation.stale
    if rotation.changed_at is None:
        return rotation.stale or changed_at > rotation.last + _CLOCKS
    return rotation.stale or changed_at > rotation.changed_at + _ROUNDING


def second(moment: datetime) -> datetime:
    """Return a moment in whole seconds, as a resource holds it."""
    return moment.replace(microsecond=0)


def shortened(problem: str) -> str:
    """Return a problem that fits into a record."""
    return problem if len(problem) <= _MOST_WORDS else problem[: _MOST_WORDS - 1] + "…"
