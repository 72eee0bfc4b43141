"""No shard has two writers, whatever happens; and every shard has one again soon.

Time is the test's, requests and answers are real.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.kube.replicas import DURATION_S, RENEW_S, Replica, World, customer_of, open_world

from muster.kube.leases import LeaseLost
from muster.kube.write_guard import WriteGuard

SHARDS = 4
ALL = set(range(SHARDS))
FRESH_S = DURATION_S * 2 / 3


@pytest.fixture
def world() -> Iterator[World]:
    """Give an API server and a clock."""
    with open_world() as opened:
        yield opened


@pytest.fixture
def pair(world: World) -> tuple[Replica, Replica]:
    """Give two replicas that have shared the shards."""
    one, two = world.add("one", SHARDS), world.add("two", SHARDS)
    world.run(20, one, two)
    assert len(one.leases.held) == len(two.leases.held) == 2
    return one, two


# ---------------------------------------------------------------- taking and sharing


def test_a_single_replica_has_everything_in_its_first_turn(world: World) -> None:
    """Where nobody else ever was, nothing is waited for."""
    alone = world.add("alone", SHARDS)
    alone.leases.turn()
    assert alone.leases.held == alone.writable == ALL
    assert alone.told == [frozenset(ALL)]


def test_shards_follow_the_number_of_replicas(world: World) -> None:
    """From one to two to three replicas and back to one, shares stay fair, and none is lost."""
    one, two, three = (world.add(name, SHARDS) for name in ("one", "two", "three"))
    for replicas, counts in (((one,), [4]), ((one, two), [2, 2]), ((one, two, three), [1, 1, 2])):
        world.run(4 * RENEW_S, *replicas)
        assert sorted(len(replica.leases.held) for replica in replicas) == counts
        assert set().union(*(replica.leases.held for replica in replicas)) == ALL
    two.leases.stop()
    three.leases.stop()
    world.run(RENEW_S, one)
    assert one.leases.held == ALL


def test_nothing_moves_while_nothing_changes(world: World, pair: tuple[Replica, Replica]) -> None:
    """Replicas that share fairly leave each other alone: no token changes in ten minutes."""
    before = [world.tokens(shard) for shard in ALL]
    world.run(600, *pair)
    assert [world.tokens(shard) for shard in ALL] == before


def test_a_shard_is_given_up_when_its_work_has_ended(world: World) -> None:
    """A running customer is finished by the replica that began; no new work begins meanwhile."""
    old = world.add("old", 2)
    old.leases.turn()
    old.busy = {0, 1}
    new = world.add("new", 2)
    world.run(60, old, new)
    assert old.leases.held == {0}
    assert old.writable == {0, 1}
    assert new.leases.held == set()
    assert max(old.leases.pause_s(), new.leases.pause_s()) <= RENEW_S / 5, "neither should dawdle"
    old.busy = {0}
    world.run(RENEW_S, old, new)
    assert (old.writable, new.writable) == ({0}, {1})


@pytest.mark.parametrize("how", ["balance", "stop"])
def test_writing_ends_before_others_may_begin(world: World, how: str) -> None:
    """At the moment when a release takes effect, nothing can be written here any more."""
    one, two = world.add("one", 2), world.add("two", 2)
    one.leases.turn()
    two.leases.turn()
    writers: list[set[str]] = []

    def look() -> None:
        free = [shard for shard in (0, 1) if world.server.holder(f"muster-shard-{shard}") is None]
        writers.extend({one.identity for one in world.tokens(shard)} for shard in free)

    world.server.after = look
    if how == "stop":
        one.leases.stop()
    else:
        one.leases.turn()
    assert writers
    assert set().union(*writers) == set()


def test_a_replica_that_is_stopped_hands_over_at_once(
    world: World, pair: tuple[Replica, Replica]
) -> None:
    """After a release the other takes everything in its next turn, without waiting."""
    one, two = pair
    one.leases.stop()
    assert one.writable == set()
    assert one.told[-1] == frozenset()
    two.leases.turn()
    assert two.leases.held == ALL


def test_a_shard_with_running_work_is_not_handed_over_at_once(
    world: World, pair: tuple[Replica, Replica]
) -> None:
    """At the end of a process whose write may be on its way, others wait until the lease ends."""
    one, two = pair
    (busy, _) = sorted(one.leases.held)
    one.busy = {busy}
    one.leases.stop()
    two.leases.turn()
    assert two.leases.held == ALL - {busy}
    world.run(DURATION_S + RENEW_S, two)
    assert two.leases.held == ALL


def test_shards_of_a_dead_replica_move_within_duration_and_renewal(
    world: World, pair: tuple[Replica, Replica]
) -> None:
    """Twenty seconds after the last word of a replica, another has all its shards."""
    one, two = pair
    world.now += RENEW_S
    one.leases.turn()
    world.run(DURATION_S - 1, two)
    assert len(two.leases.held) == 2
    world.run(RENEW_S + 1, two)
    assert two.leases.held == ALL


def test_a_restart_is_another_holder(world: World) -> None:
    """A container that starts anew in its pod waits like anybody for what its old self held."""
    first = world.add("pod", SHARDS)
    first.leases.turn()
    second = world.add("pod", SHARDS)
    world.run(DURATION_S - 1, second)
    assert second.writable == set()
    world.run(RENEW_S, second)
    assert second.writable == ALL


def test_restarts_leave_no_leases_behind(world: World) -> None:
    """However often pods are replaced or crash, there are as many leases as were needed at once."""
    for number in range(6):
        pod = world.add(f"pod-{number}", SHARDS)
        world.run(DURATION_S + RENEW_S, pod)
        if number % 2:
            pod.leases.stop()
    for _ in range(6):
        world.add("in-a-crash-loop", SHARDS).leases.turn()
    replicas = [name for name in world.server.leases if "replica" in name]
    assert len(replicas) <= 2


# ---------------------------------------------------------------- losing


def test_a_paused_process_may_not_write_when_it_wakes(
    world: World, pair: tuple[Replica, Replica]
) -> None:
    """No request tells it: its own clock does, before any turn and before others may write."""
    one, two = pair
    assert len(one.writable) == 2
    world.now += FRESH_S + 0.1
    assert one.writable == set()
    assert one.leases.held == set()
    world.run(DURATION_S + RENEW_S, two)
    assert two.writable == ALL
    one.leases.turn()
    assert one.writable == set()


def test_a_pause_while_taking_counts(world: World) -> None:
    """A lease's time here begins before it was asked for, not when the answer came."""
    one = world.add("one", SHARDS)
    world.server.after = lambda: setattr(world, "now", world.now + FRESH_S)
    one.leases.turn()
    assert one.writable == set()


