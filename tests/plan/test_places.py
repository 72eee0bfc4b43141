"""What `muster directory tree` and `muster directory groups` offer."""

from __future__ import annotations

import pytest

from muster.model.directory import (
    DirectoryGroup,
    DirectorySnapshot,
    DirectoryUser,
    Domain,
    HiddenContainer,
)
from muster.model.names import AccountId
from muster.plan.places import Place, places_with_users, selectable_groups

ROOT = "DC=corp,DC=example,DC=test"
HIDDEN = (
    HiddenContainer(dn=f"CN=Users,{ROOT}", name="Users"),
    HiddenContainer(dn=f"CN=Builtin,{ROOT}", name="Builtin"),
    HiddenContainer(dn=f"CN=System,{ROOT}", name="System"),
)


def snapshot(
    *users: DirectoryUser, groups: tuple[DirectoryGroup, ...] = (), places: tuple[str, ...] = ()
) -> DirectorySnapshot:
    """Return a snapshot of a small domain."""
    domain = Domain(
        dn=ROOT, dns_name="corp.example.test", netbios_name="CORP", sid="S-1-5-21-1", hidden=HIDDEN
    )
    return DirectorySnapshot(domain=domain, users=users, groups=groups, organizational_units=places)


def user(name: str, parent: str, *, enabled: bool = True) -> DirectoryUser:
    """Return a user at a place."""
    return DirectoryUser(
        id=AccountId(name),
        dn=f"CN={name},{parent}",
        sid="S-1-5-21-1-1103",
        sam=name,
        enabled=enabled,
    )


def group(
    name: str, parent: str = f"OU=Groups,{ROOT}", *, critical: bool = False, security: bool = True
) -> DirectoryGroup:
    """Return a group at a place."""
    return DirectoryGroup(
        id=AccountId(name),
        dn=f"CN={name},{parent}",
        sid="S-1-5-21-1-1104",
        sam=name,
        name=name,
        critical=critical,
        security=security,
    )


def test_places_are_counted_and_spelled_as_the_directory_does() -> None:
    """Only places that directly hold users are listed, parents first, in their own spelling."""
    staff, toronto = f"OU=Staff,{ROOT}", f"OU=Toronto,OU=Staff,{ROOT}"
    read = snapshot(
        user("a", toronto.lower()),
        user("b", staff, enabled=False),
        user("c\\, d", staff),
        user("e", f"OU=Away,{ROOT}"),
        places=(toronto, staff, f"OU=Away,{ROOT}", f"OU=Empty,{ROOT}"),
    )
    assert places_with_users(read) == (
        Place(dn=f"OU=Away,{ROOT}", users=1, enabled=1),
        Place(dn=staff, users=2, enabled=1),
        Place(dn=toronto, users=1, enabled=1),
    )


@pytest.mark.parametrize("place", [f"CN=Users,{ROOT}", f"CN=Deep,CN=System,{ROOT}"])
def test_hidden_places_are_not_offered(place: str) -> None:
    """Users in a hidden container, or anywhere below one, make no place."""
    assert places_with_users(snapshot(user("a", place), places=(place,))) == ()


@pytest.mark.parametrize(
    ("found", "offered"),
    [
        (group("Staff"), True),
        (group("Staff", f"CN=System,{ROOT}"), True),
        (group("Domain Admins", critical=True), False),
        (group("DnsAdmins", f"CN=Users,{ROOT}"), False),
        (group("Backup", f"cn=builtin,{ROOT}"), False),
        (group("News", security=False), False),
    ],
)
def test_selectable_groups(found: DirectoryGroup, offered: bool) -> None:
    """Groups of the system, in CN=Users or CN=Builtin, and distribution lists are not offered."""
    assert (selectable_groups(snapshot(groups=(found,))) == (found,)) is offered


def test_groups_are_offered_by_name() -> None:
    """Groups come in the order of their names, whatever the directory's order was."""
    offered = selectable_groups(snapshot(groups=(group("beta"), group("Gamma"), group("Alpha"))))
    assert [found.name for found in offered] == ["Alpha", "beta", "Gamma"]
