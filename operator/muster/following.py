"""Follows an edit: somebody set a password in an entry, and its account gets the same one.

What is told from outside is only where to look. The vault itself says when the entry's password
was set; what is older than the directory's own change, was followed before, or was written by
Muster, has no effect. So a repeated or forged notice costs one read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from muster.audit import Effect
from muster.errors import PasswordRefused, RemoteError, SpecError, Untold
from muster.model.accounts import AccountRecord, Known
from muster.model.causes import Cause
from muster.model.connections import Integration
from muster.model.names import Mode, RemoteId
from muster.model.passwords import JobKind, JobState, Proof, Target
from muster.model.secret import Secret
from muster.model.settings import Desired
from muster.passwords.carry_out import JobRequest, start
from muster.passwords.patience import LAG, proofs_left
from muster.passwords.protocol import conclude
from muster.passwords.steps import Finished
from muster.plan.edits import edit_job
from muster.plan.password_targets import entry_of, targets_of
from muster.ports import FollowsEdits, PasswordEdit, Ports
from muster.rotations import PasswordOrder, hands_of, set_password

OLDEST = timedelta(hours=24)
"""An edit that is older was not told in time; it takes another edit, or `muster reset`."""

_SKEW = timedelta(minutes=1)
"""How far the clocks of the vault and of Muster may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Somebody says that an entry was edited."""

    integration: str
    organization: RemoteId
    entry: RemoteId


class FollowState(StrEnum):
    """What became of a notice."""

    FOLLOWED = "Followed"
    """The directory has the password, or gets it as soon as it answers."""
    REFUSED = "Refused"
    """The directory's rules refuse it; a finding says so."""
    NOT_OURS = "NotOurs"
    """No kept account has this entry."""
    NOT_WANTED = "NotWanted"
    """The policy does not follow edits, observes, or is suspended."""
    NOTHING_NEW = "NothingNew"
    """The edit is Muster's own, was followed, or is older than the directory's password."""
    UNDERWAY = "Underway"
    """A password of the account is being set, or may still settle; look again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a notice, in a word and a sentence."""

    state: FollowState
    message: str


def follow_edit(edited: Edited, desired: Desired, ports: Ports) -> Followed:
    """Set the password that somebody set in an entry, where the policy wants that.

    Raises:
        RemoteError: a system did not answer; nothing was changed, look again later.
        SpecError: a secret or a directory is missing, or the password cannot be kept.
        StateError: the registry or the audit cannot be written; nothing is done unrecorded.
    """
    known = ports.registry.load(desired.customer.name)
    record = _holder(edited, desired, known)
    if record is None:
        return Followed(state=FollowState.NOT_OURS, message="No account has this entry.")
    user = record.identity.user
    if reason := _unwanted(record, desired):
        return Followed(state=FollowState.NOT_WANTED, message=f"{user}: {reason}")
    if any(job.account == record.identity.id for job in known.jobs):
        return Followed(state=FollowState.UNDERWAY, message=f"{user}: a password is being set.")
    found = _look(edited, record, known, (desired, ports))
    match found:
        case PasswordOrder():
            return _set(found, record, desired, ports)
        case FollowState.UNDERWAY:
            return Followed(state=found, message=f"{user}: the last password may still settle.")
        case _:
            return Followed(state=found, message=f"{user}: nothing new.")


def _holder(edited: Edited, desired: Desired, known: Known) -> AccountRecord | None:
    """Return the one account that keeps its password in the entry."""
    customer = desired.customer.vault
    here = customer is not None and (
        (customer.integration, customer.organization_id)
        == (edited.integration, edited.organization)
    )
    found = [
        record
        for record in known.records
        if here and record.live and entry_of(record, desired.customer) == edited.entry
    ]
    return found[0] if len(found) == 1 else None


