"""The HTTPS server in front of the receiver: few connections, small bodies, little patience.

Without certificates it speaks plain HTTP, for an ingress or a proxy that ends TLS before it.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from muster.errors import SpecError
from muster.webhook.receiver import Answer, Receiver

logger = logging.getLogger("muster.webhook")

MOST_BYTES = 64 * 1024
MOST_CONNECTIONS = 32
WITHIN_S = 10.0
"""So long a whole request may take, from its first byte to its last."""

_LOOK_EVERY_S = 0.1
"""How soon a `stop` is noticed."""


class WebhookServer:
    """Serves until `stop`; raises SpecError when it is made with certificates that do not fit."""

    def __init__(
        self,
        receiver: Receiver,
        port: int,
        certificates: Path | None,
        *,
        host: str = "",
        within_s: float = WITHIN_S,
    ) -> None:
        self._server = _Server((host, port), _handler(receiver), certificates, within_s)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_EVERY_S,), name="webhook", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A request under way must not hold up the end of the process.
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        certificates: Path | None,
        within_s: float,
    ) -> None:
        self._certificates = certificates
        self.within_s = within_s
        self._slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        if certificates is not None:
            _tls(certificates)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread, or hang up when too many are busy."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one request, TLS first, all within the time."""
        try:
            request.settimeout(self.within_s)
            if self._certificates is not None:
                # The handshake has the whole time at most: ssl counts it over all packets.
                request = _tls(self._certificates).wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except (OSError, SpecError) as error:
            logger.debug("webhook: %s", type(error).__name__)
            self.shutdown_request(request)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hang up; what is a mistake of ours is logged."""
        del request, client_address
        logger.debug("webhook: a request broke off", exc_info=True)


def _tls(certificates: Path) -> ssl.SSLContext:
    """Return the certificate as it is now: it may have been renewed on disk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")
    except (OSError, ValueError) as error:
        raise SpecError(
            (f"The webhook's certificate cannot be read: {certificates}: {error}",)
        ) from error
    return context


class _Patience(io.RawIOBase):
    """Reads a socket until a moment, however few bytes come at a time."""

    def __init__(self, connection: socket.socket, within_s: float) -> None:
        self._connection = connection
        self._until = time.monotonic() + within_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server: _Server
        server_version = "muster"
        sys_version = ""

        def setup(self) -> None:
            super().setup()
            # What http.server itself has counts each read anew, so a slow caller never ends.
            self.rfile = io.BufferedReader(_Patience(self.connection, self.server.within_s))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit() or len(length) > 9:
                self._say(Answer(411, "say how long it is"))
            elif int(length) > MOST_BYTES:
                self._say(Answer(413, "too long"))
            else:
                body = self.rfile.read(int(length))
                if len(body) == int(length):
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    self._say(receiver.answer(self.path, headers, body))

        def _say(self, answer: Answer) -> None:
            content = answer.text.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            if answer.retry_after_s:
                self.send_header("Retry-After", str(answer.retry_after_s))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing: the address may hold the token."""

    return Handler
