"""Whose password is rotated in a run, and how it stands with the others.

The plan names accounts and never holds a password. An account is refused with a reason of its
own when its new password could not be kept, or when something else would miss the old one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.names import AccountId, Action, Mode, Source, System
from muster.model.passwords import PasswordJob, VaultState
from muster.model.plans import CustomerPlan, Finding
from muster.model.reasons import Reason
from muster.model.rotation import NO_ROTATION, Rotation
from muster.plan.account import AccountPlan, change_of
from muster.plan.context import Context, Kept
from muster.plan.digest import digest_changes
from muster.plan.password_targets import entry_advice, entry_of, refused_in_entra, targets_of
from muster.plan.rotation_state import is_stale, second, with_ends
from muster.plan.rotation_times import find_due

_SERVICE_NAMES = re.compile(
    r"^(svc|service|srv|sa|sql|task|backup)[-_.]|[-_.](svc|service)$", re.IGNORECASE
)

IN_TURN = frozenset({Reason.ROTATION_SCHEDULED, Reason.ROTATION_FAILED})
"""How accounts stand that the schedule will rotate."""

MOST_UNKEPT = 3
"""So many passwords of a customer may wait for its vault; then no other is set. A single entry
that was deleted or closed to us stops nobody else."""

Plans = Mapping[AccountId, AccountPlan]


def with_rotations(plans: Plans, kept: Mapping[AccountId, Kept], context: Context) -> Plans:
    """Return the plans with the rotations of this run, and with how the others stand."""
    decided = dict(plans)
    for account, one in kept.items():
        if not one.frozen:
            decided[account] = _plan(one, plans[account], context)
    return decided


def _plan(one: Kept, plan: AccountPlan, context: Context) -> AccountPlan:
    before = one.before.rotation if one.before else NO_ROTATION
    known = with_ends(before, context.job_ends.get(one.identity.id, ()))
    if known == NO_ROTATION and not one.options.rotation:
        return plan  # as are nearly all
    known = replace(known, stale=_is_stale(one, plan, known, context))
    if not one.options.rotation:
        off = replace(known, enabled=False, reason=Reason.ROTATION_OFF, since=None, next=None)
        return _with(plan, off)
    known = replace(known, enabled=True, since=known.since or second(context.now))
    for rule in RULES:
        if (reason := rule(one, plan, context)) is not None:
            enabled = reason is not Reason.ROTATION_SWITCHED_OFF
            return _with(plan, replace(known, enabled=enabled, reason=reason, next=None))
    return _scheduled(one, plan, known, context)


def _is_stale(one: Kept, plan: AccountPlan, known: Rotation, context: Context) -> bool:
    """Say whether somebody else has set a password since, in any directory that shares it."""
    if one.identity.id in context.jobs:
        # What moved a date now may be the password that is being set.
        return known.stale
    return is_stale(known, _changed_at(one)) or _parted(plan, known, context)


def _parted(plan: AccountPlan, known: Rotation, context: Context) -> bool:
    """Say whether a pair that shares one password was given another in Entra."""
    both = len(targets_of(plan.record, context.desired.customer)) > 1
    tenant, paired = context.directories.entra, plan.record.pair.id
    user = tenant.by_id.get(AccountId(paired)) if both and tenant and paired else None
    # The date of our own change in Entra is not kept; it came before the end of the job.
    return user is not None and is_stale(replace(known, changed_at=None), user.password_changed_at)


def _changed_at(one: Kept) -> datetime | None:
    user = one.considered.user
    return user.password_changed_at if user else None


def _scheduled(one: Kept, plan: AccountPlan, known: Rotation, context: Context) -> AccountPlan:
    now = context.now
    due = find_due(one.identity.id, known, one.settings.rotation, now)
    demand = context.desired.demand
    if demand and (not demand.accounts or one.identity.id in demand.accounts):
        return _rotating(one, plan, replace(known, slot=demand.id), Reason.ROTATION_REQUESTED, now)
    if due is None:
        return _with(plan, replace(known, reason=Reason.ROTATION_OFF, next=None))
    if due.is_due(now):
        return _rotating(one, plan, replace(known, slot=due.slot), Reason.ROTATION_DUE, now)
    waits = Reason.ROTATION_FAILED if known.failures else Reason.ROTATION_SCHEDULED
    return _with(plan, replace(known, reason=waits, next=second(due.at)))


def _rotating(
    one: Kept, plan: AccountPlan, known: Rotation, reason: Reason, now: datetime
) -> AccountPlan:
    """Return the plan with a rotation; `next` is the one after it."""
    done = replace(known, last=second(now), failures=0, failed_at=None)
    after = find_due(one.identity.id, done, one.settings.rotation, now)
    rotation = replace(
        known, reason=Reason.ROTATION_SCHEDULED, next=second(after.at) if after else None
    )
    because = one.settings.origin.at("options/rotation")
    target = plan.record.vault.id or ""
    change = change_of(one, System.DIRECTORY, Action.ROTATE, target, reason, because)
    plan = _with(plan, rotation)
    return replace(plan, changes=(*plan.changes, change))


def _with(plan: AccountPlan, rotation: Rotation) -> AccountPlan:
    if plan.record.rotation == rotation:
        return plan
    return replace(plan, record=replace(plan.record, rotation=rotation))


Rule = Callable[[Kept, AccountPlan, Context], Reason | None]


def _switched_off(one: Kept, _plan: AccountPlan, _context: Context) -> Reason | None:
    """A person has decided about this account."""
    off = one.override is not None and not one.override.rotation
    return Reason.ROTATION_SWITCHED_OFF if off else None


def _only_observed(one: Kept, _plan: AccountPlan, _context: Context) -> Reason | None:
    return Reason.OBSERVE_ONLY if one.settings.mode is Mode.OBSERVE else None


def _suspended(one: Kept, _plan: AccountPlan, context: Context) -> Reason | None:
    vault = context.observed.read(Source.VAULT)
    stopped = context.suspended(one.settings) or vault.suspended
    return Reason.SUSPENDED if stopped else None


def _disabled(one: Kept, _plan: AccountPlan, context: Context) -> Reason | None:
    """Nobody uses the password, and to set one may wake the account's owner or its alarms."""
    user = one.considered.user
    expires = user.expires if isinstance(user, DirectoryUser) else None
    gone = user is None or not user.enabled or (expires is not None and expires <= context.now)
    return Reason.ACCOUNT_DISABLED if gone or not one.imported else None


def _synced(one: Kept, plan: AccountPlan, context: Context) -> Reason | None:
    user = one.considered.user
    if isinstance(user, EntraUser) and user.synced:
        return Reason.SYNCED_USER
    return refused_in_entra(plan.record, context.desired.customer)


def _service(one: Kept, _plan: AccountPlan, _context: Context) -> Reason | None:
    if one.settings.rotation.without_dependents:
        return None
    user = one.considered.user
    runs = isinstance(user, DirectoryUser) and user.service_principal
    named = bool(_SERVICE_NAMES.search(one.identity.short_name))
    return Reason.SERVICE_ACCOUNT if runs or named else None


def _unread(_one: Kept, _plan: AccountPlan, context: Context) -> Reason | None:
    """An entry that was not seen in this run may be gone."""
    read = context.observed.read(Source.VAULT)
    return Reason.SOURCE_INCOMPLETE if read.connected and not read.usable else None


def _without_entry(_one: Kept, plan: AccountPlan, context: Context) -> Reason | None:
    entry = entry_of(plan.record, context.desired.customer)
    return None if entry else Reason.NO_ENTRY_FOR_PASSWORD


def _underway(one: Kept, _plan: AccountPlan, context: Context) -> Reason | None:
    return Reason.PASSWORD_UNDERWAY if one.identity.id in context.jobs else None


