"""The part of an API server that leases need, over a real socket: versions, 404 and 409.

A test may step in before a request is carried out or before its answer is sent, take the server
away, or lose an answer. What Kubernetes really answers is `cluster.py`'s part.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Object = dict[str, Any]
Interrupt = Callable[[], None]


class LeaseServer:
    """Keeps the leases of one namespace; a context manager."""

    def __init__(self) -> None:
        self.leases: dict[str, Object] = {}
        self.is_down = False
        self.before: Interrupt | None = None
        self.after: Interrupt | None = None
        self.lose_answers = 0
        """So many of the next writes are carried out and then not answered."""
        self._version = 0
        self._turn = threading.Lock()
        handler = type("Handler", (_Handler,), {"leases": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def touch(self, name: str) -> None:
        """Change a lease as `kubectl annotate` does."""
        with self._turn:
            self._store(name, self.leases[name])

    def holder(self, name: str) -> str | None:
        """Return who holds a lease."""
        holder: str | None = self.leases[name]["spec"].get("holderIdentity")
        return holder

    def carry_out(self, method: str, name: str, body: Object | None) -> tuple[int, Object]:
        """Return status and body of the answer to one request."""
        with self._turn:
            if method == "GET":
                return 200, {"metadata": {}, "items": list(self.leases.values())}
            assert body is not None
            name = body["metadata"]["name"]
            old = self.leases.get(name)
            if method == "POST":
                return self._store(name, body) if old is None else _refusal(409, "AlreadyExists")
            if old is None:
                return _refusal(404, "NotFound")
            if body["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
                return _refusal(409, "Conflict")
            return self._store(name, body)

    def _store(self, name: str, body: Object) -> tuple[int, Object]:
        self._version += 1
        metadata = {**body["metadata"], "resourceVersion": str(self._version)}
        self.leases[name] = {**body, "metadata": metadata}
        return 200, self.leases[name]


class _Handler(BaseHTTPRequestHandler):
    leases: LeaseServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server = self.leases
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        if server.before:
            server.before()
        if server.is_down:
            self._send(503, {})
            return
        status, answer = server.carry_out(self.command, self.path.rpartition("/")[2], body)
        if server.after:
            server.after()
        if body and server.lose_answers:
            server.lose_answers -= 1
            self.close_connection = True
            return
        self._send(status, answer)

    def _send(self, status: int, body: Object) -> None:
        content = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        self.wfile.write(head + content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _refusal(status: int, reason: str) -> tuple[int, Object]:
    return status, {"kind": "Status", "reason": reason, "message": reason}
