"""Lends the one httpx client of a transport to its requests, and rests between them.

Who keeps a transport for each of hundreds of tenants would keep their idle connections, too, up
to the number of files that a process may have open: httpx closes an idle connection only when the
same client sends again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx

from muster.transport.options import Connection, tls_context

_MAX_CONNECTIONS = 8


class Connections:
    """One client, opened when it is first needed; safe to use from many threads."""

    def __init__(self, connect: Callable[[], httpx.Client]) -> None:
        self._connect = connect
        self._turn = threading.Lock()
        self._client: httpx.Client | None = None
        self._lent = 0

    @contextmanager
    def lend(self) -> Iterator[httpx.Client]:
        """Lend the client for one request."""
        with self._turn:
            client = self._client = self._client or self._connect()
            self._lent += 1
        try:
            yield client
        finally:
            with self._turn:
                self._lent -= 1

    def rest(self) -> None:
        """Close the connections unless a request is under way; the next one connects anew."""
        with self._turn:
            if self._lent == 0:
                self._close()

    def close(self) -> None:
        """Close the connections."""
        with self._turn:
            self._close()

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def client_of(connection: Connection) -> Callable[[], httpx.Client]:
    """Return what opens the client of a connection.

    Raises:
        SpecError: the CA is no certificate in PEM form.
    """
    options = connection.options
    return partial(
        httpx.Client,
        auth=connection.auth,
        headers=dict(connection.headers),
        verify=tls_context(options.ca_pem, connection.vendor.name),
        timeout=options.timeout,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
    )
