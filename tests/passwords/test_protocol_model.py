"""No order of crashes, lost answers, outages, lags and strangers loses a password.

Every interleaving is visited, not a sample. MUSTER_MORE_FAULTS=1 lets one thing more go wrong in
each of them, which takes minutes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.passwords.world_model import START, Broken, Machine, Scenario, explore

from muster.cli.exit_codes import ExitCode
from muster.cli.passwords import tell_job
from muster.model.causes import Cause
from muster.model.names import DirectoryKind
from muster.model.passwords import (
    JobState,
    PasswordJob,
    PasswordPolicy,
    PasswordState,
    Proof,
    Target,
    TargetState,
    VaultState,
    end_of,
)
from muster.passwords import protocol
from muster.passwords.protocol import Settlement
from muster.passwords.steps import (
    Answered,
    Command,
    Done,
    Event,
    Finished,
    Look,
    Looked,
    NoAnswer,
    NotSent,
    NotTold,
    Prove,
    ReadEntry,
    SetPassword,
    Wait,
    WriteEntry,
)

MORE = int(os.environ.get("MUSTER_MORE_FAULTS", "0"))

SCENARIOS = (
    Scenario(name="one directory, two faults, a stranger", threshold=5),
    Scenario(name="no attempt to spare", threshold=2, faults=1),
    Scenario(name="one attempt to spare, must change", threshold=3, must_change=True, faults=1),
    Scenario(name="must change, two faults", must_change=True, strangers=0),
    Scenario(name="a directory that proves nothing", date_only=True, faults=1),
    Scenario(name="a token request proves", tokens=True, threshold=5, faults=1),
    Scenario(
        name="a token request, must change", tokens=True, threshold=3, must_change=True, faults=1
    ),
    Scenario(name="two directories", targets=2, faults=1),
    Scenario(name="two directories, a token request", targets=2, tokens=True, strangers=0),
    Scenario(name="two directories, must change", targets=2, must_change=True, faults=1),
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_no_interleaving_loses_a_password(
    scenario: Scenario, record_property: Callable[[str, object], None]
) -> None:
    """A live password is in the entry, or the finding says which sealed one is live; all ends."""
    found = explore(replace(scenario, faults=scenario.faults + MORE))
    record_property("states", found.states)
    ends = ", ".join(f"{state} {count}" for state, count in sorted(found.ends.items()))
    sys.stdout.write(f"{scenario.name}: {found.states} states; {ends}\n")
    assert found.states > 1000
    assert found.ends.keys() >= {JobState.CONFIRMED, JobState.REFUSED, JobState.NEEDS_PERSON}


@pytest.mark.parametrize("must_change", [False, True])
def test_a_job_without_trouble_is_confirmed(must_change: bool) -> None:
    """When nothing goes wrong there is one way, and it ends with the password in the entry."""
    calm = Scenario(name="calm", targets=2, faults=0, strangers=0, must_change=must_change)
    found = explore(calm)
    assert found.ends == {JobState.CONFIRMED: 1}


# ---------------------------------------------------------------- protocols that are wrong


def _first(job: PasswordJob) -> Target:
    return job.targets[0]


def _with_first(job: PasswordJob, **changes: object) -> PasswordJob:
    first = replace(job.targets[0], **changes)  # type: ignore[arg-type]
    return replace(job, targets=(first, *job.targets[1:]))


def writes_before_the_proof(job: PasswordJob, now: datetime) -> Command | Wait | Finished:
    """Trust a yes, write the entry and give the sealed copy up."""
    if _first(job).state is TargetState.PENDING:
        return WriteEntry() if job.vault.state is VaultState.PENDING else _anyway(job, now)
    if _first(job).state is TargetState.ACCEPTED:
        return Finished(state=JobState.CONFIRMED)
    return _anyway(job, now)


def _anyway(job: PasswordJob, now: datetime) -> Command | Wait | Finished:
    return protocol.next_step(job, now)


def ends_after_a_yes(job: PasswordJob, now: datetime) -> Command | Wait | Finished:
    """Give the sealed copy up as soon as the directory said yes."""
    if _first(job).state is TargetState.ACCEPTED:
        return Finished(state=JobState.CONFIRMED)
    return _anyway(job, now)


def never_gives_up(job: PasswordJob, now: datetime) -> Command | Wait | Finished:
    """Try for as long as there is something to try."""
    later = timedelta(days=1000)
    return _anyway(replace(job, deadline=job.deadline + later, opened_at=now + later), now)


def writes_nothing_before(job: PasswordJob, command: Command, now: datetime) -> PasswordJob:
    """Tell the journal only what came of a request, not that it is sent."""
    if isinstance(command, SetPassword):
        return job
    return protocol.begin(job, command, now)


def forgets_a_crashed_proof(job: PasswordJob, command: Command, now: datetime) -> PasswordJob:
    """Count a wrong sign-in only once it has come back."""
    return job if isinstance(command, Prove) else protocol.begin(job, command, now)


def takes_silence_for_no(
    job: PasswordJob, command: Command, event: Event, now: datetime
) -> PasswordJob:
    """Believe that a request without an answer had no effect."""
    if isinstance(command, SetPassword) and isinstance(event, NoAnswer):
        return _with_first(job, state=TargetState.REFUSED)
    return protocol.advance(job, command, event, now)


def believes_the_first_no(
    job: PasswordJob, command: Command, event: Event, now: datetime
) -> PasswordJob:
    """Take one refused sign-in for another's password, however late a replica is."""
    if isinstance(command, Prove) and event == Answered(yes=False):
        return _with_first(job, state=TargetState.SUPERSEDED)
    return protocol.advance(job, command, event, now)


