"""The simulated key-value engine: tokens, versions, check-and-set, deletions that can be undone.

Source: https://openbao.org/api-docs/secret/kv/kv-v2/. tests/real/test_openbao.py compares it with
a real OpenBao, request by request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import trustme
from werkzeug.wrappers import Request

from muster.lab.faults import Faults, Struck
from muster.lab.http import HttpLab
from muster.lab.http_server import Reply

_MAX_VERSIONS = 10
"""What the engine keeps unless its configuration says otherwise."""


@dataclass(slots=True)
class _Version:
    number: int
    data: dict[str, Any]
    created: str
    deleted: str = ""

    def metadata(self) -> dict[str, Any]:
        return {
            "created_time": self.created,
            "custom_metadata": None,
            "deletion_time": self.deleted,
            "destroyed": False,
            "version": self.number,
        }


@dataclass(slots=True)
class _Key:
    versions: list[_Version] = field(default_factory=list)

    @property
    def current(self) -> int:
        return self.versions[-1].number if self.versions else 0


class KeyValueLab(HttpLab):
    """One engine over TLS on loopback; use it as a context manager."""

    token = "hvs.lab-0001"  # noqa: S105 - opens nothing but the lab
    """A token that may do everything."""

    read_only_token = "hvs.lab-0002"  # noqa: S105
    """A token whose policy has read and list alone."""

    def __init__(
        self,
        *,
        mount: str = "secret",
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        cas_required: bool = False,
    ) -> None:
        super().__init__(ca=ca, faults=faults)
        self.sealed = False
        """Whether the engine answers 503, as after a restart until somebody unseals it."""
        self.redirects_to = ""
        """Where a standby server sends its clients; empty: this one is active."""
        self._mount = mount
        self._cas_required = cas_required
        self._keys: dict[str, _Key] = {}

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        """Return all versions of all keys, as the engine's own disk holds them."""
        with self.lock:
            return {path: [one.data for one in key.versions] for path, key in self._keys.items()}

    def write(self, path: str, data: dict[str, Any]) -> None:
        """Write a key as a person beside Muster would, without a check."""
        with self.lock:
            self._add(self._keys.setdefault(path, _Key()), data)

    def delete(self, path: str) -> None:
        """Delete the newest version of a key, as a person would; it can be undone."""
        with self.lock:
            self._delete(path)

    def is_write(self, request: Request) -> bool:
        """Whether a request changes something; LIST is a verb of the engine's own."""
        return request.method not in {"GET", "LIST", "HEAD"}

    def answer(self, request: Request, struck: Struck) -> Reply:  # noqa: ARG002 - no rows to spoil
        """Process one request; called with the lock held."""
        refused = self._unable(request) or self._refused(request)
        if refused is not None:
            return refused
        kind, _, path = request.path.removeprefix(f"/v1/{self._mount}/").partition("/")
        if not request.path.startswith(f"/v1/{self._mount}/") or kind not in {"data", "metadata"}:
            route = request.path.removeprefix("/v1/")
            return self.error(404, f'no handler for route "{route}". route entry not found.')
        if kind == "metadata":
            return self._list(path) if _is_list(request) else self.error(405, "")
        if request.method == "GET":
            return self._read(path)
        if request.method == "DELETE":
            return self._delete(path)
        return self._write(path, json.loads(request.get_data()))

    def error(self, status: int, title: str) -> Reply:
        """Return an error in the engine's shape; a missing key has no words."""
        return _json(status, {"errors": [title] if title else []})

    def _unable(self, request: Request) -> Reply | None:
        if self.sealed:
            return self.error(503, "Vault is sealed")
        if self.redirects_to:
            # Source: openbao.org/docs/concepts/ha, "Client Redirection"
            location = self.redirects_to + request.path
            return Reply(status=307, headers=(("Location", location),))
        return None

    def _refused(self, request: Request) -> Reply | None:
        token = request.headers.get("X-Vault-Token")
        rights = {self.token: True, self.read_only_token: False}
        if token not in rights or (self.is_write(request) and not rights[token]):
            return self.error(403, "1 error occurred:\n\t* permission denied\n\n")
        return None

    def _list(self, folder: str) -> Reply:
        prefix = folder.rstrip("/") + "/"
        below = [path.removeprefix(prefix) for path in self._keys if path.startswith(prefix)]
        names = {name + slash for name, slash, _ in (path.partition("/") for path in below)}
        return _answer({"keys": sorted(names)}) if names else self.error(404, "")

    def _read(self, path: str) -> Reply:
        key = self._keys.get(path)
        if key is None:
            return self.error(404, "")
        newest = key.versions[-1]
        if newest.deleted:
            return _answer({"data": None, "metadata": newest.metadata()}, status=404)
        return _answer({"data": newest.data, "metadata": newest.metadata()})

    def _write(self, path: str, body: dict[str, Any]) -> Reply:
        cas = body.get("options", {}).get("cas")
        there = self._keys.get(path)
        if cas is None and self._cas_required:
            return self.error(400, "check-and-set parameter required for this call")
        if cas is not None and cas != (there.current if there else 0):
            return self.error(400, "check-and-set parameter did not match the current version")
        version = self._add(self._keys.setdefault(path, _Key()), body["data"])
        return _answer(version.metadata())

    def _delete(self, path: str) -> Reply:
        key = self._keys.get(path)
        if key is not None:
            key.versions[-1].deleted = self._now()
        return Reply(status=204)

    def _add(self, key: _Key, data: dict[str, Any]) -> _Version:
        version = _Version(key.current + 1, data, self._now())
        key.versions = [*key.versions, version][-_MAX_VERSIONS:]
        return version

    def _now(self) -> str:
        return self.clock().isoformat().replace("+00:00", "Z")


def _is_list(request: Request) -> bool:
    return request.method == "LIST" or request.args.get("list") == "true"


def _answer(data: dict[str, Any], status: int = 200) -> Reply:
    envelope = {
        "request_id": str(uuid4()),
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "wrap_info": None,
        "warnings": None,
        "auth": None,
    }
    return _json(status, envelope)


def _json(status: int, body: dict[str, Any]) -> Reply:
    # hvac reads errors only from an answer of exactly this type.
    return Reply(status=status, body=json.dumps(body).encode(), content_type="application/json")
