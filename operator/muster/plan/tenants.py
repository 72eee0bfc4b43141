"""Decides which organization or company may belong to which customer.

Only a name that is the same, fits one customer and fits one record is `Exact`. Names that are
merely alike are ranked for a person. Reading the systems, and writing the links, is left to others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from rapidfuzz import fuzz, process

from muster.model.names import CustomerName, RemoteId, System
from muster.model.records import Organization
from muster.model.settings import Customer, PsaRef, VaultRef
from muster.plan.keys import fold

MOST_NEAR = 3
LEAST_SCORE = 80
"""Percent. `Contoso Ltd` is 85 % like `Contoso Limited`; `Acme Dental` 76 % like `Acme Legal`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenants:
    """What one integration shows, whole, and which of it is linked to a customer already."""

    integration: str
    system: System
    organizations: tuple[Organization, ...]
    linked: Mapping[RemoteId, CustomerName] = field(default_factory=dict)


class Pairing(StrEnum):
    """How a customer without a link stands."""

    EXACT = "Exact"
    """One record has the name, and the name fits no other customer."""
    AMBIGUOUS = "Ambiguous"
    """Several records have the name, or one record fits several customers."""
    NEAR = "Near"
    """No free record has the name; some are alike."""
    UNMATCHED = "Unmatched"
    """No free record has the name, and none is alike."""


class Unpaired(StrEnum):
    """Why a customer was not paired."""

    NOT_ALONE = "NotAlone"
    """Several records have its name, or the record fits another customer as well."""
    ONLY_ALIKE = "OnlyAlike"
    """No free record has its name; likeness is for a person to judge."""
    NOT_FREE = "NotFree"
    """What has its name is inactive, or linked to another customer."""
    NO_SUCH_NAME = "NoSuchName"
    """Nothing that was read has its name, or one that is like it."""


class Evidence(StrEnum):
    """Why a record is a candidate."""

    DISPLAY_NAME = "DisplayName"
    """It has the name of the customer."""
    VAULT_NAME = "VaultName"
    """It has the name of the organization that the customer is linked to in its vault."""
    PSA_NAME = "PsaName"
    """It has the name of the company that the customer is linked to in its PSA."""
    ALIKE = "Alike"
    """Its name is like one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantCandidate:
    """A record that a person may choose, or may want to know why not."""

    integration: str
    organization: Organization
    evidence: Evidence
    score: int = 100
    """Percent of likeness; it ranks and never links."""
    linked_to: CustomerName | None = None
    rivals: tuple[CustomerName, ...] = ()
    """Other customers that have its name and no link."""

    @property
    def free(self) -> bool:
        """Whether it can be linked: it is active, and no customer has it."""
        return self.organization.active and self.linked_to is None

    @property
    def obstacle(self) -> str:
        """Why it cannot be linked as it is; empty where it can."""
        if self.linked_to is not None:
            return f"linked to {self.linked_to}"
        if not self.organization.active:
            return "inactive"
        return f"fits {', '.join(self.rivals)} as well" if self.rivals else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPairing:
    """What was found for one customer in one kind of system."""

    customer: CustomerName
    system: System
    pairing: Pairing
    candidates: tuple[TenantCandidate, ...] = ()
    """The best first. Records of the same name that cannot be linked are among them."""

    @property
    def reason(self) -> Unpaired | None:
        """Why nothing is linked; None where it can be."""
        match self.pairing:
            case Pairing.EXACT:
                return None
            case Pairing.AMBIGUOUS:
                return Unpaired.NOT_ALONE
            case Pairing.NEAR:
                return Unpaired.ONLY_ALIKE
            case Pairing.UNMATCHED:
                return Unpaired.NOT_FREE if self.candidates else Unpaired.NO_SUCH_NAME
            case unreachable:
                assert_never(unreachable)


class Leftover(StrEnum):
    """Why a record that no customer is linked to was not paired."""

    INACTIVE = "Inactive"
    """The system calls it deleted, archived or inactive."""
    AMBIGUOUS = "Ambiguous"
    """A customer has its name, but it is not the only one of that name."""
    NO_CUSTOMER = "NoCustomer"
    """No customer without a link has its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpairedTenant:
    """A record that no customer is linked to, and why none will be."""

    integration: str
    organization: Organization
    reason: Leftover


def link_of(customer: Customer, system: System) -> VaultRef | PsaRef | None:
    """Return a customer's link to its vault or its PSA."""
    return customer.vault if system is System.VAULT else customer.psa


def pair_customers(
    customers: Sequence[Customer],
    tenants: Sequence[Tenants],
    system: System,
    elsewhere: Sequence[Tenants] = (),
) -> tuple[CustomerPairing, ...]:
    """Return how each customer without a link in a kind of system stands, in their order.

    `elsewhere` is what the other kind of system shows: a customer is also looked for by the name
    that it is linked to there.
    """
    shown = [one for one in tenants if one.system is system]
    names = _Names(shown)
    remote = dict(_remote_names(elsewhere))
    without = [customer for customer in customers if link_of(customer, system) is None]
    hits = {one.name: tuple(names.hits(_keys(one, system, remote))) for one in without}
    sought: dict[_Key, list[CustomerName]] = defaultdict(list)
    for customer, found in hits.items():
        for hit in found:
            sought[_key(hit)].append(customer)
    return tuple(
        _pair(one, system, _with_rivals(one.name, hits[one.name], sought))
        or _near(one, system, hits[one.name], names.alike(_keys(one, system, remote), sought))
        for one in without
    )


