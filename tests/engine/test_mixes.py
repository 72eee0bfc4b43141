"""Every directory with every vault and PSA: a first run that converges, a second that rests."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from muster.adapters.secrets import FileSecrets
from muster.assembly import Assembly
from muster.lab.lab import Lab
from muster.lab.mix import MIXES, Mix
from muster.model.connections import VaultBackend
from muster.model.names import LinkState
from muster.model.plans import Approved
from muster.reconcile import Report, reconcile
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.resources import load_estate
from muster.transport.options import HttpOptions

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def run(folder: Path, now: datetime) -> Report:
    """Reconcile the only customer of an estate once, with little patience."""
    (desired,) = load_estate([folder / "estate"]).checked().desired
    with SqliteRegistry.open(folder / "state.sqlite") as registry:
        patience = HttpOptions(retry_budget_s=1, first_delay_s=0.05)
        secrets = FileSecrets(folder / "estate" / "secrets")
        stores = {VaultBackend.REGISTRY: partial(SqliteEntryStore, registry)}
        assembly = Assembly(secrets, registry, lambda: now, patience, stores)
        with closing(assembly):
            return reconcile(desired, assembly.ports(desired))


@pytest.mark.parametrize("mix", MIXES, ids=str)
def test_every_mix_converges(mix: Mix, tmp_path: Path) -> None:
    """People are linked or created in both systems, and the second run has nothing to do."""
    with Lab(customers=1, people=8, mix=mix) as lab:
        lab.write_estate(tmp_path / "estate")
        first = run(tmp_path, NOW)
        plan = first.proposal.plan
        assert isinstance(first.proposal.verdict, Approved), first.proposal.verdict
        assert plan.complete, plan.reads
        assert all(result.done for result in first.outcome.results), first.outcome.results
        assert plan.counts.selected > 5
        assert plan.counts.add_up
        assert plan.counts.vault.linked + plan.counts.vault.created > 5
        assert plan.counts.psa.linked + plan.counts.psa.created > 3
        writes = lab.writes()
        second = run(tmp_path, NOW + timedelta(hours=4))
        assert second.proposal.plan.changes == ()
        assert lab.writes() == writes
        states = {record.pair.state for record in plan.records}
        assert (LinkState.LINKED in states) == (mix.has_domain and mix.has_tenant)
