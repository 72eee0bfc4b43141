"""Put planned customers into the simulators, through the same calls that tests use."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import assert_never

from muster.lab.connectwise.lab import ConnectWiseLab
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.identifiers import ticks
from muster.lab.generate.infrastructure import LOCALIZED_GROUPS
from muster.lab.generate.seeds import (
    EndUsersBy,
    ObjectKind,
    PlannedAccount,
    PlannedCustomer,
    PlannedGroup,
)
from muster.lab.itglue.lab import ItGlueLab


def populate_domain(
    domain: LabDomain, customer: PlannedCustomer, passwords: Mapping[str, str]
) -> None:
    """Fill a fresh domain. Only the accounts named in `passwords` can sign in."""
    for unit in customer.organizational_units:
        domain.add_organizational_unit(unit)
    members = {
        account.sam: _add_account(domain, account, passwords.get(account.sam))
        for account in customer.accounts
    }
    for group in customer.groups:
        members[group.sam] = _add_group(domain, group, members)
    _add_objects(domain, customer)
    if customer.facts.end_users_by is EndUsersBy.OWN_IMPORTS:
        _localize(domain)


def populate_vault(vault: ItGlueLab, customer: PlannedCustomer) -> str:
    """Add the customer's organization with its entries; return the organization's id."""
    organization = vault.add_organization(customer.facts.display_name)
    for entry in customer.entries:
        vault.add_password(
            organization,
            entry.name,
            username=entry.username,
            category=entry.category,
            notes=entry.notes,
            vault_id=entry.vault_id,
            personal=entry.personal,
            resource_id=entry.resource_id,
            archived=entry.archived,
            password=secrets.token_urlsafe(12),
        )
    return organization


def populate_psa(psa: ConnectWiseLab, customer: PlannedCustomer) -> str:
    """Add the customer's company with its contacts; return the company's id."""
    company = psa.add_company(customer.facts.display_name)
    for contact in customer.contacts:
        psa.add_contact(
            company,
            contact.given_name,
            contact.surname,
            emails=contact.emails,
            active=contact.active,
        )
    return company


def _add_account(domain: LabDomain, account: PlannedAccount, password: str | None) -> str:
    attributes: dict[str, list[str | bytes]] = {}
    if account.primary_smtp:
        attributes["proxyAddresses"] = [f"SMTP:{account.primary_smtp}"]
    if account.expires:
        attributes["accountExpires"] = [str(ticks(account.expires))]
    return domain.add_user(
        account.name,
        account.sam,
        parent=f"{account.parent},{domain.dn}",
        password=password,
        upn=account.upn,
        given_name=account.given_name,
        surname=account.surname,
        display_name=account.display_name,
        mail=account.mail,
        enabled=account.enabled,
        primary_group_rid=account.primary_group_rid,
        attributes=attributes,
    )


def _add_group(domain: LabDomain, group: PlannedGroup, members: Mapping[str, str]) -> str:
    dns = [members[member] for member in group.members]
    if group.parent is not None:
        return domain.add_group(group.sam, parent=f"{group.parent},{domain.dn}", members=dns)
    existing = domain.find(group.sam)
    domain.add_members(existing, *dns)
    return existing


def _add_objects(domain: LabDomain, customer: PlannedCustomer) -> None:
    for planned in customer.objects:
        add = _adder(domain, planned.kind)
        add(planned.name, f"{planned.parent},{domain.dn}")


def _adder(domain: LabDomain, kind: ObjectKind) -> Callable[[str, str], str]:
    match kind:
        case ObjectKind.COMPUTER:
            return lambda name, parent: domain.add_computer(name, parent=parent)
        case ObjectKind.CONTACT:
            return lambda name, parent: domain.add_contact(name, parent=parent)
        case ObjectKind.MANAGED_SERVICE_ACCOUNT:
            return lambda name, parent: domain.add_managed_service_account(name, parent=parent)
        case unreachable:
            assert_never(unreachable)


def _localize(domain: LabDomain) -> None:
    """Give the groups of every domain the names that a German Windows Server has for them."""
    for english, german in LOCALIZED_GROUPS:
        dn = domain.rename(domain.find(english), german)
        domain.set_attributes(dn, {"sAMAccountName": [german]})
