"""Binds: who gets in, by which name, and how a refusal reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import ldap3
import pytest
from ldap3.core.exceptions import LDAPExceptionError
from tests.lab.directory.wire import (
    PASSWORD,
    READER,
    Connect,
    Serve,
    entries,
    ldap3_server,
    names,
    result,
)

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer

ANYTHING = "(objectClass=*)"


@pytest.mark.parametrize(
    "name",
    [
        "reader@acme.example.test",
        "READER@ACME.example.test",
        "ACME\\reader",
        "acme\\READER",
        "CN=Reader,OU=Staff,DC=acme,DC=example,DC=test",
        "cn=reader, ou=staff, dc=acme, dc=example, dc=test",
    ],
)
def test_names_that_sign_in(server: LdapServer, connect: Connect, name: str) -> None:
    """A DN, a UPN and DOMAIN\\sam sign in, whatever their case."""
    connection = connect(server, name)
    assert result(connection) == 0
    assert connection.extend.standard.who_am_i() == "u:ACME\\reader"


def test_implicit_upn(domain: LabDomain, staff: str, server: LdapServer, connect: Connect) -> None:
    """A user whose UPN has another suffix, or who has none, signs in as sam@domain too."""
    domain.add_user("A", "a", parent=staff, upn="a@acme.com", password=PASSWORD)
    domain.add_user("B", "b", parent=staff, upn=None, password=PASSWORD)
    for name in ("a@acme.com", "a@acme.example.test", "b@acme.example.test"):
        assert result(connect(server, name)) == 0


@pytest.fixture
def spoiled(
    domain: LabDomain, server: LdapServer, spoil: Mapping[str, Sequence[str]]
) -> LdapServer:
    """A server whose reader has other attributes."""
    domain.set_attributes(domain.find("reader"), spoil)
    return server


@pytest.mark.parametrize(
    ("name", "password", "spoil", "data"),
    [
        ("nobody@acme.example.test", PASSWORD, {}, "525"),
        ("reader", PASSWORD, {}, "525"),
        ("OTHER\\reader", PASSWORD, {}, "525"),
        (READER, "wrong", {}, "52e"),
        ("krbtgt@acme.example.test", "anything", {}, "52e"),
        (READER, PASSWORD, {"userAccountControl": ["514"]}, "533"),
        (READER, "wrong", {"userAccountControl": ["514"]}, "52e"),
        (READER, PASSWORD, {"accountExpires": ["1"]}, "701"),
        (READER, PASSWORD, {"pwdLastSet": ["0"]}, "773"),
        (READER, PASSWORD, {"lockoutTime": ["133000000000000000"]}, "775"),
    ],
)
def test_refusals(
    spoiled: LdapServer, connect: Connect, name: str, password: str, data: str
) -> None:
    """A refused bind is result 49 and names its reason behind `data`, as Windows does."""
    connection = connect(spoiled, name, password)
    assert result(connection) == 49
    message = connection.result["message"]
    assert message.startswith("80090308: LdapErr: DSID-")
    assert message.endswith("\0")
    assert re.findall(r", data ([0-9a-f]+),", message) == [data]


@pytest.mark.parametrize("expires", ["0", "9223372036854775807"])
def test_never_expires(
    domain: LabDomain, server: LdapServer, connect: Connect, expires: str
) -> None:
    """Both forms of never let an account in."""
    domain.set_attributes(domain.find("reader"), {"accountExpires": [expires]})
    assert result(connect(server)) == 0


def test_new_password(domain: LabDomain, server: LdapServer, connect: Connect) -> None:
    """After `set_password` the new password counts and the old one does not."""
    domain.set_password(domain.find("reader"), "Other-2")
    assert result(connect(server, READER, "Other-2")) == 0
    assert result(connect(server, READER, PASSWORD)) == 49


def test_anonymous(domain: LabDomain, server: LdapServer, connect: Connect) -> None:
    """An anonymous bind succeeds and reads the rootDSE, but nothing else."""
    connection = connect(server, None, None)
    assert result(connection) == 0
    connection.search("", ANYTHING, ldap3.BASE, attributes=["defaultNamingContext"])
    assert entries(connection)[0]["attributes"] == {"defaultNamingContext": [domain.dn]}
    connection.search(domain.dn, ANYTHING, attributes=["name"])
    assert result(connection) == 1
    assert connection.result["message"].startswith("000004DC: LdapErr:")


def test_failed_bind_signs_out(domain: LabDomain, client: ldap3.Connection) -> None:
    """A bind that fails leaves nobody signed in (RFC 4511, section 4.2.1)."""
    client.rebind(user=READER, password="wrong")
    client.search(domain.dn, ANYTHING, attributes=["name"])
    assert result(client) == 1


@pytest.fixture
def plain(server: LdapServer, ca_file: object) -> ldap3.Connection:
    """A connection without TLS that has not signed in."""
    target = ldap3_server(server.ldap_url, ca_file)
    return ldap3.Connection(target, READER, PASSWORD, receive_timeout=10)


def test_plain_bind_is_refused(plain: ldap3.Connection) -> None:
    """Without TLS a simple bind is result 8, and the code in its message is 00002028."""
    plain.bind()
    assert result(plain) == 8
    assert plain.result["message"].startswith("00002028: LdapErr:")
    plain.unbind()


def test_plain_bind_by_switch(serve: Serve, connect: Connect) -> None:
    """A domain controller that does not ask for encryption lets the same bind pass."""
    lax = serve(limits=LdapLimits(require_encryption=False))
    with ldap3.Connection(
        ldap3.Server(lax.ldap_url, get_info=ldap3.NONE), READER, PASSWORD, receive_timeout=10
    ) as connection:
        assert result(connection) == 0


def test_start_tls(domain: LabDomain, plain: ldap3.Connection) -> None:
    """StartTLS encrypts the plain port: then a bind and a search work, and no second StartTLS."""
    plain.open()
    assert plain.start_tls()
    assert plain.bind()
    plain.search(domain.dn, "(sAMAccountName=reader)", attributes=["name"])
    assert names(plain) == ["Reader"]
    plain.extended("1.3.6.1.4.1.1466.20037")
    assert result(plain) == 1
    plain.unbind()


def test_start_tls_without_certificate(domain: LabDomain) -> None:
    """A server without a certificate has no LDAPS and says unavailable to StartTLS."""
    with LdapServer(domain) as bare:
        assert bare.ldaps_url is None
        connection = ldap3.Connection(ldap3.Server(bare.ldap_url, get_info=ldap3.NONE))
        connection.open()
        with pytest.raises(LDAPExceptionError, match="unavailable"):
            connection.start_tls()
        connection.unbind()


def test_sasl_is_not_supported(server: LdapServer, ca_file: object) -> None:
    """Anything but a simple bind is result 7."""
    connection = ldap3.Connection(
        ldap3_server(server.ldaps_url, ca_file),
        authentication=ldap3.SASL,
        sasl_mechanism=ldap3.EXTERNAL,
        sasl_credentials="",
    )
    connection.bind()
    assert result(connection) == 7
    connection.unbind()