def unpaired_tenants(
    tenants: Iterable[Tenants], pairings: Iterable[CustomerPairing]
) -> tuple[UnpairedTenant, ...]:
    """Return the records that stay without a customer, each with the reason."""
    found = {
        (candidate.integration, candidate.organization.id): pairing.pairing
        for pairing in pairings
        if pairing.pairing in {Pairing.EXACT, Pairing.AMBIGUOUS}
        for candidate in pairing.candidates
    }
    return tuple(
        UnpairedTenant(integration=one.integration, organization=organization, reason=reason)
        for one in tenants
        for organization in one.organizations
        if organization.id not in one.linked
        and (reason := _leftover(organization, found.get((one.integration, organization.id))))
    )


_Key = tuple[str, RemoteId]


def _key(candidate: TenantCandidate) -> _Key:
    return candidate.integration, candidate.organization.id


def _remote_names(tenants: Iterable[Tenants]) -> Iterator[tuple[CustomerName, str]]:
    """Yield the name by which another system calls each customer that is linked there."""
    for one in tenants:
        for organization in one.organizations:
            if organization.id in one.linked:
                yield one.linked[organization.id], organization.name


def _keys(
    customer: Customer, system: System, remote: Mapping[CustomerName, str]
) -> dict[str, Evidence]:
    """Return the names to look for; the customer's own counts where two are the same."""
    other = Evidence.PSA_NAME if system is System.VAULT else Evidence.VAULT_NAME
    keys = {fold(remote.get(customer.name)): other, fold(customer.display_name): _OWN}
    return {key: evidence for key, evidence in keys.items() if key}


_OWN = Evidence.DISPLAY_NAME


class _Names:
    """The records of several integrations, by their comparable names."""

    def __init__(self, tenants: Iterable[Tenants]) -> None:
        self._by_name: dict[str, list[TenantCandidate]] = defaultdict(list)
        for one in tenants:
            for organization in one.organizations:
                candidate = TenantCandidate(
                    integration=one.integration,
                    organization=organization,
                    evidence=_OWN,
                    linked_to=one.linked.get(organization.id),
                )
                self._by_name[fold(organization.name)].append(candidate)

    def hits(self, keys: Mapping[str, Evidence]) -> Iterator[TenantCandidate]:
        """Yield the records that have one of the names."""
        for key, evidence in keys.items():
            for candidate in self._by_name.get(key, ()):
                yield replace(candidate, evidence=evidence)

    def alike(self, keys: Iterable[str], sought: Container[_Key]) -> tuple[TenantCandidate, ...]:
        """Return the free records that no customer is named after, the most alike first."""
        scores: dict[str, float] = {}
        for key in keys:
            ranked = process.extract(
                key, self._by_name.keys(), scorer=fuzz.WRatio, limit=10, score_cutoff=LEAST_SCORE
            )
            for name, score, _ in ranked:
                scores[name] = max(score, scores.get(name, 0))
        free = [
            replace(candidate, evidence=Evidence.ALIKE, score=int(score))
            for name, score in scores.items()
            for candidate in self._by_name[name]
            if candidate.free and _key(candidate) not in sought
        ]
        return tuple(sorted(free, key=lambda one: (-one.score, *_key(one)))[:MOST_NEAR])


def _with_rivals(
    customer: CustomerName,
    hits: Iterable[TenantCandidate],
    sought: Mapping[_Key, Sequence[CustomerName]],
) -> tuple[TenantCandidate, ...]:
    """Say at each record which other customers it fits as well."""
    return tuple(
        replace(hit, rivals=tuple(one for one in sought[_key(hit)] if one != customer))
        for hit in hits
    )


def _pair(
    customer: Customer, system: System, hits: tuple[TenantCandidate, ...]
) -> CustomerPairing | None:
    """Return what records of the same name say; None where none of them is free."""
    if not any(hit.free for hit in hits):
        return None
    active = [hit for hit in hits if hit.organization.active]
    exact = len(active) == 1 and not active[0].obstacle
    return CustomerPairing(
        customer=customer.name,
        system=system,
        pairing=Pairing.EXACT if exact else Pairing.AMBIGUOUS,
        candidates=tuple(sorted(hits, key=lambda hit: (not hit.organization.active, *_key(hit)))),
    )


def _near(
    customer: Customer,
    system: System,
    hits: tuple[TenantCandidate, ...],
    alike: tuple[TenantCandidate, ...],
) -> CustomerPairing:
    return CustomerPairing(
        customer=customer.name,
        system=system,
        pairing=Pairing.NEAR if alike else Pairing.UNMATCHED,
        candidates=(*alike, *hits),
    )


def _leftover(organization: Organization, pairing: Pairing | None) -> Leftover | None:
    """Return why a record that is not linked stays so; None for one that was paired."""
    if not organization.active:
        return Leftover.INACTIVE
    if pairing is None:
        return Leftover.NO_CUSTOMER
    return Leftover.AMBIGUOUS if pairing is Pairing.AMBIGUOUS else None
