"""The queue: one worker per key, the urgent first, nothing lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from muster.kube.work_queue import Priority, WorkQueue

PERSON, RETRY, PERIODIC = Priority.PERSON, Priority.RETRY, Priority.PERIODIC


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue:
    """Give an empty queue on that clock."""
    return WorkQueue(clock)


def drain(queue: WorkQueue) -> list[str]:
    """Take and finish everything that is due, in order."""
    taken = []
    while queue.depth():
        key = queue.get()
        assert key is not None
        taken.append(key)
        queue.done(key)
    return taken


def test_the_urgent_go_first_and_then_the_oldest(queue: WorkQueue, clock: Clock) -> None:
    """A person's change passes a retry, a retry passes the periodic; within one, first come."""
    for key, priority in (("p", PERIODIC), ("r", RETRY), ("z", PERSON), ("a", PERSON)):
        queue.put(key, priority)
        clock.now += 1
    assert drain(queue) == ["z", "a", "r", "p"]


def test_a_delay_is_waited_for(queue: WorkQueue, clock: Clock) -> None:
    """What is due later is not due now."""
    queue.put("later", PERSON, 60)
    queue.put("now", PERIODIC)
    assert drain(queue) == ["now"]
    clock.now += 59
    assert drain(queue) == []
    clock.now += 1
    assert drain(queue) == ["later"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_key_waits_once_and_for_its_soonest(
    queue: WorkQueue, clock: Clock, order: tuple[int, int]
) -> None:
    """However often a key is put, it runs once, at the soonest time and the highest priority."""
    puts: list[tuple[Priority, float]] = [(PERIODIC, 3600), (PERSON, 5)]
    for index in order:
        queue.put("key", *puts[index])
    queue.put("other", RETRY, 5)
    clock.now += 5
    assert drain(queue) == ["key", "other"]
    clock.now += 7200
    assert drain(queue) == []


def test_a_key_that_is_put_while_it_runs_runs_once_more(queue: WorkQueue) -> None:
    """Nothing that happened during a run is lost, and two workers never share a key."""
    queue.put("key", PERSON)
    queue.put("other", PERIODIC)
    assert queue.get() == "key"
    queue.put("key", PERSON)
    queue.put("key", PERSON)
    assert queue.get() == "other", "the key is being worked on"
    assert queue.list_running() == {"key", "other"}
    queue.done("key")
    assert queue.get() == "key"
    queue.done("key")
    queue.done("other")
    assert drain(queue) == []


def test_a_forgotten_key_does_not_run(queue: WorkQueue) -> None:
    """A deleted customer's place in the queue is given up."""
    queue.put("gone", PERSON)
    queue.put("here", PERIODIC)
    queue.forget("gone")
    queue.forget("never-there")
    assert drain(queue) == ["here"]


def test_a_closed_queue_gives_nothing(queue: WorkQueue) -> None:
    """After the end nobody begins, even what is due."""
    queue.put("key", PERSON)
    queue.close()
    assert queue.get() is None


def test_the_meters_of_the_queue(queue: WorkQueue, clock: Clock) -> None:
    """Depth and age count what is due; what is due later is no negative age."""
    queue.put("later", PERIODIC, 3600)
    assert (queue.depth(), queue.oldest_s(), queue.longest_run_s()) == (0, 0.0, 0.0)
    queue.put("a", PERSON)
    queue.put("b", PERSON)
    clock.now += 7
    assert (queue.depth(), queue.oldest_s()) == (2, 7.0)
    assert queue.get() == "a"
    clock.now += 2
    assert (queue.depth(), queue.oldest_s(), queue.longest_run_s()) == (1, 9.0, 2.0)


def start(*targets: Callable[[], None]) -> list[threading.Thread]:
    """Start threads."""
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    """Wait for threads, and fail when one hangs."""
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_workers_share_the_keys_and_never_one_key() -> None:
    """Many workers and many puts: no key is ever run twice at once, and the last put is served."""
    queue = WorkQueue()
    turn, running, seen = threading.Lock(), Counter[str](), Counter[str]()
    newest, served = Counter[str](), Counter[str]()
    shared: list[str] = []

    def work() -> None:
        while (key := queue.get()) is not None:
            with turn:
                running[key] += 1
                if running[key] > 1:
                    shared.append(key)
                wanted = newest[key]
            with turn:
                running[key] -= 1
                seen[key] += 1
                served[key] = wanted
            queue.done(key)

    def feed() -> None:
        for number in range(400):
            key = f"key-{number % 7}"
            with turn:
                newest[key] += 1
            queue.put(key, Priority(number % 3), 0.0005 * (number % 2))

    workers = start(*[work] * 4)
    join(start(*[feed] * 3))
    for _ in range(200):
        if not queue.depth() and not queue.list_running() and served == newest:
            break
        threading.Event().wait(0.01)
    queue.close()
    join(workers)
    assert shared == []
    assert served == newest, "a put after the last run was lost"
    assert sum(seen.values()) <= 1200


def test_a_put_wakes_a_worker_that_waits_for_later() -> None:
    """A worker that sleeps until a far time is woken by what is due sooner, and by the end."""
    queue = WorkQueue()
    queue.put("later", PERIODIC, 3600)
    taken: list[str | None] = []
    threads = start(lambda: taken.append(queue.get()))
    queue.put("now", PERSON, 0.01)
    join(threads)
    assert taken == ["now"]
    threads = start(lambda: taken.append(queue.get()))
    queue.close()
    join(threads)
    assert taken == ["now", None]
