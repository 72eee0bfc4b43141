"""What a directory's dates and marks show of the change that we made.

What follows from it is decided in `directory_steps`. `must_change` is what the job demands.
"""

from __future__ import annotations

from datetime import datetime

from muster.model.passwords import PasswordState, Proof, Target
from muster.passwords.patience import LAG, may_be_our_change


def moved(target: Target, state: PasswordState) -> bool:
    """Say whether a directory shows another state than before our first request."""
    seen = (state.changed_at, state.must_change)
    return seen != (target.baseline, target.baseline_must_change)


def shows_ours(target: Target, state: PasswordState, *, must_change: bool) -> bool:
    """Say whether the directory shows a change that may be ours."""
    if must_change and _tells_demand(target) and not state.must_change:
        return False
    if state.changed_at is None:
        # `must change` hides the date in Active Directory, and nowhere else.
        return must_change and _tells_demand(target)
    return state.changed_at != target.baseline and may_be_our_change(target, state.changed_at)


def is_newer(target: Target, state: PasswordState, *, must_change: bool) -> bool:
    """Say whether a change came after the one that the directory said yes to."""
    if state.must_change and not must_change:
        return moved(target, state)
    if state.changed_at is None:
        return False
    if target.changed_at is not None:
        return state.changed_at > target.changed_at
    met = must_change and _tells_demand(target) and not state.must_change
    if met and state.changed_at != target.baseline:
        return True
    return not may_be_our_change(target, state.changed_at) and moved(target, state)


def is_early(target: Target, state: PasswordState, now: datetime) -> bool:
    """Say whether Entra has yet to show what it said yes to: its sign-in may lag as well."""
    waits = target.proves_by is Proof.TOKEN_REQUEST and not moved(target, state)
    return waits and target.accepted_at is not None and now < target.accepted_at + LAG


def _tells_demand(target: Target) -> bool:
    """Say whether a directory tells that a change is demanded. Entra shows its date instead."""
    return target.proves_by is Proof.BIND
