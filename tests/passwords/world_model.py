"""A model of the world around a password job, in which everything that can go wrong does.

A node is the world, the job as the journal holds it, the time, and how much may still go wrong.
`neighbours` yields every node that may come next: the process dies before or after an effect,
an answer is lost, an effect comes late, a replica lags, somebody else sets a password. A process
holds nothing that the journal does not, so a crash is a step without an event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from muster.model.names import AccountId, CustomerName, DirectoryKind, RemoteId
from muster.model.passwords import (
    JobKind,
    JobState,
    PasswordJob,
    PasswordPolicy,
    PasswordState,
    Proof,
    Target,
    TargetState,
    VaultState,
    VaultTarget,
    end_of,
    refusal_to_open,
)
from muster.passwords import protocol
from muster.passwords.patience import (
    LAG,
    PATIENCE,
    SETTLE,
    SPARE_ATTEMPTS,
    START_WITHIN,
    may_be_our_change,
)
from muster.passwords.protocol import Settlement
from muster.passwords.steps import (
    Answered,
    CallPerson,
    Command,
    Denied,
    Done,
    Event,
    Finished,
    Look,
    Looked,
    Missing,
    NoAnswer,
    NotSent,
    NotTold,
    Prove,
    ReadEntry,
    RefusedByPolicy,
    SetPassword,
    Wait,
    WriteEntry,
)
from muster.report.password_jobs import whereabouts

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
BORN = START - timedelta(days=90)
OLD_PASSWORD = timedelta(hours=1)
PATIENT = 4
"""After so many failures in a row the model tries no more, and time passes to the limit."""
OLD, OURS, THEIRS = "old", "ours", "theirs"

POLICY_NO = RefusedByPolicy(code="0000052D", problem="too short")
GONE = Missing(problem="gone")
NO_RIGHT = Denied(problem="no right")
DOWN = NotSent(problem="down")
SILENT = NoAnswer(problem="silent")
LEFT_OPEN = NotTold(problem="a second factor is asked for")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One directory: which password is live, and what a lagging replica still shows."""

    live: str = OLD
    changed_at: datetime | None = BORN
    must_change: bool = False
    before: tuple[datetime | None, bool] = (BORN, False)
    moved_at: datetime = BORN
    former: str = OLD
    """What a domain controller still accepts for an hour beside the live one."""
    late_until: datetime | None = None
    """A request of ours is under way, and may take effect until then."""
    ever_ours: bool = False
    wrong: int = 0
    seen_theirs: bool = False
    """Whether the last look showed the date of another's change."""
    proved_theirs: bool = False
    """Whether our password was accepted although that was seen."""

    def set(self, live: str, now: datetime, *, must_change: bool, number: int) -> House:
        """Return the house with another password, at a time of its own."""
        return replace(
            self,
            live=live,
            # In Active Directory `must change` takes the place of the date.
            changed_at=None if must_change else now + timedelta(microseconds=number),
            must_change=must_change,
            before=(self.changed_at, self.must_change),
            moved_at=now,
            former=self.live,
            seen_theirs=False,
            ever_ours=self.ever_ours or live == OURS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One moment."""

    job: PasswordJob
    houses: tuple[House, ...]
    entry: str = OLD
    entry_gone: bool = False
    proven: bool = False
    """Whether some directory had our password before the entry got it."""
    now: datetime = START
    faults: int
    strangers: int
    changes: int = 0
    hurry: int = 0
    """How many steps came since time last passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is explored, and how much may go wrong in it."""

    name: str
    targets: int = 1
    threshold: int = 0
    must_change: bool = False
    date_only: bool = False
    tokens: bool = False
    """Entra proves by a token request; where it stands alone, it is the only directory."""
    faults: int = 2
    strangers: int = 1

    @property
    def policy(self) -> PasswordPolicy:
        """The rules of the directories."""
        return PasswordPolicy(lockout_threshold=self.threshold)

    def start(self) -> Node:
        """Return the first moment: the job is in the journal, and nothing was sent."""
        job = PasswordJob(
            id="job-1",
            customer=CustomerName("contoso"),
            account=AccountId("a-1"),
            kind=JobKind.ROTATION,
            slot="2026-11-21",
            must_change=self.must_change,
            targets=tuple(
                Target(system=kind, account=AccountId("a-1"), proves_by=proof)
                for kind, proof in self._directories
            ),
            vault=VaultTarget(place="it-glue/1", entry=RemoteId("9")),
            sealed="sealed",
            opened_at=START,
            deadline=START + PATIENCE,
        )
        houses = tuple(House() for _ in self._directories)
        return Node(job=job, houses=houses, faults=self.faults, strangers=self.strangers)

    @property
    def _directories(self) -> tuple[tuple[DirectoryKind, Proof], ...]:
        """The directories of the job, and how each proves."""
        by_date = (DirectoryKind.ENTRA, Proof.CHANGE_DATE)
        entra = (DirectoryKind.ENTRA, Proof.TOKEN_REQUEST) if self.tokens else by_date
        if self.tokens and self.targets == 1:
            return (entra,)
        proof = Proof.CHANGE_DATE if self.date_only else Proof.BIND
        return ((DirectoryKind.ACTIVE_DIRECTORY, proof), entra)[: self.targets]


@dataclass(frozen=True, slots=True)
class Machine:
    """The protocol under test; a mutant replaces one of its functions."""

    next_step: Callable[[PasswordJob, datetime], Command | Wait | Finished] = protocol.next_step
    begin: Callable[[PasswordJob, Command, datetime], PasswordJob] = protocol.begin
    advance: Callable[[PasswordJob, Command, Event, datetime], PasswordJob] = protocol.advance
    conclude: Callable[[PasswordJob, Finished, datetime], PasswordJob] = protocol.conclude


@dataclass(slots=True)
class Explored:
    """What an exploration found."""

    states: int = 0
    ends: dict[JobState, int] = field(default_factory=dict)
    transitions: int = 0


class Broken(AssertionError):
    """An invariant does not hold; the text tells how the node was reached."""


def explore(scenario: Scenario, machine: Machine | None = None) -> Explored:
    """Visit every node breadth-first; raises Broken at the first that breaks an invariant."""
    machine = machine or Machine()
    first = scenario.start()
    came_from: dict[Any, tuple[Any, str]] = {_key(first): (None, "start")}
    waiting = deque([first])
    found = Explored()
    while waiting:
        node = waiting.popleft()
        found.states += 1
        problem = _broken(node, scenario, machine)
        if problem:
            raise Broken(f"{scenario.name}: {problem}\n{_story(node, came_from)}")
        if node.job.ended_at or node.job.state is JobState.NEEDS_PERSON:
            state = node.job.state
            found.ends[state] = found.ends.get(state, 0) + 1
        for label, following in _neighbours(node, scenario, machine):
            found.transitions += 1
            key = _key(following)
            if key not in came_from:
                came_from[key] = (_key(node), label)
                waiting.append(following)
    return found


# ---------------------------------------------------------------- what may come next


def _neighbours(node: Node, scenario: Scenario, machine: Machine) -> Iterator[tuple[str, Node]]:
    yield from _by_others(node)
    match machine.next_step(node.job, node.now):
        case Finished() as end if node.job.ended_at is None:
            yield f"end {end.state}", replace(node, job=machine.conclude(node.job, end, node.now))
        case Wait(until=until) if until is not None:
            failures = (*(one.failures for one in node.job.targets), node.job.vault.failures)
            if max(failures) < PATIENT:
                yield f"wait until {until}", _at(node, until)
            # All tries until then fail as the last one did.
            for limit in (node.job.opened_at + START_WITHIN, node.job.deadline):
                if limit > node.now:
                    yield f"nothing works until {limit}", _at(node, limit)
        case Wait() if node.faults:
            # Only a person can go on, and may decide anything but to give up.
            for choice in (Settlement.LOOK_AGAIN, Settlement.SET_AGAIN):
                job = protocol.settle(node.job, choice, node.now)
                yield f"settled: {choice}", replace(node, job=job, faults=node.faults - 1)
        case Finished() | Wait():
            return
        case command:
            yield from _carried_out(node, command, scenario, machine)


def _at(node: Node, now: datetime) -> Node:
    houses = tuple(
        replace(house, late_until=None) if house.late_until and house.late_until <= now else house
        for house in node.houses
    )
    return replace(node, now=now, houses=houses, hurry=0)


def _by_others(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield what happens without us: somebody sets a password, a late request takes effect."""
    for place, house in enumerate(node.houses):
        if house.late_until:
            late = replace(house, late_until=None)
            yield f"late effect in {place}", _set(node, place, late, OURS)
        if node.strangers and not node.job.ended_at:
            fewer = replace(node, strangers=node.strangers - 1)
            yield f"somebody sets {place}", _set(fewer, place, house, THEIRS)
    # What a person does to an entry that was confirmed is the person's business.
    confirmed = node.job.vault.state is VaultState.CONFIRMED
    if node.strangers and node.entry == OURS and not confirmed:
        yield (
            "somebody edits the entry",
            replace(node, strangers=node.strangers - 1, entry=THEIRS),
        )


def _set(node: Node, place: int, house: House, live: str) -> Node:
    # Entra shows its date all the same.
    hides = node.job.targets[place].proves_by is Proof.BIND
    must_change = node.job.must_change and live == OURS and hides
    changes = node.changes + 1
    changed = house.set(live, node.now, must_change=must_change, number=changes)
    return _with_house(replace(node, changes=changes), place, changed)


def _with_house(node: Node, place: int, house: House) -> Node:
    return replace(node, houses=(*node.houses[:place], house, *node.houses[place + 1 :]))


def _carried_out(
    node: Node, command: Command, scenario: Scenario, machine: Machine
) -> Iterator[tuple[str, Node]]:
    begun = replace(node, job=machine.begin(node.job, command, node.now), hurry=node.hurry + 1)
    name = type(command).__name__
    if begun.job != node.job and node.faults:
        yield f"{name}: crash before the effect", replace(begun, faults=node.faults - 1)
    for label, cost, outcome, event in _outcomes(begun, command, scenario):
        if cost > node.faults:
            continue
        after = replace(outcome, faults=node.faults - cost)
        job = machine.advance(after.job, command, event, after.now)
        yield f"{name}: {label}", replace(after, job=job)
        if after.faults and (after.houses, after.entry) != (node.houses, node.entry):
            yield f"{name}: {label}, then a crash", replace(after, faults=after.faults - 1)


Outcome = tuple[str, int, Node, Event]


def _outcomes(node: Node, command: Command, scenario: Scenario) -> Iterator[Outcome]:
    """Yield how a command may end: what happened, how many faults that takes, and the answer."""
    match command:
        case Look(system=system):
            yield from _looks(node, _place(node, system), scenario)
        case SetPassword(system=system):
            yield from _sets(node, _place(node, system))
        case Prove(system=system):
            yield from _proofs(node, _place(node, system))
        case WriteEntry():
            yield from _writes(node)
        case ReadEntry():
            yield from _reads(node)
        case CallPerson():
            yield "called", 0, node, Done()


def _place(node: Node, system: DirectoryKind) -> int:
    return next(n for n, target in enumerate(node.job.targets) if target.system is system)


def _looks(node: Node, place: int, scenario: Scenario) -> Iterator[Outcome]:
    house = node.houses[place]
    for stale in (False, True):
        changed_at, must_change = house.before if stale else (house.changed_at, house.must_change)
        state = PasswordState(
            changed_at=changed_at, must_change=must_change, failed_attempts=house.wrong
        )
        theirs = house.live == THEIRS and not stale
        seen = _with_house(node, place, replace(house, seen_theirs=theirs))
        looked = Looked(state=state, policy=scenario.policy)
        yield "old state" if stale else "looked", int(stale), seen, looked
    yield "down", 1, node, DOWN
    yield "denied", 1, node, NO_RIGHT
    yield "gone", 1, node, GONE


def _sets(node: Node, place: int) -> Iterator[Outcome]:
    house = node.houses[place]
    took = _set(node, place, house, OURS)
    late = _with_house(node, place, replace(house, late_until=node.now + SETTLE))
    yield "done", 0, took, Done()
    yield "lost answer", 1, took, SILENT
    yield "lost request", 1, node, SILENT
    yield "late request", 1, late, SILENT
    yield "down", 1, node, DOWN
    yield "policy", 1, node, POLICY_NO
    yield "denied", 1, node, NO_RIGHT
    yield "gone", 1, node, GONE


def _proofs(node: Node, place: int) -> Iterator[Outcome]:
    house = node.houses[place]
    counted = _with_house(node, place, replace(house, wrong=house.wrong + 1))
    by_token = node.job.targets[place].proves_by is Proof.TOKEN_REQUEST
    former = house.former == OURS and node.now - house.moved_at < OLD_PASSWORD and not by_token
    right = house.live == OURS or former
    clear = (
        house.seen_theirs
        and house.changed_at is not None
        and not may_be_our_change(node.job.targets[place], house.changed_at)
    )
    fooled = _with_house(node, place, replace(house, proved_theirs=clear))
    yield "asked", 0, fooled if right else counted, Answered(yes=right)
    if house.live == OURS and node.now - house.moved_at < LAG:
        yield "not yet", 1, counted, Answered(yes=False)
    yield "lost answer", 1, node if right else counted, SILENT
    yield "down", 1, node, DOWN
    if by_token:
        yield "left open", 1, node if right else counted, LEFT_OPEN


def _writes(node: Node) -> Iterator[Outcome]:
    if node.entry_gone:
        yield "gone", 0, node, GONE
        return
    took = replace(node, entry=OURS, proven=any(house.ever_ours for house in node.houses))
    yield "done", 0, took, Done()
    yield "lost answer", 1, took, SILENT
    yield "lost request", 1, node, SILENT
    yield "down", 1, node, DOWN
    yield "denied", 1, node, NO_RIGHT
    yield "deleted", 1, replace(node, entry_gone=True, entry=OLD), GONE


def _reads(node: Node) -> Iterator[Outcome]:
    if node.entry_gone:
        yield "gone", 0, node, GONE
        return
    yield "read", 0, node, Answered(yes=node.entry == OURS)
    if node.entry == OURS:
        yield "old entry", 1, node, Answered(yes=False)
    yield "down", 1, node, DOWN
    yield "denied", 1, node, NO_RIGHT


# ---------------------------------------------------------------- what must always hold


def _broken(node: Node, scenario: Scenario, machine: Machine) -> str:
    """Return which invariant a node breaks; empty when all hold."""
    checks = (
        _loses_a_password(node),
        _may_lock_out(node, scenario),
        _writes_what_was_never_live(node),
        _trusts_a_former_password(node),
        _misnames_its_proof(node),
        _may_rotate_twice(node, scenario),
        _ends_wrongly(node),
        _waits_for_ever(node, machine),
    )
    return next(filter(None, checks), "")


def _loses_a_password(node: Node) -> str:
    told = whereabouts(node.job)
    for target, house in zip(node.job.targets, node.houses, strict=True):
        live = house.live == OURS
        if not (live or house.late_until) or node.entry == OURS:
            continue
        if node.job.ended_at or not node.job.sealed or told is None:
            return f"{target.system} has, or may still get, a password that no store holds"
        if live and target.system not in (*told.live, *told.perhaps_live):
            return f"no finding says that the sealed password is live in {target.system}"
        if told.in_entry:
            return "the finding says that the entry has the password, and it has not"
    return ""


def _may_lock_out(node: Node, scenario: Scenario) -> str:
    limit = scenario.threshold - SPARE_ATTEMPTS
    worst = max(house.wrong for house in node.houses)
    if scenario.threshold and worst > max(limit, 0):
        return f"{worst} wrong sign-ins, where {scenario.threshold} lock the account"
    return ""


def _writes_what_was_never_live(node: Node) -> str:
    if node.entry == OURS and not node.proven:
        return "the entry got a password that no directory had"
    return ""


def _trusts_a_former_password(node: Node) -> str:
    """Where the date shows another's change, a sign-in with the former password is no proof."""
    for target, house in zip(node.job.targets, node.houses, strict=True):
        by_bind = target.state is TargetState.PROVED and target.proof is Proof.BIND
        if by_bind and house.proved_theirs:
            return f"{target.system} is called proved by a password that is live no more"
    return ""


def _misnames_its_proof(node: Node) -> str:
    """What a token request left open is known by the date, unless one was refused."""
    for target, house in zip(node.job.targets, node.houses, strict=True):
        if target.proof is Proof.TOKEN_REQUEST and target.proves_by is not Proof.TOKEN_REQUEST:
            return f"{target.system} is called proved by a token request that told nothing"
        if target.proof is Proof.TOKEN_REQUEST and not house.ever_ours:
            return f"{target.system} is called proved, and never had the password"
    return ""


def _may_rotate_twice(node: Node, scenario: Scenario) -> str:
    if node.job.ended_at is None:
        known: tuple[tuple[PasswordJob, ...], tuple[Any, ...]] = ((node.job,), ())
    else:
        known = (), (end_of(node.job),)
    again = replace(scenario.start().job, id="job-2")
    allowed = not refusal_to_open(again, *known)
    if allowed and (node.job.ended_at is None or any(house.ever_ours for house in node.houses)):
        return "a second job for the same due date may be opened"
    return ""


def _ends_wrongly(node: Node) -> str:
    job, ours = node.job, [house.ever_ours for house in node.houses]
    if job.ended_at is None:
        return ""
    if job.sealed:
        return "the job is over and still holds its password"
    if job.state is JobState.CONFIRMED and not all(ours):
        return "it is called confirmed, and a directory never had the password"
    if job.state in {JobState.REFUSED, JobState.FAILED} and (any(ours) or node.entry == OURS):
        return "it is said that nothing was changed, and something was"
    return ""


def _waits_for_ever(node: Node, machine: Machine) -> str:
    step = machine.next_step(node.job, node.now)
    if node.hurry > 40:
        return "it goes round in a circle"
    if isinstance(step, Wait):
        if step.until is None and not (
            node.job.state is JobState.NEEDS_PERSON and node.job.problem
        ):
            return "it waits without a deadline and calls nobody"
        if step.until is not None and not node.now < step.until <= node.job.deadline:
            return f"it waits until {step.until}"
    return ""


# ---------------------------------------------------------------- bookkeeping


def _key(node: Node) -> Any:
    """Return what tells nodes apart: times count from now, and sentences do not matter."""
    now, job = node.now, node.job

    def ago(time: datetime | None) -> float | None:
        return None if time is None else max((time - now).total_seconds(), -600_000.0)

    targets = tuple(
        (
            one.state,
            ago(one.baseline),
            one.attempts,
            ago(one.first_sent_at),
            ago(one.sent_at),
            ago(one.doubt_at),
            ago(one.accepted_at),
            ago(one.changed_at),
            one.barred,
            one.proofs_left,
            one.wrong_proofs,
            ago(one.disproved_at),
            one.failures,
            ago(one.next_try_at),
            one.proves_by,
        )
        for one in job.targets
    )
    houses = tuple(
        (
            one.live,
            ago(one.changed_at),
            one.must_change,
            ago(one.before[0]),
            one.before[1],
            ago(one.moved_at),
            ago(one.late_until),
            one.ever_ours,
            one.former,
            one.proved_theirs,
            one.seen_theirs,
            one.wrong,
        )
        for one in node.houses
    )
    vault = job.vault
    entry = (vault.state, vault.attempts, vault.failures, ago(vault.next_try_at))
    rest = (node.entry, node.entry_gone, node.proven, node.faults, node.strangers, node.changes)
    left = ago(job.deadline), ago(job.opened_at), job.state, job.ended_at is None
    return targets, houses, entry, rest, left


def _story(node: Node, came_from: dict[Any, tuple[Any, str]]) -> str:
    steps: list[str] = []
    key: Any = _key(node)
    while key is not None:
        key, label = came_from[key]
        steps.append(label)
    return "\n".join(reversed(steps))
