"""The only reader: one snapshot of a customer's systems, with how complete it is.

A source that fails is marked and left empty; the others go on. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from muster.errors import AccessDenied, MusterError, RemoteError
from muster.model.accounts import Known
from muster.model.directory import DirectorySnapshot
from muster.model.entra import EntraQuestion, EntraSnapshot
from muster.model.names import AccountId, DirectoryKind, RemoteId, Source
from muster.model.observed import Observed, SourceRead
from muster.model.records import Organization, PsaContact, VaultCategory, VaultEntry
from muster.model.settings import Desired
from muster.plan.entra_selectors import entra_question

T = TypeVar("T")

VaultRead = tuple[Organization | None, tuple[VaultCategory, ...], tuple[VaultEntry, ...]]
PsaRead = tuple[Organization | None, tuple[PsaContact, ...]]


class ReadsDirectory(Protocol):
    """What is read of an Active Directory; the port says what the method does."""

    def read(self, known: frozenset[AccountId], *, states: bool = False) -> DirectorySnapshot:
        """Read the whole domain."""
        ...


class ReadsEntra(Protocol):
    """What is read of an Entra tenant."""

    def read(self, question: EntraQuestion, known: frozenset[AccountId]) -> EntraSnapshot:
        """Read every user, and what the question names."""
        ...


class ReadsVault(Protocol):
    """What is read of a vault."""

    def find_organization(self, organization: RemoteId) -> Organization | None:
        """Return the organization, or None when it does not exist."""
        ...

    def list_categories(self) -> tuple[VaultCategory, ...]:
        """Return every category."""
        ...

    def list_entries(self, organization: RemoteId) -> Iterable[VaultEntry]:
        """Yield every live entry of the organization."""
        ...


class ReadsPsa(Protocol):
    """What is read of a PSA."""

    def find_company(self, company: RemoteId) -> Organization | None:
        """Return the company, or None when it does not exist."""
        ...

    def list_contacts(self, company: RemoteId) -> Iterable[PsaContact]:
        """Yield every contact of the company."""
        ...


class Systems(Protocol):
    """The reading half of `Ports`: all that an observation needs. A recording has it too."""

    @property
    def directory(self) -> ReadsDirectory | None:
        """The Active Directory, where there is one."""

    @property
    def entra(self) -> ReadsEntra | None:
        """The Entra tenant, where there is one."""

    @property
    def vault(self) -> ReadsVault | None:
        """The vault, where there is one."""

    @property
    def psa(self) -> ReadsPsa | None:
        """The PSA, where there is one."""

    @property
    def problems(self) -> tuple[tuple[Source, str], ...]:
        """What is configured and could not be opened."""
        ...


def observe(desired: Desired, known: Known, ports: Systems) -> Observed:
    """Read every system of one customer; where nothing is imported or kept, read nothing."""
    if not desired.sources and not any(record.live for record in known.records):
        return Observed(reads=())
    return observe_all(desired, known, ports)


def observe_all(desired: Desired, known: Known, ports: Systems) -> Observed:
    """Read every system of one customer, also where no policy needs it."""
    directory, directory_read = _observe_directory(desired, known, ports)
    entra, entra_read = _observe_entra(desired, known, ports)
    (organization, categories, entries), vault_read = _observe_vault(desired, ports)
    (company, contacts), psa_read = _observe_psa(desired, ports)
    return Observed(
        directory=directory,
        entra=entra,
        organization=organization,
        categories=categories,
        entries=entries,
        company=company,
        contacts=contacts,
        reads=(directory_read, *entra_read, vault_read, psa_read),
    )


def _observe_directory(
    desired: Desired, known: Known, ports: Systems
) -> tuple[DirectorySnapshot | None, SourceRead]:
    directory = ports.directory
    live = _live(known, DirectoryKind.ACTIVE_DIRECTORY)
    read = SourceRead(source=Source.DIRECTORY, connected=directory is not None)
    if directory is None:
        return None, _opened(read, ports)
    # The server computes them for each user: only where somebody is told of them.
    states = any(source.settings.options.self_serve for source in desired.sources)
    snapshot, read = _attempt(read, lambda: directory.read(live, states=states), None)
    return snapshot, replace(read, size=len(snapshot.users) if snapshot else 0)


def _live(known: Known, source: DirectoryKind) -> frozenset[AccountId]:
    identities = (record.identity for record in known.records if record.live)
    return frozenset(one.id for one in identities if one.source is source)


def _observe_entra(
    desired: Desired, known: Known, ports: Systems
) -> tuple[EntraSnapshot | None, tuple[SourceRead, ...]]:
    """Read the tenant; a customer without one has no row for it."""
    entra = ports.entra
    read = SourceRead(source=Source.ENTRA, connected=entra is not None)
    if entra is None:
        read = _opened(read, ports)
        return None, (read,) if read.connected else ()
    question = entra_question(source.settings for source in desired.sources)
    paired = frozenset(
        AccountId(record.pair.id) for record in known.records if record.live and record.pair.id
    )
    wanted = _live(known, DirectoryKind.ENTRA) | paired
    snapshot, read = _attempt(read, lambda: entra.read(question, wanted), None)
    return snapshot, (replace(read, size=len(snapshot.users) if snapshot else 0),)


def _observe_vault(desired: Desired, ports: Systems) -> tuple[VaultRead, SourceRead]:
    vault, ref = ports.vault, desired.customer.vault
    nothing: VaultRead = (None, (), ())
    suspended = bool(desired.vault and desired.vault.suspend)
    read = SourceRead(source=Source.VAULT, connected=bool(vault and ref), suspended=suspended)
    if vault is None or ref is None:
        return nothing, _opened(read, ports)

    def ask() -> VaultRead:
        organization = vault.find_organization(ref.organization_id)
        # What is archived may hide its entries, and nothing is to be created there.
        if organization is None or not organization.active:
            return nothing
        return organization, vault.list_categories(), tuple(vault.list_entries(organization.id))

    found, read = _attempt(read, ask, nothing)
    where = f"{ref.integration} has no live organization {ref.organization_id}"
    return found, _sized(read, found[0], len(found[2]), where, "spec.vault.organizationId")


def _observe_psa(desired: Desired, ports: Systems) -> tuple[PsaRead, SourceRead]:
    psa, ref = ports.psa, desired.customer.psa
    nothing: PsaRead = (None, ())
    suspended = bool(desired.psa and desired.psa.suspend)
    read = SourceRead(source=Source.PSA, connected=bool(psa and ref), suspended=suspended)
    if psa is None or ref is None:
        return nothing, _opened(read, ports)

    def ask() -> PsaRead:
        company = psa.find_company(ref.company_id)
        if company is None or not company.active:
            return nothing
        return company, tuple(psa.list_contacts(company.id))

    found, read = _attempt(read, ask, nothing)
    where = f"{ref.integration} has no live company {ref.company_id}"
    return found, _sized(read, found[0], len(found[1]), where, "spec.psa.companyId")


def _attempt(read: SourceRead, ask: Callable[[], T], nothing: T) -> tuple[T, SourceRead]:
    """Ask a system; a failure becomes part of the answer."""
    try:
        return ask(), read
    except RemoteError as error:
        denied = isinstance(error, AccessDenied)
        return nothing, replace(read, complete=False, problem=str(error), access_denied=denied)
    except MusterError as error:
        return nothing, replace(read, complete=False, problem=str(error), access_denied=True)


def _opened(read: SourceRead, ports: Systems) -> SourceRead:
    """Return that a system is not connected, or that it could not even be opened."""
    problem = dict(ports.problems).get(read.source)
    if problem is None:
        return read
    return replace(read, connected=True, complete=False, problem=problem, access_denied=True)


def _sized(
    read: SourceRead, found: Organization | None, size: int, where: str, field: str
) -> SourceRead:
    """Return the size of what was read, or that the pinned record is gone."""
    if found is not None or not read.complete:
        return replace(read, size=size)
    return replace(read, link_broken=True, problem=f"{where}. Correct {field}, or restore it.")
