"""What is asked for, and how the difficult answers are taken."""

from __future__ import annotations

import pytest
from tests.contract.directory import content
from tests.contract.directory.lab_house import (
    LabHouse,
)
from tests.contract.directory.suite import NOBODY, group, user

from muster.errors import AccessDenied


def test_only_needed_attributes_are_asked_for(house: LabHouse) -> None:
    """Neither everything nor any password is asked for, but when a password was set is."""
    house.directory().read(NOBODY)
    asked = {attribute.lower() for attribute in house.server.asked_attributes}
    assert "*" not in asked
    passwords = {name for name in asked if "pwd" in name or "laps" in name or "password" in name}
    assert passwords <= {"pwdlastset"}


def test_redirected_users_are_not_hidden(house: LabHouse) -> None:
    """After redirusr the chosen OU is not hidden, and CN=Users itself still is."""
    guid = "A9D1CA15768811D1ADED00C04FD8D5CD"
    house.domain.set_attributes(
        content.DOMAIN_DN, {"wellKnownObjects": [f"B:32:{guid}:{content.STAFF}"]}
    )
    hidden = {container.dn for container in house.directory().read(NOBODY).domain.hidden}
    assert content.STAFF not in hidden
    assert content.USERS_CONTAINER in hidden


@pytest.mark.parametrize(
    ("attribute", "guid", "name"),
    [
        ("wellKnownObjects", "A9D1CA15768811D1ADED00C04FD8D5CD", "Users"),
        ("otherWellKnownObjects", "1EB93889E40C45DF9F0C64D23BBB6237", "Managed Service Accounts"),
    ],
)
def test_renamed_container_is_hidden(house: LabHouse, attribute: str, guid: str, name: str) -> None:
    """A default container that has another name is found by its GUID, in either list of them."""
    renamed = f"CN=Umbenannt,{content.DOMAIN_DN}"
    house.domain.set_attributes(content.DOMAIN_DN, {attribute: [f"B:32:{guid}:{renamed}"]})
    hidden = {
        container.name: container.dn for container in house.directory().read(NOBODY).domain.hidden
    }
    assert hidden[name] == renamed


def test_state_that_may_not_be_read_raises(house: LabHouse) -> None:
    """A user whose userAccountControl cannot be seen is not taken for an enabled one."""
    house.domain.set_attributes(house.domain.find("ddora"), {"userAccountControl": []})
    with pytest.raises(AccessDenied, match="userAccountControl of CN=Dora Disabled"):
        house.directory().read(NOBODY)


def test_distribution_group_is_told_apart(house: LabHouse) -> None:
    """A distribution list is read, and marked as one that gives no rights."""
    house.domain.add_group("News", parent=content.GROUPS, group_type=2)
    read = house.directory().read(NOBODY)
    assert not group(read, "News").security
    assert group(read, "Muster Staff").security


def test_other_primary_group_is_told_by_rid(house: LabHouse) -> None:
    """A user with another primary group names it by RID and is not among its members."""
    rid = group(house.directory().read(NOBODY), "Muster Empty").sid.rpartition("-")[2]
    house.domain.set_attributes(house.domain.find("nnever"), {"primaryGroupID": [rid]})
    read = house.directory().read(NOBODY)
    assert str(user(read, "nnever").primary_group_rid) == rid
    assert group(read, "Muster Empty").members == ()
