"""What Entra Connect's scheduler says, and what its errors mean. No I/O.

Source: https://learn.microsoft.com/entra/identity/hybrid/connect/how-to-connect-sync-feature-scheduler
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muster.sync_port import SyncStart, SyncState

_REASONS = (
    ("StagingModeEnabled", True, "The server is in staging mode: it exports nothing."),
    ("SchedulerSuspended", True, "The scheduler is suspended, as while its wizard is open."),
    ("SyncCycleEnabled", False, "The scheduler is switched off."),
)


@dataclass(frozen=True, slots=True)
class Scheduler:
    """The scheduler's properties; one that is not there is unknown."""

    properties: Mapping[str, Any]

    def refusal(self) -> SyncStart | None:
        """Return why no cycle is to be started now; None when one may be."""
        for name, stops, message in _REASONS:
            if self.properties.get(name) is stops:
                return SyncStart(state=SyncState.SKIPPED, message=message)
        if self.properties.get("SyncCycleInProgress") is True:
            return SyncStart(state=SyncState.ALREADY_RUNNING, message="A cycle is running.")
        return None


def means_busy(message: str) -> bool:
    """Say whether an error means that a cycle or a connector is running already.

    Field reports: `... - AAD is busy.`
    (https://ugg.li/aadconnect-synchronisation-manuell-starten-oder-erzwingen).
    Unconfirmed: the words of other languages.
    """
    text = message.casefold()
    return "is busy" in text or "already running" in text or "in progress" in text
