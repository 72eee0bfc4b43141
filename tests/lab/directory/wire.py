"""What every test of the directory needs to ask of a client or of a certificate."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import ldap3
import trustme

from muster.lab.directory.server import LdapServer

PASSWORD = "Reader-1"
READER = "reader@acme.example.test"

Connect = Callable[..., ldap3.Connection]
Serve = Callable[..., LdapServer]


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return a server's TLS settings with a certificate of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
    return context


def entries(connection: ldap3.Connection) -> list[dict[str, Any]]:
    """Return the entries of the last search, without references."""
    found: list[dict[str, Any]] = connection.response or []
    return [entry for entry in found if entry["type"] == "searchResEntry"]


def names(connection: ldap3.Connection) -> list[str]:
    """Return the `name` of every entry that the last search found, in order."""
    return [entry["raw_attributes"]["name"][0].decode() for entry in entries(connection)]


def references(connection: ldap3.Connection) -> list[str]:
    """Return the addresses that the last search referred to."""
    found: list[dict[str, Any]] = connection.response or []
    return [url for entry in found if entry["type"] == "searchResRef" for url in entry["uri"]]


def result(connection: ldap3.Connection) -> int:
    """Return the result code of the last request."""
    code: int = connection.result["result"]
    return code


def values(connection: ldap3.Connection, dn: str, attribute: str) -> list[bytes]:
    """Return the raw values of one attribute of one entry; empty when it is absent."""
    connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=[attribute])
    raw: list[bytes] = entries(connection)[0]["raw_attributes"].get(attribute, [])
    return raw


def ldap3_server(url: str | None, ca_file: object) -> ldap3.Server:
    """Return a server for ldap3 that must prove itself by this authority."""
    assert url
    trust = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(ca_file))
    return ldap3.Server(url, tls=trust, get_info=ldap3.NONE, connect_timeout=10)
