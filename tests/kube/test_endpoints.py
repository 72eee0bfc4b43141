"""Probes and metrics over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from muster.kube.endpoints import Check, Endpoints


@contextmanager
def served(health: Check = lambda: "", readiness: Check = lambda: "") -> Iterator[httpx.Client]:
    """Serve two checks and a metric, and give a client."""
    checks = {"/healthz": health, "/readyz": readiness}
    endpoints = Endpoints(0, checks, lambda: b"muster_queue_depth 0\n")
    endpoints.start()
    url = f"http://127.0.0.1:{endpoints.port}"
    try:
        with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
            yield client
    finally:
        endpoints.stop()


def test_each_path_has_its_answer() -> None:
    """A check that finds nothing wrong answers 200, one that does answers 503 and says what."""
    answers = {
        "/healthz": (200, "ok"),
        "/readyz": (503, "the resources are not listed yet"),
        "/metrics": (200, "muster_queue_depth 0\n"),
        "/": (404, "not here"),
        "/healthz/more": (404, "not here"),
    }
    with served(readiness=lambda: answers["/readyz"][1]) as client:
        found = {path: client.get(path) for path in answers}
        assert {path: (one.status_code, one.text) for path, one in found.items()} == answers
        assert found["/metrics"].headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert client.post("/healthz").status_code == 501, "only GET is served"


def test_a_check_is_asked_anew_each_time() -> None:
    """The answer is of now, not of the first question."""
    wrong = ["dead", ""]
    with served(health=wrong.pop) as client:
        assert [client.get("/healthz").status_code for _ in range(2)] == [200, 503]


def test_a_silent_client_stops_nobody() -> None:
    """Somebody who connects and says nothing does not keep a probe waiting."""
    with served() as client:
        address = (client.base_url.host, client.base_url.port or 0)
        with socket.create_connection(address):
            assert client.get("/healthz").text == "ok"


def test_the_port_is_free_after_the_end() -> None:
    """After `stop` nothing listens."""
    with served() as client:
        client.get("/healthz")
        address = (client.base_url.host, client.base_url.port or 0)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address, timeout=5):
        pass
