"""What holds for every directory, whatever its protocol: a read is whole, or it is an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from muster.errors import AccessDenied, RemoteError
from muster.model.names import AccountId
from muster.ports import Check

NOBODY: frozenset[AccountId] = frozenset()
NEVER_THERE = AccountId("6f1c0000-0000-4000-8000-00000000dead")


class AnyWorld(Protocol):
    """A directory of several pages, its adapter, and what can go wrong with it."""

    @property
    def people(self) -> frozenset[AccountId]:
        """Who is in it, among others that it came with."""
        ...

    @property
    def troubles(self) -> tuple[Callable[[], object], ...]:
        """What befalls one page of the next read, or the way to it: cut, outage, busy."""
        ...

    def read(self, known: frozenset[AccountId] = NOBODY) -> list[AccountId]:
        """Read everything, impatiently, and return the ids of the users."""
        ...

    def check(self) -> tuple[Check, ...]:
        """Ask the adapter how it is."""
        ...

    def heal(self) -> None:
        """Let everything work again."""
        ...

    def forget_secret(self) -> str:
        """Let the adapter have a wrong secret from now on, and return it."""
        ...


class AnyDirectory:
    """Subclasses give a fixture `world`, a new one for each test."""

    def test_every_user_is_read_once(self, world: AnyWorld) -> None:
        """All pages are read, and nobody is in two places."""
        found = world.read()
        assert len(found) == len(set(found))
        assert world.people <= set(found)

    @pytest.mark.parametrize("trouble", range(3), ids=["cut", "outage", "busy"])
    def test_a_read_is_whole_or_an_error(self, world: AnyWorld, trouble: int) -> None:
        """A page that fails is read again or ends the read; it never makes it shorter."""
        everybody = set(world.read())
        world.troubles[trouble]()
        try:
            assert set(world.read()) == everybody
        except RemoteError:
            world.heal()
        assert set(world.read()) == everybody

    @pytest.mark.parametrize("trouble", range(3), ids=["cut", "outage", "busy"])
    def test_check_raises_nothing(self, world: AnyWorld, trouble: int) -> None:
        """Doctor has lines in any weather, and all are well in good weather."""
        assert all(check.ok for check in world.check())
        world.troubles[trouble]()
        assert world.check()

    def test_a_known_account_that_is_gone_is_no_error(self, world: AnyWorld) -> None:
        """An id that nobody has is looked for and not found; who is there is listed once."""
        somebody = min(world.people)
        found = world.read(frozenset({somebody, NEVER_THERE}))
        assert (found.count(somebody), NEVER_THERE in found) == (1, False)

    def test_a_wrong_secret_is_denied_and_never_shown(self, world: AnyWorld) -> None:
        """The read is denied, doctor fails, and the secret is in neither."""
        secret = world.forget_secret()
        with pytest.raises(AccessDenied) as caught:
            world.read()
        checks = world.check()
        assert not all(check.ok for check in checks)
        assert secret not in f"{caught.value!r} {caught.value.__cause__!r} {checks!r}"
