"""What one line of the audit says, who this process is, and what keeps lines."""

from __future__ import annotations

import base64
import getpass
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

SERVICE_ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes mounts it.

Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

_ALWAYS = frozenset({"at", "actor", "action", "customer", "subject", "reason", "result"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that was done, or that is about to be. No field may hold a secret."""

    at: datetime
    actor: str
    """Who the process is: a user of the system, or a pod's service account."""
    action: str
    """A word in PascalCase, such as ShowPassword."""
    customer: str
    subject: str = ""
    """The account or the entry."""
    reason: str = ""
    result: str = ""
    """Begun before an effect; then Done, Failed or Unknown. Others have words of their own."""
    system: str = ""
    """Where it took effect, such as vault or ActiveDirectory."""
    revision: str = ""
    """What asked for it: the commit of the resources, or their generation in a cluster."""
    requested_by: str = ""
    """Who asked for it, where that is somebody else than git and the actor."""
    effect: str = ""
    """What the lines before and after one effect have in common."""
    detail: str = ""
    """What the system said."""
    cause: str = ""
    """What that means for a password that was not set or kept, in one word."""


class Sink(Protocol):
    """Where events go."""

    def append(self, *events: AuditEvent, durable: bool = True) -> None:
        """Keep events, in this order; durable ones survive a crash that follows at once.

        Raises:
            StateError: they could not be kept; what was to be recorded must not be done.
        """
        ...


class Tee:
    """Keeps every event in several places."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def append(self, *events: AuditEvent, durable: bool = True) -> None:
        """Keep events in each place; raises StateError where one of them cannot."""
        for sink in self._sinks:
            sink.append(*events, durable=durable)


def record(
    sink: Sink,
    action: str,
    customer: str,
    *,
    subject: str = "",
    reason: str = "",
    result: str = "",
) -> None:
    """Record that this user, now, does something; raises StateError when that cannot be kept."""
    sink.append(
        AuditEvent(
            at=datetime.now(UTC),
            actor=current_actor(),
            action=action,
            customer=customer,
            subject=subject,
            reason=reason,
            result=result,
        )
    )


def fields_of(event: AuditEvent) -> dict[str, str]:
    """Return an event as a line says it; what was added later is left out where it is empty."""
    at = event.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = asdict(event) | {"at": at}
    return {name: value for name, value in fields.items() if value or name in _ALWAYS}


def current_actor(token: Path = SERVICE_ACCOUNT_TOKEN) -> str:
    """Return who this process is: the pod's service account, else the system's user."""
    account = _service_account(token)
    if account:
        return account
    # Not LOGNAME and its like, which getpass asks first: anybody may set them.
    try:
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    # sudo's own word for who called it (sudo(8)); only root can be called by it.
    caller = os.environ.get("SUDO_USER") if name == "root" else None
    return f"{caller} (as {name})" if caller else name


def _service_account(token: Path) -> str:
    """Return the subject that a pod's token names; empty outside of a cluster."""
    with suppress(OSError, ValueError, IndexError, KeyError, TypeError):
        claims = token.read_text(encoding="ascii").split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
    return ""
