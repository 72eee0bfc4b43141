"""Sets a password because a person asks for it now: a reset, or rotations on demand.

Both go the way of scheduled rotations, and whoever asked is recorded before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from muster.apply import Tell, apply
from muster.audit import Effect
from muster.errors import MusterError, RemoteError, SpecError
from muster.model.accounts import AccountRecord
from muster.model.names import System
from muster.model.passwords import JobState, PasswordJob, cause_of, end_of
from muster.model.plans import Outcome, Verdict
from muster.model.rotation import Rotation, RotationDemand
from muster.model.settings import Desired
from muster.passwords.carry_out import carry_out
from muster.passwords.causes import cause_in_directory
from muster.passwords.protocol import Settlement, next_step, settle
from muster.passwords.steps import Wait
from muster.plan.guard import guard
from muster.plan.rotation import only_rotations
from muster.plan.rotation_state import with_ends
from muster.ports import Ports
from muster.reconcile import propose, resume
from muster.rotations import PasswordOrder, go_on, hands_of, set_password
from muster.synchronizing import synchronize


def reset(
    order: PasswordOrder, record: AccountRecord, desired: Desired, ports: Ports
) -> PasswordJob:
    """Set one account's password as far as it goes now, on the record; return its job.

    Raises:
        SpecError: it must not be set, or could not be kept; nothing was changed.
        PasswordRefused: it breaks the directory's rules; nothing was changed.
        RemoteError: the rules could not be read; nothing was changed.
        StateError: the registry or the audit cannot be written.
    """
    customer = desired.customer.name
    effect = Effect(
        customer=customer,
        action="ResetPassword",
        subject=f"{record.identity.user} {record.identity.id} {record.vault.id or ''}".strip(),
        system=str(System.DIRECTORY),
        reason=order.reason,
        requested_by=order.requested_by,
    )
    begun = ports.audit.begin(effect)
    try:
        _require_writable(record, desired)
        job = set_password(order, record, desired, ports)
    except (RemoteError, SpecError) as error:
        ports.audit.end(begun, effect, "Failed", str(error), cause_in_directory(error))
        raise
    except MusterError as error:
        # The journal cannot be written any more, perhaps after the password was set.
        ports.audit.end(begun, effect, "Unknown", str(error))
        raise
    ports.audit.end(begun, effect, str(job.state), job.problem, str(cause_of(job) or ""))
    _remember_end(job, record, ports)
    return job


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long somebody waits for a job, and by what."""

    at_most: timedelta
    pause: Callable[[float], None]
    """Waits so many seconds. What it raises leaves the job open."""


def see_through(
    job: PasswordJob, record: AccountRecord, desired: Desired, ports: Ports, waiting: Waiting
) -> PasswordJob:
    """Go on with a reset's job while its next try is near, and return how far it came.

    A directory may show a change some seconds after it said yes.

    Raises:
        StateError: the registry or the audit cannot be written.
    """
    until = ports.clock() + waiting.at_most
    while (due := _next_try(job, ports.clock())) is not None and due <= until:
        while (now := ports.clock()) < due:
            waiting.pause((due - now).total_seconds())
        job = go_on(job, record.identity.user, hands_of(desired, ports, strict=False), ports)
        _remember_end(job, record, ports)
    return job


def _next_try(job: PasswordJob, now: datetime) -> datetime | None:
    """Return when a job goes on by itself; None when it is over or waits for a person."""
    step = next_step(job, now)
    return step.until if isinstance(step, Wait) else None


def _remember_end(job: PasswordJob, record: AccountRecord, ports: Ports) -> None:
    if job.ended_at is not None:
        rotation = with_ends(record.rotation, (end_of(job),))
        ports.registry.save(job.customer, [replace(record, rotation=rotation)])


def _require_writable(record: AccountRecord, desired: Desired) -> None:
    suspended = [
        what
        for what, stopped in (
            (f"the customer {desired.customer.name}", desired.suspended),
            (f"the integration {desired.vault.name}" if desired.vault else "", _vault_off(desired)),
        )
        if stopped
    ]
    if suspended:
        raise SpecError(
            (f"{record.identity.user}: {suspended[0]} is suspended, so nothing is written.",)
        )
    if not record.live:
        raise SpecError(
            (f"{record.identity.user} was released; Muster does not keep it any more.",)
        )


def _vault_off(desired: Desired) -> bool:
    return desired.vault is not None and desired.vault.suspend


def is_set(job: PasswordJob) -> bool:
    """Say whether a job has ended well: every directory has the password, and so has the vault."""
    return job.state is JobState.CONFIRMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What became of a demand: the plan of its rotations, and how the others stand."""

    verdict: Verdict
    outcome: Outcome
    others: tuple[tuple[AccountRecord, Rotation], ...]
    """Accounts that were asked for and are not rotated, and why."""


def rotate_now(
    demand: RotationDemand, desired: Desired, ports: Ports, tell: Tell | None = None
) -> Rotated:
    """Rotate what a person demands, and nothing else of the customer's plan.

    Raises:
        StateError: the registry or the audit cannot be written.
    """
    wanted = replace(desired, demand=demand)
    proposal = propose(wanted, ports, resume(wanted, ports))
    scene = proposal.scene
    plan = only_rotations(proposal.plan)
    verdict = guard(plan, wanted, scene.known, proposal.at)
    outcome = apply(verdict, scene, tell)
    outcome = replace(outcome, findings=synchronize(desired, ports))
    planned = {one.account for one in plan.changes}
    records = {one.identity.id: one for one in (*scene.known.records, *proposal.plan.records)}
    others = tuple(
        (record, record.rotation)
        for account, record in sorted(records.items())
        if record.live and account not in planned and _asked(record, demand)
    )
    return Rotated(verdict=verdict, outcome=outcome, others=others)


def _asked(record: AccountRecord, demand: RotationDemand) -> bool:
    if demand.accounts:
        return record.identity.id in demand.accounts
    return record.imported_with.options.rotation


def settle_by_hand(
    job: PasswordJob, choice: Settlement, desired: Desired, ports: Ports, reason: str
) -> PasswordJob:
    """Carry out a person's decision about an open job, on the record; return the job.

    Raises:
        StateError: the registry or the audit cannot be written.
    """
    effect = Effect(
        customer=job.customer,
        action=f"Settle{choice}",
        subject=f"{job.account} job {job.id} {job.vault.entry}",
        system=str(System.DIRECTORY),
        reason=reason,
        requested_by=ports.audit.actor,
    )
    begun = ports.audit.begin(effect)
    after = settle(job, choice, ports.clock())
    if after.ended_at is not None:
        ports.registry.close_job(after)
    else:
        ports.registry.save_job(after)
        after = carry_out(after, hands_of(desired, ports, strict=False))
    ports.audit.end(begun, effect, str(after.state), after.problem, str(cause_of(after) or ""))
    return after
