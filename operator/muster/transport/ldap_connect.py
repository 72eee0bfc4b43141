"""Open LDAP sessions: always encrypted, always verified, with fail-over between servers.

Decides which server is used and what proves it genuine. Reading is left to `ldap`.
Simple bind over TLS is the one form that works under every hardening of a domain controller:
NTLM and GSSAPI need signing or channel binding that ldap3 2.9 lacks. Source:
learn.microsoft.com, `LDAP signing for Active Directory Domain Services`.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ldap3 import NONE, SIMPLE, SYNC, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException, LDAPStartTLSError

from muster.errors import AccessDenied, RemoteError, Unavailable
from muster.model.secret import Secret
from muster.transport.ldap import BeforeWrite, LdapSession, close_connection
from muster.transport.ldap_failures import (
    CertificateRefused,
    Outage,
    bind_code,
    bind_failed,
    dropped,
    malformed,
    none_left,
    tls_failed,
    unreachable,
)

_GLOBAL_CATALOG_PORTS = frozenset({3268, 3269})
"""It holds a partial copy of each object. `member` is whole there for universal groups only.
Source: learn.microsoft.com, `Global Catalog` and `Group Membership and the Global Catalog`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapLogin:
    """Everything needed to open a session; the password stays a `Secret`."""

    servers: tuple[str, ...]
    user_name: str
    password: Secret
    start_tls: bool = False
    ca_pem: str | None = None
    """None: the system's trust store."""
    ca_name: str = "the system's trust store"
    """What the trusted certificates are called in messages."""
    connect_timeout_s: int = 10
    receive_timeout_s: int = 60
    before_write: BeforeWrite | None = None
    """Asked before each write: whether this process may still write."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens."""

    url: str
    host: str
    port: int
    tls_first: bool
    """Whether the port speaks TLS from its first byte."""


def endpoints(login: LdapLogin) -> tuple[Endpoint, ...]:
    """Return the servers of a login; refuses what could not be encrypted, before any contact."""
    if not login.password:
        raise AccessDenied(
            f"Active Directory sign-in of {login.user_name} refused by Muster: the password is "
            "empty, which a server would take for an anonymous visitor. Fill passwordRef."
        )
    return tuple(_endpoint(url, start_tls=login.start_tls) for url in login.servers)


def _endpoint(url: str, *, start_tls: bool) -> Endpoint:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise AccessDenied(f"Active Directory server {url} is no URL: {exc}.") from exc
    if not host or parts.username is not None or parts.scheme not in {"ldap", "ldaps"}:
        # The text may hold a password where there is a user name.
        shown = host if parts.username is not None else url
        raise AccessDenied(
            f"Active Directory server {shown} is no LDAP URL. "
            "Write ldaps://host or ldaps://host:port; the account belongs in userName."
        )
    tls_first = parts.scheme == "ldaps"
    if not tls_first and not start_tls:
        raise AccessDenied(
            f"Active Directory server {url} would receive the password in the clear. "
            "Write ldaps://, or set startTls: true. Nothing was sent."
        )
    if port in _GLOBAL_CATALOG_PORTS:
        raise AccessDenied(
            f"Active Directory server {url} names the global catalog, which leaves out members "
            "of groups and many attributes. Use port 636, or 389 with startTls."
        )
    return Endpoint(url, host, port or (636 if tls_first else 389), tls_first)


def open_first(login: LdapLogin, servers: Iterable[Endpoint]) -> LdapSession:
    """Return a session with the first server that can be used.

    Goes on to the next server after an outage or a refused certificate, never after refused
    credentials: each such attempt counts towards the account's lockout.
    """
    failures: list[RemoteError] = []
    for server in servers:
        try:
            return open_session(login, server)
        except (Unavailable, CertificateRefused) as exc:
            failures.append(exc)
    if len(failures) == 1:
        raise failures[0]
    raise none_left(tuple(failures)) from failures[0]


def open_session(login: LdapLogin, server: Endpoint) -> LdapSession:
    """Connect, encrypt, verify and bind; the caller closes the session."""
    connection = connect(login, server)
    try:
        _sign_in(connection, login, server)
    except BaseException:
        close_connection(connection)
        raise
    return LdapSession(connection, server=server.url, before_write=login.before_write)


def try_sign_in(login: LdapLogin, server: Endpoint) -> str:
    """Sign in once, on a connection of its own that ends at once; return the refusal's sub-code.

    An empty text means that the server accepted.

    Raises:
        Unavailable: it was not asked, or with `maybe_applied`, asked without an answer.
        RemoteError: the server refused for a reason that is not the account's.
    """
    connection = connect(login, server)
    try:
        accepted = _bind(connection, server)
        code = bind_code(connection.result)
    except RemoteError as exc:
        raise Unavailable(str(exc), maybe_applied=True) from exc
    finally:
        close_connection(connection)
    if not accepted and not code:
        raise bind_failed(server.url, login.user_name, connection.result)
    return "" if accepted else code


