"""Which directories get an account's new password, and which entry keeps it. Pure.

Who keeps two accounts of a person alike is the customer's `passwordAuthority`: with Muster both
get the password, Active Directory first. With EntraConnect, or on their own, only the account's
own directory does. A user that Entra Connect synchronizes is never written in Entra.
"""

from __future__ import annotations

from muster.model.accounts import AccountRecord
from muster.model.names import (
    LINKED_STATES,
    AccountId,
    DirectoryKind,
    LinkState,
    PasswordAuthority,
    RemoteId,
    System,
)
from muster.model.reasons import Reason
from muster.model.settings import Customer, Desired
from muster.plan.context import place_of

Targets = tuple[tuple[DirectoryKind, AccountId], ...]

ENTRY_ADVICE = {
    LinkState.UNUSABLE: "The entry that matches cannot hold a password for Muster: it is "
    "host-proof, personal or embedded.",
    LinkState.AMBIGUOUS: "Several entries match; settle that first: muster matches.",
}


def targets_of(record: AccountRecord, customer: Customer) -> Targets:
    """Return the accounts that get the password, Active Directory first."""
    own = (record.identity.source, record.identity.id)
    pair = record.pair
    paired = (
        customer.password_authority is PasswordAuthority.MUSTER
        and record.identity.source is DirectoryKind.ACTIVE_DIRECTORY
        and pair.state in LINKED_STATES
        and pair.id is not None
    )
    if not paired or pair.id is None:
        return (own,)
    return (own, (DirectoryKind.ENTRA, AccountId(pair.id)))


def sets_in_entra(desired: Desired) -> bool:
    """Whether git asks for passwords to be set in the customer's tenant."""
    customer = desired.customer
    if customer.entra is None:
        return False
    both = customer.password_authority is PasswordAuthority.MUSTER and customer.active_directory
    return bool(both) or any(
        source.settings.options.rotation
        and DirectoryKind.ENTRA in source.settings.select.directories
        for source in desired.sources
    )


def entry_of(record: AccountRecord, customer: Customer) -> RemoteId | None:
    """Return the entry that keeps the password; None where there is none that may."""
    link = record.vault
    linked = link.state in LINKED_STATES and link.id is not None
    # An entry of the vault that the customer had before has an id that means another one here.
    here = not link.place or link.place == place_of(System.VAULT, customer)
    return link.id if linked and here else None


def entry_advice(record: AccountRecord) -> str:
    """Return what to do so that an account gets an entry for its password."""
    return ENTRY_ADVICE.get(
        record.vault.state,
        "It has no entry in the vault. Create one, or set options.vault.createWhenMissing.",
    )


def refused_in_entra(record: AccountRecord, customer: Customer) -> Reason | None:
    """Return why a password must not be set in Entra, where it would be."""
    user = record.paired_user
    both = len(targets_of(record, customer)) > 1
    return Reason.SYNCED_USER if both and user and user.synced else None
