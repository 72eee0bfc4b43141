"""Active Directory and Entra are directories, by the statements that hold for any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import trustme
from tests.adapters.entra.world import NOTHING, EntraWorld
from tests.contract.directory.any_directory import NOBODY, AnyDirectory
from tests.contract.directory.lab_house import LabHouse

from muster.adapters.entra.credentials import Credential
from muster.lab.faults import CutBody, FaultKind, ServerError, Throttle
from muster.lab.graph import GraphLab
from muster.model.names import AccountId
from muster.model.secret import Secret
from muster.ports import Check

WRONG = "wrong-Secret-77"


class HouseWorld:
    """The lab's domain controller, in pages of ten."""

    def __init__(self, house: LabHouse) -> None:
        self._faults = house.faults
        self._house = house
        self._adapter = house.directory()
        domain = house.domain
        self.people = frozenset(
            AccountId(domain.object_id(domain.find(sam))) for sam in ("jsmith", "nomail", "hash")
        )

    @property
    def troubles(self) -> tuple[Callable[[], object], ...]:
        """What may happen to the second page."""
        return (
            lambda: self._faults.cut_page(2),
            lambda: self._faults.fail_page(2, code=52),
            lambda: self._faults.fail_page(2, code=51),
        )

    def read(self, known: frozenset[AccountId] = NOBODY) -> list[AccountId]:
        """Read the domain."""
        return [user.id for user in self._adapter.read(known).users]

    def check(self) -> tuple[Check, ...]:
        """Ask the adapter how it is."""
        return self._adapter.check()

    def heal(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def forget_secret(self) -> str:
        """Sign in with a wrong password."""
        self._adapter = self._house.directory(password=WRONG)
        return WRONG


class TenantWorld:
    """A simulated tenant, in pages of three."""

    def __init__(self, world: EntraWorld) -> None:
        self._world = world
        world.lab.knobs.max_page = 3
        self.people = frozenset(world.add_users(8))
        self._adapter = world.open(patience_s=0.3)

    @property
    def troubles(self) -> tuple[Callable[[], object], ...]:
        """What may happen to any page, for as long as a read is patient."""
        return (
            lambda: self._break(CutBody()),
            lambda: self._break(ServerError(status=500)),
            lambda: self._break(Throttle(retry_after=9)),
        )

    def read(self, known: frozenset[AccountId] = NOBODY) -> list[AccountId]:
        """Read the tenant."""
        return [user.id for user in self._adapter.read(NOTHING, known).users]

    def check(self) -> tuple[Check, ...]:
        """Ask the adapter how it is."""
        return self._adapter.check()

    def heal(self) -> None:
        """Let everything work again, also what the adapter holds back for."""
        self._world.faults.clear()
        self._adapter = self._world.open(patience_s=0.3)

    def forget_secret(self) -> str:
        """Sign in with a wrong secret."""
        self._adapter = self._world.open(Credential(secrets=(Secret(WRONG),)))
        return WRONG

    def _break(self, fault: FaultKind) -> None:
        self._world.faults.add(fault, path="skiptoken", times=-1)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all tenants; making one is slow."""
    return trustme.CA()


class TestActiveDirectory(AnyDirectory):
    """Over LDAP."""

    @pytest.fixture
    def world(self, house: LabHouse) -> HouseWorld:
        """Return a domain of its own."""
        return HouseWorld(house)


class TestEntra(AnyDirectory):
    """Over Microsoft Graph."""

    @pytest.fixture
    def world(self, ca: trustme.CA) -> Iterator[TenantWorld]:
        """Return a tenant of its own."""
        with ExitStack() as stack:
            yield TenantWorld(EntraWorld(stack.enter_context(GraphLab(ca=ca)), stack))
