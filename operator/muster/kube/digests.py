"""The daily digest of a cluster: who sends it, when it is looked at, and where its mark is kept.

The replica that holds an integration's shard sends its digest. The mark is written by the version
that was read, so that of two replicas, one of which does not know yet that it lost the shard, one
sends. What is told is decided in `muster.mail.digest`.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from muster.adapters.clock import utc_now
from muster.digests import DailyDigests
from muster.kube.api import Conflict, KubeApi
from muster.kube.resources import SECRET
from muster.kube.view import View
from muster.mail.digest import next_due
from muster.model.accounts import Known
from muster.model.connections import Integration
from muster.model.names import CustomerName
from muster.ports import Mailer

logger = logging.getLogger("muster.digests")

MARKS = "muster-marks"
"""The Secret that holds the marks. They are not secret, but only the operator may write there."""

_LOOK_EVERY_S = 601.0
"""A digest that did not leave is tried again after ten minutes."""


@dataclass(slots=True)
class SecretMarks:
    """Marks in one Secret of the namespace; each is written over the version that was read."""

    api: KubeApi
    namespace: str
    _versions: dict[str, str] = field(default_factory=dict)

    def read_mark(self, name: str) -> str:
        """Return a mark as the API server holds it now; empty when there is none."""
        found = self.api.read(SECRET, self.namespace, MARKS) or {}
        self._versions[name] = found.get("metadata", {}).get("resourceVersion", "")
        text = (found.get("data") or {}).get(_key(name), "")
        return base64.b64decode(text).decode()

    def write_mark(self, name: str, value: str) -> None:
        """Write a mark that was read.

        Raises:
            Conflict: somebody has written since.
        """
        version = self._versions[name]
        data = {_key(name): base64.b64encode(value.encode()).decode()}
        metadata = {"name": MARKS, "labels": {"app.kubernetes.io/name": "muster"}}
        if version:
            body = {"metadata": {"resourceVersion": version}, "data": data}
            answer = self.api.merge(SECRET, self.namespace, MARKS, body)
        else:
            head = {"apiVersion": SECRET.api_version, "kind": SECRET.kind, "metadata": metadata}
            answer = self.api.create(SECRET, self.namespace, {**head, "data": data})
        if answer is None:
            raise Conflict(f"The Secret {MARKS} was deleted while it was written.")
        self._versions[name] = answer["metadata"]["resourceVersion"]


class DigestDesk:
    """Sends the digests of the integrations that this replica holds."""

    def __init__(
        self,
        marks: SecretMarks,
        load: Callable[[CustomerName], Known],
        open_mail: Callable[[Integration], Mailer],
    ) -> None:
        self._daily = DailyDigests(load, marks, open_mail)

    def attend(self, integration: Integration, view: View) -> float:
        """Send a digest that is due; return after how many seconds to come again at the latest.

        Raises:
            RemoteError: the mark could not be read or written; nothing was sent.
        """
        if integration.digest is None:
            return float("inf")
        customers = {*view.desired, *map(CustomerName, view.held)}
        for line in self._daily.send_due([integration], customers, utc_now()):
            logger.info("%s: %s", integration.name, line)
        now = utc_now()
        return min(_LOOK_EVERY_S, (next_due(integration.digest, now) - now).total_seconds() + 1)


def _key(name: str) -> str:
    """Return a mark's key; the keys of a Secret hold no slash."""
    return name.replace("/", ".")
