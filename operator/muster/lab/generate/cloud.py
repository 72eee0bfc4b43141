"""What the records of planned customers look like where their people are in the cloud alone."""

from __future__ import annotations

from dataclasses import replace

from muster.lab.generate.records import ACTIVE_DIRECTORY
from muster.lab.generate.seeds import PlannedAccount, PlannedCustomer, PlannedEntry

CLOUD_CATEGORY = "Office 365"


def in_the_cloud(customer: PlannedCustomer) -> PlannedCustomer:
    """Return the customer with its entries named as cloud users are: by UPN, under Office 365."""
    upns: dict[str, str] = {}
    for account in customer.accounts:
        upns.update(dict.fromkeys(_names(account), account.upn or account.sam))
    entries = tuple(_entry(entry, upns) for entry in customer.entries)
    return replace(customer, entries=entries)


def _names(account: PlannedAccount) -> tuple[str, ...]:
    return account.sam.casefold(), f"{account.domain}\\{account.sam}".casefold()


def _entry(entry: PlannedEntry, upns: dict[str, str]) -> PlannedEntry:
    if entry.category not in (ACTIVE_DIRECTORY, None):
        return entry
    username = (entry.username or "").strip()
    category = CLOUD_CATEGORY if entry.category else None
    return replace(
        entry,
        category=category,
        username=upns.get(username.casefold(), entry.username),
        name=entry.name.replace("AD - ", "M365 - "),
    )
