"""Filters, one row a claim: what a domain controller finds is what the lab finds."""

from __future__ import annotations

import ldap3
import pytest
from ldap3.utils.conv import escape_filter_chars
from tests.lab.directory.wire import entries, names, result

from muster.lab.directory.domain import LabDomain

USERS = "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE)))"


@pytest.fixture
def people(domain: LabDomain, staff: str) -> LabDomain:
    """A domain with one of everything."""
    domain.add_user("Ada Lovelace", "ada", parent=staff, mail="ada@acme.test", surname="Lovelace")
    domain.add_user("Zoë Müller", "zoe", parent=staff, upn=None, attributes={"title": ["Ärztin"]})
    domain.add_user("Star (*) \\ 1", "star", parent=staff, enabled=False)
    domain.add_user("Ina", "ina", parent=staff, object_class="inetOrgPerson")
    domain.add_contact("Carl Contact", parent=staff)
    domain.add_computer("PC1", parent=staff)
    domain.add_managed_service_account("gmsa", parent=staff)
    domain.add_managed_service_account("smsa", parent=staff, kind="standalone")
    inner = domain.add_group("Inner", parent=staff, members=[domain.find("ada")])
    domain.add_group("Outer", parent=staff, members=[inner, domain.find("zoe")])
    return domain


@pytest.mark.parametrize(
    ("filter_text", "expected"),
    [
        ("(sAMAccountName=ADA)", {"Ada Lovelace"}),
        ("(displayname=ada lovelace)", {"Ada Lovelace"}),
        ("(cn=ZOË MÜLLER)", {"Zoë Müller"}),
        ("(title=*rzt*)", {"Zoë Müller"}),
        ("(title=ä*)", {"Zoë Müller"}),
        ("(cn=Star \\28\\2a\\29 \\5c 1)", {"Star (*) \\ 1"}),
        ("(cn=*\\2a*)", {"Star (*) \\ 1"}),
        ("(cn=A*d*a L*ce)", {"Ada Lovelace"}),
        ("(cn=A*d*d*ce)", set()),
        ("(cn~=ada lovelace)", {"Ada Lovelace"}),
        ("(sn=*)", {"Ada Lovelace"}),
        ("(&(objectClass=group)(|(cn=inner)(cn=outer)))", {"Inner", "Outer"}),
        ("(&(objectClass=user)(!(userPrincipalName=*))(mail=*))", set()),
        ("(&(objectClass=user)(objectCategory=person)(!(userPrincipalName=*)))", {"Zoë Müller"}),
        ("(&(objectCategory=contact)(objectClass=contact))", {"Carl Contact"}),
        ("(&(objectCategory=computer)(cn=pc1))", {"PC1"}),
        ("(objectCategory=group)", {"Inner", "Outer"}),
        (
            "(objectCategory=user)",
            {"Reader", "Ada Lovelace", "Zoë Müller", "Star (*) \\ 1", "Ina", "Carl Contact"},
        ),
        (USERS, {"Reader", "Ada Lovelace", "Zoë Müller", "Star (*) \\ 1", "Ina"}),
        (
            "(&(objectClass=user)(!(objectCategory=person)))",
            {"PC1", "gmsa", "smsa"},
        ),
        ("(userAccountControl:1.2.840.113556.1.4.803:=514)", {"Star (*) \\ 1"}),
        (
            "(userAccountControl:1.2.840.113556.1.4.804:=4098)",
            {"Star (*) \\ 1", "PC1", "gmsa", "smsa"},
        ),
        ("(groupType:1.2.840.113556.1.4.803:=2147483648)", {"Inner", "Outer"}),
        ("(&(sAMAccountType>=805306369)(objectClass=computer))", {"PC1", "gmsa", "smsa"}),
        ("(&(sAMAccountType<=805306368)(cn=i*))", {"Ina", "Inner"}),
        ("(&(objectClass=user)(primaryGroupID=515))", {"PC1", "gmsa", "smsa"}),
        ("(cn:=ada lovelace)", {"Ada Lovelace"}),
        ("(&(objectClass=*)(unknownAttribute=*))", set()),
        ("(!(unknownAttribute=x))", set()),
        ("(|(unknownAttribute=x)(sAMAccountName=ada))", {"Ada Lovelace"}),
        ("(memberOf=CN=In*)", set()),
        ("(userAccountControl=not a number)", set()),
        ("(!(userAccountControl>=not a number))", set()),
        ("(!(userAccountControl=5*))", set()),
        ("(!(distinguishedName=*Staff*))", set()),
        ("(!(cn:1.2.840.113556.1.4.803:=1))", set()),
        ("(!(cn:1.2.840.113556.1.4.1941:=x))", set()),
        ("(!(cn:1.2.3.4:=x))", set()),
        ("(!(unknownAttribute:=x))", set()),
        ("(!(objectSid=S-1-5-x))", set()),
        ("(objectSid=S-1-5-x)", set()),
        ("(member=no name)", set()),
        ("(member:1.2.840.113556.1.4.1941:=CN=Nobody)", set()),
        ("(isCriticalSystemObject=true)", set()),
    ],
)
def test_filter_finds(
    people: LabDomain, staff: str, client: ldap3.Connection, filter_text: str, expected: set[str]
) -> None:
    """A filter finds exactly what a domain controller would find."""
    client.search(staff, filter_text, ldap3.LEVEL, attributes=["name"])
    assert result(client) == 0
    assert set(names(client)) == expected


