"""The entries of native vaults in the cluster: one Secret each, which belongs to nobody.

Nothing owns them, so that deleting a Customer, an Integration or the chart loses no password.
What is secret in them comes sealed: who may read Secrets still needs the key ring.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from muster.errors import Unexpected
from muster.kube.api import Conflict, KubeApi
from muster.kube.resources import SECRET
from muster.model.names import RemoteId
from muster.ports import EntryStale, StoredEntry

VAULT_LABEL = "muster.dev/vault"
ORGANIZATION_LABEL = "muster.dev/organization"

_DOCUMENT, _VERSION = "entry.json", "version"

Object = dict[str, Any]


class KubeEntryStore:
    """Implements `EntryStore` for one native vault in one namespace."""

    def __init__(self, api: KubeApi, namespace: str, vault: str) -> None:
        self._api = api
        self._namespace = namespace
        self._vault = vault

    def list_organizations(self) -> tuple[RemoteId, ...]:
        """Return every organization that has an entry, in the order of names."""
        items = self._api.list(SECRET, self._namespace, f"{VAULT_LABEL}={self._vault}")
        return tuple(sorted({RemoteId(_label(item, ORGANIZATION_LABEL)) for item in items}))

    def list_entries(self, organization: RemoteId) -> tuple[StoredEntry, ...]:
        """Return every entry of the organization, in the order of ids."""
        selector = f"{VAULT_LABEL}={self._vault},{ORGANIZATION_LABEL}={organization}"
        items = self._api.list(SECRET, self._namespace, selector)
        return tuple(sorted(map(_entry, items), key=lambda entry: entry.id))

    def find_entry(self, organization: RemoteId, entry: RemoteId) -> StoredEntry | None:
        """Return one entry."""
        item = self._read(organization, entry)
        return None if item is None else _entry(item)

    def put_entry(self, entry: StoredEntry) -> None:
        """Write an entry; etcd has it on disk when this returns.

        Raises:
            EntryStale: another version is stored, or none.
        """
        try:
            written = self._create(entry) if entry.version == 1 else self._merge(entry)
        except Conflict:
            written = None
        if written is None:
            raise EntryStale(f"The entry {entry.id} of {entry.organization} was changed.")

    def _create(self, entry: StoredEntry) -> Object:
        labels = {VAULT_LABEL: self._vault, ORGANIZATION_LABEL: str(entry.organization)}
        body = {
            "apiVersion": SECRET.api_version,
            "kind": SECRET.kind,
            "type": "muster.dev/vault-entry",
            "metadata": {"name": self._name(entry.organization, entry.id), "labels": labels},
            "data": _data(entry),
        }
        return self._api.create(SECRET, self._namespace, body)

    def _merge(self, entry: StoredEntry) -> Object | None:
        there = self._read(entry.organization, entry.id)
        if there is None or _entry(there).version != entry.version - 1:
            return None
        # The API server refuses the change when the object is not the one that was read.
        metadata = {"resourceVersion": there["metadata"]["resourceVersion"]}
        name = there["metadata"]["name"]
        change = {"metadata": metadata, "data": _data(entry)}
        return self._api.merge(SECRET, self._namespace, name, change)

    def _read(self, organization: RemoteId, entry: RemoteId) -> Object | None:
        item = self._api.read(SECRET, self._namespace, self._name(organization, entry))
        ours = item is not None and _label(item, VAULT_LABEL) == self._vault
        return item if ours else None

    def _name(self, organization: RemoteId, entry: RemoteId) -> str:
        place = json.dumps([self._vault, organization])
        return f"muster-entry-{entry}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def _label(item: Object, label: str) -> str:
    return str((item["metadata"].get("labels") or {}).get(label, ""))


def _data(entry: StoredEntry) -> dict[str, str]:
    document = json.dumps(
        {"id": entry.id, "document": entry.document}, separators=(",", ":"), ensure_ascii=True
    )
    values = {_DOCUMENT: document, _VERSION: str(entry.version)}
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def _entry(item: Object) -> StoredEntry:
    try:
        data = {key: base64.b64decode(value) for key, value in item["data"].items()}
        body = json.loads(data[_DOCUMENT])
        return StoredEntry(
            organization=RemoteId(_label(item, ORGANIZATION_LABEL)),
            id=RemoteId(body["id"]),
            version=int(data[_VERSION]),
            document=dict(body["document"]),
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        name = item["metadata"]["name"]
    # Outside the handler: a decoding error carries what stands in the Secret.
    raise Unexpected(f"The Secret {name} is not as Muster wrote it. Restore it from a backup.")
