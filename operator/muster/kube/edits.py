"""IT Glue's webhook in a cluster: an edit wakes its customer, whose worker follows it first.

Only the replica that works for the customer takes a notice: another one has no right to write.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from muster.errors import MusterError, RemoteError, StateError
from muster.following import Edited, FollowState, follow_edit
from muster.kube.store import Store
from muster.kube.work_queue import Priority, WorkQueue
from muster.model.connections import SecretRef
from muster.model.names import CustomerName
from muster.model.secret import Secret
from muster.model.settings import Desired
from muster.ports import Ports
from muster.webhook.notices import Notices
from muster.webhook.receiver import NOT_HERE, TAKEN, Answer, Receiver, Sources
from muster.webhook.server import WebhookServer

logger = logging.getLogger("muster.edits")

_ELSEWHERE = Answer(503, "another replica works for this customer", retry_after_s=1)
_FULL = Answer(503, "too many wait", retry_after_s=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOptions:
    """How the operator listens."""

    port: int
    certificates: Path | None
    """A directory with tls.crt and tls.key; None: plain HTTP, behind an ingress."""


class Edits:
    """Thread-safe."""

    def __init__(
        self, store: Store, queue: WorkQueue, holds: Callable[[str], bool], notices: Notices
    ) -> None:
        self._store = store
        self._queue = queue
        self._holds = holds
        self._notices = notices
        self._turn = threading.Lock()
        self._waiting: defaultdict[str, list[tuple[Edited, int]]] = defaultdict(list)
        self._server: WebhookServer | None = None

    def listen(self, options: EditOptions, read_secret: Callable[[SecretRef], Secret]) -> int:
        """Begin to listen, and return the port; raises SpecError for bad certificates."""
        sources = Sources(
            estate=lambda: self._store.view().estate,
            read_secret=read_secret,
            hand_on=self._hand_on,
        )
        self._server = WebhookServer(Receiver(sources), options.port, options.certificates)
        self._server.start()
        threading.Thread(target=self._wake, name="edits", daemon=True).start()
        return self._server.port

    def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.stop()
        self._notices.close()

    def follow_all(self, desired: Desired, ports: Ports) -> None:
        """Follow what waits for a customer; what fails for now waits for the next time."""
        with self._turn:
            waiting = self._waiting.pop(desired.customer.name, [])
        for edited, tries in waiting:
            try:
                followed = follow_edit(edited, desired, ports)
            except (RemoteError, StateError) as error:
                logger.warning("An edit of entry %s waits: %s", edited.entry, error)
                self._again(edited, tries)
            except MusterError as error:
                logger.warning("An edit of entry %s is not followed: %s", edited.entry, error)
            else:
                logger.info("Edit of entry %s: %s", edited.entry, followed.state)
                if followed.state is FollowState.UNDERWAY:
                    self._again(edited, tries)

    def _again(self, edited: Edited, tries: int) -> None:
        if not self._notices.again(edited, tries):
            logger.warning("The edit of entry %s is given up.", edited.entry)

    def _owner(self, edited: Edited) -> CustomerName | None:
        for name, desired in self._store.view().desired.items():
            vault = desired.customer.vault
            here = (edited.integration, edited.organization)
            if vault is not None and (vault.integration, vault.organization_id) == here:
                return name
        return None

    def _hand_on(self, edited: Edited) -> Answer:
        owner = self._owner(edited)
        if owner is None:
            return NOT_HERE
        if not self._holds(owner):
            return _ELSEWHERE
        return TAKEN if self._notices.put(edited) else _FULL

    def _wake(self) -> None:
        while (taken := self._notices.take()) is not None:
            owner = self._owner(taken[0])
            if owner is not None:
                with self._turn:
                    self._waiting[owner].append(taken)
                self._queue.put(owner, Priority.PERSON)
