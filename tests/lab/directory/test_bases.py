"""Where searches begin, what the server says of itself, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ldap3
import pytest
from tests.lab.directory.wire import Connect, Serve, entries, names, result

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer

ANYTHING = "(objectClass=*)"
USERS_GUID = "a9d1ca15768811d1aded00c04fd8d5cd"


def test_scopes(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """Base finds the object, one level its children, subtree both and all below."""
    domain.add_organizational_unit("OU=Inner,OU=Staff")
    domain.add_contact("Deep", parent=f"OU=Inner,{staff}")
    found = {}
    for scope in (ldap3.BASE, ldap3.LEVEL, ldap3.SUBTREE):
        client.search(staff, ANYTHING, scope, attributes=["name"])
        found[scope] = names(client)
    assert found == {
        ldap3.BASE: ["Staff"],
        ldap3.LEVEL: ["Reader", "Inner"],
        ldap3.SUBTREE: ["Staff", "Reader", "Inner", "Deep"],
    }


def test_partitions_are_apart(domain: LabDomain, client: ldap3.Connection) -> None:
    """A sweep of the domain does not enter the configuration; a search there finds it."""
    client.search(domain.dn, "(objectClass=crossRef)", attributes=["nETBIOSName"])
    assert entries(client) == []
    wanted = f"(&(objectClass=crossRef)(nCName={domain.dn}))"
    base = f"CN=Partitions,CN=Configuration,{domain.dn}"
    client.search(base, wanted, attributes=["nETBIOSName"])
    assert [entry["attributes"]["nETBIOSName"] for entry in entries(client)] == [["ACME"]]


@pytest.mark.parametrize("form", ["<GUID={guid}>", "<GUID={guid_hex}>", "<SID={sid}>"])
def test_special_bases(domain: LabDomain, client: ldap3.Connection, staff: str, form: str) -> None:
    """An object can be read by its GUID and by its SID, wherever it has moved."""
    dn = domain.find("reader")
    client.search(dn, ANYTHING, ldap3.BASE, attributes=["objectGUID", "objectSid"])
    raw = entries(client)[0]["raw_attributes"]
    sid = f"{domain.sid}-{int.from_bytes(raw['objectSid'][0][-4:], 'little')}"
    base = form.format(guid=domain.object_id(dn), guid_hex=raw["objectGUID"][0].hex(), sid=sid)
    moved = domain.move(dn, domain.add_organizational_unit("OU=Elsewhere"))
    client.search(base, ANYTHING, ldap3.BASE, attributes=["name"])
    assert [entry["dn"] for entry in entries(client)] == [moved]


def test_well_known_base(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """`<WKGUID=>` finds CN=Users, its new name after a rename, and the OU that redirusr chose."""
    base = f"<WKGUID={USERS_GUID},{domain.dn}>"

    def found() -> list[str]:
        client.search(base, ANYTHING, ldap3.BASE, attributes=["name"])
        return [entry["dn"] for entry in entries(client)]

    assert found() == [f"CN=Users,{domain.dn}"]
    renamed = domain.rename(f"CN=Users,{domain.dn}", "Benutzer")
    assert found() == [renamed]
    pointer = f"B:32:{USERS_GUID.upper()}:{staff}"
    domain.set_attributes(domain.dn, {"wellKnownObjects": [pointer]})
    assert found() == [staff]


@pytest.mark.parametrize(
    ("base", "refer", "code", "start"),
    [
        ("DC=other,DC=test", True, 10, "0000202B: RefErr:"),
        ("OU=Staff,DC=other,DC=test", True, 10, "0000202B: RefErr:"),
        ("DC=other,DC=test", False, 32, "0000208D: NameErr:"),
        ("OU=Gone,DC=acme,DC=example,DC=test", True, 32, "0000208D: NameErr:"),
        ("<GUID=00000000-0000-4000-8000-000000000000>", True, 32, "0000208D: NameErr:"),
        ("<GUID=nonsense>", True, 34, "0000208F: NameErr:"),
    ],
)
def test_wrong_bases(
    serve: Serve, connect: Connect, base: str, refer: bool, code: int, start: str
) -> None:
    """A base of another domain is referred there, a lost one is result 32."""
    connection = connect(serve(limits=LdapLimits(refer_elsewhere=refer)), check_names=False)
    connection.search(base, ANYTHING, attributes=["name"])
    assert result(connection) == code
    assert connection.result["message"].startswith(start)
    if code == 10:
        assert connection.result["referrals"] == [f"ldap://other.test/{base}"]


def test_matched_dn(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """Result 32 names the nearest parent that exists."""
    client.search(f"CN=X,OU=Gone,{staff}", ANYTHING)
    assert client.result["dn"] == staff


def test_root_dse(domain: LabDomain, client: ldap3.Connection) -> None:
    """The rootDSE names the contexts, the server and what it can do."""
    client.search("", ANYTHING, ldap3.BASE, attributes=["*"])
    said = entries(client)[0]["attributes"]
    assert said["defaultNamingContext"] == said["rootDomainNamingContext"] == [domain.dn]
    assert said["configurationNamingContext"] == [f"CN=Configuration,{domain.dn}"]
    assert said["dnsHostName"] == ["dc1.acme.example.test"]
    assert said["isGlobalCatalogReady"] == ["TRUE"]
    assert "1.2.840.113556.1.4.319" in said["supportedControl"]
    assert "vendorName" not in said


def test_server_object(domain: LabDomain, client: ldap3.Connection) -> None:
    """dsServiceName leads to the invocationId, 16 bytes."""
    client.search("", ANYTHING, ldap3.BASE, attributes=["dsServiceName"])
    place = entries(client)[0]["attributes"]["dsServiceName"][0]
    client.search(place, ANYTHING, ldap3.BASE, attributes=["invocationId"])
    assert len(entries(client)[0]["raw_attributes"]["invocationId"][0]) == 16


def test_usn(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """A membership moves the group's uSNChanged and the server's, and leaves the member's."""
    user = domain.add_user("Ada", "ada", parent=staff)
    group = domain.add_group("Team", parent=staff)

    def usn(dn: str, attribute: str = "uSNChanged") -> int:
        client.search(dn, ANYTHING, ldap3.BASE, attributes=[attribute])
        return int(entries(client)[0]["raw_attributes"][attribute][0])

    before = usn(user), usn(group), usn("", "highestCommittedUSN")
    domain.add_members(group, user)
    assert usn(user) == before[0]
    assert usn(group) == usn("", "highestCommittedUSN") > before[2] >= before[1]
    domain.rename(staff, "People")
    assert usn(user.replace("OU=Staff", "OU=People")) == before[0]
    client.search(domain.dn, f"(uSNChanged>={before[2] + 1})", attributes=["name"])
    assert set(names(client)) == {"Team", "People"}


