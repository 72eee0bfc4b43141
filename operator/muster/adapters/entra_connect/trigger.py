"""Starts a delta cycle through PowerShell remoting, at an endpoint that shows three commands.

Commands are sent by name with parameters, never as a script: a constrained endpoint runs in
NoLanguage mode. A thread that answers too late is left behind, so that a run ends in time.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from muster.adapters.entra_connect.scheduler import Scheduler, means_busy
from muster.errors import AccessDenied, MusterError, Unavailable, Unexpected
from muster.model.connections import EntraConnect, WinRmTransport
from muster.model.secret import Secret
from muster.ports import Check
from muster.sync_port import SyncStart, SyncState
from muster.transport.redaction import quiet_libraries

if TYPE_CHECKING:
    from pypsrp.powershell import RunspacePool

T = TypeVar("T")

WITHIN_S = 60.0
_OPERATION_S, _READ_S = 5, 10

_ADVICE = (
    "Check the account, and that the endpoint {0} is registered for it: "
    "Get-PSSessionConfiguration {0}"
)


class EntraConnectTrigger:
    """One server of Entra Connect; thread-safe."""

    def __init__(
        self,
        settings: EntraConnect,
        password: Secret,
        ca_pem: str | None = None,
        within_s: float = WITHIN_S,
    ) -> None:
        self._settings = settings
        self._password = password
        self._ca_pem = ca_pem
        self._within_s = within_s

    @property
    def host(self) -> str:
        """The server's name."""
        return self._settings.host

    def start_delta(self) -> SyncStart:
        """Start a delta cycle, unless one runs or none may run.

        Raises:
            AccessDenied: the account, the certificate or the endpoint.
            Unavailable: no answer in time; a cycle may have been started.
            Unexpected: an error that is not known.
        """
        return self._within_time(self._start)

    def check(self) -> tuple[Check, ...]:
        """Ask the scheduler how it is, and start nothing; raises nothing."""
        name = "entra connect"
        try:
            scheduler = self._within_time(self._ask)
        except MusterError as error:
            return (Check(name=name, ok=False, detail=str(error)),)
        refusal = scheduler.refusal()
        if refusal is not None and refusal.state is SyncState.SKIPPED:
            return (
                Check(name=name, ok=False, detail=refusal.message, advice="No cycle is started."),
            )
        return (Check(name=name, ok=True, detail=f"{self.host}: the scheduler answers"),)

    def _start(self) -> SyncStart:
        with self._pool() as pool:
            refusal = _scheduler(pool).refusal()
            if refusal is not None:
                return refusal
            problem = _run(pool, "Start-ADSyncSyncCycle", PolicyType="Delta").problem
        if not problem:
            return SyncStart(state=SyncState.STARTED, message="A delta cycle was started.")
        if means_busy(problem):
            return SyncStart(state=SyncState.ALREADY_RUNNING, message=problem)
        raise Unexpected(f"Entra Connect on {self.host} did not start a cycle: {problem}")

    def _ask(self) -> Scheduler:
        with self._pool() as pool:
            return _scheduler(pool)

    @contextmanager
    def _pool(self) -> Iterator[RunspacePool]:
        try:
            from pypsrp.powershell import RunspacePool
            from pypsrp.wsman import WSMan
        except ModuleNotFoundError as missing:
            raise MusterError(
                f"Entra Connect needs {missing.name}, which is not installed. "
                "Install it with: pip install 'muster[winrm]'"
            ) from missing
        quiet_libraries()
        with self._translated(), self._verification() as verify:
            name = self._settings.configuration_name
            with (
                WSMan(self._settings.host, **self._options(verify)) as wsman,
                RunspacePool(wsman, configuration_name=name) as pool,
            ):
                yield pool

    def _options(self, verify: bool | str) -> dict[str, Any]:
        kerberos = self._settings.transport is WinRmTransport.KERBEROS
        return {
            "port": self._settings.port,
            "username": self._settings.user_name,
            "password": self._password.reveal(),
            "ssl": not kerberos,
            "auth": "kerberos" if kerberos else "negotiate",
            "encryption": "always" if kerberos else "auto",
            "cert_validation": verify,
            "connection_timeout": _READ_S,
            "read_timeout": _READ_S,
            "operation_timeout": _OPERATION_S,
            # The server is near; what the environment says is for the way outside.
            "no_proxy": True,
        }

    @contextmanager
    def _verification(self) -> Iterator[bool | str]:
        """Yield what a certificate is checked against: a file is all that pypsrp takes."""
        if self._ca_pem is None:
            yield True
            return
        with tempfile.TemporaryDirectory(prefix="muster-ca-") as folder:
            path = Path(folder) / "ca.pem"
            path.write_text(self._ca_pem)
            yield str(path)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import requests
        from pypsrp import exceptions
        from spnego.exceptions import SpnegoError

        host, advice = self.host, _ADVICE.format(self._settings.configuration_name)
        try:
            yield
        except exceptions.AuthenticationError as error:
            raise AccessDenied(f"{host} refused the sign-in. {advice}") from error
        except SpnegoError as error:
            raise AccessDenied(f"{host}: signing in failed: {_first_line(error)}") from error
        except exceptions.WSManFaultError as error:
            raise AccessDenied(f"{host}: {_first_line(error.reason or error)} {advice}") from error
        except requests.exceptions.SSLError as error:
            raise AccessDenied(
                f"{host}: its certificate is not to be trusted. Set caRef."
            ) from error
        except requests.exceptions.RequestException as error:
            raise Unavailable(f"{host} does not answer: {type(error).__name__}.") from error
        except exceptions.WinRMError as error:
            raise Unexpected(f"{host}: {type(error).__name__}: {_first_line(error)}") from error

    def _within_time(self, work: Callable[[], T]) -> T:
        """Return what the work returns, or raise Unavailable when it takes too long."""
        done: list[T] = []
        failed: list[MusterError] = []

        def run() -> None:
            try:
                done.append(work())
            except MusterError as error:
                failed.append(error)
            except Exception as error:  # noqa: BLE001 - a library's fault must not fail a reset
                failed.append(Unexpected(f"{self.host}: {type(error).__name__}"))

        thread = threading.Thread(target=run, name="entra-connect", daemon=True)
        thread.start()
        thread.join(self._within_s)
        if failed:
            raise failed[0]
        if not done:
            raise Unavailable(
                f"{self.host} did not answer within {self._within_s:.0f} seconds.",
                maybe_applied=True,
            )
        return done[0]