def takes_what_is_left_open_for_yes(
    job: PasswordJob, command: Command, event: Event, now: datetime
) -> PasswordJob:
    """Believe a token request that said nothing about the password."""
    if isinstance(event, NotTold):
        event = Answered(yes=True)
    return protocol.advance(job, command, event, now)


def proves_at_any_price(
    job: PasswordJob, command: Command, event: Event, now: datetime
) -> PasswordJob:
    """Sign in as often as it takes, whatever locks the account."""
    if isinstance(event, Looked):
        event = replace(event, policy=replace(event.policy, lockout_threshold=0))
    return protocol.advance(job, command, event, now)


def forgets_the_due_date(job: PasswordJob, end: Finished, now: datetime) -> PasswordJob:
    """Leave the due date out of what stays known."""
    return replace(protocol.conclude(job, end, now), slot="")


@pytest.mark.parametrize(
    ("mutant", "complaint"),
    [
        (Machine(next_step=writes_before_the_proof), "that no directory had"),
        (Machine(next_step=ends_after_a_yes), "that no store holds"),
        (Machine(next_step=never_gives_up), "it waits until"),
        (Machine(begin=writes_nothing_before), "no finding says"),
        (Machine(begin=forgets_a_crashed_proof), "wrong sign-ins"),
        (Machine(advance=takes_silence_for_no), "no finding says"),
        (Machine(advance=believes_the_first_no), "no finding says"),
        (Machine(advance=proves_at_any_price), "wrong sign-ins"),
        (Machine(advance=takes_what_is_left_open_for_yes), "never had the password"),
        (Machine(conclude=forgets_the_due_date), "second job for the same due date"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_model_bites(mutant: Machine, complaint: str) -> None:
    """A protocol with one mistake is caught, and the story of how is told."""
    tokens = mutant.advance is takes_what_is_left_open_for_yes
    with pytest.raises(Broken, match=complaint) as caught:
        explore(Scenario(name="mutant", threshold=3, tokens=tokens), mutant)
    assert "\nstart\n" in str(caught.value)


def test_the_world_begins_before_anything_was_sent() -> None:
    """The job that is explored is the one that the journal holds before the first effect."""
    node = Scenario(name="start").start()
    assert protocol.next_step(node.job, START) == protocol.next_step(node.job, node.now)
    assert _first(node.job).sent_at is None


# ---------------------------------------------------------------- what a person decides


def _stuck() -> PasswordJob:
    """Return a job whose password the directory took and then did not accept."""
    job = Scenario(name="stuck").start().job
    stuck = _with_first(
        job,
        state=TargetState.DISPROVED,
        attempts=4,
        wrong_proofs=3,
        first_sent_at=START,
        sent_at=START,
        accepted_at=START,
        disproved_at=START + timedelta(hours=1),
    )
    return replace(stuck, state=JobState.NEEDS_PERSON, problem="Try it.")


@pytest.mark.parametrize(
    ("choice", "command"),
    [
        (Settlement.LOOK_AGAIN, Look(system=DirectoryKind.ACTIVE_DIRECTORY)),
        (Settlement.SET_AGAIN, SetPassword(system=DirectoryKind.ACTIVE_DIRECTORY)),
    ],
)
def test_a_person_lets_a_job_go_on(choice: Settlement, command: Command) -> None:
    """The job goes on with new patience and the same sealed password."""
    late = START + timedelta(days=9)
    job = protocol.settle(_stuck(), choice, late)
    assert protocol.next_step(job, late) == command
    assert (job.sealed, job.problem, job.deadline > late) == ("sealed", "", True)


def test_a_date_is_no_proof_after_a_refusal_whose_later_proofs_nobody_answered() -> None:
    """The last look shows a date of ours and leaves no attempt: a person decides, not the date."""
    took = START + timedelta(seconds=5)
    target = replace(
        _first(_stuck()),
        state=TargetState.SEEN,
        wrong_proofs=2,
        proofs_left=1,
        disproved_at=START + timedelta(minutes=1),
        accepted_at=took,
    )
    job = replace(Scenario(name="silent").start().job, targets=(target,))
    system, now = DirectoryKind.ACTIVE_DIRECTORY, START + timedelta(minutes=20)
    job = protocol.begin(job, Prove(system=system), now)
    job = protocol.advance(job, Prove(system=system), NoAnswer(problem="silent"), now)
    shown = Looked(state=PasswordState(changed_at=took), policy=PasswordPolicy())
    job = protocol.advance(job, Look(system=system), shown, now + timedelta(minutes=5))
    assert (job.state, job.cause) == (JobState.NEEDS_PERSON, Cause.OUTCOME_UNKNOWN)
    job = protocol.settle(job, Settlement.LOOK_AGAIN, now + timedelta(hours=1))
    job = protocol.advance(job, Look(system=system), shown, now + timedelta(hours=1))
    assert protocol.next_step(job, now + timedelta(hours=1)) == Prove(system=system)


@pytest.mark.parametrize("proof", [Proof.CHANGE_DATE, Proof.TOKEN_REQUEST])
def test_a_date_that_entra_does_not_show_is_no_proof(proof: Proof) -> None:
    """A demand for a change hides the date in Active Directory only."""
    target = replace(
        _first(_stuck()),
        system=DirectoryKind.ENTRA,
        proves_by=proof,
        state=TargetState.ACCEPTED,
        disproved_at=None,
    )
    job = replace(_stuck(), targets=(target,), state=JobState.OPEN, must_change=True)
    look, now = Look(system=DirectoryKind.ENTRA), START + timedelta(minutes=1)
    job = protocol.advance(job, look, Looked(state=PasswordState(), policy=PasswordPolicy()), now)
    assert isinstance(protocol.next_step(job, now), Wait)
    assert _first(job).state is TargetState.ACCEPTED


@pytest.mark.parametrize(
    ("state", "problem", "said"),
    [
        (TargetState.SUPERSEDED, "", ("Somebody set another", Cause.PASSWORD_STALE)),
        (TargetState.REFUSED, "too weak", ("too weak", None)),
    ],
)
def test_half_a_pair_that_ends_otherwise_says_why(
    state: TargetState, problem: str, said: tuple[str, Cause | None]
) -> None:
    """Also a job that an older Muster began, whose journal names no causes."""
    job = Scenario(name="pair", targets=2).start().job
    first, second = job.targets
    targets = (
        replace(first, state=TargetState.PROVED),
        replace(second, state=state, problem=problem),
    )
    kept = replace(job.vault, state=VaultState.CONFIRMED)
    end = protocol.next_step(replace(job, targets=targets, vault=kept), START)
    assert isinstance(end, Finished)
    assert (end.state, end.cause) == (JobState.PARTIALLY_APPLIED, said[1])
    assert said[0] in end.problem


def test_an_entry_that_differs_after_a_good_write_is_not_blamed_on_an_outage_before() -> None:
    """The vault was down, took the write then, and holds something else: it does not keep it."""
    job = Scenario(name="kept").start().job
    job = _with_first(job, state=TargetState.PROVED)
    for command, event in (
        (WriteEntry(), NotSent(problem="down", cause=Cause.VAULT_UNREACHABLE)),
        (WriteEntry(), Done()),
        (ReadEntry(), Answered(yes=False)),
    ):
        job = protocol.advance(protocol.begin(job, command, START), command, event, START)
    assert job.vault.cause is Cause.VAULT_REFUSED


def test_nobody_is_told_to_wait_for_a_run_that_leaves_the_job_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What needs a person is not gone on with: the command that settles it is named."""
    assert tell_job(_stuck(), "joan") is ExitCode.UNSETTLED
    said = capsys.readouterr().err
    assert "muster passwords settle" in said
    assert "next run" not in said


def test_a_person_gives_a_job_up_once() -> None:
    """It ends without its password, and says so to who wants to settle it again."""
    job = protocol.settle(_stuck(), Settlement.ABANDON, START)
    assert (job.state, job.sealed, end_of(job).was_set) == (JobState.ABANDONED, "", True)
    with pytest.raises(ValueError, match="is over"):
        protocol.settle(job, Settlement.LOOK_AGAIN, START)


def test_a_demand_that_could_never_be_met_is_refused_before_anything_is_sent() -> None:
    """Who may not change the password could not sign in after a reset that demands it."""
    job = Scenario(name="cannot", must_change=True).start().job
    look = Look(system=DirectoryKind.ACTIVE_DIRECTORY)
    state = PasswordState(changed_at=START, cannot_change=True)
    job = protocol.advance(job, look, Looked(state=state, policy=PasswordPolicy()), START)
    end = protocol.next_step(job, START)
    assert isinstance(end, Finished)
    assert end.state is JobState.FAILED
    assert "may not change" in end.problem