def test_unknown_control(domain: LabDomain, client: ldap3.Connection) -> None:
    """A critical control that the server lacks is result 12; one that is not is passed over."""
    for critical, code in ((True, 12), (False, 0)):
        control = ("1.2.840.113556.1.4.841", critical, None)
        client.search(domain.dn, "(cn=Reader)", attributes=["name"], controls=[control])
        assert result(client) == code


WRITES: Mapping[str, Callable[[Any, str], object]] = {
    "modify": lambda client, dn: client.modify(dn, {"mail": [(ldap3.MODIFY_REPLACE, ["x@y"])]}),
    "add": lambda client, dn: client.add(f"CN=New,{dn}", "contact"),
    "rename": lambda client, dn: client.modify_dn(dn, "CN=Other"),
    "delete": lambda client, dn: client.delete(dn),
}


@pytest.mark.parametrize("write", WRITES)
def test_writes_are_refused(
    domain: LabDomain, server: LdapServer, connect: Connect, write: str
) -> None:
    """Every kind of write is counted, is refused and changes nothing.

    Passwords may be written by who was given the right, so a modify lacks that right.
    """
    connection, dn = connect(server), domain.find("reader")
    WRITES[write](connection, dn)
    assert result(connection) == (50 if write == "modify" else 53)
    assert server.requests[write] == 1
    assert domain.find("reader") == dn


def test_requests_are_counted(domain: LabDomain, server: LdapServer, connect: Connect) -> None:
    """Requests are counted by operation, and the attributes they asked for are remembered."""
    connection = connect(server)
    connection.search(domain.dn, "(cn=Reader)", attributes=["mail", "sn"])
    assert server.requests["bind"] == 1
    assert server.requests["search"] == 1
    assert server.asked_attributes == {"mail", "sn"}
