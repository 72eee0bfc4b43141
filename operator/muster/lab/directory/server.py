"""The listeners of the lab's domain controller: LDAP with StartTLS, and LDAPS.

Loopback only, on ports that the system picks, one thread for each connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Self

from muster.lab.directory.connection import Connection, wake
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.faults import LdapFaults
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.session import Service, Session

_LOOPBACK = "127.0.0.1"


class LdapServer:
    """A domain controller on loopback; use it as a context manager, or start and stop it.

    `tls` may be replaced while the server runs: new connections see the new certificate.
    """

    def __init__(
        self,
        domain: LabDomain,
        *,
        tls: ssl.SSLContext | None = None,
        faults: LdapFaults | None = None,
        limits: LdapLimits | None = None,
    ) -> None:
        self.tls = tls
        self.faults = faults or LdapFaults()
        self._service = Service(domain=domain, limits=limits or LdapLimits(), faults=self.faults)
        self._listeners: list[socket.socket] = []
        self._ports = {False: 0, True: 0}
        self._threads: set[threading.Thread] = set()
        self._clients: set[Connection] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def requests(self) -> Counter[str]:
        """Requests so far: bind, search, extended, modify, ..."""
        with self._service.lock:
            return self._service.requests.copy()

    @property
    def asked_attributes(self) -> frozenset[str]:
        """Every attribute that a search has asked for, as it was spelled."""
        with self._service.lock:
            return frozenset(self._service.asked)

    @property
    def ldap_url(self) -> str:
        """`ldap://127.0.0.1:PORT`; the port is known once the server has started."""
        return f"ldap://{_LOOPBACK}:{self._ports[False]}"

    @property
    def ldaps_url(self) -> str | None:
        """`ldaps://localhost:PORT`, or None without a certificate.

        OpenLDAP's clients take `localhost` for the machine's own name when they verify a
        certificate: give them 127.0.0.1 instead.
        """
        return f"ldaps://localhost:{self._ports[True]}" if self._ports[True] else None

    def start(self) -> None:
        """Listen; returns once clients can connect. A second start uses the same ports."""
        self._service.stopping.clear()
        for encrypted in (False, True) if self.tls else (False,):
            listener = socket.create_server((_LOOPBACK, self._ports[encrypted]))
            self._ports[encrypted] = listener.getsockname()[1]
            self._listeners.append(listener)
            self._spawn("listener", partial(self._accept, listener, encrypted=encrypted))

    def stop(self) -> None:
        """Hang up on everybody and wait until the last thread has ended."""
        self._service.stopping.set()
        for listener in self._listeners:
            wake(listener)
        self._join("listener")  # nobody new gets in from here on
        with self._lock:
            clients = tuple(self._clients)
        for client in clients:
            client.wake()
        self._join("client")
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def _join(self, name: str) -> None:
        with self._lock:
            threads = [thread for thread in self._threads if thread.name.endswith(name)]
        for thread in threads:
            thread.join()

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=f"lab-ldap-{name}", daemon=True)
        with self._lock:
            self._threads = {known for known in self._threads if known.is_alive()} | {thread}
            thread.start()

    def _accept(self, listener: socket.socket, *, encrypted: bool) -> None:
        while not self._service.stopping.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            connection = Connection(client, lambda: self.tls)
            with self._lock:
                self._clients.add(connection)
            self._spawn("client", partial(self._serve, connection, encrypted=encrypted))

    def _serve(self, connection: Connection, *, encrypted: bool) -> None:
        # A client may vanish at any time, in the middle of a handshake too.
        with contextlib.closing(connection), contextlib.suppress(OSError):
            if encrypted:
                connection.encrypt()
            Session(self._service, connection).run()
        with self._lock:
            self._clients.discard(connection)
