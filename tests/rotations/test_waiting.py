"""A reset whose directory shows the change late: it is waited for a little, and never for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from tests.rotations.test_cloud_lab import CloudHouse, allow, ask, graph_of, mend, proved_by
from tests.rotations.test_lab import Clock, House, make_house

from muster.lab.faults import LostReply
from muster.lab.lab import Lab
from muster.lab.mix import Mix
from muster.model.passwords import JobState, PasswordJob, Proof
from muster.resets import Waiting, see_through

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A customer in the cloud, reconciled once."""
    mix, clock = Mix.parse("entra-native-halopsa"), Clock()
    folder = tmp_path_factory.mktemp("waiting")
    with Lab(customers=1, people=8, mix=mix, clock=clock) as lab:
        allow(lab)
        house = CloudHouse(lab, folder, make_house(lab, folder, clock).desired, clock)
        house.run()
        yield house


@pytest.fixture
def house(running: House) -> Iterator[House]:
    """The customer, with nothing that goes wrong, and no job open after the test."""
    yield proved_by(running, Proof.CHANGE_DATE)
    mend(running.lab)
    knobs = graph_of(running.lab).knobs
    knobs.stale_dates = knobs.stale_sign_in = False
    for _ in range(4):
        if running.known().jobs:
            running.run(timedelta(minutes=20))
    assert running.known().jobs == ()


class Watch:
    """Notes how long was waited, and moves the clock instead of waiting."""

    def __init__(self, clock: Clock, then: Callable[[float], object] = lambda _: None) -> None:
        self.seconds: list[float] = []
        self._clock = clock
        self._then = then

    def __call__(self, seconds: float) -> None:
        """Let the time go by."""
        self.seconds.append(seconds)
        self._clock.now += timedelta(seconds=seconds)
        self._then(sum(self.seconds))


def begin(house: House) -> PasswordJob:
    """Reset the password of somebody who had no reset yet, as far as it goes at once."""
    known = house.known()
    had = {end.account for end in known.job_ends}
    fit = (one for one in known.records if one.vault.id and one.live and one.identity.id not in had)
    return ask(house, next(fit))


def wait(house: House, job: PasswordJob, watch: Watch, at_most: timedelta = MINUTE) -> PasswordJob:
    """Go on with a job."""
    record = next(one for one in house.known().records if one.identity.id == job.account)
    waiting = Waiting(at_most=at_most, pause=watch)
    with house.ports() as ports:
        return see_through(job, record, house.desired, ports, waiting)


def test_a_date_that_comes_late_ends_the_reset_well(house: House) -> None:
    """After the second look Entra shows the change: confirmed, in the entry, in the record."""
    knobs = graph_of(house.lab).knobs
    knobs.stale_dates = True
    job = begin(house)
    assert job.state is JobState.OPEN
    watch = Watch(house.clock, lambda passed: setattr(knobs, "stale_dates", passed < 15))
    job = wait(house, job, watch)
    assert (job.state, watch.seconds) == (JobState.CONFIRMED, [10, 10]), job.problem
    record = next(one for one in house.known().records if one.identity.id == job.account)
    assert record.rotation.proof is Proof.CHANGE_DATE
    with house.ports() as ports:
        assert house.kept(record, ports) == house.live(record)


def test_a_reply_that_was_lost_is_settled_while_somebody_waits(house: House) -> None:
    """The look that comes a minute later is within a minute's patience."""
    graph_of(house.lab).faults.add(LostReply(), method="PATCH")
    job = wait(house, begin(house), Watch(house.clock))
    assert job.state is JobState.CONFIRMED, job.problem


def test_waiting_ends_with_the_patience(house: House) -> None:
    """A directory that stays behind keeps nobody longer, and the job stays open."""
    graph_of(house.lab).knobs.stale_dates = True
    watch = Watch(house.clock)
    job = wait(house, begin(house), watch, timedelta(seconds=30))
    assert (job.state, sum(watch.seconds)) == (JobState.OPEN, 20)
    assert house.known().jobs == (job,)


def test_what_takes_long_is_not_waited_for(house: House) -> None:
    """A refused proof is looked at again after a quarter of an hour, and nobody stands by."""
    proved_by(house, Proof.TOKEN_REQUEST)
    graph_of(house.lab).knobs.stale_sign_in = True
    watch = Watch(house.clock)
    job = wait(house, begin(house), watch)
    assert (job.state, watch.seconds) == (JobState.OPEN, [])


def test_an_interrupt_leaves_the_job_as_it_is(house: House) -> None:
    """What interrupts the waiting gets through, and the next run goes on."""

    def interrupt(_passed: float) -> None:
        raise KeyboardInterrupt

    graph_of(house.lab).knobs.stale_dates = True
    job = begin(house)
    with pytest.raises(KeyboardInterrupt):
        wait(house, job, Watch(house.clock, interrupt))
    assert house.known().jobs == (job,)
