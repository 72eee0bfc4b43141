"""The one writer of status. It writes `/status` only, and only what changed.

Field manager `muster`. Conditions carry the generation they tell of. What an object held when
it was last seen is compared first, because the API server charges for a write that changes
nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from muster.kube.api import KubeApi
from muster.kube.resources import Kind
from muster.kube.store import Store
from muster.model.reasons import Reason
from muster.report.account_resource import timestamp
from muster.resources.fitting import fit
from muster.resources.schemas import load_schema

RECONCILE_ANNOTATION = "muster.dev/reconcile-requested-at"

Status = dict[str, Any]

_ADDED = frozenset({"observedGeneration", "handledReconcileAt"})


@dataclass(frozen=True, slots=True)
class _Written:
    """A status that was written and may not have come back yet."""

    over: str
    """The version of the object as it was seen when the status was written."""
    status: Status


class StatusWriter:
    """Writes the status of resources that people keep in git; thread-safe."""

    def __init__(self, api: KubeApi, namespace: str, store: Store) -> None:
        self._api = api
        self._namespace = namespace
        self._store = store
        self._turn = threading.Lock()
        self._written: dict[tuple[str, str], _Written] = {}
        self.writes = 0
        """How many writes were sent."""

    def current(self, kind: Kind, name: str) -> Status:
        """Return the status as it was last seen, or written where that is not yet seen.

        Another replica or a person may have written it since, so memory does not outlive
        the next sight of the object.
        """
        raw = self._store.raw(kind.kind, name)
        with self._turn:
            written = self._written.get((kind.kind, name))
            if written is not None and _version(raw) == written.over:
                return written.status
            self._written.pop((kind.kind, name), None)
        return dict(raw.get("status") or {}) if raw else {}

    def forget(self, kind: Kind, name: str) -> None:
        """Forget what was written to an object that is gone."""
        with self._turn:
            self._written.pop((kind.kind, name), None)

    def write(self, kind: Kind, name: str, status: Status, generation: int | None = None) -> bool:
        """Write a whole status; return whether anything had to be written.

        `generation` is the one that the status tells of; the latest when left out.
        """
        raw = self._store.raw(kind.kind, name)
        if raw is None:
            return False
        if generation is None:
            generation = raw["metadata"].get("generation", 0)
        schema = load_schema(kind.kind)["properties"]["status"]
        wanted: Status = fit(_of_generation(status, generation), schema)
        old = self.current(kind, name)
        if wanted == old:
            return False
        # A merge patch removes only what it names as null.
        gone: Status = dict.fromkeys(old.keys() - wanted.keys())
        answer = self._api.patch_status(kind, self._namespace, name, wanted | gone)
        self.writes += 1
        with self._turn:
            if answer is not None:
                self._written[kind.kind, name] = _Written(_version(raw), wanted)
        return answer is not None

    def set_conditions(self, kind: Kind, name: str, conditions: list[Status], **more: Any) -> bool:
        """Replace the conditions and the named fields, and keep the rest of the status."""
        old = self.current(kind, name)
        return self.write(kind, name, old | {"conditions": timed(conditions, old)} | more)

    def begin(self, kind: Kind, name: str) -> bool:
        """Say `Reconciling`, when there is something new to reconcile; not on every round."""
        raw = self._store.raw(kind.kind, name)
        old = self.current(kind, name)
        if raw is None or not _is_news(raw, old):
            return False
        kept = [one for one in old.get("conditions", ()) if one["type"] != "Reconciling"]
        message = "The resource is new or has changed; its systems are being read."
        begun = {
            "type": "Reconciling",
            "status": "True",
            "reason": str(Reason.PROGRESSING),
            "message": message,
        }
        return self.set_conditions(kind, name, [*kept, begun])


def _version(raw: Mapping[str, Any] | None) -> str:
    return str(raw["metadata"].get("resourceVersion", "")) if raw else ""


def _is_news(raw: Mapping[str, Any], status: Status) -> bool:
    known = (status.get("observedGeneration"), status.get("handledReconcileAt", ""))
    return bool(known != (raw["metadata"].get("generation"), requested_at(raw)))


def requested_at(raw: Mapping[str, Any]) -> str:
    """Return the value of the reconcile-now annotation; empty without one."""
    return str((raw["metadata"].get("annotations") or {}).get(RECONCILE_ANNOTATION, ""))


def _of_generation(status: Status, generation: int) -> Status:
    """Return the status with the generation that it tells of, in every condition too."""
    conditions = [one | {"observedGeneration": generation} for one in status.get("conditions", ())]
    told = status | {"observedGeneration": generation}
    return told | {"conditions": conditions} if "conditions" in status else told


def as_reported(status: Status) -> Status:
    """Return a status without what the writer adds, to be compared with what is reported next."""
    conditions = [
        {key: value for key, value in one.items() if key != "observedGeneration"}
        for one in status.get("conditions", ())
        if one["type"] != "Reconciling"
    ]
    rest = {key: value for key, value in status.items() if key not in _ADDED}
    return rest | ({"conditions": conditions} if "conditions" in status else {})


def timed(conditions: list[Status], old: Status) -> list[Status]:
    """Return conditions with the time of their last transition, from the old ones where equal."""
    before = {one["type"]: one for one in old.get("conditions", ())}
    now = timestamp(datetime.now(UTC))
    return [one | {"lastTransitionTime": _since(one, before, now)} for one in conditions]


def _since(condition: Status, before: Mapping[str, Status], now: str) -> str:
    known = before.get(condition["type"], {})
    same = known.get("status") == condition["status"]
    return str(known.get("lastTransitionTime", now)) if same else now
