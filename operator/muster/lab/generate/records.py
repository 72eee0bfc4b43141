"""What the vault and the PSA may hold of one person: the shapes that oddities are made of."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import replace

from muster.lab.generate.seeds import (
    PlannedAccount,
    PlannedContact,
    PlannedEntry,
)

Entries = Callable[[PlannedAccount], tuple[PlannedEntry, ...]]
Contacts = Callable[[PlannedAccount], tuple[PlannedContact, ...]]

ACTIVE_DIRECTORY = "Active Directory"
CATEGORIES = (ACTIVE_DIRECTORY, "Office 365", "Network Device", "Wi-Fi", "Local Account")
"""The vault's categories. IT Glue has no fixed list; every account names its own."""

_HOST_PROOF_VAULT = 61
_RESOURCE = 7001


def entry(account: PlannedAccount, username: str) -> PlannedEntry:
    """Return an entry of the account in the category that Active Directory is matched in."""
    name = f"AD - {account.display_name or account.sam}"
    return PlannedEntry(name=name, username=username, category=ACTIVE_DIRECTORY)


def no_entry(_account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold nothing."""
    return ()


def one_entry(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry, by logon name, UPN or DOMAIN\\name: which, hangs on the account alone."""
    keys = (
        account.sam,
        account.upn or account.sam,
        f"{account.domain}\\{account.sam}",
    )
    return (entry(account, keys[zlib.crc32(account.sam.encode()) % len(keys)]),)


def by_two_keys(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry by logon name and another by UPN."""
    second = replace(entry(account, account.upn or ""), name=f"{account.display_name} (new laptop)")
    return entry(account, account.sam), second


def without_category(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry that nobody gave a category."""
    return (replace(entry(account, account.sam), category=None),)


def of_other_category(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry, of Microsoft 365."""
    name = f"O365 - {account.display_name}"
    return (PlannedEntry(name=name, username=account.upn, category="Office 365"),)


def of_two_categories(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry of Active Directory and one of Microsoft 365."""
    return entry(account, account.upn or account.sam), *of_other_category(account)


def host_proof(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry in the host-proof vault, which the API can neither read nor write."""
    return (replace(entry(account, account.sam), vault_id=_HOST_PROOF_VAULT),)


def personal(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry with the security "only me"."""
    return (replace(entry(account, account.sam), personal=True),)


def embedded(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry inside another record."""
    return (replace(entry(account, account.sam), resource_id=_RESOURCE),)


def archived(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry, archived."""
    return (replace(entry(account, account.sam), archived=True),)


def upper_case(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry whose username somebody typed in upper case, with a space behind."""
    return (replace(entry(account, f"{account.sam.upper()} "), notes="Typed on a phone"),)


def look_alike(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry whose username only looks like the account's: its letters are Cyrillic."""
    cyrillic = str.maketrans("aeiopcyx", "аеіорсух")
    return (entry(account, account.sam.translate(cyrillic)),)


def decomposed(account: PlannedAccount) -> tuple[PlannedEntry, ...]:
    """Hold one entry whose username writes letters and their accents as two characters."""
    return (entry(account, unicodedata.normalize("NFD", account.sam)),)


def contact(account: PlannedAccount) -> PlannedContact:
    """Return the contact as it should be."""
    return PlannedContact(
        given_name=(account.given_name or "")[:30],  # ConnectWise: firstName holds 30 characters
        surname=(account.surname or "")[:30],
        emails=(account.address,) if account.address else (),
    )


def no_contact(_account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold nothing."""
    return ()


def one_contact(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold one contact with the account's address."""
    return (contact(account),)


def sharing_an_email(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold two contacts with the same address."""
    return contact(account), replace(contact(account), given_name=account.surname or "", surname="")


def by_name_only(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold one contact without any address."""
    return (replace(contact(account), emails=()),)


def with_other_email(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold one contact of the same name with a different address."""
    return (replace(contact(account), emails=(f"{account.sam}@freemail.example",)),)


def inactive(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold one contact, inactive."""
    return (replace(contact(account), active=False),)


def active_and_inactive(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold an inactive contact, and the active one that was made after it."""
    return replace(contact(account), active=False), contact(account)


def single_name(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold one contact with the whole name in the first name."""
    whole = f"{account.given_name} {account.surname}"[:30]
    return (replace(contact(account), given_name=whole, surname=""),)


def upper_case_email(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold one contact whose address somebody typed in upper case."""
    return (replace(contact(account), emails=((account.address or "").upper(),)),)


def with_second_email(account: PlannedAccount) -> tuple[PlannedContact, ...]:
    """Hold one contact whose second address is the account's."""
    emails = (f"{account.sam}@freemail.example", account.address or "")
    return (replace(contact(account), emails=emails),)
