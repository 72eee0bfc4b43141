"""Follows an edit: somebody set a password in an entry, and its account gets the same one.

What is told from outside is only where to look. The vault itself says when the entry's password
was set; what is older than the directory's own change, was followed before, or was written by
Muster, has no effect. So a repeated or forged notice costs one read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from muster.audit import Effect
from muster.errors import PasswordRefused, RemoteError, SpecError
from muster.model.accounts import AccountRecord, Known
from muster.model.connections import Integration
from muster.model.names import Mode, RemoteId
from muster.model.passwords import JobKind, JobState, Proof
from muster.model.secret import Secret
from muster.model.settings import Desired
from muster.passwords.carry_out import JobRequest, start
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
    """Another password of the account is being set; look again later."""


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
    if found is None:
        return Followed(state=FollowState.NOTHING_NEW, message=f"{user}: nothing new.")
    return _set(found, record, desired, ports)


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


def _look(
    edited: Edited, record: AccountRecord, known: Known, scene: tuple[Desired, Ports]
) -> PasswordOrder | None:
    """Return what an edit asks for; None where it asks for nothing new."""
    ports = scene[1]
    vault: object = ports.vault
    if not isinstance(vault, FollowsEdits):
        return None
    edit = vault.find_edit(edited.organization, edited.entry)
    if edit is None or _is_old(edit, record, known, ports):
        return None
    password = _read(edited, edit, record, ports)
    if password is None or _is_ours(edit, password, record, known, scene):
        return None
    return _order(edited, edit, password)


def _is_old(edit: PasswordEdit, record: AccountRecord, known: Known, ports: Ports) -> bool:
    """Say whether an edit was told late, or had its effect already."""
    if edit.at < ports.clock() - OLDEST:
        return True
    ends = [end for end in known.job_ends if end.account == record.identity.id]
    told = edit_job(record.vault.id or RemoteId(""), edit.at)
    return any(end.id == told or (end.was_set and edit.at < end.ended_at - _SKEW) for end in ends)


def _read(edited: Edited, edit: PasswordEdit, record: AccountRecord, ports: Ports) -> Secret | None:
    """Read the password from the vault, on the record."""
    effect = Effect(
        customer=record.customer,
        action="ReadPassword",
        subject=f"{record.identity.user} {record.identity.id} {edited.entry}",
        system="vault",
        reason="options.vault.followEdits",
        requested_by=_by(edited, edit),
    )
    begun = ports.audit.begin(effect)
    try:
        vault = ports.vault
        password = vault.read_password(edited.organization, edited.entry) if vault else None
    except RemoteError as error:
        ports.audit.end(begun, effect, "Failed", str(error))
        raise
    ports.audit.end(begun, effect, "Done")
    return password


def _is_ours(
    edit: PasswordEdit,
    password: Secret,
    record: AccountRecord,
    known: Known,
    scene: tuple[Desired, Ports],
) -> bool:
    """Say whether the directory has the password already, or has a younger one.

    A password that Muster itself wrote is told by the vault as well. Only next to such a write is
    it tried out, because a wrong attempt counts towards lockout.
    """
    desired, ports = scene
    kind, account = targets_of(record, desired.customer)[0]
    directory = hands_of(desired, ports, strict=True).directories.get(kind)
    if directory is None:
        raise SpecError((f"{record.identity.user}: {kind} is not connected.",))
    changed = directory.read_password_state(account).changed_at
    if changed is not None and edit.at < changed - _SKEW:
        return True
    near = any(
        end.account == record.identity.id and end.was_set and edit.at <= end.ended_at + _SKEW
        for end in known.job_ends
    )
    if not near:
        return False
    return directory.proves_by is not Proof.BIND or directory.prove(account, password)


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
    end = Finished(state=JobState.REFUSED, problem=problem)
    ports.registry.close_job(conclude(job, end, ports.clock()))


def _by(edited: Edited, edit: PasswordEdit) -> str:
    return f"{edited.integration} {edit.by}".strip()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
