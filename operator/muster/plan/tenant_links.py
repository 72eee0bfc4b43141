"""Which links are to be written: the exact pairs, and those that a person has chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from muster.errors import SpecError
from muster.model.names import CustomerName, RemoteId, System
from muster.model.records import Organization
from muster.model.settings import Customer, PsaRef, VaultRef
from muster.plan.tenants import CustomerPairing, Pairing, Tenants, link_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLink:
    """A customer and the record that it is to be linked to."""

    customer: CustomerName
    system: System
    integration: str
    organization: Organization


def exact_links(pairings: Iterable[CustomerPairing]) -> tuple[TenantLink, ...]:
    """Return the links of the pairs that nobody need look at."""
    return tuple(
        TenantLink(
            customer=one.customer,
            system=one.system,
            integration=one.candidates[0].integration,
            organization=one.candidates[0].organization,
        )
        for one in pairings
        if one.pairing is Pairing.EXACT
    )


def choose_links(
    choices: Iterable[tuple[str, str]], customers: Sequence[Customer], tenants: Sequence[Tenants]
) -> tuple[TenantLink, ...]:
    """Return the links that a person has chosen, as pairs of a customer and an id.

    Raises:
        SpecError: one of them cannot be made; it says why, for all of them.
    """
    links: list[TenantLink] = []
    problems: list[str] = []
    for customer, record in choices:
        known, shown = with_links(customers, tenants, links)
        found = _choose(customer, RemoteId(record), known, shown)
        if isinstance(found, TenantLink):
            links.append(found)
        else:
            problems.append(f"{customer}={record} cannot be linked: {found}")
    if problems:
        raise SpecError(tuple(problems))
    return tuple(links)


def with_links(
    customers: Sequence[Customer], tenants: Sequence[Tenants], links: Iterable[TenantLink]
) -> tuple[tuple[Customer, ...], tuple[Tenants, ...]]:
    """Return customers and records as they are once the links are there."""
    by_customer = {(one.customer, one.system): one for one in links}
    by_integration: dict[str, dict[RemoteId, CustomerName]] = {}
    for one in by_customer.values():
        by_integration.setdefault(one.integration, {})[one.organization.id] = one.customer
    return (
        tuple(_linked(customer, by_customer) for customer in customers),
        tuple(
            replace(one, linked={**one.linked, **by_integration.get(one.integration, {})})
            for one in tenants
        ),
    )


def _linked(customer: Customer, links: dict[tuple[CustomerName, System], TenantLink]) -> Customer:
    vault = links.get((customer.name, System.VAULT))
    psa = links.get((customer.name, System.PSA))
    if vault:
        ref = VaultRef(integration=vault.integration, organization_id=vault.organization.id)
        customer = replace(customer, vault=ref)
    if psa:
        company = PsaRef(integration=psa.integration, company_id=psa.organization.id)
        customer = replace(customer, psa=company)
    return customer


def _choose(
    name: str, record: RemoteId, customers: Sequence[Customer], tenants: Sequence[Tenants]
) -> TenantLink | str:
    """Return the link, or why it cannot be made."""
    customer = next((one for one in customers if one.name == name), None)
    if customer is None:
        return f"there is no customer {name}."
    found = [(one, org) for one in tenants for org in one.organizations if org.id == record]
    if not found:
        return f"nothing that is looked at has the id {record}."
    if len(found) > 1:
        names = ", ".join(one.integration for one, _ in found)
        return f"{names} have this id. Name one with --from."
    one, organization = found[0]
    return _obstacle(customer, one, organization) or TenantLink(
        customer=customer.name,
        system=one.system,
        integration=one.integration,
        organization=organization,
    )


def _obstacle(customer: Customer, tenants: Tenants, organization: Organization) -> str:
    linked = tenants.linked.get(organization.id)
    if linked is not None:
        return f'"{organization.name}" is linked to {linked}.'
    if link_of(customer, tenants.system) is not None:
        return f"it has a {tenants.system} already."
    if not organization.active:
        return f'"{organization.name}" is inactive in {tenants.integration}.'
    return ""
