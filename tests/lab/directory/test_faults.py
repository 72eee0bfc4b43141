"""Scripted misfortune: each fault does what it says, to the request that it was meant for."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

import ldap3
import pytest
import trustme
from ldap3.core.exceptions import LDAPExceptionError, LDAPSocketReceiveError
from tests.lab.directory.raw import PRESENT, RawClient, code, search
from tests.lab.directory.wire import Connect, Serve, entries, names, result, server_context

from muster.lab.directory.ber import integer, octets, tlv
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.faults import LdapFaults
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer

ANYTHING = "(objectClass=*)"


@pytest.fixture
def faults() -> LdapFaults:
    """A script without faults."""
    return LdapFaults()


@pytest.fixture
def flawed(
    serve: Serve, connect: Connect, faults: LdapFaults, domain: LabDomain, staff: str
) -> ldap3.Connection:
    """A connection to a server with that script, over 25 contacts."""
    for number in range(25):
        domain.add_contact(f"C{number:02}", parent=staff)
    return connect(serve(faults=faults))


def sweep(connection: ldap3.Connection, base: str, size: int = 10) -> list[str]:
    """Read all contacts page by page; raises what ldap3 raises."""
    found: list[str] = []
    pages = connection.extend.standard.paged_search(
        base, "(objectClass=contact)", attributes=["name"], paged_size=size, generator=True
    )
    found += [e["raw_attributes"]["name"][0].decode() for e in pages if "dn" in e]
    return found


@pytest.mark.parametrize("code", [51, 52])
def test_failing_searches(
    flawed: ldap3.Connection, faults: LdapFaults, staff: str, code: int
) -> None:
    """The next two searches fail with the given result, the third works."""
    faults.fail_searches(2, code)
    codes = []
    for _ in range(3):
        flawed.search(staff, ANYTHING, attributes=["name"])
        codes.append(result(flawed))
    assert codes == [code, code, 0]


def test_failing_page(flawed: ldap3.Connection, faults: LdapFaults, staff: str) -> None:
    """Page 2 answers with an error after page 1 was whole; the next sweep is whole."""
    faults.fail_page(2, 52)
    assert len(sweep(flawed, staff)) == 10
    assert result(flawed) == 52
    assert len(sweep(flawed, staff)) == 25


@pytest.mark.parametrize("page", [1, 2, 3])
def test_cut_page(flawed: ldap3.Connection, faults: LdapFaults, staff: str, page: int) -> None:
    """The connection breaks in the middle of a page, wherever in the sweep that page is."""
    faults.cut_page(page, after_entries=3)
    with pytest.raises(LDAPExceptionError):
        sweep(flawed, staff)


def test_cut_page_tears_an_entry(serve: Serve, domain: LabDomain, faults: LdapFaults) -> None:
    """Before the break come the promised entries whole, and then half of the next."""
    faults.cut_page(1, after_entries=2)
    with RawClient(serve(faults, LdapLimits(require_encryption=False))) as client:
        assert client.bind("reader@acme.example.test", "Reader-1") == 0
        value = tlv(0x30, integer(10) + octets(b""))
        paged = tlv(0xA0, tlv(0x30, octets("1.2.840.113556.1.4.319") + octets(value)))
        client.send(tlv(0x30, integer(2) + search(domain.dn, 2, PRESENT, "name") + paged))
        assert [client.receive().tag, client.receive().tag] == [0x64, 0x64]
        with pytest.raises(ConnectionError):
            client.receive()


def test_empty_page(flawed: ldap3.Connection, faults: LdapFaults, staff: str) -> None:
    """A page without entries still has a cookie, and the sweep ends complete."""
    faults.empty_page(1)
    faults.empty_page(2)
    found = sweep(flawed, staff)
    assert len(found) == len(set(found)) == 25


def test_dropped_search(flawed: ldap3.Connection, faults: LdapFaults, staff: str) -> None:
    """The server hangs up before it has sent a byte."""
    faults.drop_searches()
    with pytest.raises(LDAPExceptionError):
        flawed.search(staff, ANYTHING)


def test_refused_binds(serve: Serve, connect: Connect, faults: LdapFaults) -> None:
    """The next bind is refused with the given result, the one after it works."""
    server = serve(faults=faults)
    faults.fail_binds(1, 52)
    assert result(connect(server)) == 52
    assert result(connect(server)) == 0


def test_latency(serve: Serve, connect: Connect, faults: LdapFaults, staff: str) -> None:
    """An answer that takes longer than the client waits ends in the client's time-out."""
    connection = connect(serve(faults=faults), receive_timeout=1)
    faults.delay_answers(30)
    with pytest.raises(LDAPSocketReceiveError, match="timed out"):
        connection.search(staff, ANYTHING)


