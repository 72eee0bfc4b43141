"""Servers that tests start never outlive them, and say why they did not start."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from tests.kube.processes import Processes, free_ports

KILLED_RUN = """
    import os, signal, sys
    from pathlib import Path
    from tests.kube.processes import Processes

    folder = Path(sys.argv[1])
    servers = Processes(folder)
    command = ("sh", "-c", "touch started; exec sleep 600")
    servers.start("sleeper", command, (folder / "started").exists)
    print(servers.running[0].pid, flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_started_server_is_ended(tmp_path: Path) -> None:
    """What was started is running, and is gone and waited for once it was ended."""
    servers = Processes(tmp_path)
    servers.start("sleeper", ("sleep", "600"), lambda: True)
    (sleeper,) = servers.running
    assert sleeper.poll() is None
    servers.end("sleeper")
    assert servers.running == ()
    assert sleeper.returncode == -signal.SIGTERM


def test_killed_server_is_gone_at_once(tmp_path: Path) -> None:
    """A kill leaves the server no time to tidy up; a second one does nothing."""
    servers = Processes(tmp_path)
    servers.start("sleeper", ("sleep", "600"), lambda: True)
    (sleeper,) = servers.running
    servers.kill("sleeper")
    servers.kill("sleeper")
    assert sleeper.returncode == -signal.SIGKILL


def test_server_that_ends_by_itself_says_why(tmp_path: Path) -> None:
    """The error of a start holds what the server wrote, and nothing is left."""
    servers = Processes(tmp_path)
    with pytest.raises(RuntimeError, match=r"^broken did not start: .*no port for me"):
        servers.start("broken", ("sh", "-c", "echo no port for me; exit 3"), lambda: False)
    assert servers.running == ()


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv, of util-linux")
def test_server_dies_with_a_killed_run(tmp_path: Path) -> None:
    """A run that is killed, and cannot tidy up, leaves no server behind."""
    run = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED_RUN), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with run:
        assert run.stdout is not None
        server = os.pidfd_open(int(run.stdout.readline()))
    ended, _, _ = select.select([server], [], [], 10)
    os.close(server)
    assert run.returncode == -signal.SIGKILL
    assert ended


def test_ports_are_free_and_differ() -> None:
    """Each port is one of its own, below those that systems give out by themselves."""
    ports = free_ports("127.0.0.1", 20)
    assert len(set(ports)) == 20
    assert all(20000 <= port < 30000 for port in ports)
