"""The directories of a recording: users, groups, units and roles under other names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.model.dn import dn_key, split
from muster.plan.selectors import BUILT_IN_SIDS
from muster.testing.renaming import Renaming

Json = dict[str, Any]


def reading(renaming: Renaming, part: str) -> Json:
    """Return how a source was read."""
    read = next((one for one in renaming.observed.reads if one.source == part), None)
    body: Json = {}
    if read and read.connected and not read.usable:
        body["unread"] = True
    if read and read.suspended:
        body["suspended"] = True
    return body


def redacted_domain(renaming: Renaming) -> Json:
    """Return the part of a test about Active Directory."""
    body, snapshot = reading(renaming, "directory"), renaming.observed.directory
    if snapshot is None:
        return body
    text = renaming.names.text
    body |= {
        "domain": text(snapshot.domain.dns_name),
        "netbiosName": text(snapshot.domain.netbios_name),
    }
    names = {dn_key(one.dn): text(one.sam) for one in snapshot.users}
    names |= {dn_key(one.dn): text(one.name) for one in snapshot.groups}
    primary = {
        int(one.sid.rpartition("-")[2]): text(one.name)
        for one in snapshot.groups
        if one.sid.startswith(snapshot.domain.sid)
    }
    body["users"] = [_user(renaming, one, primary) for one in snapshot.users]
    body["groups"] = [_group(renaming, one, names) for one in snapshot.groups]
    places = (renaming.place(split(place)) for place in snapshot.organizational_units)
    body["organizationalUnits"] = [one for one in dict.fromkeys(places) if one]
    return body


def _user(renaming: Renaming, user: Any, primary: Mapping[int, str]) -> Json:
    text, person = renaming.names.text, renaming.names.person
    body: Json = {
        "name": text(user.sam),
        "ou": renaming.place(split(user.dn)[1:]),
        "upn": text(user.upn or ""),
        "displayName": renaming.names.person(user.display_name or ""),
        "givenName": person(user.given_name or ""),
        "surname": person(user.surname or ""),
        "mail": text(user.mail or ""),
        "primarySmtp": text(user.primary_smtp or ""),
        "rid": renaming.rids[user.rid],
        "id": renaming.ids[user.id],
    }
    optional = ("givenName", "surname", "mail", "primarySmtp")
    body = {key: value for key, value in body.items() if value or key not in optional}
    if user.primary_group_rid != 513 and user.primary_group_rid in primary:
        body["primaryGroup"] = primary[user.primary_group_rid]
    body |= {} if user.enabled else {"enabled": False}
    body |= {"expires": user.expires.isoformat()} if user.expires else {}
    body |= {"critical": True} if user.critical else {}
    anchor = user.consistency_guid
    return body | ({"consistencyGuid": renaming.ids[anchor]} if anchor else {})


def _group(renaming: Renaming, group: Any, names: Mapping[str, str]) -> Json:
    domain = renaming.observed.directory
    own = domain.domain.sid if domain else ""
    members = [names[key] for one in group.members if (key := dn_key(one)) in names]
    body: Json = {
        "name": renaming.names.text(group.name),
        "ou": renaming.place(split(group.dn)[1:]),
        "id": renaming.ids[group.id],
    }
    built_in = {template.format(domain=own): name for name, template in BUILT_IN_SIDS.items()}
    if group.sid in built_in:
        body["builtIn"] = str(built_in[group.sid])
    elif group.sid.startswith(own + "-"):
        body["rid"] = renaming.rids[int(group.sid.rpartition("-")[2])]
    else:
        body["sid"] = group.sid
    sam = renaming.names.text(group.sam)
    body |= {} if sam == body["name"] else {"samAccountName": sam}
    body |= {"members": list(dict.fromkeys(members))} if members else {}
    others = len(group.members) - len(members)
    body |= {"otherMembers": others} if others else {}
    return body | ({} if group.security else {"security": False})


def redacted_tenant(renaming: Renaming) -> Json:
    """Return the part of a test about Entra."""
    body, snapshot = reading(renaming, "entra"), renaming.observed.entra
    if snapshot is None:
        return body
    body["synced"] = snapshot.tenant.synced
    upns = {one.id: renaming.names.text(one.upn) for one in snapshot.users}
    body["users"] = [_cloud_user(renaming, one) for one in snapshot.users]
    body["groups"] = [
        {
            "name": renaming.names.text(one.name),
            "id": renaming.ids[one.id],
            "users": [upns[user] for user in one.users if user in upns],
            "groups": [renaming.ids[inner] for inner in one.groups if inner in renaming.ids],
        }
        for one in snapshot.groups
    ]
    body["roles"] = [
        {
            "name": one.name,
            "id": one.template_id,
            "users": [upns[user] for user in one.users if user in upns],
        }
        for one in snapshot.roles
    ]
    return body


def _cloud_user(renaming: Renaming, user: Any) -> Json:
    text = renaming.names.text
    body: Json = {
        "upn": text(user.upn),
        "displayName": renaming.names.person(user.display_name or ""),
        "givenName": renaming.names.person(user.given_name or ""),
        "surname": renaming.names.person(user.surname or ""),
        "mail": text(user.mail or ""),
        "primarySmtp": text(user.primary_smtp or ""),
        "aliases": [text(one) for one in user.aliases],
        "immutableId": renaming.anchor(user.immutable_id),
        "onPremisesSid": renaming.sid(user.on_premises_sid),
    }
    kept = ("upn", "displayName", "mail")
    body = {key: value for key, value in body.items() if value or key in kept}
    facts = {
        "enabled": (user.enabled, True),
        "guest": (user.guest, False),
        "synced": (user.synced, False),
        "mailbox": (user.mailbox_plan, True),
        "licensed": (user.licensed, user.mailbox_plan),
    }
    body |= {name: value for name, (value, usual) in facts.items() if value != usual}
    return body | {"id": renaming.ids[user.id]}
