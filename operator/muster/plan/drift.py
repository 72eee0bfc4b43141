"""What differs between a linked record and what the directory says.

Compared are the fields that Muster answers for: an entry's username and category, the
e-mail of a contact, and the names of records that Muster created itself. How people named
their own entries and contacts is theirs. A pinned record keeps the username it has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from muster.model.accounts import Drift, Identity, Link
from muster.model.names import LinkState, MatchKey, System
from muster.model.records import (
    ContactChange,
    EntryChange,
    PsaContact,
    VaultCategory,
    VaultEntry,
)
from muster.model.settings import Origin
from muster.plan.keys import NAME_LIMIT, SHORTEST_NAME_LIMIT, fold, fold_name
from muster.plan.vault_matching import (
    CATEGORIES,
    category_to_write,
    in_accepted_category,
    username_to_write,
    usernames,
)

Fields = dict[str, str]


def entry_name(identity: Identity) -> str:
    """Return the name that Muster gives to an entry it creates."""
    name = f"{identity.display_name or identity.short_name} ({CATEGORIES[identity.source][0]})"
    return _as_seen(name)


def contact_names(identity: Identity) -> tuple[str, str]:
    """Return given name and surname as a contact can hold them; the first is never empty."""
    given = identity.given_name or identity.display_name or identity.short_name
    surname = identity.surname or ""
    return given[:NAME_LIMIT], surname[:NAME_LIMIT] if identity.given_name else ""


def entry_drift(
    identity: Identity,
    link: Link,
    entry: VaultEntry,
    netbios_name: str,
    categories: tuple[VaultCategory, ...],
    origin: Origin,
) -> tuple[Drift, ...]:
    """Return the fields of a linked entry that differ; `categories` are those of the vault."""
    wanted: Fields = {}
    observed: Fields = {}
    # Exactly the same is the usual case, and needs no folding.
    exact = bool(entry.username) and entry.username in (identity.sam, identity.upn)
    if not exact and link.state is not LinkState.LINKED_BY_OVERRIDE:
        accepted = usernames(identity, netbios_name)
        current = fold(entry.username)
        if all(current != fold(name) for _, name in accepted):
            usual = username_to_write(identity)
            wanted["username"] = dict(accepted).get(link.key or MatchKey.MARK, usual)
            observed["username"] = entry.username or ""
    if not in_accepted_category(entry, identity.source):
        category = category_to_write(categories, identity.source)
        wanted["category"] = category.name if category else CATEGORIES[identity.source][0]
        observed["category"] = entry.category or ""
    if link.state is LinkState.CREATED and _as_seen(entry.name) != entry_name(identity):
        wanted["name"] = entry_name(identity)
        observed["name"] = entry.name
    return _drift(System.VAULT, wanted, observed, origin) if wanted else ()


def contact_drift(
    identity: Identity, link: Link, contact: PsaContact, origin: Origin
) -> tuple[Drift, ...]:
    """Return the fields of a linked contact that differ."""
    wanted: Fields = {}
    observed: Fields = {}
    addresses = [email.address for email in contact.emails]
    address = identity.email.address if identity.email else None
    if address and address not in addresses and fold(address) not in map(fold, addresses):
        wanted["email"] = address
        observed["email"] = ", ".join(addresses)
    if link.state is LinkState.CREATED:
        given, surname = contact_names(identity)
        for field, value, current in (
            ("givenName", given, contact.given_name),
            ("surname", surname, contact.surname),
        ):
            if not _holds(current, value):
                wanted[field], observed[field] = value, current
    return _drift(System.PSA, wanted, observed, origin) if wanted else ()


def _as_seen(name: str) -> str:
    """Return a name as people see it: composed letters, and one space where there are some.

    Directories hold others, and a vault may or may not keep them: that must not read as drift.
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def _holds(stored: str, name: str) -> bool:
    """Say whether a contact holds a name, or as much of it as its PSA can store."""
    short, whole = fold_name(stored), fold_name(name)
    # A space at the cut is gone as well, so that the least that is kept may be a letter shorter.
    least = fold_name(name, SHORTEST_NAME_LIMIT)
    return whole.startswith(short) and len(short) >= len(least)


def _drift(system: System, wanted: Fields, observed: Fields, origin: Origin) -> tuple[Drift, ...]:
    """Return what deepdiff finds, in the order of the field names."""
    demanded_by = origin.at(f"options/{system}/match")
    # Here, because it takes long to load, and most commands start without a difference.
    from deepdiff import DeepDiff

    difference = DeepDiff(observed, wanted, view="tree").get("values_changed", ())
    found = (
        Drift(
            system=system,
            field=str(change.path(output_format="list")[0]),
            desired=change.t2,
            observed=change.t1,
            demanded_by=demanded_by,
        )
        for change in difference
    )
    return tuple(sorted(found, key=lambda drift: drift.field))


def entry_change(drift: tuple[Drift, ...], category: VaultCategory | None) -> EntryChange:
    """Return the change that ends the drift of an entry.

    A category is only corrected when the vault has the one that is wanted.
    """
    fields = _desired(drift, System.VAULT)
    return EntryChange(
        name=fields.get("name"),
        username=fields.get("username"),
        category=category if "category" in fields else None,
    )


def contact_change(drift: tuple[Drift, ...]) -> ContactChange:
    """Return the change that ends the drift of a contact."""
    fields = _desired(drift, System.PSA)
    return ContactChange(
        given_name=fields.get("givenName"),
        surname=fields.get("surname"),
        email=fields.get("email"),
    )


def _desired(drift: tuple[Drift, ...], system: System) -> Mapping[str, str]:
    return {one.field: one.desired for one in drift if one.system is system}
