"""A domain, its server and real clients that speak TLS to it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap3
import pytest
import trustme
from tests.lab.directory.wire import PASSWORD, READER, Connect, Serve, ldap3_server, server_context

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.faults import LdapFaults
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let ldap3 2.9.1 check host names its own way, which Python 3.11 warns about."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(
                pytest.mark.filterwarnings("ignore:ssl.match_hostname:DeprecationWarning")
            )


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The authority that every client here trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """The server's certificate, good for localhost and 127.0.0.1."""
    return server_context(authority)


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority's certificate as a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def domain() -> LabDomain:
    """A fresh domain with an OU Staff and an account that reads."""
    made = LabDomain("acme.example.test", "ACME", seed=7)
    staff = made.add_organizational_unit("OU=Staff")
    made.add_user("Reader", "reader", parent=staff, password=PASSWORD)
    return made


@pytest.fixture
def staff(domain: LabDomain) -> str:
    """The DN of OU Staff."""
    return f"OU=Staff,{domain.dn}"


@pytest.fixture
def serve(domain: LabDomain, tls: ssl.SSLContext) -> Iterator[Serve]:
    """Start a server of the domain; it stops after the test."""
    running: list[LdapServer] = []

    def start(faults: LdapFaults | None = None, limits: LdapLimits | None = None) -> LdapServer:
        server = LdapServer(domain, tls=tls, faults=faults, limits=limits)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def server(serve: Serve) -> LdapServer:
    """A server with Windows' limits."""
    return serve()


@pytest.fixture
def connect(ca_file: Path) -> Iterator[Connect]:
    """Open an LDAPS connection to a server and sign in; it is closed after the test."""
    opened: list[ldap3.Connection] = []

    def open_connection(
        server: LdapServer, user: str | None = READER, password: str | None = PASSWORD, **more: Any
    ) -> ldap3.Connection:
        target = ldap3_server(server.ldaps_url, ca_file)
        options = {"receive_timeout": 10, "auto_referrals": False, "auto_range": False, **more}
        connection = ldap3.Connection(
            target, user, password, return_empty_attributes=False, **options
        )
        opened.append(connection)
        connection.bind()
        return connection

    yield open_connection
    for connection in opened:
        connection.unbind()


@pytest.fixture
def client(server: LdapServer, connect: Connect) -> ldap3.Connection:
    """A connection to the plain server, signed in as the reader."""
    return connect(server)