def test_a_pause_while_renewing_counts(world: World) -> None:
    """A renewed lease's time here begins before the renewal was sent, not when its answer came."""
    one = world.add("one", SHARDS)
    one.leases.turn()
    world.now += RENEW_S
    renewals = iter([FRESH_S] * (SHARDS + 1))

    def pause() -> None:
        world.now += next(renewals, 0.0)

    world.server.after = pause
    one.leases.turn()
    assert next(renewals, None) is None
    assert one.writable == set()


def test_what_was_slow_to_be_listed_is_not_taken_early(world: World) -> None:
    """The time of a lease begins when a list has shown it, not when the list was asked for."""
    one, two = world.add("one", 1), world.add("two", 1)
    one.leases.turn()
    waits = iter([9.0])

    def renew_meanwhile() -> None:
        for wait_s in waits:
            world.now += wait_s
            one.leases.turn()

    world.server.before = renew_meanwhile
    two.leases.turn()
    world.server.before = None
    world.now += DURATION_S - 1
    two.leases.turn()
    assert two.writable == set()
    world.now += 2
    two.leases.turn()
    assert two.writable == {0}


def test_a_short_outage_of_the_api_server_is_survived(world: World) -> None:
    """Within the margin nothing is lost: same tokens, and nobody is told of a change."""
    one = world.add("one", SHARDS)
    world.run(RENEW_S, one)
    before = [world.tokens(shard) for shard in ALL]
    world.server.is_down = True
    world.run(FRESH_S - RENEW_S - 1, one)
    assert one.writable == ALL
    world.server.is_down = False
    world.run(RENEW_S, one)
    assert [world.tokens(shard) for shard in ALL] == before
    assert len(one.told) == 1


def test_a_long_outage_ends_writing(world: World) -> None:
    """Without a renewal, writing ends before the lease does; afterwards the same holder goes on."""
    one = world.add("one", SHARDS)
    world.run(RENEW_S, one)
    world.server.is_down = True
    world.run(FRESH_S + 1, one)
    assert one.writable == set()
    assert one.told[-1] == frozenset()
    assert not one.leases.healthy(FRESH_S)
    world.server.is_down = False
    world.run(RENEW_S, one)
    assert one.writable == ALL
    assert one.told[-1] == ALL
    # Nobody else can have held them: the leases were as they had been left.
    assert {token for shard in ALL for token in world.tokens(shard).values()} == {1}
    assert one.leases.healthy(FRESH_S)