@pytest.mark.parametrize(
    "filter_text",
    ["(canonicalName=*)", "(!(msDS-User-Account-Control-Computed:1.2.840.113556.1.4.803:=16))"],
)
def test_constructed_attributes_cannot_be_filtered(
    people: LabDomain, staff: str, client: ldap3.Connection, filter_text: str
) -> None:
    """A filter on a constructed attribute is result 18."""
    client.search(staff, filter_text, attributes=["name"])
    assert (result(client), entries(client)) == (18, [])


def test_members_direct_and_nested(people: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """`memberOf` knows direct members; the in-chain rule knows the members of members too."""
    outer = escape_filter_chars(f"cn=OUTER,{staff}")
    client.search(people.dn, f"(memberOf={outer})", attributes=["name"])
    assert set(names(client)) == {"Inner", "Zoë Müller"}
    client.search(people.dn, f"(memberOf:1.2.840.113556.1.4.1941:={outer})", attributes=["name"])
    assert set(names(client)) == {"Inner", "Zoë Müller", "Ada Lovelace"}
    ada = escape_filter_chars(people.find("ada"))
    client.search(people.dn, f"(member:1.2.840.113556.1.4.1941:={ada})", attributes=["name"])
    assert set(names(client)) == {"Inner", "Outer"}


def test_primary_group_is_no_membership(people: LabDomain, client: ldap3.Connection) -> None:
    """The primary group shows neither in member nor in memberOf, only in primaryGroupID."""
    group = people.find("Domain Users")
    client.search(people.dn, f"(memberOf={escape_filter_chars(group)})", attributes=["name"])
    assert entries(client) == []
    client.search(people.dn, "(&(objectCategory=person)(primaryGroupID=513))", attributes=["name"])
    assert "Ada Lovelace" in names(client)


def test_binary_values(people: LabDomain, client: ldap3.Connection) -> None:
    """objectGUID matches by its bytes, objectSid by its bytes and by its text."""
    client.search(
        people.find("ada"), "(objectClass=*)", ldap3.BASE, attributes=["objectGUID", "objectSid"]
    )
    raw = entries(client)[0]["raw_attributes"]
    guid, sid = raw["objectGUID"][0], raw["objectSid"][0]
    text = f"{people.sid}-{int.from_bytes(sid[-4:], 'little')}"
    for wanted in (
        f"(objectGUID={_escaped(guid)})",
        f"(objectSid={_escaped(sid)})",
        f"(objectSid={text})",
    ):
        client.search(people.dn, wanted, attributes=["name"])
        assert names(client) == ["Ada Lovelace"]


def test_absent_is_not_empty(people: LabDomain, client: ldap3.Connection) -> None:
    """An attribute without a value does not come at all."""
    client.search(people.find("zoe"), "(objectClass=*)", ldap3.BASE, attributes=["mail", "sn"])
    assert entries(client)[0]["raw_attributes"] == {}


def _escaped(raw: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in raw)
