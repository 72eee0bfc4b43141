"""How one directory comes to hold the password: what is done next, and what follows from it.

A request whose outcome is unknown is settled by looking: at the date of the last change, and
by a proof where the lockout threshold leaves room for a wrong one. To send the same password
again changes nothing that is not wanted, so that is preferred to guessing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from muster.model.causes import Cause
from muster.model.passwords import PasswordState, Proof, Target, TargetState
from muster.passwords.dates import is_early, is_newer, moved, shows_ours
from muster.passwords.patience import (
    LAG,
    MAX_PROOFS,
    MAX_SETS,
    OLD_PASSWORD_LIVES,
    delay,
    proofs_left,
    quiet_from,
)
from muster.passwords.steps import (
    Answered,
    Denied,
    Done,
    Event,
    Look,
    Looked,
    Missing,
    NotSent,
    NotTold,
    Prove,
    RefusedByPolicy,
    SetPassword,
)

_FIRST_LOOK = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A directory after an event; with a `person` only a person can go on, for that reason."""

    target: Target
    person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a directory's rules need to know beside its own progress."""

    must_change: bool
    first: bool
    """Whether the job begins with this directory, so that nothing is set anywhere before it."""
    now: datetime


def next_command(target: Target) -> Look | SetPassword | Prove:
    """Return what to do next with a directory that is not done."""
    match target.state:
        case TargetState.READY:
            return SetPassword(system=target.system)
        case TargetState.SEEN:
            return Prove(system=target.system)
        case _:
            return Look(system=target.system)


def begun(target: Target, command: Look | SetPassword | Prove, now: datetime) -> Target:
    """Return a directory as the journal must hold it before a command is carried out."""
    match command:
        case SetPassword():
            return replace(
                target,
                state=TargetState.SENT,
                attempts=target.attempts + 1,
                first_sent_at=target.first_sent_at or now,
                sent_at=now,
                next_try_at=None,
            )
        case Prove():
            # Counted as wrong until it is known to be right: a crash must not lock anybody out.
            return replace(
                target,
                state=unproved(target),
                wrong_proofs=target.wrong_proofs + 1,
                proofs_left=target.proofs_left - 1,
                next_try_at=None,
            )
        case Look():
            return target


def advanced(
    target: Target, command: Look | SetPassword | Prove, event: Event, context: Context
) -> Progress:
    """Return a directory after the outcome of a command that was begun."""
    match command:
        case Look() if isinstance(event, Looked):
            return _looked(target, event, context)
        case Look():
            return Progress(target=_not_looked(target, event, context))
        case SetPassword():
            return Progress(target=_sent(target, event, context))
        case Prove():
            return Progress(target=_asked(target, event, context.now))


def _not_looked(target: Target, event: Event, context: Context) -> Target:
    if isinstance(event, Missing | Denied) and context.first and target.sent_at is None:
        return _ended(target, event)
    return _later(target, event, context.now)


def _sent(target: Target, event: Event, context: Context) -> Target:
    match event:
        case Done():
            accepted = replace(_going_well(target), state=TargetState.ACCEPTED, barred=False)
            return replace(accepted, accepted_at=context.now)
        case RefusedByPolicy() | Missing() | Denied():
            return _refused(target, event, context)
        case NotSent():
            return _later(_unsent(target), event, context.now)
        case _:
            return _later(replace(target, doubt_at=target.sent_at), event, context.now)


def _asked(target: Target, event: Event, now: datetime) -> Target:
    match event:
        case Answered(yes=True):
            right = replace(_going_well(target), wrong_proofs=target.wrong_proofs - 1)
            return replace(right, state=TargetState.PROVED, proof=target.proves_by)
        case Answered():
            return replace(target, state=TargetState.DISPROVED, disproved_at=now)
        case NotTold():
            return _not_told(target, event, now)
        case NotSent() | Denied() if _asked_often(target):
            return _not_told(target, event, now)
        case NotSent() | Denied():
            uncounted = replace(target, wrong_proofs=target.wrong_proofs - 1)
            return _later(uncounted, event, now)
        case _:
            return _later(target, event, now)


def _asked_often(target: Target) -> bool:
    """Say whether Entra's login was asked in vain so often that its date must do."""
    return target.proves_by is Proof.TOKEN_REQUEST and target.failures >= MAX_PROOFS


def _not_told(target: Target, event: NotTold | NotSent | Denied, now: datetime) -> Target:
    """Go by the date from here on; but a date does not outweigh a refusal since the last yes."""
    if _refused_since_yes(target):
        # It stays counted, so that this comes to an end.
        return _later(replace(target, state=TargetState.DISPROVED), event, now)
    return replace(
        target,
        proves_by=Proof.CHANGE_DATE,
        left_open=event.problem,
        proofs_left=0,
        wrong_proofs=target.wrong_proofs - 1,
        problem=event.problem,
        cause=None,
    )