def test_a_lost_answer_loses_no_lease(world: World) -> None:
    """A renewal that was carried out and not answered is found again in the same turn."""
    one = world.add("one", SHARDS)
    world.server.lose_answers = 3
    world.run(2 * RENEW_S, one)
    assert one.writable == ALL
    world.server.lose_answers = 2
    world.run(RENEW_S, one)
    assert one.writable == ALL
    assert {token for shard in ALL for token in world.tokens(shard).values()} == {1}


def test_a_lease_that_a_person_annotates_stays(world: World) -> None:
    """A change that names no other holder is taken up, not taken for a loss."""
    one = world.add("one", SHARDS)
    one.leases.turn()
    for name in world.server.leases:
        world.server.touch(name)
    world.run(2 * RENEW_S, one)
    assert one.writable == ALL
    assert len(one.told) == 1


def test_a_deleted_lease_is_not_taken_before_its_time(
    world: World, pair: tuple[Replica, Replica]
) -> None:
    """Its holder may not know yet; so whoever saw it waits, and the token still grows."""
    one, two = pair
    shard = min(one.leases.held)
    del world.server.leases[f"muster-shard-{shard}"]
    two.leases.turn()
    world.run(DURATION_S - RENEW_S - 1, two)
    assert list(world.tokens(shard)) in ([one], [])
    world.run(DURATION_S + RENEW_S, one, two)
    (token,) = world.tokens(shard).values()
    assert token > 1


def test_replicas_with_another_number_of_shards_wait(world: World) -> None:
    """While a rollout changes --shards, no customer is in a shard of either kind at once."""
    old = world.add("old", 4)
    old.leases.turn()
    new = world.add("new", 8)
    world.run(60, old, new)
    assert (len(old.writable), len(new.writable)) == (4, 0)
    old.leases.stop()
    new.leases.turn()
    assert len(new.writable) == 8


# ---------------------------------------------------------------- the guard


def test_the_guard_lets_the_holder_write(world: World) -> None:
    """Inside the customer's work, the hook returns; outside, it refuses."""
    one = world.add("one", SHARDS)
    one.leases.turn()
    guard = WriteGuard(one.leases)
    with pytest.raises(LeaseLost, match="no customer was named"):
        guard()
    with guard.for_customer("contoso"):
        guard()
    with pytest.raises(LeaseLost, match="no customer was named"):
        guard()


def test_the_guard_knows_its_thread_only(world: World) -> None:
    """Another worker's customer does not let this thread write."""
    one = world.add("one", SHARDS)
    one.leases.turn()
    guard = WriteGuard(one.leases)
    refused: list[LeaseLost] = []

    def write() -> None:
        try:
            guard()
        except LeaseLost as lost:
            refused.append(lost)

    with guard.for_customer("contoso"):
        other = threading.Thread(target=write)
        other.start()
        other.join()
    assert len(refused) == 1


def test_work_for_another_shard_does_not_begin(world: World, pair: tuple[Replica, Replica]) -> None:
    """A customer of a shard that is held elsewhere is refused at the beginning."""
    one, _ = pair
    shard = min(ALL - one.leases.held)
    customer = customer_of(shard, SHARDS)
    assert not one.leases.holds(customer)
    with (
        pytest.raises(LeaseLost, match="not held by this replica"),
        WriteGuard(one.leases).for_customer(customer),
    ):
        pytest.fail("the work began")


def test_work_that_began_before_a_loss_stays_refused(world: World) -> None:
    """A shard that was elsewhere and came back has a new token: the old plan is not written."""
    one, two = world.add("one", 1), world.add("two", 1)
    one.leases.turn()
    guard = WriteGuard(one.leases)
    with guard.for_customer("contoso"):
        guard()
        world.run(DURATION_S + RENEW_S, two)
        two.leases.stop()
        world.run(RENEW_S, one)
        assert one.leases.holds("contoso")
        with pytest.raises(LeaseLost, match="another replica meanwhile"):
            guard()
    with guard.for_customer("contoso"):
        guard()


# ---------------------------------------------------------------- whatever happens


