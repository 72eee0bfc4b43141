"""What a snapshot says about systems that are not there, not reachable or not ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.engine.doubles import FilePsa, FileVault, Shelf, StillDirectory
from tests.plan.world import CUSTOMER, EVERYTHING, NOW, World, person, settings

from muster.model.accounts import Known
from muster.model.names import RemoteId, Source
from muster.model.observed import Observed
from muster.model.settings import Customer, PsaRef, VaultRef
from muster.observe import observe
from muster.ports import Ports
from muster.registry.sqlite import SqliteRegistry

WORLD = World(users=(person("John", "Smith"),), policies=(settings(options=EVERYTHING),))


def observed(
    folder: Path, customer: Customer, problems: tuple[tuple[Source, str], ...] = ()
) -> Observed:
    """Read one customer whose systems all answer."""
    with SqliteRegistry.open(folder / "state.sqlite") as registry:
        ports = Ports(
            registry=registry,
            clock=lambda: NOW,
            directory=StillDirectory(WORLD.snapshot),
            vault=None if problems else FileVault(Shelf(folder / "vault.json")),
            psa=FilePsa(Shelf(folder / "psa.json")),
            problems=problems,
        )
        return observe(replace(WORLD, customer=customer).desired, Known(), ports)


def test_an_integration_without_an_organization_is_not_connected(tmp_path: Path) -> None:
    """A vault that the customer has no place in is never taken for an empty one."""
    seen = observed(tmp_path, replace(CUSTOMER, vault=None, psa=None))
    for source in (Source.VAULT, Source.PSA):
        assert not seen.read(source).connected
        assert not seen.read(source).usable
    assert seen.read(Source.DIRECTORY).size == 1


def test_a_pinned_organization_that_is_gone_breaks_the_link(tmp_path: Path) -> None:
    """An id that leads nowhere is told with the field to correct, and proves nothing."""
    customer = replace(
        CUSTOMER,
        vault=VaultRef(integration="itglue", organization_id=RemoteId("1")),
        psa=PsaRef(integration="connectwise", company_id=RemoteId("2")),
    )
    seen = observed(tmp_path, customer)
    for source, field in (
        (Source.VAULT, "spec.vault.organizationId"),
        (Source.PSA, "spec.psa.companyId"),
    ):
        assert seen.read(source).link_broken
        assert not seen.read(source).usable
        assert field in seen.read(source).problem


def test_a_system_that_could_not_be_opened_is_not_taken_for_absent(tmp_path: Path) -> None:
    """A missing secret makes a system unreadable, and its links stay."""
    seen = observed(tmp_path, CUSTOMER, ((Source.VAULT, "The secret is missing."),))
    read = seen.read(Source.VAULT)
    assert (read.connected, read.usable, read.access_denied) == (True, False, True)
    assert read.problem == "The secret is missing."


def test_where_nothing_is_imported_nothing_is_read(tmp_path: Path) -> None:
    """A customer without a policy costs no request."""
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        ports = Ports(registry=registry, clock=lambda: NOW)
        assert observe(replace(WORLD, policies=()).desired, Known(), ports) == Observed()
