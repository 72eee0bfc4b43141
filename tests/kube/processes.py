"""Servers that a test starts, waits for, stops and kills, each with its log in one folder.

Every process is ended by the handle it was started with, and waited for, so none is left. Where
there is `setpriv` (util-linux), one whose test run was killed is ended by the kernel.
"""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx

_START_S = 90.0
_STOP_S = 10.0


class Processes:
    """The running servers of one folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def running(self) -> tuple[subprocess.Popen[bytes], ...]:
        """What was started and not ended."""
        return tuple(self._running.values())

    def start(self, name: str, command: Sequence[str | Path], ready: Callable[[], bool]) -> None:
        """Start a server and wait until `ready`, which may raise while nothing listens yet.

        Raises:
            RuntimeError: it runs already, has ended by itself, or is not ready in 90 s.
        """
        if name in self._running:
            raise RuntimeError(f"{name} is running already")
        with self._path(name).open("ab") as log:
            process = subprocess.Popen(
                [*_tied_to_us(), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._running[name] = process
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.TransportError):
                if ready():
                    return
            time.sleep(0.05)
        self.kill(name)
        raise RuntimeError(f"{name} did not start: {self.log(name)[-3000:]}")

    def end(self, name: str) -> None:
        """Ask a server to stop, and kill it when it has not in 10 s; nothing if it is not there."""
        if process := self._running.get(name):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=_STOP_S)
        self.kill(name)

    def kill(self, name: str) -> None:
        """Kill a server at once; nothing if it is not there."""
        if process := self._running.pop(name, None):
            process.kill()
            process.wait()

    def log(self, name: str) -> str:
        """Return what a server has written so far, over all its starts."""
        return self._path(name).read_text(errors="replace")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _tied_to_us() -> tuple[str, ...]:
    """Return what runs a command under the same process id and ends it when we end.

    To the kernel "we" is the thread that starts it, so start servers in one that lasts.
    """
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def free_ports(address: str, count: int) -> list[int]:
    """Return ports below those that systems give out, so that none is lost during a restart."""
    ports: list[int] = []
    with ExitStack() as held:
        for port in random.sample(range(20000, 30000), 1000):
            if _bound(held.enter_context(socket.socket()), address, port):
                ports.append(port)
            if len(ports) == count:
                return ports
    raise RuntimeError(f"no free port of {address} between 20000 and 30000")


def _bound(probe: socket.socket, address: str, port: int) -> bool:
    try:
        probe.bind((address, port))
    except OSError:
        return False
    return True
