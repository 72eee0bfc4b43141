"""Makes a whole Active Directory of the few words that a test says about it.

What is not said follows by fixed rules, so that the same words always make the same domain:
built-in groups and default containers are there, and every place that somebody lies in.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from muster.model.directory import (
    DirectoryGroup,
    DirectorySnapshot,
    DirectoryUser,
    Domain,
    HiddenContainer,
)
from muster.model.dn import dn_key, split
from muster.model.names import AccountId
from muster.plan.keys import fold
from muster.plan.selectors import BUILT_IN_SIDS
from muster.resources.codes import Code
from muster.resources.problems import Fault, FieldPath, nearest
from muster.resources.tables import Json

DEFAULT_DOMAIN = "corp.example.test"
DOMAIN_SID = "S-1-5-21-1000000001-1000000002-1000000003"
PEOPLE, GROUPS = "OU=People", "OU=Groups"
DEFAULT_CONTAINERS = (
    "CN=Users",
    "CN=Computers",
    "OU=Domain Controllers",
    "CN=System",
    "CN=ForeignSecurityPrincipals",
    "CN=Program Data",
    "CN=LostAndFound",
    "CN=Infrastructure",
    "CN=NTDS Quotas",
    "CN=Deleted Objects",
    "CN=Keys",
    "CN=Managed Service Accounts",
    "CN=Builtin",
    "CN=TPM Devices",
    "CN=Microsoft Exchange System Objects",
    "OU=Microsoft Exchange Security Groups",
)
"""The hidden containers of a domain that nobody changed. Source: MS-ADTS 6.1.1.4."""

_FIRST_USER, _FIRST_GROUP = 1101, 500_001
_WITHIN = {"Administrators": ("Domain Admins", "Enterprise Admins")}
"""Groups that a new domain has within another one. Source: learn.microsoft.com, default groups."""
_DOMAIN_USERS = "Domain Users"


def unknown_name(what: str, name: str, path: FieldPath, known: Iterable[str]) -> Fault:
    """Return that a test speaks of something that it does not describe."""
    guess = nearest(name, known)
    return Fault(
        code=Code.UNKNOWN_REFERENCE,
        path=path,
        message=f"There is no {what} `{name}` in this test.",
        advice=f"Did you mean `{guess}`?" if guess else "Describe it, or correct the name.",
    )


def stable_id(*words: str) -> AccountId:
    """Return the id of everything that is called so."""
    return AccountId(str(uuid.uuid5(uuid.NAMESPACE_DNS, "/".join(words).casefold())))


def _id(body: Json, *words: str) -> AccountId:
    """Return the id that is said, in lower case, else the one that follows from the name."""
    return AccountId(str(body["id"]).lower()) if "id" in body else stable_id(*words)


def aware(text: str) -> datetime:
    """Read a time; the result is in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


@dataclass(slots=True)
class _Making:
    """A domain that is being made."""

    domain: Domain
    faults: list[Fault]
    base: FieldPath
    groups: dict[str, Json] = field(default_factory=dict)
    """What is said of each group, by folded name, in order."""
    paths: dict[str, FieldPath] = field(default_factory=dict)
    members: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sids: dict[str, str] = field(default_factory=dict)
    """The SID of each group, by folded name."""

    def dn(self, name: str, place: str) -> str:
        """Return the DN of an object called so."""
        value = re.sub(r'([\\,+"<>;=])', r"\\\1", name)
        return f"CN={value},{self.place(place)}"

    def place(self, place: str) -> str:
        """Return a place as a full DN."""
        if any(part.casefold().startswith("dc=") for part in split(place)):
            return place
        return f"{place},{self.domain.dn}" if place else self.domain.dn


def make_directory(body: Json, faults: list[Fault]) -> DirectorySnapshot:
    """Return the domain that a test describes."""
    making = _Making(_domain(body), faults, ("directory",))
    bodies = body.get("users", [])
    _gather_groups(body, making)
    users = tuple(_user(one, index, making) for index, one in enumerate(bodies))
    dns = {fold(user.sam): user.dn for user in users}
    for key, said in making.groups.items():
        dns.setdefault(key, _group_dn(said, making))
    groups = tuple(_group(key, dns, making) for key in making.groups)
    places = [*body.get("organizationalUnits", ()), *DEFAULT_CONTAINERS, PEOPLE, GROUPS]
    places += [one.get("ou", "") for one in (*bodies, *making.groups.values())]
    return DirectorySnapshot(
        domain=making.domain,
        users=users,
        groups=groups,
        organizational_units=tuple(_with_ancestors(map(making.place, places), making.domain.dn)),
    )


def _domain(body: Json) -> Domain:
    name = str(body.get("domain", DEFAULT_DOMAIN))
    dn = ",".join(f"DC={part}" for part in name.split("."))
    hidden = (
        HiddenContainer(dn=f"{place},{dn}", name=place.partition("=")[2])
        for place in DEFAULT_CONTAINERS
    )
    return Domain(
        dn=dn,
        dns_name=name,
        netbios_name=str(body.get("netbiosName", name.partition(".")[0].upper())),
        sid=DOMAIN_SID,
        hidden=tuple(hidden),
    )