class _Ran:
    """What a command put out, and its errors."""

    def __init__(self, output: list[Any], problem: str) -> None:
        self.output = output
        self.problem = problem


def _run(pool: RunspacePool, command: str, **parameters: str) -> _Ran:
    from pypsrp.powershell import PowerShell

    shell = PowerShell(pool)
    shell.add_cmdlet(command)
    for name, value in parameters.items():
        shell.add_parameter(name, value)
    output = shell.invoke()
    errors = [_first_line(one) for one in shell.streams.error]
    return _Ran(output, " ".join(errors) or ("it failed" if shell.had_errors else ""))


def _scheduler(pool: RunspacePool) -> Scheduler:
    ran = _run(pool, "Get-ADSyncScheduler")
    if ran.problem:
        raise AccessDenied(
            f"Get-ADSyncScheduler failed: {ran.problem} The endpoint must show it, and import the "
            "module ADSync."
        )
    if not ran.output:
        raise Unexpected("Get-ADSyncScheduler said nothing.")
    first = ran.output[0]
    properties = {**getattr(first, "extended_properties", {})}
    properties |= getattr(first, "adapted_properties", {})
    return Scheduler(properties)


def _first_line(what: object) -> str:
    text = str(what).strip() or type(what).__name__
    line = text.splitlines()[0][:300]
    return line if line.endswith(".") else f"{line}."