def _unwanted(record: AccountRecord, desired: Desired) -> str:
    """Return why edits of an account are not followed; empty when they are."""
    policy = record.imported_with.policy
    settings = next(
        (one.settings for one in desired.sources if one.settings.origin.reference == policy), None
    )
    if settings is None:
        return "its policy is gone."
    # Both, so that switching it off takes effect at once, and `applyTo: NewOnly` holds.
    ways = (settings.options.vault.follow_edits, record.imported_with.options.vault.follow_edits)
    if not all(ways):
        return "options.vault.followEdits is off."
    if settings.mode is not Mode.ENFORCE:
        return "its policy observes."
    vault: Integration | None = desired.vault
    if desired.suspended or settings.suspend or (vault and vault.suspend):
        return "it is suspended."
    return "" if record.leaving_since is None else "it has left the selection."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An edit as the vault tells it, and whose entry it is."""

    edited: Edited
    edit: PasswordEdit
    record: AccountRecord
    known: Known


def _look(
    edited: Edited, record: AccountRecord, known: Known, scene: tuple[Desired, Ports]
) -> PasswordOrder | FollowState:
    """Return what an edit asks for, or why it asks for nothing now."""
    ports = scene[1]
    vault: object = ports.vault
    edit = (
        vault.find_edit(edited.organization, edited.entry)
        if isinstance(vault, FollowsEdits)
        else None
    )
    if edit is None or _is_old(edit, record, known, ports):
        return FollowState.NOTHING_NEW
    told = _Told(edited=edited, edit=edit, record=record, known=known)
    password = _read(told, ports)
    if password is None:
        return FollowState.NOTHING_NEW
    try:
        standing = _known_already(told, password, scene)
    except Untold:
        # Left open, as where nothing proves: beside Muster's own write it counts as that.
        standing = FollowState.NOTHING_NEW
    return standing or _order(edited, edit, password)


def _is_old(edit: PasswordEdit, record: AccountRecord, known: Known, ports: Ports) -> bool:
    """Say whether an edit was told late, or had its effect already."""
    if edit.at < ports.clock() - OLDEST:
        return True
    ends = [end for end in known.job_ends if end.account == record.identity.id]
    told = edit_job(record.vault.id or RemoteId(""), edit.at)
    return any(end.id == told or (end.was_set and edit.at < end.ended_at - _SKEW) for end in ends)


def _read(told: _Told, ports: Ports) -> Secret | None:
    """Read the password from the vault, on the record."""
    vault, edited = ports.vault, told.edited
    with _recorded(told, "ReadPassword", "vault", ports):
        return vault.read_password(edited.organization, edited.entry) if vault else None


@contextmanager
def _recorded(told: _Told, action: str, system: str, ports: Ports) -> Iterator[None]:
    effect = Effect(
        customer=told.record.customer,
        action=action,
        subject=f"{told.record.identity.user} {told.record.identity.id} {told.edited.entry}",
        system=system,
        reason="options.vault.followEdits",
        requested_by=_by(told.edited, told.edit),
    )
    begun = ports.audit.begin(effect)
    try:
        yield
    except RemoteError as error:
        word = "Unknown" if isinstance(error, Untold) else "Failed"
        ports.audit.end(begun, effect, word, str(error))
        raise
    ports.audit.end(begun, effect, "Done")


def _known_already(
    told: _Told, password: Secret, scene: tuple[Desired, Ports]
) -> FollowState | None:
    """Return why nothing is set now; None where the directory is to get the password.

    A password that Muster itself wrote is told by the vault as well. Only next to such a write is
    it tried out, because a wrong attempt counts towards lockout.
    """
    desired, ports = scene
    kind, account = targets_of(told.record, desired.customer)[0]
    directory = hands_of(desired, ports, strict=True).directories.get(kind)
    if directory is None:
        raise SpecError((f"{told.record.identity.user}: {kind} is not connected.",))
    state = directory.read_password_state(account)
    if state.changed_at is not None and told.edit.at < state.changed_at - _SKEW:
        return FollowState.NOTHING_NEW
    ended_at = _end_beside(told)
    if ended_at is None:
        return None
    if directory.proves_by is Proof.CHANGE_DATE:
        return FollowState.NOTHING_NEW
    target = Target(system=kind, account=account, proves_by=directory.proves_by)
    if not proofs_left(target, state, directory.read_policy(account)):
        return FollowState.UNDERWAY
    with _recorded(told, "ProvePassword", str(kind), ports):
        live = directory.prove(account, password)
    return FollowState.NOTHING_NEW if live else _after_no(target, ended_at, ports.clock())


def _after_no(target: Target, ended_at: datetime, now: datetime) -> FollowState | None:
    """Return what a refusal means: Entra's sign-in may lag behind, and takes it later."""
    lags = target.proves_by is Proof.TOKEN_REQUEST and now < ended_at + LAG
    return FollowState.UNDERWAY if lags else None


def _end_beside(told: _Told) -> datetime | None:
    """Return when Muster last set a password, where the edit may be its own write."""
    ends = (
        end.ended_at
        for end in told.known.job_ends
        if end.account == told.record.identity.id and end.was_set
    )
    return max((end for end in ends if told.edit.at <= end + _SKEW), default=None)


def _order(edited: Edited, edit: PasswordEdit, password: Secret) -> PasswordOrder:
    return PasswordOrder(
        kind=JobKind.RESET,
        id=edit_job(edited.entry, edit.at),
        requested_by=_by(edited, edit),
        reason=f"entry {edited.entry} was edited at {_text(edit.at)}",
        typed=password,
    )


def _set(order: PasswordOrder, record: AccountRecord, desired: Desired, ports: Ports) -> Followed:
    user = record.identity.user
    try:
        job = set_password(order, record, desired, ports)
    except PasswordRefused as refused:
        _remember_refusal(order, record, desired, ports, str(refused))
        return Followed(state=FollowState.REFUSED, message=f"{user}: {refused}")
    if job.state in (JobState.REFUSED, JobState.FAILED):
        return Followed(state=FollowState.REFUSED, message=f"{user}: {job.problem}")
    return Followed(state=FollowState.FOLLOWED, message=f"{user}: password job {job.id}.")


def _remember_refusal(
    order: PasswordOrder, record: AccountRecord, desired: Desired, ports: Ports, problem: str
) -> None:
    """Keep a job that ended before it began: it becomes a finding, and is not tried again."""
    entry = entry_of(record, desired.customer)
    if entry is None or order.typed is None:
        return
    request = JobRequest(
        id=order.id,
        customer=desired.customer.name,
        account=record.identity.id,
        kind=order.kind,
        requested_by=order.requested_by,
        reason=order.reason,
        accounts=targets_of(record, desired.customer),
        entry=entry,
    )
    job = start(request, order.typed, hands_of(desired, ports, strict=True))
    end = Finished(state=JobState.REFUSED, problem=problem, cause=Cause.PASSWORD_REFUSED)
    ports.registry.close_job(conclude(job, end, ports.clock()))


def _by(edited: Edited, edit: PasswordEdit) -> str:
    return f"{edited.integration} {edit.by}".strip()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
