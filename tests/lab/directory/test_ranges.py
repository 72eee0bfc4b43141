"""What an answer holds: ranges of large attributes, stars, and what is never said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import ldap3
import pytest
from tests.lab.directory.raw import RawClient
from tests.lab.directory.wire import (
    PASSWORD,
    READER,
    Connect,
    Serve,
    entries,
    names,
    result,
    values,
)

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.identifiers import ticks
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer

MANY = 3200


@pytest.fixture(scope="module")
def domain() -> LabDomain:
    """A domain with a group of 3,200 members; the tests leave that as they found it."""
    made = LabDomain("acme.example.test", "ACME")
    made.add_user(
        "Reader", "reader", parent=made.add_organizational_unit("OU=Staff"), password=PASSWORD
    )
    place = made.add_organizational_unit("OU=Crowd")
    members = [made.add_contact(f"C{number}", parent=place) for number in range(MANY)]
    made.add_group("Large", parent=place, members=members)
    return made


@pytest.fixture
def large(domain: LabDomain) -> str:
    """The DN of that group."""
    return domain.find("Large")


@pytest.fixture
def bare(serve: Serve) -> Iterator[RawClient]:
    """A client of bytes, signed in."""
    with RawClient(serve(limits=LdapLimits(require_encryption=False))) as client:
        assert client.bind(READER, PASSWORD) == 0
        yield client


def read(connection: ldap3.Connection, dn: str, *attributes: str) -> dict[str, list[bytes]]:
    """Read one entry."""
    connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(attributes))
    found: dict[str, list[bytes]] = entries(connection)[0]["raw_attributes"]
    return found


@pytest.mark.parametrize("asked", ["member", "*"])
def test_plain_member_is_split(large: str, bare: RawClient, asked: str) -> None:
    """Above 1,500 values the plain attribute is empty and the first range comes beside it."""
    raw = bare.read(large, asked)
    assert (raw["member"], raw["member;range=0-1499"]) == (0, 1500)


def test_ldap3_puts_ranges_together(large: str, server: LdapServer, connect: Connect) -> None:
    """The automatic ranges of ldap3 reach every member."""
    connection = connect(server, auto_range=True)
    assert len(read(connection, large, "member")["member"]) == MANY


@pytest.mark.parametrize(
    ("asked", "answered", "size"),
    [
        ("member;range=0-*", "member;range=0-1499", 1500),
        ("member;range=1500-*", "member;range=1500-2999", 1500),
        ("member;range=3000-*", "member;range=3000-*", 200),
        ("member;range=0-9", "member;range=0-9", 10),
        ("member;range=3100-9999", "member;range=3100-*", 100),
        ("MEMBER;Range=0-0", "member;range=0-0", 1),
    ],
)
def test_explicit_range(
    large: str, client: ldap3.Connection, asked: str, answered: str, size: int
) -> None:
    """A range answers at most 1,500 values; `*` marks the last chunk."""
    raw = read(client, large, asked)
    assert {name: len(found) for name, found in raw.items()} == {answered: size}


def test_ranges_add_up(large: str, client: ldap3.Connection) -> None:
    """All ranges together are all members, each once."""
    chunks = [read(client, large, f"member;range={start}-*") for start in (0, 1500, 3000)]
    found = [member for raw in chunks for part in raw.values() for member in part]
    assert len(found) == len(set(found)) == MANY


def test_range_of_a_small_group(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """A small group answers a range whole, and an empty one not at all."""
    small = domain.add_group("Small", parent=staff, members=[domain.find("reader")])
    empty = domain.add_group("Empty", parent=staff)
    assert list(read(client, small, "member;range=0-*")) == ["member;range=0-*"]
    assert read(client, empty, "member;range=0-*") == {}


def test_range_past_the_end(large: str, client: ldap3.Connection) -> None:
    """A range behind the last value is result 1, or nothing when the control asks for that."""
    beyond = [f"member;range={MANY}-*"]
    client.search(large, "(objectClass=*)", ldap3.BASE, attributes=beyond)
    assert result(client) == 1
    lenient = ("1.2.840.113556.1.4.1948", True, None)
    client.search(large, "(objectClass=*)", ldap3.BASE, attributes=beyond, controls=[lenient])
    assert (result(client), entries(client)[0]["raw_attributes"]) == (0, {})


def test_no_attributes(domain: LabDomain, client: ldap3.Connection) -> None:
    """`1.1` brings names only."""
    assert read(client, domain.find("reader"), "1.1") == {}


def test_everything(domain: LabDomain, client: ldap3.Connection) -> None:
    """`*` brings stored attributes and links, in the schema's spelling, nothing constructed."""
    raw = read(client, domain.find("Administrator"), "*")
    assert {"objectGUID", "objectSid", "sAMAccountName", "memberOf", "adminCount"} <= set(raw)
    assert raw["objectClass"] == [b"top", b"person", b"organizationalPerson", b"user"]
    assert not {"canonicalName", "primaryGroupToken", "unicodePwd"} & set(raw)


