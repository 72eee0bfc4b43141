"""A simulated tenant and adapters that speak to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from muster.adapters.entra import EntraAdapter
from muster.adapters.entra.credentials import Credential
from muster.lab.faults import Faults
from muster.lab.graph import GraphLab
from muster.model.connections import Entra
from muster.model.entra import EntraQuestion, EntraSnapshot, EntraUser
from muster.model.names import AccountId
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

NOBODY: frozenset[AccountId] = frozenset()
NOTHING = EntraQuestion()


class EntraWorld:
    """One tenant of a running lab; several worlds may share a lab."""

    def __init__(self, lab: GraphLab, stack: ExitStack, name: str = "Contoso") -> None:
        self.lab = lab
        self._stack = stack
        self.tenant = lab.add_tenant(name, (f"{name.lower()}.example",))

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.lab.faults

    @property
    def settings(self) -> Entra:
        """Settings that lead to the lab."""
        return Entra(
            tenant_id=self.tenant,
            client_id=self.lab.client_id,
            login_endpoint=self.lab.login_endpoint,
            graph_endpoint=self.lab.graph_endpoint,
        )

    def open(
        self,
        credential: Credential | None = None,
        *,
        settings: Entra | None = None,
        patience_s: float = 2.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        worthwhile_pages: int = 5,
    ) -> EntraAdapter:
        """Return an adapter; by default with the right secret."""
        options = HttpOptions(
            ca_pem=self.lab.ca.cert_pem.bytes().decode(),
            read_timeout_s=2,
            retry_budget_s=patience_s,
            first_delay_s=0.02,
        )
        adapter = EntraAdapter(
            settings or self.settings,
            credential or self.secret(),
            options,
            clock=clock,
            worthwhile_pages=worthwhile_pages,
        )
        self._stack.callback(adapter.close)
        return adapter

    def secret(self, value: str | None = None) -> Credential:
        """Return a client secret, by default the right one."""
        return Credential(secrets=(Secret(value or self.lab.client_secret),))

    def elsewhere(self, **changes: str) -> Entra:
        """Return settings that differ."""
        return replace(self.settings, **changes)  # type: ignore[arg-type]

    def add_user(self, name: str, **more: object) -> AccountId:
        """Add a user by the part before the @."""
        return AccountId(self.lab.add_user(self.tenant, f"{name}@contoso.example", **more))  # type: ignore[arg-type]

    def add_users(self, count: int) -> list[AccountId]:
        """Add users."""
        return [self.add_user(f"user{number}") for number in range(count)]

    def paths(self) -> list[str]:
        """Return the paths that were asked for below the version, oldest first."""
        return [
            seen.path.removeprefix("/v1.0")
            for seen in self.lab.requests
            if seen.path.startswith("/v1.0")
        ]

    def sign_ins(self) -> int:
        """Count the tokens that were asked for."""
        return sum(seen.path.endswith("/token") for seen in self.lab.requests)


def ids(snapshot: EntraSnapshot) -> list[AccountId]:
    """Return the ids of the users of a snapshot."""
    return [user.id for user in snapshot.users]


def one(snapshot: EntraSnapshot, user: AccountId) -> EntraUser:
    """Return one user of a snapshot."""
    (found,) = (each for each in snapshot.users if each.id == user)
    return found
