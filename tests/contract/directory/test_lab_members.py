"""Members of groups that change while they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from tests.contract.directory import content
from tests.contract.directory.lab_house import (
    LabHouse,
)
from tests.contract.directory.suite import NOBODY, group

from muster.adapters.active_directory.members import read_members
from muster.errors import Unavailable
from muster.lab.directory.domain import LabDomain
from muster.transport.ldap import Entry, LdapSession
from muster.transport.ldap_connect import endpoints, open_first


class MeddledSession(LdapSession):
    """Lets something happen after each read of one object."""

    def __init__(self, session: LdapSession, meddle: Callable[[], None]) -> None:
        super().__init__(session._connection, server=session.server)
        self.meddle = meddle

    def read(
        self,
        dn: str,
        attributes: Sequence[str],
        *,
        controls: tuple[str, ...] = (),
        access_list: bool = False,
    ) -> Entry | None:
        """Read, then meddle."""
        entry = super().read(dn, attributes, controls=controls, access_list=access_list)
        self.meddle()
        return entry


def _grown(domain: LabDomain, size: int) -> list[str]:
    members = [domain.add_user(f"m{n}", f"m{n}", parent=content.STAFF) for n in range(size)]
    domain.add_members(domain.find("Muster Empty"), *members)
    return members


def _read_while(house: LabHouse, meddle: Callable[[], None]) -> tuple[str, ...]:
    login = house.login()
    with MeddledSession(open_first(login, endpoints(login)), meddle) as session:
        wanted = "(sAMAccountName=Muster Empty)"
        (found,) = session.search(content.DOMAIN_DN, wanted, ("objectGUID", "uSNChanged", "member"))
        return read_members(session, found)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 8, 9, 12])
def test_ranges_join_at_every_size(house: LabHouse, size: int) -> None:
    """Members are read to the last one, whether or not the last range is full."""
    members = _grown(house.domain, size)
    assert sorted(group(house.directory().read(NOBODY), "Muster Empty").members) == sorted(members)


@pytest.mark.parametrize("removed", [1, 5, 8])
def test_removal_between_ranges_reads_again(house: LabHouse, removed: int) -> None:
    """Members removed between two ranges do not make a remaining one be skipped."""
    members = _grown(house.domain, 9)
    waiting = [members[:removed]]

    def meddle() -> None:
        if waiting:
            house.domain.remove_members(house.domain.find("Muster Empty"), *waiting.pop())

    assert sorted(_read_while(house, meddle)) == sorted(members[removed:])


def test_rename_between_ranges_is_followed(house: LabHouse) -> None:
    """A group that is renamed while it is read is still read to its end."""
    members = _grown(house.domain, 9)
    waiting = [house.domain.find("Muster Empty")]

    def meddle() -> None:
        if waiting:
            house.domain.rename(waiting.pop(), "Renamed")

    assert sorted(_read_while(house, meddle)) == sorted(members)


def test_group_that_never_rests_raises(house: LabHouse) -> None:
    """A group that changes at every read gives no list, rather than a wrong one."""
    members = _grown(house.domain, 40)
    waiting = iter(members)
    empty = house.domain.find("Muster Empty")
    with pytest.raises(Unavailable, match="while they were read"):
        _read_while(house, lambda: house.domain.remove_members(empty, next(waiting)))
