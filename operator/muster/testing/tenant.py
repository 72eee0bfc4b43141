"""Makes a whole Entra tenant of the few words that a test says about it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable

from muster.model.directory import DirectorySnapshot, DirectoryUser
from muster.model.entra import EntraGroup, EntraRole, EntraSnapshot, EntraUser, Tenant
from muster.model.names import AccountId
from muster.plan.keys import fold
from muster.resources.problems import Fault, FieldPath
from muster.resources.tables import Json
from muster.testing.domain import stable_id, unknown_name

TENANT = "Example tenant"
_BASE: FieldPath = ("entra",)


def make_tenant(body: Json, domain: DirectorySnapshot | None, faults: list[Fault]) -> EntraSnapshot:
    """Return the tenant that a test describes."""
    people = {fold(user.sam): user for user in domain.users} if domain else {}
    bodies = body.get("users", [])
    users = tuple(_user(one, index, people, faults) for index, one in enumerate(bodies))
    ids = {fold(user.upn): user.id for user in users}
    groups = _groups(body, ids, faults)
    return EntraSnapshot(
        tenant=Tenant(
            id=stable_id("tenant"),
            name=TENANT,
            domains=tuple(sorted({user.upn.partition("@")[2] for user in users})),
            synced=body.get("synced", any(user.synced for user in users)),
        ),
        users=users,
        groups=groups,
        roles=_roles(body, ids, faults),
    )


def _user(
    body: Json, index: int, people: dict[str, DirectoryUser], faults: list[Fault]
) -> EntraUser:
    upn = str(body["upn"])
    full = f"{body.get('givenName', '')} {body.get('surname', '')}".strip()
    mailbox = body.get("mailbox", True)
    person = _person(body, index, people, faults)
    return EntraUser(
        id=AccountId(body.get("id", "").lower() or stable_id("entra", upn)),
        upn=upn,
        display_name=body.get("displayName", full or upn.partition("@")[0]) or None,
        given_name=body.get("givenName") or None,
        surname=body.get("surname") or None,
        mail=body.get("mail", upn if mailbox else "") or None,
        primary_smtp=body.get("primarySmtp") or None,
        aliases=tuple(body.get("aliases", ())),
        enabled=body.get("enabled", True),
        guest=body.get("guest", False),
        synced=body.get("synced", person is not None),
        immutable_id=body.get("immutableId") or (_anchor(person) if person else None),
        on_premises_sid=body.get("onPremisesSid") or (person.sid if person else None),
        on_premises_sam=person.sam if person else None,
        mailbox_plan=mailbox,
        licensed=body.get("licensed", mailbox),
    )


def _person(
    body: Json, index: int, people: dict[str, DirectoryUser], faults: list[Fault]
) -> DirectoryUser | None:
    name = body.get("syncedFrom")
    if name is None:
        return None
    if fold(name) not in people:
        path = (*_BASE, "users", index, "syncedFrom")
        faults.append(unknown_name("user of Active Directory", name, path, people))
    return people.get(fold(name))


def _anchor(person: DirectoryUser) -> str:
    """Return what Entra Connect makes of a GUID: its bytes in base64."""
    return base64.b64encode(uuid.UUID(person.consistency_guid or person.id).bytes_le).decode()


def _groups(body: Json, users: dict[str, AccountId], faults: list[Fault]) -> tuple[EntraGroup, ...]:
    """Return the groups that are described, and those that users say they are in."""
    said = list(body.get("groups", ()))
    described = {fold(one["name"]) for one in said}
    of_users = [
        (one["upn"], name) for one in body.get("users", ()) for name in one.get("groups", ())
    ]
    for _, name in of_users:
        if fold(name) not in described:
            described.add(fold(name))
            said.append({"name": name})
    ids: dict[str, AccountId] = {}
    for one in said:
        own = AccountId(one.get("id", "").lower() or stable_id("entra", "group", one["name"]))
        ids[fold(one["name"])] = ids[own] = own
    return tuple(
        EntraGroup(
            id=AccountId(one.get("id", "").lower() or ids[fold(one["name"])]),
            name=one["name"],
            security=one.get("security", True),
            users=_found(
                [*one.get("users", ()), *(u for u, g in of_users if fold(g) == fold(one["name"]))],
                users,
                ("user", (*_BASE, "groups", index, "users")),
                faults,
            ),
            groups=_found(
                one.get("groups", ()),
                ids,
                ("group", (*_BASE, "groups", index, "groups")),
                faults,
            ),
        )
        for index, one in enumerate(said)
    )


def _roles(body: Json, users: dict[str, AccountId], faults: list[Fault]) -> tuple[EntraRole, ...]:
    said: dict[str, Json] = {fold(one["name"]): one for one in body.get("roles", ())}
    holders: dict[str, list[str]] = {}
    for one in body.get("users", ()):
        for name in one.get("roles", ()):
            said.setdefault(fold(name), {"name": name})
            holders.setdefault(fold(name), []).append(one["upn"])
    return tuple(
        EntraRole(
            template_id=one.get("id", "").lower() or stable_id("entra", "role", one["name"]),
            name=one["name"],
            users=_found(
                [*one.get("users", ()), *holders.get(key, ())],
                users,
                ("user", (*_BASE, "roles", index, "users")),
                faults,
            ),
        )
        for index, (key, one) in enumerate(said.items())
    )


def _found(
    names: Iterable[str],
    ids: dict[str, AccountId],
    where: tuple[str, FieldPath],
    faults: list[Fault],
) -> tuple[AccountId, ...]:
    """Return the ids behind names, each once; an unknown name is a fault."""
    found: dict[AccountId, None] = {}
    for position, name in enumerate(names):
        account = ids.get(fold(name))
        if account is None:
            what, path = where
            faults.append(unknown_name(f"{what} of Entra", name, (*path, position), ids))
        else:
            found[account] = None
    return tuple(found)
