"""Makes what a test says of vault and PSA into records, and into how they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muster.model.directory import DirectorySnapshot
from muster.model.entra import EntraSnapshot
from muster.model.names import AccountId, CustomerName, RemoteId, Source
from muster.model.observed import Observed, SourceRead
from muster.model.records import ContactEmail, Organization, PsaContact, VaultCategory, VaultEntry
from muster.plan.entra_index import is_object_id
from muster.plan.keys import fold
from muster.resources.problems import Fault
from muster.resources.tables import Json
from muster.testing.domain import make_directory, unknown_name
from muster.testing.tenant import make_tenant

CATEGORIES = ("Active Directory", "Microsoft 365")
_UNREAD = "The test says that it could not be read whole."
PARTS = {
    Source.DIRECTORY: "directory",
    Source.ENTRA: "entra",
    Source.VAULT: "vault",
    Source.PSA: "psa",
}
"""The part of a test that describes each source."""


@dataclass(frozen=True, slots=True)
class World:
    """What a test describes, and the names of its accounts."""

    observed: Observed
    names: Mapping[str, tuple[AccountId, ...]]


def make_world(body: Json, customer: CustomerName, display_name: str, faults: list[Fault]) -> World:
    """Return what the systems of a test answer."""
    domain = make_directory(body["directory"], faults) if "directory" in body else None
    tenant = make_tenant(body["entra"], domain, faults) if "entra" in body else None
    names = _names(domain, tenant)
    vault, psa = body.get("vault"), body.get("psa")
    entries = _entries(vault or {}, customer, names, faults)
    contacts = tuple(map(_contact, psa.get("contacts", ()))) if psa else ()
    sizes = {
        Source.DIRECTORY: len(domain.users) if domain else 0,
        Source.ENTRA: len(tenant.users) if tenant else 0,
        Source.VAULT: len(entries),
        Source.PSA: len(contacts),
    }
    reads = tuple(_read(source, body, size) for source, size in sizes.items())
    usable = {read.source for read in reads if read.usable}
    categories = (vault or {}).get("categories", CATEGORIES)
    observed = Observed(
        directory=domain if Source.DIRECTORY in usable else None,
        entra=tenant if Source.ENTRA in usable else None,
        entries=entries if Source.VAULT in usable else (),
        categories=tuple(
            VaultCategory(id=RemoteId(str(number)), name=name)
            for number, name in enumerate(categories, 1)
            if Source.VAULT in usable
        ),
        organization=_tenant("1", display_name) if Source.VAULT in usable else None,
        contacts=contacts if Source.PSA in usable else (),
        company=_tenant("2", display_name) if Source.PSA in usable else None,
        reads=reads,
    )
    return World(observed, names)


def _tenant(number: str, name: str) -> Organization:
    return Organization(id=RemoteId(number), name=name)


def _names(
    domain: DirectorySnapshot | None, tenant: EntraSnapshot | None
) -> dict[str, tuple[AccountId, ...]]:
    """Return the accounts by folded name: sAMAccountName, UPN and id."""
    found: dict[str, tuple[AccountId, ...]] = {}
    rows = [(user.id, (user.sam, user.upn)) for user in domain.users] if domain else []
    rows += [(user.id, (user.upn, None)) for user in tenant.users] if tenant else []
    for account, names in rows:
        for name in {fold(one) for one in (*names, account) if one}:
            found[name] = (*found.get(name, ()), account)
    return found


def _read(source: Source, body: Json, size: int) -> SourceRead:
    part = body.get(PARTS[source])
    if part is None:
        return SourceRead(source=source, connected=False)
    unread = part.get("unread", False)
    return SourceRead(
        source=source,
        complete=not unread,
        problem=_UNREAD if unread else "",
        suspended=part.get("suspended", False),
        size=0 if unread else size,
    )


def _entries(
    body: Json,
    customer: CustomerName,
    names: Mapping[str, tuple[AccountId, ...]],
    faults: list[Fault],
) -> tuple[VaultEntry, ...]:
    found = []
    for index, one in enumerate(body.get("entries", ())):
        mark = None
        if "markedFor" in one:
            accounts = names.get(fold(one["markedFor"]), ())
            owner = accounts[0] if accounts else one["markedFor"].lower()
            mark = f"{customer}/{owner}"
            if not accounts and not is_object_id(owner):
                path = ("vault", "entries", index, "markedFor")
                faults.append(unknown_name("account", one["markedFor"], path, names))
        found.append(
            VaultEntry(
                id=RemoteId(one["id"]),
                name=one.get("name", one.get("username", one["id"])),
                username=one.get("username") or None,
                category=one.get("category", CATEGORIES[0]) or None,
                host_proof=one.get("hostProof", False),
                personal=one.get("personal", False),
                embedded=one.get("embedded", False),
                mark=mark,
            )
        )
    return tuple(found)


def _contact(body: Json) -> PsaContact:
    given, _, surname = str(body.get("name", "")).partition(" ")
    emails = (
        ContactEmail(id=RemoteId(f"{body['id']}-{place}"), address=address, default=place == 0)
        for place, address in enumerate(body.get("emails", ()))
    )
    return PsaContact(
        id=RemoteId(body["id"]),
        given_name=body.get("givenName", given),
        surname=body.get("surname", surname),
        emails=tuple(emails),
        active=body.get("active", True),
    )