def _refused_since_yes(target: Target) -> bool:
    refused_at, accepted_at = target.disproved_at, target.accepted_at
    return refused_at is not None and not (accepted_at and accepted_at > refused_at)


def unproved(target: Target) -> TargetState:
    """Return the state in which a directory is looked at anew before the next proof."""
    accepted, sent = target.accepted_at, target.sent_at
    return TargetState.ACCEPTED if accepted and sent and accepted >= sent else TargetState.SENT


def _going_well(target: Target) -> Target:
    return replace(target, failures=0, next_try_at=None, problem="", cause=None)


def _later(target: Target, event: Event, now: datetime) -> Target:
    """Try again after a pause; an event without a problem is no outcome of what was asked."""
    if isinstance(event, Looked | Done | Answered):
        raise TypeError(f"{type(event).__name__} is no outcome of that command")
    failures = target.failures + 1
    asked = timedelta(seconds=event.delay_s if isinstance(event, NotSent) else 0)
    return replace(
        target,
        failures=failures,
        next_try_at=now + max(delay(failures), asked),
        problem=event.problem,
        cause=event.cause,
    )


def _refused(target: Target, event: RefusedByPolicy | Missing | Denied, context: Context) -> Target:
    if _sent_before(target):
        # An earlier request may have taken effect. This one did not: look, and send no more.
        code = event.code if isinstance(event, RefusedByPolicy) else target.code
        denied = not isinstance(event, RefusedByPolicy)
        barred = replace(target, barred=True, code=code, denied=denied)
        return replace(barred, problem=event.problem, cause=event.cause)
    if context.first or isinstance(event, RefusedByPolicy):
        return _ended(target, event)
    return _later(_unsent(target), event, context.now)


def _ended(target: Target, event: RefusedByPolicy | Missing | Denied) -> Target:
    policy = isinstance(event, RefusedByPolicy)
    return replace(
        _going_well(target),
        state=TargetState.REFUSED,
        code=event.code if isinstance(event, RefusedByPolicy) else "",
        denied=not policy,
        problem=event.problem,
        cause=event.cause,
    )


def _unsent(target: Target) -> Target:
    """Take a request back that certainly had no effect."""
    before = _sent_before(target)
    return replace(
        target,
        state=TargetState.SENT if before else TargetState.PENDING,
        attempts=target.attempts - 1,
        first_sent_at=target.first_sent_at if before else None,
        sent_at=before,
    )


def _sent_before(target: Target) -> datetime | None:
    """Return when an earlier request was sent that took effect, or may have."""
    return max(filter(None, (target.doubt_at, target.accepted_at)), default=None)


def _looked(target: Target, event: Looked, context: Context) -> Progress:
    # What was read last says how many proofs the threshold leaves now.
    can_prove = target.proves_by is not Proof.CHANGE_DATE
    left = proofs_left(target, event.state, event.policy) if can_prove else 0
    well = _going_well(target)
    if target.barred:
        # Why the directory took it no more is told at the end.
        well = replace(well, problem=target.problem, cause=target.cause)
    target = replace(well, proofs_left=left, failures=target.failures)
    match target.state:
        case TargetState.PENDING | TargetState.READY:
            return Progress(target=_ready(target, event.state, context))
        case TargetState.ACCEPTED | TargetState.SEEN:
            return _looked_after_yes(target, event.state, context)
        case TargetState.DISPROVED:
            return _looked_after_refusal(target, event.state, context)
        case _:
            return _looked_in_doubt(target, event.state, context)


def _ready(target: Target, state: PasswordState, context: Context) -> Target:
    if context.must_change and state.cannot_change:
        problem = (
            "The account may not change its password, so it could never sign in after a reset "
            "that demands a change. Leave that demand out, or let the account change it."
        )
        return _ended(target, Denied(problem=problem, cause=Cause.CANNOT_CHANGE_PASSWORD))
    return replace(
        target,
        state=TargetState.READY,
        baseline=state.changed_at,
        baseline_must_change=state.must_change,
    )


