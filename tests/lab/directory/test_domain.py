"""The domain as tests seed it: what it is born with, and what each call changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import ldap3
import pytest
from tests.lab.directory.wire import entries, names, values

from muster.lab.directory.domain import LabDomain

FLAGS = "isCriticalSystemObject"


@pytest.mark.parametrize(
    ("sid", "name"),
    [
        ("512", "Domain Admins"),
        ("513", "Domain Users"),
        ("518", "Schema Admins"),
        ("519", "Enterprise Admins"),
        ("525", "Protected Users"),
        ("500", "Administrator"),
        ("501", "Guest"),
        ("502", "krbtgt"),
        ("503", "DefaultAccount"),
        ("S-1-5-32-544", "Administrators"),
        ("S-1-5-32-548", "Account Operators"),
        ("S-1-5-32-578", "Hyper-V Administrators"),
    ],
)
def test_built_in_principals(
    domain: LabDomain, client: ldap3.Connection, sid: str, name: str
) -> None:
    """Built-in users and groups have their well-known SIDs and are marked critical."""
    full = sid if sid.startswith("S-") else f"{domain.sid}-{sid}"
    client.search(f"<SID={full}>", "(objectClass=*)", ldap3.BASE, attributes=["name", FLAGS])
    assert names(client) == [name]
    assert entries(client)[0]["raw_attributes"][FLAGS] == [b"TRUE"]


def test_default_groups_without_the_mark(domain: LabDomain, client: ldap3.Connection) -> None:
    """DnsAdmins and DnsUpdateProxy are default groups that are not marked critical."""
    wanted = f"(&(objectCategory=group)(!({FLAGS}=TRUE)))"
    client.search(f"CN=Users,{domain.dn}", wanted, attributes=["name"])
    assert set(names(client)) == {"DnsAdmins", "DnsUpdateProxy"}
    client.search(f"CN=Builtin,{domain.dn}", wanted, attributes=["name"])
    assert names(client) == []


def test_nested_administrators(domain: LabDomain, client: ldap3.Connection) -> None:
    """Domain Admins and Enterprise Admins are members of Administrators; adminCount is 1."""
    members = values(client, domain.find("Administrators"), "member")
    assert f"CN=Domain Admins,CN=Users,{domain.dn}".encode() in members
    assert f"CN=Enterprise Admins,CN=Users,{domain.dn}".encode() in members
    assert values(client, domain.find("Domain Admins"), "adminCount") == [b"1"]
    assert values(client, domain.find("Domain Users"), "adminCount") == []


def test_unused_accounts(domain: LabDomain, client: ldap3.Connection) -> None:
    """Guest and DefaultAccount are disabled, need no password and never expire."""
    for name in ("Guest", "DefaultAccount"):
        assert values(client, domain.find(name), "userAccountControl") == [b"66082"]
    assert values(client, domain.find("krbtgt"), "userAccountControl") == [b"514"]


def test_foreign_members(domain: LabDomain, client: ldap3.Connection) -> None:
    """Built-in groups hold principals from outside the domain."""
    foreign = f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{domain.dn}".encode()
    assert foreign in values(client, domain.find("Users"), "member")


def test_head_of_the_domain(domain: LabDomain, client: ldap3.Connection) -> None:
    """The head carries the password policy, its SID and pointers to well-known containers."""
    assert values(client, domain.dn, "minPwdLength") == [b"7"]
    assert values(client, domain.dn, "maxPwdAge") == [b"-36288000000000"]
    pointers = values(client, domain.dn, "wellKnownObjects")
    assert f"B:32:A9D1CA15768811D1ADED00C04FD8D5CD:CN=Users,{domain.dn}".encode() in pointers
    others = values(client, domain.dn, "otherWellKnownObjects")
    assert others == [
        f"B:32:1EB93889E40C45DF9F0C64D23BBB6237:CN=Managed Service Accounts,{domain.dn}".encode()
    ]


@pytest.mark.parametrize(
    ("rid", "enabled", "attribute", "expected"),
    [
        (513, True, "userAccountControl", b"512"),
        (513, False, "userAccountControl", b"514"),
        (1200, True, "primaryGroupID", b"1200"),
        (513, True, "accountExpires", b"9223372036854775807"),
        (513, True, "userPrincipalName", b"new@acme.example.test"),
        (
            513,
            True,
            "objectCategory",
            b"CN=Person,CN=Schema,CN=Configuration,DC=acme,DC=example,DC=test",
        ),
    ],
)
def test_new_user(
    domain: LabDomain,
    client: ldap3.Connection,
    rid: int,
    enabled: bool,
    attribute: str,
    expected: bytes,
) -> None:
    """A new user has what Active Directory gives to one."""
    place = domain.add_organizational_unit("OU=New")
    dn = domain.add_user("New", "new", parent=place, enabled=enabled, primary_group_rid=rid)
    assert values(client, dn, attribute) == [expected]


def test_guid_is_16_bytes_little_endian(domain: LabDomain, client: ldap3.Connection) -> None:
    """objectGUID on the wire and `object_id` are the same id."""
    dn = domain.find("reader")
    (raw,) = values(client, dn, "objectGUID")
    assert str(UUID(bytes_le=raw)) == domain.object_id(dn)


def test_same_seed_same_ids() -> None:
    """The same seed and calls give the same ids; another seed gives others."""

    def ids(seed: int) -> tuple[str, str]:
        made = LabDomain("a.test", "A", seed=seed)
        place = made.add_organizational_unit("OU=X")
        return made.sid, made.object_id(made.add_user("U", "u", parent=place))

    assert ids(1) == ids(1)
    assert ids(1) != ids(2)


@pytest.mark.parametrize(
    "name",
    [
        'O, Brien #1 + (x)* "q" \\ ; <y> = z',
        "# leading hash",
        " leading and trailing ",
        "Zoë 王小明 Ñ",
        "ends with a backslash\\",
        "a name that is far longer than twenty characters",
    ],
)
def test_difficult_names(
    domain: LabDomain, staff: str, client: ldap3.Connection, name: str
) -> None:
    """Any name can be stored, found by its DN, given to a group and read back unchanged."""
    dn = domain.add_user(name, "odd", parent=staff)
    group = domain.add_group("Team", parent=staff, members=[dn])
    client.search(dn, "(objectClass=user)", ldap3.BASE, attributes=["name", "distinguishedName"])
    assert names(client) == [name]
    assert entries(client)[0]["dn"] == dn
    assert values(client, group, "member") == [dn.encode()]


def test_rename_and_move(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """A rename changes cn and the names below; a move keeps ids; both can be found again."""
    inner = domain.add_organizational_unit("OU=Inner,OU=Staff")
    user = domain.add_user("Ada", "ada", parent=inner)
    guid = domain.object_id(user)
    assert domain.rename(inner, "In, ner") == f"OU=In\\, ner,{staff}"
    assert domain.find("ada") == f"CN=Ada,OU=In\\, ner,{staff}"
    moved = domain.move(domain.find("ada"), staff)
    assert (moved, domain.object_id(moved)) == (f"CN=Ada,{staff}", guid)
    renamed = domain.rename(moved, "Ada L")
    assert values(client, renamed, "cn") == values(client, renamed, "name") == [b"Ada L"]
    assert domain.rename(renamed, "ADA L") == f"CN=ADA L,{staff}"


def test_delete_takes_all_below(domain: LabDomain, staff: str) -> None:
    """Deleting an OU deletes what is in it, and the names are free again."""
    domain.delete(staff)
    with pytest.raises(KeyError):
        domain.find("reader")
    again = domain.add_organizational_unit("OU=Staff")
    assert domain.add_user("Reader", "reader", parent=again)


def test_names_that_are_taken(domain: LabDomain, staff: str) -> None:
    """A second object of one name, and a second sAMAccountName, are refused."""
    with pytest.raises(ValueError, match="already exists"):
        domain.add_user("READER", "other", parent=staff)
    with pytest.raises(ValueError, match="already in use"):
        domain.add_user("Other", "READER", parent=staff)
    other = domain.add_contact("Other", parent=staff)
    with pytest.raises(ValueError, match="already exists"):
        domain.rename(other, "Reader")
    inner = domain.add_organizational_unit("OU=Inner,OU=Staff")
    with pytest.raises(ValueError, match="inside itself"):
        domain.move(staff, inner)
    with pytest.raises(KeyError):
        domain.add_contact("Lost", parent=f"OU=Nowhere,{domain.dn}")


def test_set_attributes(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """Values are replaced, an empty sequence removes, unknown names join the schema."""
    dn = domain.find("reader")
    domain.set_attributes(dn, {"mail": ["a@x"], "proxyAddresses": ["SMTP:a@x", "smtp:b@x"]})
    assert values(client, dn, "proxyAddresses") == [b"SMTP:a@x", b"smtp:b@x"]
    domain.set_attributes(dn, {"mail": [], "acmeBadge": ["7"], "manager": [dn]})
    assert values(client, dn, "mail") == []
    assert values(client, dn, "directReports") == [dn.encode()]
    client.search(staff, "(&(acmeBadge=7)(!(mail=*)))", attributes=["name"])
    assert names(client) == ["Reader"]


def test_membership(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """Members can be added twice and removed twice."""
    user = domain.find("reader")
    group = domain.add_group("Team", parent=staff, members=[user])
    domain.add_members(group, user)
    assert values(client, group, "member") == [user.encode()]
    domain.remove_members(group, user)
    domain.remove_members(group, user)
    assert values(client, user, "memberOf") == []


def test_clock() -> None:
    """Times come from the clock that the domain was given."""
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    made = LabDomain("a.test", "A", clock=lambda: moment)
    head = made.tree.require(made.find("Administrator"))
    assert head.text("whencreated") == "20260203040506.0Z"
    assert head.text("pwdlastset") == str(116444736000000000 + int(moment.timestamp()) * 10_000_000)


def test_threads_add_side_by_side(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """Threads that add users at once lose none and give every user a SID of its own."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: domain.add_user(f"T{n}", f"t{n}", parent=staff), range(200)))
    client.search(staff, "(sAMAccountName=t*)", attributes=["objectSid"])
    sids = {entry["raw_attributes"]["objectSid"][0] for entry in entries(client)}
    assert len(sids) == 200
