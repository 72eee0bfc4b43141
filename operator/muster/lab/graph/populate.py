"""Put planned customers into simulated tenants: hybrid beside a domain, or cloud only.

Nobody new is drawn: the people of the tenant are those of the plan, so that a person has the
same names and addresses everywhere.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from muster.lab.directory.domain import LabDomain
from muster.lab.directory.identifiers import guid_bytes
from muster.lab.generate.seeds import Oddity, PlannedAccount, PlannedCustomer
from muster.lab.graph.lab import GraphLab, UserOptions

_NOT_SYNCED = frozenset(
    {
        Oddity.SYNC_ACCOUNT,
        Oddity.SERVICE_ACCOUNT,
        Oddity.HEALTH_MAILBOX,
        Oddity.SHARED_MAILBOX,
        Oddity.ADMINISTRATOR,
        Oddity.ADMINISTRATOR_TWO_GROUPS_DEEP,
        Oddity.ADMINISTRATOR_ENTRY_MISSING,
        Oddity.ADMINISTRATOR_DISABLED,
    }
)
"""Entra Connect can leave units out, and MSPs leave out those of administrators and services."""

_ADMINISTRATORS = frozenset(
    {
        Oddity.ADMINISTRATOR,
        Oddity.ADMINISTRATOR_TWO_GROUPS_DEEP,
        Oddity.ADMINISTRATOR_ENTRY_MISSING,
        Oddity.ADMINISTRATOR_DISABLED,
    }
)


def is_person(account: PlannedAccount) -> bool:
    """Whether an account of the plan has a user in the tenant: end users, not services."""
    return account.oddity not in _NOT_SYNCED


def populate_tenant(lab: GraphLab, customer: PlannedCustomer, domain: LabDomain | None) -> str:
    """Add the customer's tenant and return its id.

    With a domain, which must hold the customer already, people are synchronized users that
    point back to it. Without one they are cloud users, in groups of the planned names.
    Either way there are a cloud administrator, a guest and a shared mailbox besides.
    """
    facts = customer.facts
    domains = dict.fromkeys((facts.mail_domain, facts.upn_suffix))
    tenant = lab.add_tenant(facts.display_name, tuple(domains), synced=domain is not None)
    if domain is not None:
        for account in filter(is_person, customer.accounts):
            options = _synced(account, domain)
            lab.add_user(tenant, cloud_name(account, customer), **options)
    else:
        _add_cloud_people(lab, tenant, customer)
    _add_extras(lab, tenant, customer)
    return tenant


def cloud_name(account: PlannedAccount, customer: PlannedCustomer) -> str:
    """Return the name that a person signs in to the cloud with.

    Entra Connect makes one of the sAMAccountName where there is no userPrincipalName.
    """
    return account.upn or f"{account.sam}@{customer.facts.upn_suffix}"


def _person(account: PlannedAccount) -> UserOptions:
    licensed = account.enabled and account.address is not None
    return {
        "display_name": account.display_name,
        "given_name": account.given_name,
        "surname": account.surname,
        "mail": account.address,
        "enabled": account.enabled,
        "licensed": licensed,
        "mailbox": licensed,
    }


def _synced(account: PlannedAccount, domain: LabDomain) -> UserOptions:
    dn = domain.find(account.sam)
    identity = base64.b64encode(guid_bytes(domain.object_id(dn))).decode()
    return {
        **_person(account),
        "synced": True,
        "immutable_id": identity,
        "sid": domain.object_sid(dn),
        "sam": account.sam,
        "attributes": {
            "onPremisesDomainName": domain.dns_name,
            "onPremisesDistinguishedName": dn,
        },
    }


def _add_cloud_people(lab: GraphLab, tenant: str, customer: PlannedCustomer) -> None:
    """Add the people, the administrators with their roles, and the planned groups of people."""
    ids: dict[str, str] = {}
    for account in customer.accounts:
        if is_person(account) or account.oddity in _ADMINISTRATORS:
            ids[account.sam] = lab.add_user(
                tenant, cloud_name(account, customer), **_person(account)
            )
    administrators = [one.sam for one in customer.accounts if one.oddity in _ADMINISTRATORS]
    lab.add_role(tenant, "User Administrator", [ids[sam] for sam in administrators])
    for group in customer.groups:
        if group.parent is not None:
            members = [ids[member] for member in group.members if member in ids]
            ids[group.sam] = lab.add_group(tenant, group.sam, members)


def _add_extras(lab: GraphLab, tenant: str, customer: PlannedCustomer) -> None:
    for upn, options, roles in _extras(customer):
        user = lab.add_user(tenant, upn, **options)
        for role in roles:
            lab.add_role(tenant, role, [user])


def _extras(
    customer: PlannedCustomer,
) -> Iterator[tuple[str, UserOptions, tuple[str, ...]]]:
    """Yield what only the cloud has: name, properties and roles."""
    domain = customer.facts.mail_domain
    yield (
        f"cloud-admin@{domain}",
        {"display_name": "Cloud Administrator", "licensed": False, "mailbox": False},
        ("Global Administrator",),
    )
    yield (
        f"auditor_partner.example#EXT#@{domain}",
        {
            "display_name": "Auditor (guest)",
            "mail": "auditor@partner.example",
            "guest": True,
            "licensed": False,
            "mailbox": False,
        },
        (),
    )
    yield (
        f"reception@{domain}",
        {
            "display_name": "Reception",
            "mail": f"reception@{domain}",
            "enabled": False,
            "licensed": False,
            "mailbox": False,
        },
        (),
    )
