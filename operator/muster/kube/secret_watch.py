"""Notices that a Secret's values have changed, without keeping any of them."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

OUR_OWN = ("muster-journal-", "muster-entry-")
"""How the names of those Secrets begin that Muster writes and no resource refers to."""


class SecretWatch:
    """Remembers a digest of each Secret's values; thread-safe."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._digests: dict[str, str] = {}

    def take_up(self, raws: Iterable[Mapping[str, Any]]) -> list[str]:
        """Take up Secrets as they are now; return the names of those with other values."""
        with self._turn:
            return [raw["metadata"]["name"] for raw in raws if self._is_new(raw)]

    def remove(self, name: str) -> None:
        """Forget a Secret that was deleted."""
        with self._turn:
            self._digests.pop(name, None)

    def _is_new(self, raw: Mapping[str, Any]) -> bool:
        name = raw["metadata"]["name"]
        if name.startswith(OUR_OWN):
            return False
        values = json.dumps(raw.get("data") or {}, sort_keys=True)
        digest = hashlib.sha256(values.encode()).hexdigest()
        before, self._digests[name] = self._digests.get(name), digest
        return before != digest
