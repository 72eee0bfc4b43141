"""What a connection does besides searching: abandon, leave, encrypt, end and begin again."""

from __future__ import annotations

import ssl

import pytest
import trustme
from tests.lab.directory.raw import PRESENT, RawClient, code, search
from tests.lab.directory.wire import PASSWORD, READER, Serve

from muster.lab.directory.ber import integer, octets, tlv
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer

ROOT_DSE = search("", 0, PRESENT, "dnsHostName")


@pytest.fixture
def lax(serve: Serve) -> LdapServer:
    """A server that takes passwords without encryption."""
    return serve(limits=LdapLimits(require_encryption=False))


def test_unauthenticated_bind(lax: LdapServer, domain: LabDomain) -> None:
    """A name without a password is greeted as anonymous, and may not search."""
    with RawClient(lax) as client:
        assert client.bind(READER, "") == 0
        assert code(client.ask(search(domain.dn, 2, PRESENT))[-1]) == 1
        assert client.bind(READER, PASSWORD) == 0
        assert code(client.ask(search(domain.dn, 2, PRESENT))[-1]) == 0


def test_abandon_has_no_answer(lax: LdapServer) -> None:
    """After an abandon, the next answer belongs to the next request."""
    with RawClient(lax) as client:
        client.send(tlv(0x30, integer(2) + integer(1, 0x50)))
        client.send(tlv(0x30, integer(3) + ROOT_DSE))
        assert client.receive_numbered()[0] == 3
    assert lax.requests["abandon"] == 1


def test_unbind_ends_the_connection(lax: LdapServer) -> None:
    """After an unbind the server hangs up without a word."""
    with RawClient(lax) as client:
        client.send(tlv(0x30, integer(2) + tlv(0x42, b"")))
        with pytest.raises(ConnectionError):
            client.receive()


def test_pipelined_requests(lax: LdapServer) -> None:
    """Requests that arrive together are answered in order."""
    with RawClient(lax) as client:
        client.send(b"".join(tlv(0x30, integer(number) + ROOT_DSE) for number in (7, 8)))
        assert [client.receive_numbered()[0] for _ in range(4)] == [7, 7, 8, 8]


def test_nothing_slips_into_tls(lax: LdapServer, authority: trustme.CA) -> None:
    """What a stranger sent before the handshake is not answered behind it."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trust)
    with RawClient(lax) as client:
        start_tls = tlv(0x77, octets("1.3.6.1.4.1.1466.20037", 0x80))
        client.send(tlv(0x30, integer(1) + start_tls) + tlv(0x30, integer(2) + ROOT_DSE))
        assert code(client.receive()) == 0
        client.encrypt(trust)
        client.send(tlv(0x30, integer(3) + ROOT_DSE))
        assert client.receive_numbered()[0] == 3


def test_unknown_extended_operation(lax: LdapServer) -> None:
    """An extended operation that the server lacks is result 2."""
    with RawClient(lax) as client:
        assert code(client.ask(tlv(0x77, octets("1.2.3", 0x80)))[-1]) == 2


def test_same_ports_after_a_restart(domain: LabDomain, tls: ssl.SSLContext) -> None:
    """A server that comes back is found where it was; while it is down nobody answers."""
    server = LdapServer(domain, tls=tls)
    server.start()
    urls = server.ldap_url, server.ldaps_url
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        RawClient(server)
    with server, RawClient(server) as client:
        assert (server.ldap_url, server.ldaps_url) == urls
        assert code(client.ask(ROOT_DSE)[-1]) == 0