@dataclass(slots=True)
class Story:
    """A world in which every step is followed by the question who may write."""

    world: World
    shards: int
    living: list[Replica] = field(default_factory=list)
    written: dict[tuple[int, int], Replica] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    turning: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Note every shard with two writers, and every token that is used twice or goes back."""
        for shard in range(self.shards):
            writers = self.world.tokens(shard)
            if len(writers) > 1:
                self.wrong.append(f"{self.world.now}: shard {shard} has {len(writers)} writers")
            for replica, token in writers.items():
                if self.written.setdefault((shard, token), replica) is not replica:
                    self.wrong.append(
                        f"{self.world.now}: shard {shard}, token {token} is used twice"
                    )
                if token < max(used for one, used in self.written if one == shard):
                    self.wrong.append(f"{self.world.now}: shard {shard} went back to {token}")

    def begin(self) -> None:
        """Start one more replica."""
        self.living.append(self.world.add(f"replica-{len(self.world.replicas)}", self.shards))

    def replace(self, replica: Replica, how: str) -> None:
        """End a replica and begin another; a paused one stays in the world as it is."""
        self.living.remove(replica)
        if how != "paused for good":
            replica.leases.stop(release=how == "ended")
        self.begin()

    def turn(self, replica: Replica, interrupt: Callable[[], None] | None = None) -> None:
        """Let a replica take its turn; something may happen within any of its requests."""
        if replica.identity in self.turning:
            return
        self.turning.add(replica.identity)
        server = self.world.server
        kept = server.before, server.after
        server.before = server.after = interrupt
        replica.leases.turn()
        server.before, server.after = kept
        self.turning.discard(replica.identity)
        self.look()


@dataclass(frozen=True, slots=True)
class Chance:
    """What may happen to a story, by one pair of dice."""

    story: Story
    dice: random.Random

    def deeds(self) -> tuple[Callable[[Replica], None], ...]:
        """Return what may happen next, the likely more often."""
        return (self.outage, self.lose_answers, self.end, self.work, self.wait, *(self.turn,) * 5)

    def outage(self, _: Replica) -> None:
        """Take the API server away, or bring it back."""
        self.story.world.server.is_down ^= True

    def lose_answers(self, _: Replica) -> None:
        """Lose the answers of the next writes."""
        self.story.world.server.lose_answers = self.dice.randrange(3)

    def end(self, replica: Replica) -> None:
        """Replace a replica by a new one."""
        self.story.replace(replica, self.dice.choice(["paused for good", "killed", "ended"]))

    def work(self, replica: Replica) -> None:
        """Begin or end a run."""
        replica.busy ^= {self.dice.randrange(self.story.shards)}

    def wait(self, _: Replica) -> None:
        """Let time pass for all."""
        self.story.world.now += self.dice.choice([0.1, 1.0, 3.0, 5.0, 5.0, 9.0, 11.0, 16.0])
        self.story.look()

    def turn(self, replica: Replica) -> None:
        """Let a replica take a turn."""
        self.story.turn(replica, self.interrupt)
        self.story.world.now += self.dice.choice([0.0, 0.5, 2.0])

    def interrupt(self) -> None:
        """Step in before a request is carried out, or before its answer is sent."""
        if self.dice.random() < 0.15:
            self.wait(self.story.living[0])
        self.story.look()
        if self.dice.random() < 0.25:
            self.story.turn(self.dice.choice(self.story.living), self.interrupt)


@hypothesis_settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), shards=st.integers(1, 4))
def test_no_shard_ever_has_two_writers(seed: int, shards: int) -> None:
    """In any order of turns, pauses within requests, outages and ends: one writer, new tokens.

    And when calm returns, every shard has its writer and shares are fair.
    """
    with open_world() as world:
        story = Story(world, shards)
        for _ in range(3):
            story.begin()
        chance = Chance(story, random.Random(seed))
        for _ in range(25):
            chance.dice.choice(chance.deeds())(chance.dice.choice(story.living))
            story.look()
        assert story.wrong == []
        world.server.is_down, world.server.lose_answers = False, 0
        for replica in story.living:
            replica.busy.clear()
        world.run(3 * DURATION_S, *story.living)
        story.look()
        assert story.wrong == []
        assert all(len(world.tokens(shard)) == 1 for shard in range(shards))
        counts = [len(replica.leases.held) for replica in story.living]
        assert max(counts) - min(counts) <= 1
