"""Reading only what changed gives what reading everything gives, and is done only when it pays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.adapters.entra.world import NOBODY, NOTHING, EntraWorld, ids, one

from muster.adapters.entra import EntraAdapter
from muster.errors import RemoteError, Unavailable, Unexpected
from muster.lab.faults import CircularNextLink, Meanwhile, ServerError
from muster.model.names import AccountId

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(world: EntraWorld) -> Clock:
    """The time of the lab and of the adapters."""
    clock = Clock()
    world.lab.clock = clock
    return clock


@pytest.fixture
def users(world: EntraWorld) -> list[AccountId]:
    """Ten users, three on a page."""
    world.lab.knobs.max_page = 3
    world.lab.knobs.delta_page = 4
    return world.add_users(10)


@pytest.fixture
def adapter(world: EntraWorld, clock: Clock, users: list[AccountId]) -> EntraAdapter:
    """An adapter that has read everything twice, and so follows changes from now on."""
    adapter = world.open(clock=clock, worthwhile_pages=2)
    for _ in range(2):
        adapter.read(NOTHING, NOBODY)
    world.lab.reset_log()
    return adapter


def full_reads(world: EntraWorld) -> int:
    """Count the pages of whole lists that were asked for."""
    return world.paths().count("/users")


def test_a_small_tenant_is_always_read_as_a_whole(world: EntraWorld) -> None:
    """Where a list takes fewer pages than would pay, no changes are asked for."""
    world.add_users(10)
    adapter = world.open()
    for _ in range(3):
        adapter.read(NOTHING, NOBODY)
    assert "/users/delta" not in world.paths()


def test_nothing_new_costs_one_request(world: EntraWorld, adapter: EntraAdapter) -> None:
    """A tenant of many pages in which nothing happened is read with one request for users."""
    assert len(adapter.read(NOTHING, NOBODY).users) == 10
    assert world.paths() == ["/organization", "/users/delta"]


def test_changes_come_to_what_a_whole_read_shows(
    world: EntraWorld, adapter: EntraAdapter, users: list[AccountId]
) -> None:
    """New, changed twice, deleted both ways, and restored: the end of it is the same."""
    lab, tenant = world.lab, world.tenant
    lab.edit_user(tenant, users[0], displayName="First")
    lab.delete_user(tenant, users[1])
    lab.delete_user(tenant, users[2], reason="deleted")
    lab.edit_user(tenant, users[0], displayName="Second", accountEnabled=False)
    new = world.add_user("new", mail="new@contoso.example")
    for _ in range(5):
        lab.edit_user(tenant, new, jobTitle="Clerk")
    changed = adapter.read(NOTHING, NOBODY)
    assert full_reads(world) == 0
    whole = world.open().read(NOTHING, NOBODY)
    assert set(changed.users) == set(whole.users)
    assert one(changed, users[0]).display_name == "Second"
    assert not one(changed, users[0]).enabled
    again = world.add_user("again")
    assert set(ids(adapter.read(NOTHING, NOBODY))) == {*ids(whole), again}


def test_what_changes_during_a_whole_read_is_not_lost(
    world: EntraWorld, clock: Clock, users: list[AccountId]
) -> None:
    """The mark is taken before the list, so that an edit between two pages comes again."""
    adapter = world.open(clock=clock, worthwhile_pages=2)
    adapter.read(NOTHING, NOBODY)
    edit: Callable[[], object] = lambda: world.lab.edit_user(  # noqa: E731
        world.tenant, users[0], displayName="Edited meanwhile"
    )
    world.faults.add(Meanwhile(action=edit), path="skiptoken")
    adapter.read(NOTHING, NOBODY)
    assert one(adapter.read(NOTHING, NOBODY), users[0]).display_name == "Edited meanwhile"


def _expire(world: EntraWorld, clock: Clock) -> None:
    clock.now += timedelta(hours=23)
    world.lab.clock = lambda: clock.now + timedelta(days=7)


def _reset(world: EntraWorld, clock: Clock) -> None:
    world.lab.knobs.reset_delta = True


def _next_day(world: EntraWorld, clock: Clock) -> None:
    clock.now += timedelta(days=1)


@pytest.mark.parametrize("happen", [_expire, _reset, _next_day])
def test_everything_is_read_again_when_changes_cannot_be_trusted(
    world: EntraWorld,
    clock: Clock,
    adapter: EntraAdapter,
    users: list[AccountId],
    happen: Callable[[EntraWorld, Clock], None],
) -> None:
    """A lost state, a reset, or a day without a whole read: the list is read, nobody is missing."""
    world.lab.delete_user(world.tenant, users[0])
    happen(world, clock)
    assert ids(adapter.read(NOTHING, NOBODY)) == users[1:]
    assert full_reads(world) == 3


def test_changes_that_cannot_be_read_are_an_error(
    world: EntraWorld, adapter: EntraAdapter, users: list[AccountId]
) -> None:
    """An outage is no "nothing new", a refusal no reset; the read after it is a whole one."""
    world.lab.delete_user(world.tenant, users[0])
    world.faults.add(ServerError(status=503), path="delta", times=-1)
    hasty = world.open(clock=lambda: NOW, worthwhile_pages=2, patience_s=0)
    hasty.users.cursor = adapter.users.cursor
    with pytest.raises(Unavailable):
        hasty.read(NOTHING, NOBODY)
    world.faults.clear()
    world.faults.add(ServerError(status=400), path="delta")
    with pytest.raises(RemoteError, match="400"):
        adapter.read(NOTHING, NOBODY)
    assert ids(adapter.read(NOTHING, NOBODY)) == users[1:]


def test_changes_that_never_end_are_an_error(
    world: EntraWorld, adapter: EntraAdapter, users: list[AccountId]
) -> None:
    """A page that links to itself is read once; nothing of it is used, and all is read anew."""
    world.lab.delete_user(world.tenant, users[0])
    world.faults.add(CircularNextLink(), path="delta", times=20)
    with pytest.raises(Unexpected, match="in a circle"):
        adapter.read(NOTHING, NOBODY)
    assert world.paths().count("/users/delta") == 1
    world.faults.clear()
    assert ids(adapter.read(NOTHING, NOBODY)) == users[1:]


def test_a_cursor_can_be_kept_elsewhere(
    world: EntraWorld, clock: Clock, adapter: EntraAdapter
) -> None:
    """Another adapter goes on where one stopped, unless the link is too old."""
    cursor = adapter.users.cursor
    assert cursor is not None
    assert "delta" not in repr(cursor)
    for later, whole in ((timedelta(hours=3), 0), (timedelta(days=6), 4)):
        clock.now = NOW + later
        world.lab.reset_log()
        other = world.open(clock=clock)
        other.users.cursor = cursor
        assert len(other.read(NOTHING, NOBODY).users) == 10
        assert full_reads(world) == whole
