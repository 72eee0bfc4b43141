"""A simulated Hudu and an adapter that speaks to it, for every test of the adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from muster.adapters.hudu import HuduVault
from muster.adapters.hudu.changes import MOST_ENTRIES
from muster.lab.faults import Faults
from muster.lab.hudu import HuduLab
from muster.model.connections import Hudu, SecretRef
from muster.model.names import RemoteId
from muster.model.records import VaultCategory
from muster.model.secret import Secret
from muster.transport.options import HttpOptions


class HuduWorld:
    """A simulated Hudu and an adapter that speaks to it."""

    def __init__(self, lab: HuduLab, stack: ExitStack) -> None:
        self.lab = lab
        self._stack = stack
        self.vault = self.open(lab.key)

    @property
    def hasty(self) -> HuduVault:
        """Return an adapter that gives up soon."""
        return self.open(self.lab.key, retry_budget_s=0.1)

    def open(
        self,
        key: str,
        retry_budget_s: float = 1.4,
        pause_s: Callable[[], float] = lambda: 0.05,
        most_entries: int = MOST_ENTRIES,
    ) -> HuduVault:
        """Return an adapter with a key and the lab's clock; a full window ends at once."""
        settings = Hudu(endpoint=self.lab.endpoint, api_key=SecretRef(name="hudu", key="apiKey"))
        options = HttpOptions(
            budget_share=100,
            ca_pem=self.lab.ca.cert_pem.bytes().decode(),
            read_timeout_s=0.75,
            retry_budget_s=retry_budget_s,
            first_delay_s=0.02,
        )
        vault = HuduVault(
            settings,
            Secret(key),
            options,
            pause_s,
            clock=self._time,
            most_entries=most_entries,
        )
        self._stack.callback(vault.close)
        return vault

    def _time(self) -> datetime:
        return self.lab.clock()

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.lab.faults

    def with_bad_key(self) -> HuduVault:
        """Return an adapter whose key is unknown."""
        return self.open("unknown")

    def add_organization(self, name: str) -> RemoteId:
        """Add a company."""
        return RemoteId(self.lab.add_company(name))

    def add_category(self, name: str) -> VaultCategory:
        """Return a type; there is nothing to add, because each entry's is a text."""
        return VaultCategory(id=RemoteId(name), name=name)

    def add_entry(self, organization: RemoteId, name: str, **kind: Any) -> RemoteId:
        """Add an entry, of a special kind where asked."""
        if kind.pop("embedded", False):
            kind |= {"passwordable_id": 77, "passwordable_type": "Asset"}
        if "category" in kind:
            kind["password_type"] = kind.pop("category")
        return RemoteId(self.lab.add_password(organization, name, **kind))

    def stored(self, organization: RemoteId) -> list[Mapping[str, Any]]:
        """Return all that the lab stores."""
        return list(self.lab.passwords(organization))

    def requests(self) -> int:
        """Count the requests."""
        return len(self.lab.requests)

    def writes(self) -> int:
        """Count the writes that took effect."""
        return self.lab.writes()
