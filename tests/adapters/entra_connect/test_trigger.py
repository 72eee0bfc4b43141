"""A delta cycle through the real client of PowerShell remoting, NTLM and TLS included."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.adapters.entra_connect.remoting_server import (
    ENDPOINT,
    PASSWORD,
    USER,
    Connect,
    RemotingServer,
)

from muster.adapters.entra_connect import EntraConnectTrigger
from muster.errors import AccessDenied, Unavailable, Unexpected
from muster.model.connections import EntraConnect, SecretRef, WinRmTransport
from muster.model.secret import Secret
from muster.sync_port import SyncState


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemotingServer]:
    """A server that knows one user."""
    users = tmp_path_factory.mktemp("ntlm") / "users"
    domain, _, name = USER.partition("\\")
    users.write_text(f"{domain}:{name}:{PASSWORD}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NTLM_USER_FILE", str(users))
        running = RemotingServer()
        yield running
        running.stop()


@pytest.fixture
def connect(server: RemotingServer) -> Connect:
    """Entra Connect as it is when all is well."""
    fresh = Connect()
    for name in ("properties", "start_error", "module_loaded", "silent", "cycles", "commands"):
        setattr(server.connect, name, getattr(fresh, name))
    return server.connect


def trigger(
    server: RemotingServer,
    *,
    password: str = PASSWORD,
    within_s: float = 20,
    trusting: bool = True,
    **more: object,
) -> EntraConnectTrigger:
    """Return what starts cycles on the server."""
    settings = EntraConnect(
        host="localhost",
        port=server.port,
        user_name=USER,
        password=SecretRef(name="x", key="y"),
        configuration_name=ENDPOINT,
    )
    changed = replace(settings, **more)  # type: ignore[arg-type]
    ca = server.ca.cert_pem.bytes().decode() if trusting else None
    return EntraConnectTrigger(changed, Secret(password), ca, within_s)


def test_a_delta_cycle_is_started(server: RemotingServer, connect: Connect) -> None:
    """The scheduler is asked first; commands go by name with parameters, and nothing else does."""
    assert trigger(server).start_delta().state is SyncState.STARTED
    assert connect.cycles == ["Delta"]
    assert connect.commands == ["Get-ADSyncScheduler", "Start-ADSyncSyncCycle Delta"]


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("SyncCycleInProgress", True, SyncState.ALREADY_RUNNING),
        ("StagingModeEnabled", True, SyncState.SKIPPED),
        ("SchedulerSuspended", True, SyncState.SKIPPED),
        ("SyncCycleEnabled", False, SyncState.SKIPPED),
    ],
)
def test_none_is_started_where_none_may_run(
    server: RemotingServer, connect: Connect, name: str, value: bool, state: SyncState
) -> None:
    """While one runs, in staging mode, suspended or switched off."""
    connect.properties[name] = value
    assert trigger(server).start_delta().state is state
    assert connect.cycles == []


def test_busy_is_no_error(server: RemotingServer, connect: Connect) -> None:
    """A cycle that began in between is as good; any other error is told."""
    connect.start_error = "contoso.onmicrosoft.example - AAD is busy."
    assert trigger(server).start_delta().state is SyncState.ALREADY_RUNNING
    connect.start_error = "The service ADSync is not there."
    with pytest.raises(Unexpected, match="ADSync is not there"):
        trigger(server).start_delta()


def test_no_handshake_is_logged(
    server: RemotingServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever logs everything has nothing to guess the password by, nor what was sent."""
    caplog.set_level(logging.DEBUG)
    assert trigger(server).start_delta().state is SyncState.STARTED
    assert [one.name for one in caplog.records if one.name.startswith(("spnego", "pypsrp"))] == []


def test_what_is_wrong_is_said(
    server: RemotingServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Sign-in, endpoint, module and certificate; the password stands nowhere."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AccessDenied, match="sign") as denied:
        trigger(server, password="wrong-planted-Remoting").start_delta()
    with pytest.raises(AccessDenied, match="Cannot find the Other session configuration"):
        trigger(server, configuration_name="Other").start_delta()
    with pytest.raises(AccessDenied, match="not to be trusted"):
        trigger(server, trusting=False).start_delta()
    connect.module_loaded = False
    with pytest.raises(AccessDenied, match="import the module"):
        trigger(server).start_delta()
    assert "planted-Remoting" not in caplog.text + str(denied.value) + repr(denied.value)
    assert connect.cycles == []


def test_a_server_that_hangs_is_left_in_time(server: RemotingServer, connect: Connect) -> None:
    """A run does not wait for it."""
    connect.silent = threading.Event()
    try:
        with pytest.raises(Unavailable, match="within"):
            trigger(server, within_s=0.5).start_delta()
    finally:
        connect.silent.set()
        for thread in threading.enumerate():
            if thread.name == "entra-connect":
                thread.join(20)


def test_kerberos_is_never_replaced_by_less(server: RemotingServer, connect: Connect) -> None:
    """Without a ticket nothing is sent; in particular no password to a server without TLS."""
    with pytest.raises((AccessDenied, Unavailable, Unexpected)):
        trigger(server, transport=WinRmTransport.KERBEROS, within_s=8).start_delta()
    assert connect.cycles == []


def test_doctor_asks_and_starts_nothing(server: RemotingServer, connect: Connect) -> None:
    """One line: the scheduler answers, or why nothing would be started."""
    [good] = trigger(server).check()
    assert good.ok
    connect.properties["StagingModeEnabled"] = True
    [bad] = trigger(server).check()
    assert (bad.ok, "staging" in bad.detail) == (False, True)
    [wrong] = trigger(server, password="wrong").check()
    assert not wrong.ok
    assert connect.cycles == []


def test_no_authority_is_left_on_disk(
    server: RemotingServer,
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The certificate that pypsrp needs as a file is gone afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    trigger(server).start_delta()
    assert connect.cycles == ["Delta"]
    assert list(tmp_path.iterdir()) == []
