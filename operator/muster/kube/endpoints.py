"""`/healthz`, `/readyz` and `/metrics` over plain HTTP, for the kubelet and for Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Check = Callable[[], str]
"""Returns what is wrong; empty when all is well."""


class Endpoints:
    """Serves until `stop`."""

    def __init__(
        self, port: int, checks: Mapping[str, Check], metrics: Callable[[], bytes]
    ) -> None:
        self._server = ThreadingHTTPServer(("", port), _handler(checks, metrics))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="endpoints", daemon=True
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


def _handler(
    checks: Mapping[str, Check], metrics: Callable[[], bytes]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0
        """Seconds after which a client that says nothing is let go."""

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, metrics(), "text/plain; version=0.0.4; charset=utf-8")
            elif self.path in checks:
                wrong = checks[self.path]()
                self._answer(503 if wrong else 200, (wrong or "ok").encode(), "text/plain")
            else:
                self._answer(404, b"not here", "text/plain")

        def _answer(self, status: int, body: bytes, media: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler
