"""Put a planned customer into the simulated Hudu."""

from __future__ import annotations

import secrets

from muster.lab.generate.seeds import PlannedCustomer, PlannedEntry
from muster.lab.hudu.lab import HuduLab


def populate_hudu(lab: HuduLab, customer: PlannedCustomer) -> str:
    """Add the customer's company with its entries; return the company's id.

    Hudu knows neither host-proof nor personal entries: those are left out, so that their
    accounts have no entry at all. An embedded one hangs on an asset. The category is the type.
    """
    company = lab.add_company(customer.facts.display_name)
    for entry in customer.entries:
        if entry.vault_id is None and not entry.personal:
            _add(lab, company, entry)
    return company


def _add(lab: HuduLab, company: str, entry: PlannedEntry) -> None:
    lab.add_password(
        company,
        entry.name,
        username=entry.username,
        password_type=entry.category,
        description=entry.notes,
        passwordable_id=entry.resource_id,
        passwordable_type=None if entry.resource_id is None else "Asset",
        archived=entry.archived,
        password=secrets.token_urlsafe(12),
    )