def connect(login: LdapLogin, server: Endpoint) -> Connection:
    """Return an encrypted, verified connection on which nothing has been sent yet."""
    context = _trust(login)
    failures: list[Outage] = []
    for address in _addresses(server):
        try:
            return _connect_address(login, server, address, context)
        except Outage as exc:
            failures.append(exc)
    raise failures[0]


def _trust(login: LdapLogin) -> ssl.SSLContext:
    if login.ca_pem is not None and not login.ca_pem.strip():
        # Python would take the system's trust store instead.
        raise _unreadable_ca(login, "it is empty")
    try:
        return ssl.create_default_context(cadata=login.ca_pem)
    except (ssl.SSLError, TypeError) as exc:
        raise _unreadable_ca(login, exc) from exc


def _unreadable_ca(login: LdapLogin, cause: Exception | str) -> CertificateRefused:
    return CertificateRefused(
        f"Active Directory's CA certificate cannot be read from {login.ca_name}: {cause}. "
        "Put the PEM text of the issuing CA there."
    )


def _addresses(server: Endpoint) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM))
    except OSError as exc:
        raise unreachable(server.url, exc) from exc


def _connect_address(
    login: LdapLogin, server: Endpoint, address: tuple[Any, ...], context: ssl.SSLContext
) -> Connection:
    tls = _VerifiedTls(context)
    connection = Connection(
        _OneAddressServer(server, address, tls, login.connect_timeout_s),
        user=login.user_name,
        # Bytes are sent as they are; ldap3 would run text through SASLprep, the server does not.
        password=login.password.reveal().encode(),  # type: ignore[arg-type]
        auto_bind=False,
        authentication=SIMPLE,
        client_strategy=SYNC,
        auto_referrals=False,  # following one would hand the password to another host
        auto_range=False,  # ldap3's own loop ends without an error when a range is refused
        check_names=False,
        receive_timeout=login.receive_timeout_s,
        return_empty_attributes=False,
    )
    try:
        connection.open(read_server_info=False)
        if not server.tls_first:
            connection.start_tls(read_server_info=False)
    except (LDAPException, OSError) as exc:
        close_connection(connection)
        if tls.failure is not None:
            raise tls_failed(server.url, server.host, login.ca_name, tls.failure) from tls.failure
        if isinstance(exc, LDAPStartTLSError):
            raise tls_failed(server.url, server.host, login.ca_name, exc) from exc
        raise unreachable(server.url, exc) from exc
    return connection


def _sign_in(connection: Connection, login: LdapLogin, server: Endpoint) -> None:
    if not _bind(connection, server):
        raise bind_failed(server.url, login.user_name, connection.result)


def _bind(connection: Connection, server: Endpoint) -> bool:
    try:
        return bool(connection.bind(read_server_info=False))
    except (LDAPException, OSError) as exc:
        raise dropped(server.url, exc) from exc
    except (ValueError, LookupError, TypeError) as exc:
        raise malformed(server.url, exc) from exc


class _VerifiedTls(Tls):
    """TLS by a context of the standard library, which checks certificate and host name.

    ldap3 2.9 sends no server name, and checks host names with a copy of what Python has
    removed. `failure` keeps the original error, which ldap3 would flatten into text.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.context = context
        self.failure: OSError | None = None

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        """Encrypt the connection's socket; ldap3 calls this for LDAPS and for StartTLS."""
        try:
            connection.socket = self.context.wrap_socket(
                connection.socket,
                server_hostname=connection.server.host,
                do_handshake_on_connect=do_handshake,
            )
        except OSError as exc:
            self.failure = exc
            raise


class _OneAddressServer(Server):
    """One address of a host: with several, ldap3 2.9 leaves the sockets of failed ones open."""

    def __init__(
        self, server: Endpoint, address: tuple[Any, ...], tls: Tls, connect_timeout_s: int
    ) -> None:
        super().__init__(
            server.host,
            port=server.port,
            use_ssl=server.tls_first,
            allowed_referral_hosts=[],
            get_info=NONE,
            tls=tls,
            connect_timeout=connect_timeout_s,
        )
        self._address = address

    def candidate_addresses(self) -> list[list[Any]]:
        """Return the one address, with ldap3's two fields for its availability."""
        return [[*self._address, None, None]]
