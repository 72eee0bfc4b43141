"""A customer whose policy follows edits, in a lab of either kind of directory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.audit import FileSink, Trail
from muster.following import Edited, Followed, follow_edit
from muster.lab.lab import Lab
from muster.model.accounts import AccountRecord
from muster.model.names import LINKED_STATES, AccountType, RemoteId
from muster.model.settings import Desired
from muster.reconcile import reconcile
from muster.registry.sqlite import SqliteRegistry
from muster.resources import load_estate
from muster.transport.options import HttpOptions

NEW = "Freshly-Chosen-77-words"


@dataclass(slots=True)
class World:
    """A customer of the lab whose policy follows edits, kept and linked."""

    lab: Lab
    desired: Desired
    assembly: Assembly
    registry: SqliteRegistry
    folder: Path
    minutes: int = 0
    seconds: int = 0

    def now(self) -> datetime:
        """Return the time that IT Glue's clock shows."""
        # Whole seconds are told, so that two edits need a second between them.
        return datetime.now(UTC) + timedelta(minutes=self.minutes, seconds=self.seconds)

    def person(self, kind: AccountType = AccountType.END_USER, skip: int = 0) -> AccountRecord:
        """Return an account with an entry."""
        known = self.registry.load(self.desired.customer.name)
        fit = (
            one
            for one in known.records
            if one.account_type is kind and one.vault.state in LINKED_STATES
        )
        return list(fit)[skip]

    def edit(self, person: AccountRecord, password: str = NEW) -> Edited:
        """Set a password in an entry as a technician does, and say where."""
        self.seconds += 1
        self.lab.itglue.edit_password(str(person.vault.id), password=password)
        return self.notice(person)

    def notice(self, person: AccountRecord) -> Edited:
        """Return what the webhook says of a person's entry."""
        vault = self.desired.customer.vault
        assert vault is not None
        assert person.vault.id is not None
        return Edited(
            integration=vault.integration,
            organization=vault.organization_id,
            entry=person.vault.id,
        )

    def follow(self, edited: Edited, desired: Desired | None = None) -> Followed:
        """Look into a notice."""
        chosen = desired or self.desired
        return follow_edit(edited, chosen, self.assembly.ports(chosen))

    def live(self, person: AccountRecord) -> str | None:
        """Return the password that signs in."""
        if self.lab.graph is not None:
            tenant = self.lab.tenant_ids["contoso"]
            return self.lab.graph.password(tenant, person.identity.id)
        domain = self.lab.domains["contoso"]
        return domain.password(domain.find(person.identity.sam))

    @property
    def organization(self) -> RemoteId:
        """The customer's organization."""
        assert self.desired.customer.vault is not None
        return self.desired.customer.vault.organization_id

    def kept(self, person: AccountRecord) -> str:
        """Return the password that the entry holds."""
        rows = self.lab.itglue.passwords(self.organization)
        return str(next(row["password"] for row in rows if row["id"] == person.vault.id))

    def actions(self) -> list[str]:
        """Return what the audit says was begun."""
        lines = (self.folder / "audit.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        return [one["action"] for one in told if one["result"] == "Begun"]


@contextmanager
def open_world(lab: Lab, folder: Path) -> Iterator[World]:
    """Yield a running lab's first customer, reconciled once, its entries edited long ago."""
    with ExitStack() as stack:
        worlds: list[World] = []
        lab.itglue.clock = lambda: datetime.now(UTC) - timedelta(days=3)
        lab.write_estate(folder / "estate")
        for file in (folder / "estate").rglob("*.yaml"):
            bodies = list(yaml.safe_load_all(file.read_text()))
            for body in bodies:
                _prepare(body)
            file.write_text(yaml.safe_dump_all(bodies))
        loaded = load_estate([folder / "estate"])
        loaded.checked()
        registry = stack.enter_context(SqliteRegistry.open(folder / "state.sqlite"))
        [desired] = loaded.estate.desired
        trail = Trail(FileSink(folder / "audit.jsonl"), "olivia")
        assembly = Assembly(
            FileSecrets(folder / "estate" / "secrets"),
            registry,
            lambda: datetime.now(UTC) + timedelta(minutes=worlds[0].minutes),
            HttpOptions(
                retry_budget_s=0.3, first_delay_s=0.05, ca_pem=lab.ca.cert_pem.bytes().decode()
            ),
            trail_of=lambda _: trail,
        )
        stack.callback(assembly.close)
        worlds.append(World(lab, desired, assembly, registry, folder))
        reconcile(desired, assembly.ports(desired))
        for row in lab.itglue.passwords(worlds[0].organization):
            lab.itglue.edit_password(row["id"], password=row["password"] or "Old-one-of-them-12")
        lab.itglue.clock = worlds[0].now
        yield worlds[0]


def _prepare(resource: Any) -> None:
    spec = resource["spec"]
    if "entra" in spec.get("directories", {}):
        spec["directories"]["entra"]["passwordProof"] = "TokenRequest"
    for policy in (spec, *spec.get("imports", ())):
        if "accountType" in policy:
            policy.setdefault("options", {}).setdefault("vault", {})["followEdits"] = True
