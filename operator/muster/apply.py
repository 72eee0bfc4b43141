"""The only writer. It carries out an approved plan and nothing else.

What must not happen twice (a create) is written to the journal before it is sent and
confirmed after. When no answer comes, apply looks before anybody acts again; what it cannot
find stays an open intent, and the next run looks once more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from muster.audit import Effect
from muster.errors import (
    AccessDenied,
    RateLimited,
    Rejected,
    RemoteError,
    SpecError,
)
from muster.mailing import prepare_notice, prepare_welcome
from muster.model.accounts import AccountRecord, Intent, IntentState, Known
from muster.model.mail import MailMessage, notice_of
from muster.model.names import (
    EXTERNAL_ACTIONS,
    AccountId,
    Action,
    CustomerName,
    RemoteId,
    Source,
    System,
)
from muster.model.observed import Observed
from muster.model.plans import Approved, Change, ChangeResult, CustomerPlan, Outcome, Verdict
from muster.model.reasons import Reason
from muster.model.records import ContactChange, ContactDraft, EntryChange, EntryDraft
from muster.model.settings import Desired
from muster.plan.context import is_of_here, place_of
from muster.plan.keys import fold
from muster.plan.rotation_state import not_tried
from muster.plan.settle import settle
from muster.ports import Mailer, Ports
from muster.rotations import rotate

_MOST_FAILURES_IN_A_ROW = 3
"""After so many unanswered writes to one system, the rest of this run leaves it alone."""

_KEPT = frozenset({Action.IMPORT, Action.READOPT, Action.RELEASE})
"""What is recorded although nothing outside changes: whom Muster begins and ceases to keep."""

Tell = Callable[[Change | None], None]
"""Called before each change; what it raises ends the run there, with nothing half-done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a write needs to know beside the plan."""

    desired: Desired
    observed: Observed
    known: Known
    ports: Ports


def apply(verdict: Verdict, scene: Scene, tell: Tell | None = None) -> Outcome:
    """Carry out an approved plan; a refused one writes nothing."""
    if not isinstance(verdict, Approved):
        return Outcome()
    plan = verdict.plan
    # Before the records: what a crash makes us do again is recorded twice, and nothing never.
    scene.ports.audit.note(_effect(one, scene) for one in plan.changes if one.action in _KEPT)
    _save_quiet_records(plan, scene)
    circuit = _Circuit()
    done: dict[Change, ChangeResult] = {}
    by_account = _external_by_account(plan)
    # A create of a record that the plan leaves as it is has its outcome written all the same.
    known = (*scene.known.records, *plan.records)
    records = {record.identity.id: record for record in known}
    for account, changes in by_account.items():
        results: list[ChangeResult] = []
        for place, change in enumerate(changes):
            if tell:
                tell(change)
            so_far = settle(records[account], [*results, *map(_untried, changes[place:])])
            results.append(_on_record(change, so_far, scene, circuit))
        done.update((result.change, result) for result in results)
        scene.ports.registry.save(plan.customer, [settle(records[account], results)])
    _save_grown_sizes(plan, done.values(), scene)
    return Outcome(
        results=tuple(done.get(one) or ChangeResult(change=one, done=True) for one in plan.changes)
    )


def _save_grown_sizes(plan: CustomerPlan, results: Iterable[ChangeResult], scene: Scene) -> None:
    """Count what was created, so that the next run does not find its sources changed by us."""
    created = Counter(
        Source(one.change.system)
        for one in results
        if one.done and one.change.action is Action.CREATE
    )
    if created:
        sizes = [(source, size + created[source]) for source, size in plan.sizes]
        scene.ports.registry.save(plan.customer, (), sizes)


def _untried(change: Change) -> ChangeResult:
    """Return what a change is until it is tried: what is confirmed before it must not claim it."""
    # A mail or a password that was not begun is not in doubt; each has a journal of its own.
    unsettled = change.action not in {Action.SEND, Action.ROTATE}
    problem = "It was not tried yet."
    return ChangeResult(change=change, done=False, unsettled=unsettled, problem=problem)


def save_status(customer: CustomerName, status: dict[str, Any], ports: Ports) -> None:
    """Write what the report says; the registry writes nothing when nothing changed."""
    ports.registry.save(customer, (), status=status)


def _external_by_account(plan: CustomerPlan) -> dict[AccountId, list[Change]]:
    grouped: defaultdict[AccountId, list[Change]] = defaultdict(list)
    for change in plan.changes:
        if change.action in EXTERNAL_ACTIONS:
            grouped[change.account].append(change)
    # A password goes into an entry that is as it should be; people are told when all is done.
    last = (Action.ROTATE, Action.SEND)
    return {
        account: sorted(
            changes, key=lambda one: last.index(one.action) if one.action in last else -1
        )
        for account, changes in grouped.items()
    }


def _save_quiet_records(plan: CustomerPlan, scene: Scene) -> None:
    """Write every record that no outside change can alter, in one transaction."""
    busy = {change.account for change in plan.changes if change.action in EXTERNAL_ACTIONS}
    quiet = [record for record in plan.records if record.identity.id not in busy]
    registry = scene.ports.registry
    if quiet or dict(plan.sizes) != dict(scene.known.sizes):
        registry.save(plan.customer, quiet, plan.sizes)
    records = {record.identity.id: record for record in scene.known.records}
    records.update((record.identity.id, record) for record in plan.records)
    for intent in scene.known.intents:
        record = records.get(intent.account)
        link = record.link(intent.system) if record else None
        if link is None or not is_of_here(intent, scene.desired.customer):
            continue
        followed = link.reason is not Reason.OVERRIDE_INVALID
        if intent.state is IntentState.OPEN and link.id and followed:
            done = replace(intent, state=IntentState.DONE, remote_id=link.id)
            registry.close_intent(done, record if intent.account not in busy else None)


@dataclass(slots=True)
class _Circuit:
    """Which systems this run has given up writing to, and why."""

    open: dict[System, str] = field(default_factory=dict)
    failures: defaultdict[System, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, system: System, error: RemoteError | None) -> None:
        if error is None or isinstance(error, Rejected):
            self.failures[system] = 0
            return
        self.failures[system] += 1
        hopeless = isinstance(error, AccessDenied | RateLimited)
        if hopeless or self.failures[system] >= _MOST_FAILURES_IN_A_ROW:
            self.open[system] = f"Not tried, because an earlier write failed: {error}"

    def note_outcome(self, system: System, result: ChangeResult) -> None:
        """Give up after some in a row that did not end well, each with its own account."""
        self.failures[system] = 0 if result.done else self.failures[system] + 1
        if self.failures[system] >= _MOST_FAILURES_IN_A_ROW:
            last = f"{result.change.user}: {result.problem}"
            self.open[system] = f"Not tried, because earlier ones failed. The last was {last}"


def _on_record(
    change: Change, record: AccountRecord, scene: Scene, circuit: _Circuit
) -> ChangeResult:
    """Carry a change out between two lines of the audit; what is not tried is not recorded."""
    if change.system in circuit.open:
        problem = circuit.open[change.system]
        rotates = change.action is Action.ROTATE
        rotation = not_tried(record.rotation, problem) if rotates else None
        return ChangeResult(change=change, done=False, problem=problem, rotation=rotation)
    audit, effect = scene.ports.audit, _effect(change, scene)
    begun = audit.begin(effect)
    result = _carry_out(change, record, scene, circuit)
    said = "Done" if result.done else "Unknown" if result.unsettled else "Failed"
    made = f"id {result.remote_id}" if result.remote_id and result.done else ""
    audit.end(begun, effect, said, result.problem or made)
    return result


def _effect(change: Change, scene: Scene) -> Effect:
    demand = scene.desired.demand
    return Effect(
        customer=scene.desired.customer.name,
        action=str(change.action),
        subject=" ".join(filter(None, (change.user, change.account, change.target))),
        system=str(change.system),
        reason=f"{change.reason}: {change.because} {demand.reason if demand else ''}".strip(),
        requested_by=demand.requested_by if demand else "",
    )


def _carry_out(
    change: Change, record: AccountRecord, scene: Scene, circuit: _Circuit
) -> ChangeResult:
    if change.action is Action.CREATE:
        return _create(change, record, scene, circuit)
    if change.action is Action.SEND:
        return _send(change, record, scene, circuit)
    if change.action is Action.ROTATE:
        return _rotate(change, record, scene, circuit)
    try:
        with _one_record_only():
            _update(change, scene)
    except RemoteError as error:
        circuit.note(change.system, error)
        return ChangeResult(change=change, done=False, problem=str(error))
    circuit.note(change.system, None)
    return ChangeResult(change=change, done=True, remote_id=RemoteId(change.target))


def _create(change: Change, record: AccountRecord, scene: Scene, circuit: _Circuit) -> ChangeResult:
    """Create a record exactly once: intent, write, confirmation."""
    registry = scene.ports.registry
    intent = _intent(change, scene)
    registry.open_intent(intent)
    problem = ""
    try:
        with _one_record_only():
            remote_id: RemoteId | None = _send_create(change, scene)
        circuit.note(change.system, None)
    except RemoteError as error:
        circuit.note(change.system, error)
        if not error.maybe_applied:
            registry.close_intent(replace(intent, state=IntentState.FAILED))
            return ChangeResult(change=change, done=False, problem=str(error))
        problem = str(error)
        remote_id = _look(change, scene)
    if remote_id is None:
        return ChangeResult(change=change, done=False, unsettled=True, problem=problem)
    result = ChangeResult(change=change, done=True, remote_id=remote_id)
    done = replace(intent, state=IntentState.DONE, remote_id=remote_id)
    registry.close_intent(done, settle(record, [result]))
    return result


def _rotate(change: Change, record: AccountRecord, scene: Scene, circuit: _Circuit) -> ChangeResult:
    result = rotate(change, record, scene.desired, scene.ports)
    circuit.note_outcome(change.system, result)
    return result


def _send(change: Change, record: AccountRecord, scene: Scene, circuit: _Circuit) -> ChangeResult:
    """Send a mail to a person at most once: before it leaves, its record says that it may have."""
    try:
        with _one_record_only():
            mailer, message = _mail(change, record, scene)
        begun = ChangeResult(
            change=change, done=False, unsettled=True, problem="Muster ended while it was sent."
        )
        scene.ports.registry.save(scene.desired.customer.name, [settle(record, [begun])])
        mailer.send(message)
    except RemoteError as error:
        circuit.note(change.system, error)
        return ChangeResult(
            change=change,
            done=False,
            problem=str(error),
            unsettled=error.maybe_applied,
            refused=isinstance(error, Rejected) and not error.maybe_applied,
        )
    circuit.note(change.system, None)
    return ChangeResult(change=change, done=True)


def _mail(change: Change, record: AccountRecord, scene: Scene) -> tuple[Mailer, MailMessage]:
    """Open the mailer and write the mail; nothing was sent when this fails."""
    settings = next(
        source.settings
        for source in scene.desired.sources
        if source.settings.origin.reference == change.policy
    )
    kind = notice_of(change.reason)
    if kind is None:
        return prepare_welcome(record, settings.welcome, scene.desired, scene.ports)
    return prepare_notice(record, kind, settings.welcome, scene.desired, scene.ports)


@contextmanager
def _one_record_only() -> Iterator[None]:
    """Let what an adapter cannot even address count as refused, so that others go on."""
    try:
        yield
    except SpecError as error:
        raise Rejected(str(error)) from error


def _intent(change: Change, scene: Scene) -> Intent:
    customer = scene.desired.customer.name
    mark = change.draft.mark if isinstance(change.draft, EntryDraft) else change.target
    return Intent(
        id=_open_id(change, scene) or f"{customer}/{change.account}/{change.system}/{uuid4().hex}",
        customer=customer,
        account=change.account,
        system=change.system,
        action=change.action,
        mark=mark,
        opened_at=scene.ports.clock(),
        place=place_of(change.system, scene.desired.customer),
    )


def _open_id(change: Change, scene: Scene) -> str:
    """Return the id of the intent that this create repeats; an ended one is never used again."""
    waiting = (
        intent.id
        for intent in scene.known.intents
        if intent.state is IntentState.OPEN
        and (intent.account, intent.system) == (change.account, change.system)
        and is_of_here(intent, scene.desired.customer)
    )
    return next(waiting, "")


def _send_create(change: Change, scene: Scene) -> RemoteId:
    ports, customer = scene.ports, scene.desired.customer
    match change.draft:
        case EntryDraft() as draft if ports.vault and customer.vault:
            return ports.vault.create_entry(customer.vault.organization_id, draft)
        case ContactDraft() as draft if ports.psa and customer.psa:
            return ports.psa.create_contact(customer.psa.company_id, draft)
    raise AssertionError(f"a create without a draft or a system: {change}")


def _look(change: Change, scene: Scene) -> RemoteId | None:
    """Look for the record of an unanswered create; None when it cannot be found now."""
    ports, customer = scene.ports, scene.desired.customer
    found: list[RemoteId] = []
    try:
        match change.draft:
            case EntryDraft(mark=mark) if ports.vault and customer.vault:
                entries = ports.vault.list_entries(customer.vault.organization_id)
                seen = {entry.id for entry in scene.observed.entries}
                found = [one.id for one in entries if one.mark == mark and one.id not in seen]
            case ContactDraft(email=email) if ports.psa and customer.psa:
                contacts = ports.psa.list_contacts(customer.psa.company_id)
                seen = {contact.id for contact in scene.observed.contacts}
                found = [
                    contact.id
                    for contact in contacts
                    if contact.id not in seen
                    and fold(email) in (fold(one.address) for one in contact.emails)
                ]
    except RemoteError:
        return None
    return found[0] if len(found) == 1 else None


def _update(change: Change, scene: Scene) -> None:
    ports, customer = scene.ports, scene.desired.customer
    match change.draft:
        case EntryChange() as draft if ports.vault and customer.vault:
            target = RemoteId(change.target)
            ports.vault.update_entry(customer.vault.organization_id, target, draft)
        case ContactChange() as draft if ports.psa and customer.psa:
            contacts = {contact.id: contact for contact in scene.observed.contacts}
            contact = contacts[RemoteId(change.target)]
            ports.psa.update_contact(customer.psa.company_id, contact, draft)
        case _:
            raise AssertionError(f"an update without a draft or a system: {change}")
