"""After a run that set passwords: one delta cycle of Entra Connect. What fails is a finding only.

The passwords are set, and their hashes travel by themselves every two minutes. A cycle makes
new, enabled and moved accounts known sooner.

Source: learn.microsoft.com, `Implement password hash synchronization with Microsoft Entra Connect
Sync`.
"""

from __future__ import annotations

from muster.audit import Effect
from muster.errors import MusterError, StateError
from muster.model.names import System
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import Desired
from muster.ports import Ports
from muster.sync_port import SyncStart, SyncState, SyncTrigger


def synchronize(desired: Desired, ports: Ports) -> tuple[Finding, ...]:
    """Start one cycle for all passwords that were set; return what a person should know.

    Raises:
        StateError: the audit cannot be written; nothing is started unrecorded.
    """
    if ports.sync is None:
        return ()
    try:
        trigger = ports.sync.take(ports.clock())
        started = _start(trigger, desired, ports) if trigger else None
    except StateError:
        raise
    except MusterError as error:
        ports.sync.keep()
        return (_finding(str(error)),)
    if started is None or started.state is SyncState.STARTED:
        return ()
    ports.sync.keep()
    # A cycle that runs is no trouble: the next run asks again, if the scheduler did not by then.
    busy = started.state is SyncState.ALREADY_RUNNING
    return () if busy else (_finding(started.message),)


def _start(trigger: SyncTrigger, desired: Desired, ports: Ports) -> SyncStart:
    effect = Effect(
        customer=desired.customer.name,
        action="StartDeltaCycle",
        subject=trigger.host,
        system=str(System.ENTRA),
        reason="passwords were set",
    )
    begun = ports.audit.begin(effect)
    try:
        started = trigger.start_delta()
    except MusterError as error:
        ports.audit.end(begun, effect, "Failed", str(error))
        raise
    ports.audit.end(begun, effect, str(started.state), started.message)
    return started


def _finding(problem: str) -> Finding:
    return Finding(
        reason=Reason.SYNC_NOT_STARTED,
        system=System.ENTRA,
        message=f"Entra Connect started no delta cycle: {problem} The passwords are set, and reach "
        "Entra within some minutes by themselves.",
    )