@pytest.mark.parametrize("asked", ["unicodePwd", "*"])
def test_password_is_never_returned(
    domain: LabDomain, client: ldap3.Connection, asked: str
) -> None:
    """unicodePwd can be written by a test and read by nobody."""
    dn = domain.find("reader")
    domain.set_attributes(dn, {"unicodePwd": [b"secret"]})
    assert "unicodePwd" not in read(client, dn, asked)


def test_constructed(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """Constructed attributes come when they are named."""
    now = ticks(datetime.now(UTC))
    dn = domain.add_user("A/B", "ab", parent=staff, attributes={"lockoutTime": [str(now)]})
    assert values(client, dn, "canonicalName") == [b"acme.example.test/Staff/A\\/B"]
    assert values(client, dn, "msDS-PrincipalName") == [b"ACME\\ab"]
    assert values(client, dn, "msDS-User-Account-Control-Computed") == [b"16"]
    assert values(client, domain.find("Domain Admins"), "primaryGroupToken") == [b"512"]
    domain.set_attributes(dn, {"lockoutTime": ["1"], "pwdLastSet": [str(now)]})
    assert values(client, dn, "msDS-User-Account-Control-Computed") == [b"0"]
    (age,) = values(client, domain.dn, "maxPwdAge")
    assert values(client, dn, "msDS-UserPasswordExpiryTimeComputed") == [b"%d" % (now - int(age))]


def test_expired_password(domain: LabDomain, client: ldap3.Connection) -> None:
    """A password older than maxPwdAge, or to be changed at once, shows as expired."""
    dn = domain.add_user("Old", "old", parent=domain.add_organizational_unit("OU=Old"))
    asked = "msDS-User-Account-Control-Computed"
    for changed, expected in (("0", b"8388608"), ("1", b"8388608")):
        domain.set_attributes(dn, {"pwdLastSet": [changed]})
        assert values(client, dn, asked) == [expected]
    domain.set_attributes(dn, {"userAccountControl": ["66048"]})
    assert values(client, dn, asked) == [b"0"]
    domain.set_attributes(dn, {"userAccountControl": ["512"]})
    before = values(client, domain.dn, "maxPwdAge")
    domain.set_attributes(domain.dn, {"maxPwdAge": ["-9223372036854775808"]})
    assert values(client, dn, asked) == [b"0"]
    domain.set_attributes(domain.dn, {"maxPwdAge": before})
    assert values(client, domain.dn, asked) == []


def test_plus_brings_constructed_attributes(domain: LabDomain, bare: RawClient) -> None:
    """`+` brings what is computed, and `*` beside it what is stored."""
    assert set(bare.read(domain.find("reader"), "+")) == {
        "canonicalName",
        "msDS-PrincipalName",
        "msDS-User-Account-Control-Computed",
        "msDS-UserPasswordExpiryTimeComputed",
    }
    assert {"canonicalName", "objectGUID"} <= set(bare.read(domain.find("reader"), "+", "*"))


def test_types_only(domain: LabDomain, bare: RawClient) -> None:
    """A client may ask for the names of attributes without their values."""
    found = bare.read(domain.find("reader"), "sAMAccountName", "sn", types_only=True)
    assert found == {"sAMAccountName": 0}


def test_back_link_follows_a_rename(domain: LabDomain, client: ldap3.Connection) -> None:
    """member and memberOf show the names of today after users and groups have moved."""
    staff = domain.add_organizational_unit("OU=Team")
    user = domain.add_user("Ada", "ada", parent=staff)
    group = domain.add_group("Team", parent=staff, members=[user])
    domain.rename(staff, "People")
    user, group = (dn.replace("OU=Team", "OU=People") for dn in (user, group))
    assert values(client, group, "member") == [user.encode()]
    assert values(client, user, "memberOf") == [group.encode()]
    domain.delete(user)
    assert values(client, group, "member") == []
    client.search(domain.dn, "(sAMAccountName=ada)", attributes=["name"])
    assert names(client) == []