def _unkept(_one: Kept, _plan: AccountPlan, context: Context) -> Reason | None:
    """A vault that did not take the last passwords would hardly take the next."""
    waiting = [job for job in context.jobs.values() if is_unkept(job)]
    return Reason.PASSWORDS_NOT_KEPT if len(waiting) >= MOST_UNKEPT else None


def is_unkept(job: PasswordJob) -> bool:
    """Say whether the vault has failed to take the password of a job."""
    return job.vault.failures > 0 and job.vault.state is not VaultState.CONFIRMED


RULES: tuple[Rule, ...] = (
    _underway,  # one password at a time
    _switched_off,  # a person's word comes first
    _suspended,  # nothing is begun
    _only_observed,  # nothing is written
    _disabled,  # nobody uses it
    _synced,  # Active Directory would write over it
    _service,  # something else uses it
    _unread,  # where it is to be kept was not seen
    _without_entry,  # it could not be kept
    _unkept,  # others could not
)


_TOLD = {
    Reason.NO_ENTRY_FOR_PASSWORD: "Its password is not rotated, because it could not be kept. ",
    Reason.SERVICE_ACCOUNT: "Its password is not rotated, because it looks like a service account. "
    "Say `dependents: None` in the policy's rotation if nothing else uses the password, or switch "
    "it off with an AccountOverride.",
    Reason.SYNCED_USER: "Its password is not set, because Entra Connect synchronizes the user.",
    Reason.PASSWORDS_NOT_KEPT: "Its password is not rotated while the vault does not take those "
    "that were set before. See what waits with muster passwords, and what the key may do with "
    "muster doctor.",
}


def rotation_findings(
    plans: Plans, kept: Mapping[AccountId, Kept], context: Context
) -> Iterator[Finding]:
    """Yield the accounts whose passwords are not as they should be."""
    for account, one in kept.items():
        record = plans[account].record
        rotation = record.rotation
        message = _TOLD.get(rotation.reason, "")
        if rotation.reason is Reason.NO_ENTRY_FOR_PASSWORD:
            message = "" if _gets_entry(plans[account]) else message + entry_advice(record)
        if message:
            yield _finding(one, rotation.reason, message)
        if rotation.stale:
            yield _finding(one, Reason.PASSWORD_STALE, _stale_text(one, context))
        if rotation.failures:
            yield _finding(one, Reason.ROTATION_FAILED, _failed_text(rotation))


def _gets_entry(plan: AccountPlan) -> bool:
    """Say whether the entry is created in this run, so that nobody has to do anything."""
    return any(one.system is System.VAULT and one.action is Action.CREATE for one in plan.changes)


def _finding(one: Kept, reason: Reason, message: str) -> Finding:
    return Finding(
        reason=reason,
        system=System.DIRECTORY,
        account=one.identity.id,
        user=one.identity.user,
        message=message,
    )


def _stale_text(one: Kept, context: Context) -> str:
    return (
        "Its password was changed by somebody else after Muster had set it, so the vault's entry "
        "is not the live one. Write the present password there, or set a new one: "
        f"muster reset {context.desired.customer.name} {one.identity.user}"
    )


def _failed_text(rotation: Rotation) -> str:
    times = "once" if rotation.failures == 1 else f"{rotation.failures} times in a row"
    return f"Its rotation has failed {times}; the password from before is live. " + (
        rotation.last_error
    )


def only_rotations(plan: CustomerPlan) -> CustomerPlan:
    """Return the part of a plan that rotates; the rest waits for the next run."""
    changes = tuple(one for one in plan.changes if one.action is Action.ROTATE)
    accounts = {one.account for one in changes}
    records = tuple(one for one in plan.records if one.identity.id in accounts)
    digest = digest_changes(plan.customer, changes)
    return replace(plan, changes=changes, records=records, sizes=(), digest=digest)
