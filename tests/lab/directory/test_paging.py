"""Pages and limits: 1,000 entries at most, a cookie for the rest, bound to its connection."""

from __future__ import annotations

import ldap3
import pytest
from tests.lab.directory.wire import PASSWORD, Connect, Serve, entries, names, references, result

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer

PAGED = "1.2.840.113556.1.4.319"
ONE = "(sAMAccountName=reader)"
PEOPLE = "(&(objectCategory=person)(objectClass=user))"


@pytest.fixture(scope="module")
def domain() -> LabDomain:
    """A domain with an OU Crowd of 2,100 users; the tests leave it as they found it."""
    made = LabDomain("acme.example.test", "ACME")
    staff = made.add_organizational_unit("OU=Staff")
    made.add_user("Reader", "reader", parent=staff, password=PASSWORD)
    place = made.add_organizational_unit("OU=Crowd")
    for number in range(2100):
        made.add_user(f"User {number:04}", f"u{number}", parent=place)
    return made


@pytest.fixture
def crowd(domain: LabDomain) -> str:
    """The DN of OU Crowd."""
    return f"OU=Crowd,{domain.dn}"


def page(connection: ldap3.Connection, base: str, size: int, cookie: bytes | None = None) -> bytes:
    """Read one page of names and return the next cookie."""
    connection.search(base, PEOPLE, attributes=["name"], paged_size=size, paged_cookie=cookie)
    controls = connection.result.get("controls", {})
    found: bytes = controls[PAGED]["value"]["cookie"] if PAGED in controls else b""
    return found


def test_unpaged_search_stops_at_1000(crowd: str, client: ldap3.Connection) -> None:
    """Without paging, 1,000 entries come and result 4 says that there are more."""
    client.search(crowd, PEOPLE, attributes=["name"])
    assert (len(entries(client)), result(client)) == (1000, 4)


def test_client_size_limit_is_honoured(crowd: str, client: ldap3.Connection) -> None:
    """A client that asks for ten entries gets ten, and result 4 when there are more."""
    client.search(crowd, PEOPLE, attributes=["name"], size_limit=10)
    assert (len(entries(client)), result(client)) == (10, 4)
    client.search(crowd, "(sAMAccountName=u7)", attributes=["name"], size_limit=10)
    assert (len(entries(client)), result(client)) == (1, 0)


def test_page_size_is_capped(crowd: str, client: ldap3.Connection) -> None:
    """A page of 5,000 holds 1,000; the last page has an empty cookie and nothing comes twice."""
    seen: list[str] = []
    sizes: list[int] = []
    cookie = b"first"
    while cookie:
        cookie = page(client, crowd, 5000, None if cookie == b"first" else cookie)
        sizes.append(len(entries(client)))
        seen += names(client)
    assert sizes == [1000, 1000, 100]
    assert len(set(seen)) == 2100


def test_size_limit_of_a_paged_search(crowd: str, client: ldap3.Connection) -> None:
    """A size limit below the page size ends the search at that size with result 4."""
    client.search(crowd, PEOPLE, attributes=["name"], paged_size=100, size_limit=30)
    assert (len(entries(client)), result(client)) == (30, 4)


def test_exactly_full_page_ends(serve: Serve, connect: Connect, crowd: str) -> None:
    """When the last page is exactly full, its cookie is empty."""
    connection = connect(serve(limits=LdapLimits(max_page_size=700)))
    cookies = [page(connection, crowd, 700)]
    while cookies[-1]:
        cookies.append(page(connection, crowd, 700, cookies[-1]))
    assert len(cookies) == 3


@pytest.mark.parametrize("cookie", [b"page-1", b"1\x00", b"unheard of"])
def test_cookie_of_another_connection(
    server: LdapServer, connect: Connect, crowd: str, cookie: bytes
) -> None:
    """A cookie means nothing on another connection: result 53."""
    assert page(connect(server), crowd, 100)
    other = connect(server)
    page(other, crowd, 100, cookie)
    assert result(other) == 53


def test_cookie_of_another_search(crowd: str, domain: LabDomain, client: ldap3.Connection) -> None:
    """A cookie serves only the search that it came from: result 53."""
    cookie = page(client, crowd, 100)
    page(client, domain.dn, 100, cookie)
    assert result(client) == 53


def test_giving_up(crowd: str, client: ldap3.Connection) -> None:
    """A page of size 0 with a cookie ends the search; the cookie is spent."""
    cookie = page(client, crowd, 100)
    assert page(client, crowd, 0, cookie) == b""
    assert (entries(client), result(client)) == ([], 0)
    page(client, crowd, 100, cookie)
    assert result(client) == 53


def test_move_between_pages(
    crowd: str, domain: LabDomain, staff: str, client: ldap3.Connection
) -> None:
    """Who moves to an earlier place between two pages is not seen by a sweep of the domain."""
    cookie = page(client, domain.dn, 1000)
    seen = names(client)
    domain.move(domain.find("u2000"), staff)
    while cookie:
        cookie = page(client, domain.dn, 1000, cookie)
        seen += names(client)
    domain.move(domain.find("u2000"), crowd)
    assert "User 1999" in seen
    assert "User 2000" not in seen


def test_references_end_the_last_page(
    crowd: str, domain: LabDomain, client: ldap3.Connection
) -> None:
    """A sweep of the domain ends with references to the other partitions, once."""
    cookie = page(client, domain.dn, 2000)
    found = references(client)
    while cookie:
        assert found == []
        cookie = page(client, domain.dn, 2000, cookie)
        found += references(client)
    assert found == [
        f"ldap://ForestDnsZones.acme.example.test/DC=ForestDnsZones,{domain.dn}",
        f"ldap://DomainDnsZones.acme.example.test/DC=DomainDnsZones,{domain.dn}",
        f"ldap://acme.example.test/CN=Configuration,{domain.dn}",
    ]


def test_no_references_on_request(domain: LabDomain, staff: str, client: ldap3.Connection) -> None:
    """References come neither from below the head nor when the domain-scope control asks so."""
    client.search(staff, ONE, attributes=["name"])
    assert references(client) == []
    scope = ("1.2.840.113556.1.4.1339", True, None)
    client.search(domain.dn, ONE, attributes=["name"], controls=[scope])
    assert (references(client), result(client)) == ([], 0)
    client.search(domain.dn, ONE, attributes=["name"])
    assert len(references(client)) == 3