def _looked_after_yes(target: Target, state: PasswordState, context: Context) -> Progress:
    """Decide after the directory said yes."""
    took = shows_ours(target, state, must_change=context.must_change)
    if took:
        target = replace(target, changed_at=state.changed_at)
    if target.proofs_left and not is_early(target, state, context.now):
        return Progress(target=_to_be_proved(target, state, took=took, now=context.now))
    if took and _refused_since_yes(target):
        # The proofs after the refusal were cut off, or nobody answered them.
        return Progress(target=target, person=_UNPROVED)
    if took:
        proved = replace(target, state=TargetState.PROVED, proof=Proof.CHANGE_DATE)
        return Progress(target=_going_well(proved))
    if moved(target, state):
        return Progress(target=target, person=_OTHER_CHANGE)
    if target.accepted_at and context.now < target.accepted_at + LAG:
        # Looking costs little: often at first, then ever more rarely.
        pause = max(_FIRST_LOOK, context.now - target.accepted_at)
        return Progress(
            target=replace(target, next_try_at=min(context.now + pause, target.accepted_at + LAG))
        )
    return _again_or_person(target, "The directory said yes, but its date did not move.")


def _looked_in_doubt(target: Target, state: PasswordState, context: Context) -> Progress:
    """Decide after a request that was not answered."""
    if not target.barred:
        target = replace(target, doubt_at=target.sent_at)
    if not moved(target, state):
        return _unmoved_in_doubt(target, context.now)
    took = shows_ours(target, state, must_change=context.must_change)
    if target.proofs_left:
        return Progress(target=_to_be_proved(target, state, took=took, now=context.now))
    if took and not target.barred:
        return _again_or_person(target, _UNANSWERED)
    return Progress(target=target, person=_OTHER_CHANGE)


def _to_be_proved(target: Target, state: PasswordState, *, took: bool, now: datetime) -> Target:
    """Let a proof come next, but not while it may accept a password that is live no more."""
    if not took and state.changed_at and moved(target, state):
        certain_from = state.changed_at + OLD_PASSWORD_LIVES
        if now < certain_from:
            return replace(target, next_try_at=certain_from)
    return replace(target, state=TargetState.SEEN)


def _unmoved_in_doubt(target: Target, now: datetime) -> Progress:
    if not target.barred and target.attempts < MAX_SETS:
        return Progress(target=replace(target, state=TargetState.READY))
    quiet = quiet_from(target)
    if quiet and now < quiet:
        return Progress(target=replace(target, next_try_at=quiet))
    if target.proofs_left:
        return Progress(target=replace(target, state=TargetState.SEEN))
    return Progress(target=target, person=_UNANSWERED)


def _looked_after_refusal(target: Target, state: PasswordState, context: Context) -> Progress:
    """Decide after a proof that was refused: too early, or another password is live."""
    quiet = quiet_from(target)
    if quiet is None or target.disproved_at is None:
        raise AssertionError(f"{target.system} was disproved before anything was sent")
    accepted = target.accepted_at is not None
    newer = (
        is_newer(target, state, must_change=context.must_change)
        if accepted
        else moved(target, state)
    )
    if newer and target.disproved_at >= quiet:
        # Nothing of ours is under way any more, and no replica is behind.
        return Progress(target=replace(_going_well(target), state=TargetState.SUPERSEDED))
    if context.now < quiet:
        return Progress(target=replace(target, next_try_at=quiet))
    if target.disproved_at >= quiet:
        return _refused_for_good(target)
    if target.proofs_left:
        took = shows_ours(target, state, must_change=context.must_change)
        return Progress(target=_to_be_proved(target, state, took=took, now=context.now))
    return Progress(target=target, person=_UNPROVED)


def _refused_for_good(target: Target) -> Progress:
    """Decide when ours is not live, no other change shows, and nothing is under way."""
    if target.accepted_at is not None:
        return Progress(target=target, person=_UNPROVED)
    if target.barred or target.attempts >= MAX_SETS:
        refused = replace(target, state=TargetState.REFUSED, denied=not target.code)
        return Progress(target=refused if refused.problem else _never_taken(refused))
    return Progress(target=replace(target, state=TargetState.READY))


def _never_taken(target: Target) -> Target:
    return replace(target, problem=_NEVER_TAKEN, cause=Cause.DIRECTORY_UNREACHABLE)


def _again_or_person(target: Target, problem: str) -> Progress:
    if target.attempts < MAX_SETS:
        return Progress(target=replace(target, state=TargetState.READY))
    return Progress(target=target, person=problem)


_OTHER_CHANGE = (
    "The password was changed while Muster set it, and the lockout threshold leaves no attempt "
    "to find out by whom. Try the sealed password; if it works, tell Muster to set it again."
)
_UNANSWERED = (
    "The directory answers none of the requests, and does not show whether one took effect. "
    "Try the sealed password when the directory can be reached again."
)
_NEVER_TAKEN = (
    "The directory answered none of the requests, and the password is certainly not live there."
)
_UNPROVED = (
    "The directory does not take the password that it was given. Try the sealed password; if it "
    "does not work, tell Muster to set it again or to give it up."
)
