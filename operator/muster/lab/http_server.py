"""A loopback HTTPS server that can also misbehave on the wire.

Werkzeug supplies the threaded server and the request object. Its own answer path always
closes the connection, so the handler here writes answers itself: it keeps connections alive,
cuts bodies and drops replies when told to. What is answered is decided by the simulator.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import trustme
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request

_CONTEXTS: weakref.WeakKeyDictionary[trustme.CA, ssl.SSLContext] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer: status, body and headers beyond Content-Type and Content-Length."""

    status: int = 200
    body: bytes = field(default=b"", repr=False)  # may hold a secret
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How an answer goes out. No reply: the connection is closed instead."""

    reply: Reply | None
    cut: bool = False


Respond = Callable[[Request], Delivery]


class LoopbackServer:
    """Serves one simulator on an ephemeral port of 127.0.0.1, under the name localhost."""

    def __init__(self, respond: Respond, ca: trustme.CA) -> None:
        self._server = _Server(respond, _tls_context(ca))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return self._server.port

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and wait for every thread."""
        with contextlib.suppress(OSError):  # wakes the accept loop where that is possible
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()


def _tls_context(ca: trustme.CA) -> ssl.SSLContext:
    # One certificate per authority: all simulators have the same name, and keys cost time.
    if ca not in _CONTEXTS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        _CONTEXTS[ca] = context
    return _CONTEXTS[ca]


class _Server(ThreadedWSGIServer):
    def __init__(self, respond: Respond, tls: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", 0, _no_app, _Handler)
        # Set late: given to the constructor it would shake hands inside the accept loop,
        # where one silent client stops all others.
        self.ssl_context = tls
        self.respond = respond
        self._lock = threading.Lock()
        self._open: dict[ssl.SSLSocket, threading.Thread] = {}
        self._ended = False

    def enter(self, connection: ssl.SSLSocket) -> None:
        with self._lock:
            self._open[connection] = threading.current_thread()
            if self._ended:  # accepted just before the end
                _shut(connection)

    def leave(self, connection: ssl.SSLSocket) -> None:
        with self._lock:
            self._open.pop(connection, None)

    def hang_up(self) -> None:
        with self._lock:
            self._ended = True
            connections = dict(self._open)
        for connection, thread in connections.items():
            _shut(connection)
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that leaves before its connection is set up is no error of ours.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _shut(connection: ssl.SSLSocket) -> None:
    with contextlib.suppress(OSError):
        # The plain shutdown: the TLS one drops state that the handler still reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _no_app(*_: object) -> list[bytes]:
    return []


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one write

    @property
    def _lab(self) -> _Server:
        return cast(_Server, self.server)

    def setup(self) -> None:
        context = self._lab.ssl_context
        assert context is not None  # noqa: S101 - set by the server's constructor
        self.request = context.wrap_socket(
            self.request, server_side=True, do_handshake_on_connect=False
        )
        super().setup()
        self._lab.enter(cast(ssl.SSLSocket, self.connection))

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # a client may go away at any moment
            cast(ssl.SSLSocket, self.connection).do_handshake()
            super().handle()

    def finish(self) -> None:
        # Each on its own: a flush to a client that is gone must not leave the socket open.
        for stream in (self.wfile, self.rfile, self.connection):
            with contextlib.suppress(OSError):
                stream.close()
        self._lab.leave(cast(ssl.SSLSocket, self.connection))

    def run_wsgi(self) -> None:
        request = Request(self.make_environ())
        request.get_data()  # to the end, so that the next request starts where it should
        delivery = self._lab.respond(request)
        if delivery.reply is None:
            self.close_connection = True
        else:
            self._write(delivery.reply, cut=delivery.cut)

    def _write(self, reply: Reply, *, cut: bool) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
        if cut:
            self.close_connection = True
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.wfile.flush()

    def log(self, *_: Any) -> None:
        """Stay silent: the simulator keeps its own log of requests."""