def test_stop_does_not_wait_for_latency(domain: LabDomain, faults: LdapFaults) -> None:
    """A server stops at once, even while it delays an answer or a client stays connected."""
    faults.delay_answers(600)
    with LdapServer(domain, faults=faults) as server:
        client = RawClient(server)
        client.send(tlv(0x30, integer(1) + search("", 0, PRESENT)))
    client.__exit__(None, None, None)


def test_change_of_certificate(
    server: LdapServer, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    """A new certificate counts for new connections: another name or authority is refused."""
    shake_hands(server, authority)
    for wrong in (server_context(authority, "other.test"), server_context(trustme.CA())):
        server.tls = wrong
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(server, authority)
    server.tls = tls
    shake_hands(server, authority)


def shake_hands(server: LdapServer, authority: trustme.CA) -> None:
    """Connect as a client that trusts the authority and nobody else."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trust)
    port = urlsplit(server.ldaps_url or "").port
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
        trust.wrap_socket(client, server_hostname="localhost"),
    ):
        return


def test_clear(flawed: ldap3.Connection, faults: LdapFaults, staff: str) -> None:
    """After `clear` nothing goes wrong any more."""
    faults.fail_searches(5)
    faults.cut_page(1)
    faults.clear()
    assert len(sweep(flawed, staff)) == 25


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        tlv(0x30, b""),
        tlv(0x30, integer(1) + tlv(0x63, octets("too short"))),
        tlv(0x30, integer(1) + tlv(0x60, octets("no version"))),
        tlv(0x30, integer(1) + tlv(0x5F, b"")),
        b"\x30\x80\x02\x01\x01",
        b"\x30\x84\x7f\xff\xff\xff\x02",
    ],
)
def test_garbage(serve: Serve, garbage: bytes) -> None:
    """A client that breaks the protocol is told so and hung up on; others are served."""
    server = serve()
    with RawClient(server) as client:
        client.send(garbage)
        assert client.receive().tag == 0x78
        with pytest.raises(ConnectionError):
            client.receive()
    with RawClient(server) as other:
        assert code(other.ask(search("", 0, PRESENT))[-1]) == 0


def test_broken_filter(serve: Serve, domain: LabDomain) -> None:
    """A filter that cannot be read ends the connection, not the server."""
    server = serve(limits=LdapLimits(require_encryption=False))
    for broken in (tlv(0xA3, octets("a")), tlv(0xA2, b""), tlv(0xAF, octets("x") + octets("y"))):
        with RawClient(server) as client:
            assert client.bind("reader@acme.example.test", "Reader-1") == 0
            assert client.ask(search(domain.dn, 2, broken))[-1].tag == 0x78


def test_shared_by_threads(
    server: LdapServer, connect: Connect, domain: LabDomain, staff: str
) -> None:
    """Two connections read their own pages while the domain changes between them."""
    for number in range(30):
        domain.add_contact(f"C{number:02}", parent=staff)
    first, second = connect(server), connect(server)
    assert len(sweep(first, staff)) == len(sweep(second, staff)) == 30
    first.search(staff, "(cn=C00)", attributes=["name"])
    domain.delete(entries(first)[0]["dn"])
    second.search(staff, "(cn=C00)", attributes=["name"])
    assert names(second) == []
