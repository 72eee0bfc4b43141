"""A client's socket, before and after it is encrypted, which another thread may wake."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable


class Connection:
    """A stream to one client. `certificate` gives the TLS settings of the moment, if any."""

    def __init__(
        self, client: socket.socket, certificate: Callable[[], ssl.SSLContext | None]
    ) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = client
        self._certificate = certificate

    @property
    def encrypted(self) -> bool:
        """Whether what is sent now is encrypted."""
        return isinstance(self._socket, ssl.SSLSocket)

    @property
    def can_encrypt(self) -> bool:
        """Whether there is a certificate."""
        return self._certificate() is not None

    def encrypt(self) -> None:
        """Shake hands as a TLS server; raises OSError when the client does not want to."""
        context = self._certificate()
        if context is None:
            raise OSError("the certificate is gone")
        self._socket = context.wrap_socket(
            self._socket, server_side=True, do_handshake_on_connect=False
        )
        self._socket.do_handshake()

    def receive(self) -> bytes:
        """Return what has come, or nothing once the client has left."""
        return self._socket.recv(65536)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._socket.sendall(data)

    def wake(self) -> None:
        """End whatever a thread is waiting for on this connection."""
        wake(self._socket)

    def close(self) -> None:
        """Close the socket without ceremony."""
        self._socket.close()


def wake(waiting: socket.socket) -> None:
    """Shut a socket down, below TLS, so that the thread that waits for it goes on."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(waiting, socket.SHUT_RDWR)
