"""What a snapshot says about systems that are not there, not reachable or not ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.engine.doubles import FilePsa, FileVault, Shelf, StillDirectory
from tests.plan.world import (
    CUSTOMER,
    EVERYTHING,
    NOW,
    TENANT,
    World,
    by_cloud_groups,
    cloud,
    person,
    record,
    settings,
    synced,
)

from muster.model.accounts import Known, Link
from muster.model.entra import EntraQuestion, EntraSnapshot
from muster.model.names import AccountId, LinkState, RemoteId, Source
from muster.model.observed import Observed
from muster.model.reasons import Reason
from muster.model.settings import Customer, PsaRef, VaultRef
from muster.observe import observe
from muster.ports import Check, Ports
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


class Listening:
    """A tenant that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[EntraQuestion, frozenset[AccountId]]] = []

    def read(self, question: EntraQuestion, known: frozenset[AccountId]) -> EntraSnapshot:
        """Note the question, and show nobody."""
        self.asked.append((question, known))
        return EntraSnapshot(tenant=TENANT, users=())

    def check(self, *, sets_passwords: bool = False) -> tuple[Check, ...]:
        """Try nothing."""
        return ()


def test_a_tenant_is_asked_for_what_is_needed_and_for_whom_it_is_known(tmp_path: Path) -> None:
    """The question is that of the policies; accounts and pairs that are missing are looked up."""
    john, anna, gone = person("John", "Smith"), cloud("anna"), cloud("gone")
    pair = Link(state=LinkState.LINKED, reason=Reason.MATCHED, id=RemoteId(synced(john).id))
    known = Known(records=(record(john, pair=pair), record(anna), record(gone, released_at=NOW)))
    desired = replace(WORLD, policies=(settings(select=by_cloud_groups("Staff")),)).desired
    tenant = Listening()
    with SqliteRegistry.open(tmp_path / "state.sqlite") as registry:
        ports = Ports(registry=registry, clock=lambda: NOW, entra=tenant)
        seen = observe(desired, known, ports)
    ((question, asked_for),) = tenant.asked
    assert question == EntraQuestion(groups=("Staff",), nested=True, privileged=True)
    assert asked_for == {anna.id, synced(john).id}
    assert seen.read(Source.ENTRA).usable


def test_a_customer_without_a_tenant_has_no_row_for_it(tmp_path: Path) -> None:
    """What is not there is not reported; a tenant that could not be opened is unread."""
    assert Source.ENTRA not in [read.source for read in observed(tmp_path, CUSTOMER).reads]
    failed = observed(tmp_path, CUSTOMER, ((Source.ENTRA, "The secret is missing."),))
    assert not failed.read(Source.ENTRA).usable
    assert failed.read(Source.ENTRA).connected
