"""The `Directory` port for Active Directory.

Decides which server is asked, and when a read is tried again. What is read is `sweep`'s, what
it means is the core's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from muster.adapters.active_directory.doctor import check_server
from muster.adapters.active_directory.sweep import read_domain
from muster.adapters.clock import utc_now
from muster.errors import RemoteError
from muster.model.connections import ActiveDirectory
from muster.model.directory import DirectorySnapshot
from muster.model.names import AccountId
from muster.model.secret import Secret
from muster.ports import Check
from muster.transport.ldap_connect import Endpoint, LdapLogin, endpoints, open_first
from muster.transport.ldap_failures import Outage


def login_of(settings: ActiveDirectory, password: Secret, ca_pem: str | None) -> LdapLogin:
    """Return what the sessions of a directory are opened with."""
    ca = settings.ca
    return LdapLogin(
        servers=settings.servers,
        user_name=settings.user_name,
        password=password,
        start_tls=settings.start_tls,
        ca_pem=ca_pem,
        ca_name=f"caRef {ca.name}/{ca.key}" if ca else "the system's trust store",
    )


class ActiveDirectoryAdapter:
    """Reads one domain with a session per read, so that threads may share an adapter."""

    def __init__(
        self,
        settings: ActiveDirectory,
        password: Secret,
        ca_pem: str | None = None,
        *,
        connect_timeout_s: int = 10,
        receive_timeout_s: int = 60,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._login = replace(
            login_of(settings, password, ca_pem),
            connect_timeout_s=connect_timeout_s,
            receive_timeout_s=receive_timeout_s,
        )

    def read(self, known: frozenset[AccountId], *, states: bool = False) -> DirectorySnapshot:
        """Read the whole domain from the first server that answers.

        A read that a server breaks off is begun anew, once, with the next server; paging
        cookies belong to their connection, so nothing of the first attempt is used.

        Raises:
            AccessDenied: credentials, certificate or rights; a person must act.
            Unavailable: no server answered, or none to the end.
            Unexpected: an answer that is not Active Directory's.
        """
        servers = endpoints(self._login)
        try:
            return self._read_from(servers, known, states=states)
        except Outage as broken:
            others = _after(broken.server, servers)
            if others is None or not (broken.dropped or len(servers) > 1):
                raise
            return self._read_from(others, known, states=states)

    def check(self) -> tuple[Check, ...]:
        """Try each server by itself: connection, certificate, sign-in, rights and clock."""
        try:
            servers = endpoints(self._login)
        except RemoteError as exc:
            return (Check(name="settings", ok=False, detail=str(exc)),)
        return tuple(
            check for server in servers for check in check_server(self._login, server, self._clock)
        )

    def _read_from(
        self, servers: tuple[Endpoint, ...], known: frozenset[AccountId], *, states: bool
    ) -> DirectorySnapshot:
        with open_first(self._login, servers) as session:
            return read_domain(session, known, states=states)


def _after(url: str, servers: tuple[Endpoint, ...]) -> tuple[Endpoint, ...] | None:
    """Return the servers in the order to try after one broke off, that one last.

    None: no session was ever opened, so that every server has been tried already.
    """
    for position, server in enumerate(servers, start=1):
        if server.url == url:
            return servers[position:] + servers[:position]
    return None
