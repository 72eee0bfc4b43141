"""The journal of a customer: one Secret with intents, sizes of sources, and password jobs.

Only who may read Secrets can read it. Each intent is a key of its own, so that writing one never
touches another. What the intents mean is the registry's to say.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from muster.errors import StateError
from muster.kube.api import Conflict, KubeApi
from muster.kube.resources import SECRET
from muster.model.accounts import Intent
from muster.model.names import CustomerName, Source
from muster.model.passwords import JobEnd, PasswordJob, end_of
from muster.registry.encoding import INTENT, JOB, JOB_END, Document

SIZES_KEY = "sizes.json"
_INTENT = "intent."
_JOB = "password-job."
_JOB_END = "password-end."

T = TypeVar("T")

Object = dict[str, Any]


@dataclass(slots=True)
class Journal:
    """What a journal holds, intents by their key."""

    intents: dict[str, Intent] = field(default_factory=dict)
    sizes: dict[Source, int] = field(default_factory=dict)
    jobs: dict[str, PasswordJob] = field(default_factory=dict)
    job_ends: dict[str, JobEnd] = field(default_factory=dict)


class Journals:
    """Reads and writes the journals of one namespace."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def read(self, customer: CustomerName) -> Journal:
        """Return what a journal holds; nothing when there is none yet.

        Raises:
            StateError: somebody else has written it.
        """
        name = journal_name(customer)
        found = self._api.read(SECRET, self._namespace, name) or {}
        try:
            data = {
                key: base64.b64decode(value).decode()
                for key, value in (found.get("data") or {}).items()
            }
            return Journal(
                intents=_read(data, _INTENT, INTENT, name),
                sizes=_sizes(data),
                jobs=_read(data, _JOB, JOB, name),
                job_ends=_read(data, _JOB_END, JOB_END, name),
            )
        except (ValueError, AttributeError, TypeError) as error:
            raise StateError(
                f"The Secret {name} is not as Muster wrote it ({type(error).__name__}). "
                "Restore it from a backup: it says which records may have been created, and "
                "holds the passwords that are being set."
            ) from error

    def write(
        self, customer: CustomerName, changes: Mapping[str, str | None], metadata: Object
    ) -> None:
        """Set keys, or remove those that are None; make the Secret where there is none yet.

        When this returns, etcd has the change on disk.
        """
        name = journal_name(customer)
        data = {
            key: None if value is None else base64.b64encode(value.encode()).decode()
            for key, value in changes.items()
        }
        if self._api.merge(SECRET, self._namespace, name, {"data": data}) is not None:
            return
        body = {
            "apiVersion": SECRET.api_version,
            "kind": SECRET.kind,
            "type": "muster.dev/journal",
            "metadata": {"name": name, **metadata},
            "data": {key: value for key, value in data.items() if value is not None},
        }
        try:
            self._api.create(SECRET, self._namespace, body)
        except Conflict:
            # The answer to an earlier try was lost, so it is there now.
            self._api.merge(SECRET, self._namespace, name, {"data": data})

    def settle(self, job: PasswordJob) -> None:
        """Write an open job as a person has settled it, or the end of one that was given up.

        The operator leaves a job alone that needs a person, so that nobody writes beside this.
        """
        changes: dict[str, str | None] = {job_key(job): None}
        if job.ended_at is None:
            changes = {job_key(job): JOB.encode(job)}
        else:
            end = end_of(job)
            changes[end_key(end)] = JOB_END.encode(end)
        self.write(job.customer, changes, {})


def journal_name(customer: CustomerName) -> str:
    """Return the name of a customer's journal."""
    return f"muster-journal-{customer}"


def intent_key(intent: Intent) -> str:
    """Return an intent's key: its id may hold characters that a Secret's key may not."""
    return _key(_INTENT, intent.id)


def job_key(job: PasswordJob) -> str:
    """Return an open job's key: an account has one, so that two cannot be written."""
    return _key(_JOB, job.account)


def end_key(end: JobEnd) -> str:
    """Return the key of a job's end, which takes the place of the last such end."""
    return _key(_JOB_END, f"{end.account}/{end.kind}/{end.was_set}")


def _key(prefix: str, name: str) -> str:
    return prefix + hashlib.sha256(name.encode()).hexdigest()[:32]


def encode_sizes(sizes: Mapping[Source, int]) -> str:
    """Return sizes as the journal holds them."""
    return json.dumps({str(source): size for source, size in sizes.items()}, sort_keys=True)


def _read(data: Mapping[str, str], prefix: str, kind: Document[T], name: str) -> dict[str, T]:
    return {
        key: kind.decode(text, f"Secret {name}, key {key}")
        for key, text in sorted(data.items())
        if key.startswith(prefix)
    }


def _sizes(data: Mapping[str, str]) -> dict[Source, int]:
    sizes: dict[str, int] = json.loads(data.get(SIZES_KEY, "{}"))
    return {Source(name): int(size) for name, size in sizes.items()}
