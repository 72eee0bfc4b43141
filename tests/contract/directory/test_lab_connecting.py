"""Nothing is sent in the clear or to a stranger, and a refusal says what to do."""

from __future__ import annotations

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme
from tests.contract.directory import content
from tests.contract.directory.lab_house import LabHouse, sams, server_context
from tests.contract.directory.suite import NOBODY

from muster.adapters.active_directory import ActiveDirectoryAdapter
from muster.errors import AccessDenied, Unavailable, Unexpected
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer
from muster.model.connections import ActiveDirectory, SecretRef
from muster.model.secret import Secret


def test_start_tls_reads(house: LabHouse) -> None:
    """StartTLS gives the same users as LDAPS."""
    server = house.server.ldap_url.replace("127.0.0.1", "localhost")
    assert sams(house.adapter(server, start_tls=True)) == sams(house.directory())


def test_plain_ldap_is_refused_unsent(house: LabHouse) -> None:
    """Plain LDAP is refused before the server hears anything."""
    with pytest.raises(AccessDenied, match="in the clear"):
        house.adapter(house.server.ldap_url).read(NOBODY)
    assert not house.server.requests


def test_start_tls_without_certificate_is_refused(house: LabHouse) -> None:
    """A server that refuses StartTLS never sees the password."""
    with LdapServer(house.domain, limits=LdapLimits(require_encryption=False)) as server:
        with pytest.raises(Unavailable, match="did not complete TLS"):
            house.adapter(server.ldap_url, start_tls=True).read(NOBODY)
        assert server.requests["bind"] == 0


@pytest.mark.parametrize("start_tls", [False, True])
def test_wrong_host_name_is_refused(house: LabHouse, start_tls: bool) -> None:
    """A certificate for another host is refused; host and caRef are named, nothing is sent."""
    house.server.tls = server_context(house.authority, "other.example.test")
    server = house.server.ldap_url if start_tls else house.ldaps
    with pytest.raises(AccessDenied, match=r"mismatch.*\(host .*caRef ad/ca\.crt\)"):
        house.adapter(server, start_tls=start_tls).read(NOBODY)
    assert house.server.requests["bind"] == 0


@pytest.mark.parametrize(("host", "trusted"), [("localhost", True), ("127.0.0.1", False)])
def test_certificate_is_checked_against_the_url(house: LabHouse, host: str, trusted: bool) -> None:
    """The name in the URL is what the certificate must carry, not a name for the same machine."""
    house.server.tls = server_context(house.authority, "localhost")
    (first, *_) = house.adapter(house.ldaps.replace("localhost", host)).check()
    assert first.ok is trusted
    assert trusted or "mismatch" in first.detail


def test_untrusted_certificate_is_refused(house: LabHouse) -> None:
    """A certificate of another CA is refused."""
    stranger = trustme.CA().cert_pem.bytes().decode()
    with pytest.raises(AccessDenied, match="was refused"):
        house.adapter(house.ldaps, ca_pem=stranger).read(NOBODY)


@pytest.mark.parametrize("ca_pem", ["not a certificate", "", "\n", "Zertifikat für dc1"])
def test_unreadable_ca_is_named(house: LabHouse, ca_pem: str) -> None:
    """A CA certificate that is no PEM text, or empty, is an error that names caRef."""
    with pytest.raises(AccessDenied, match=r"CA certificate cannot be read from caRef ad/ca\.crt"):
        house.adapter(house.ldaps, ca_pem=ca_pem).read(NOBODY)


def test_system_trust_store_is_the_default(house: LabHouse) -> None:
    """Without a caRef the system's trust store decides, and it does not know the lab."""
    settings = ActiveDirectory(
        servers=(house.ldaps,),
        user_name=content.READER_UPN,
        password=SecretRef(name="ad", key="password"),
    )
    with pytest.raises(AccessDenied, match="the system's trust store"):
        ActiveDirectoryAdapter(settings, Secret(content.PASSWORD)).read(NOBODY)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("dc1.corp.example.test", "no LDAP URL"),
        ("http://dc1", "no LDAP URL"),
        ("ldaps://dc1:port", "no URL"),
        ("", "no LDAP URL"),
        ("ldaps://svc:hunter2@dc1", "belongs in userName"),
        ("ldaps://dc1:3269", "global catalog"),
    ],
)
def test_what_is_no_server_of_a_domain_is_refused(house: LabHouse, server: str, why: str) -> None:
    """A server that is no LDAP URL, or the global catalog, is refused; no password is shown."""
    with pytest.raises(AccessDenied, match=why) as caught:
        house.adapter(server).read(NOBODY)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n" * 8, b"\x30\x05\x02\x01\x01\x61\x00"]
)
def test_server_of_something_else_is_told(house: LabHouse, answer: bytes) -> None:
    """A TLS server that does not speak LDAP gives an error that says where to look."""
    context = server_context(house.authority, "localhost")
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
        served = threads.submit(_answer_once, listener, context, answer)
        url = f"ldaps://localhost:{listener.getsockname()[1]}"
        with pytest.raises(Unexpected, match="Check that the address is a domain controller's"):
            house.adapter(url).read(NOBODY)
        served.result()


def _answer_once(listener: socket.socket, context: ssl.SSLContext, answer: bytes) -> None:
    client, _ = listener.accept()
    with context.wrap_socket(client, server_side=True) as encrypted:
        encrypted.recv(4096)
        encrypted.sendall(answer)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("525", "there is no such user"),
        ("52e", "wrong user name or password"),
        ("530", "not permitted at this hour"),
        ("531", "not permitted from this computer"),
        ("532", "the password has expired"),
        ("533", "the account is disabled"),
        ("701", "the account has expired"),
        ("773", "the password must be changed first"),
        ("775", "the account is locked out"),
        ("7ff", "wrong credentials"),
    ],
)
def test_every_bind_code_has_its_sentence(house: LabHouse, code: str, cause: str) -> None:
    """Each sub-code of result 49 is told in words, with the code and without the password."""
    comment = f"AcceptSecurityContext error, data {code}, v4563"
    message = f"80090308: LdapErr: DSID-0C090439, comment: {comment}\0"
    house.faults.fail_binds(1, code=49, message=message)
    with pytest.raises(AccessDenied, match=cause) as caught:
        house.directory().read(NOBODY)
    assert f"49/{code}" in str(caught.value)
    assert content.PASSWORD not in str(caught.value)


def test_signing_required_is_explained(house: LabHouse) -> None:
    """Result 8 says that signing or TLS is needed."""
    house.faults.fail_binds(1, code=8)
    with pytest.raises(AccessDenied, match="signing or TLS"):
        house.directory().read(NOBODY)


def test_empty_password_is_not_sent(house: LabHouse) -> None:
    """An empty password never reaches the server."""
    with pytest.raises(AccessDenied, match="password is empty"):
        house.directory(password="").read(NOBODY)
    assert not house.server.requests


def test_every_session_is_ended(house: LabHouse) -> None:
    """Each sign-in is followed by a goodbye, also when the read fails."""
    house.directory().read(NOBODY)
    house.faults.fail_page(1, code=53)
    with pytest.raises(Unavailable):
        house.directory().read(NOBODY)
    house.directory().check()
    house.server.stop()
    assert house.server.requests["unbind"] >= house.server.requests["bind"] == 3