def _with_ancestors(places: Iterable[str], domain_dn: str) -> Iterator[str]:
    """Yield places and all that they lie in, each once."""
    seen = {dn_key(domain_dn)}
    for place in places:
        parts = split(place)
        for start in range(len(parts)):
            above = ",".join(parts[start:])
            if dn_key(above) not in seen and not parts[start].casefold().startswith("dc="):
                seen.add(dn_key(above))
                yield above


def _gather_groups(body: Json, making: _Making) -> None:
    """Collect the groups that are described, the built-in ones, and those that users are in."""
    renamed: dict[str, str] = {}
    for index, one in enumerate(body.get("groups", ())):
        key = fold(one["name"])
        if key in making.groups:
            key = f"{key}/{index}"  # two groups of one name; members mean the first
        making.groups[key] = one
        making.paths[key] = (*making.base, "groups", index)
        if "builtIn" in one:
            renamed[one["builtIn"]] = one["name"]
    for built_in, template in BUILT_IN_SIDS.items():
        _add_built_in(built_in, template, renamed, making)
    for one in body.get("users", ()):
        for name in one.get("groups", ()):
            making.groups.setdefault(fold(name), {"name": name})
            making.members[fold(name)].append(one["name"])
    _number(making)


def _add_built_in(built_in: str, template: str, renamed: dict[str, str], making: _Making) -> None:
    usual = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", built_in)
    name = renamed.get(built_in, usual)
    place = "CN=Builtin" if template.startswith("S-1-5-32") else "CN=Users"
    if fold(name) not in making.groups:
        inner = {renamed.get(one.replace(" ", ""), one) for one in _WITHIN.get(usual, ())}
        making.members[fold(name)].extend(sorted(inner))
    making.groups[fold(name)] = {"ou": place, **making.groups.get(fold(name), {"name": name})}
    making.sids[fold(name)] = template.format(domain=making.domain.sid)


def _number(making: _Making) -> None:
    """Give every group a SID that has none yet."""
    number = _FIRST_GROUP
    for key, said in making.groups.items():
        if key not in making.sids:
            sid = f"{making.domain.sid}-{said.get('rid', number)}"
            making.sids[key] = said.get("sid", sid)
            number += 1


def _group(key: str, dns: dict[str, str], making: _Making) -> DirectoryGroup:
    said = making.groups[key]
    name = str(said["name"])
    found: dict[str, None] = {}
    for index, member in enumerate([*said.get("members", ()), *making.members[key]]):
        dn = dns.get(fold(member))
        if dn is None:
            path = (*making.paths[key], "members", index)
            making.faults.append(unknown_name("user or group", member, path, dns))
        else:
            found[dn] = None
    others = (
        making.dn(f"other-{one}", "CN=Computers") for one in range(said.get("otherMembers", 0))
    )
    return DirectoryGroup(
        id=_id(said, making.domain.dns_name, "group", key),
        dn=_group_dn(said, making),
        sid=making.sids[key],
        sam=said.get("samAccountName", name),
        name=name,
        members=(*found, *others),
        security=said.get("security", True),
    )


def _group_dn(said: Json, making: _Making) -> str:
    return making.dn(said["name"], said.get("ou", GROUPS))


def _user(body: Json, index: int, making: _Making) -> DirectoryUser:
    name, domain = str(body["name"]), making.domain
    full = f"{body.get('givenName', '')} {body.get('surname', '')}".strip()
    upn = body.get("upn", f"{name}@{domain.dns_name}")
    expires = body.get("expires")
    anchor = body.get("consistencyGuid")
    return DirectoryUser(
        id=_id(body, domain.dns_name, name),
        dn=making.dn(name, body.get("ou", PEOPLE)),
        sid=f"{domain.sid}-{body.get('rid', _FIRST_USER + index)}",
        sam=name,
        upn=upn or None,
        display_name=body.get("displayName", full or name) or None,
        given_name=body.get("givenName") or None,
        surname=body.get("surname") or None,
        mail=body.get("mail") or None,
        primary_smtp=body.get("primarySmtp") or None,
        primary_group_rid=_primary_group(body, index, making),
        enabled=body.get("enabled", True),
        expires=aware(expires) if expires else None,
        critical=body.get("critical", False),
        consistency_guid=anchor.lower() if anchor else None,
    )


def _primary_group(body: Json, index: int, making: _Making) -> int:
    if "primaryGroup" not in body:
        return 513
    sid = making.sids.get(fold(body["primaryGroup"]))
    if sid is None:
        path = (*making.base, "users", index, "primaryGroup")
        names = [str(one["name"]) for one in making.groups.values()]
        making.faults.append(unknown_name("group", body["primaryGroup"], path, names))
        return 513
    return int(sid.rpartition("-")[2])
