"""Read one whole domain over one session.

Decides what is asked for, and in which order. Every search raises when it is cut short, so a
snapshot is whole or there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from muster.adapters.active_directory import containers, decode
from muster.adapters.active_directory.members import read_members
from muster.errors import AccessDenied
from muster.model.directory import DirectoryGroup, DirectorySnapshot, DirectoryUser, Domain
from muster.model.names import AccountId
from muster.transport.ldap import Entry, LdapSession, filter_value

USERS = "(sAMAccountType=805306368)"
"""SAM_NORMAL_USER_ACCOUNT: no computers, managed service accounts, trusts or contacts. Source:
MS-SAMR 2.2.1.9."""
GROUPS = "(objectCategory=group)"
PLACES = "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=builtinDomain))"

_LOOKUP_SIZE = 50
"""Ids or names in one filter: short enough for every server, few enough requests."""


def read_domain(
    session: LdapSession, known: frozenset[AccountId], *, states: bool = False
) -> DirectorySnapshot:
    """Return everything that decisions about a domain rest on.

    `states` asks for lockout and the end of passwords as well, which the server computes.
    """
    wanted = decode.USER_ATTRIBUTES + (decode.STATE_ATTRIBUTES if states else ())
    root = read_root(session)
    domain_dn = root_text(root, "defaultNamingContext", session)
    users = _read_users(session, domain_dn, known, wanted)
    groups = _read_groups(session, domain_dn)
    users |= _read_strays(session, domain_dn, wanted, users, groups)
    places = {entry.dn: entry for entry in session.search(domain_dn, PLACES, ("objectClass",))}
    return DirectorySnapshot(
        domain=_read_head(session, root, tuple(places.values())),
        users=tuple(users.values()),
        groups=groups,
        organizational_units=tuple(places),
    )


def read_root(session: LdapSession) -> Entry:
    """Return the rootDSE, which says where things are. Source: MS-ADTS 3.1.1.3.2."""
    root = session.read("", ("defaultNamingContext", "configurationNamingContext", "currentTime"))
    return root or Entry(dn="")


def root_text(root: Entry, attribute: str, session: LdapSession) -> str:
    """Return a naming context; raises AccessDenied when the server tells none."""
    value = decode.text(root, attribute)
    if value is None:
        raise AccessDenied(
            f"Active Directory does not tell its {attribute} at {session.server}. "
            "Check that the address is a domain controller's."
        )
    return value


def partitions(session: LdapSession, root: Entry, domain_dn: str) -> Iterator[Entry]:
    """Yield the domain's crossRef, which holds its NetBIOS and DNS names.

    Source: MS-ADTS 6.1.1.2.1.1.
    """
    base = f"CN=Partitions,{root_text(root, 'configurationNamingContext', session)}"
    wanted = f"(&(objectClass=crossRef)(nCName={filter_value(domain_dn)}))"
    return session.search(base, wanted, ("nETBIOSName", "dnsRoot"))


def _read_head(session: LdapSession, root: Entry, places: tuple[Entry, ...]) -> Domain:
    domain_dn = root_text(root, "defaultNamingContext", session)
    head = session.read(domain_dn, ("objectSid", "wellKnownObjects", "otherWellKnownObjects"))
    cross_ref = next(partitions(session, root, domain_dn), Entry(dn=""))
    raw_sid = head.first("objectSid") if head else None
    netbios_name, dns_name = (decode.text(cross_ref, name) for name in ("nETBIOSName", "dnsRoot"))
    if head is None or raw_sid is None or netbios_name is None or dns_name is None:
        raise AccessDenied(
            f"Active Directory does not let the account read the SID and the names of {domain_dn} "
            f"at {session.server}. Grant it read access to the domain's head and to CN=Partitions "
            "of the configuration partition."
        )
    values = head.all("wellKnownObjects") + head.all("otherWellKnownObjects")
    builtin = (place.dn for place in places if b"builtinDomain" in place.all("objectClass"))
    with decode.understood(domain_dn):
        return Domain(
            dn=domain_dn,
            dns_name=dns_name,
            netbios_name=netbios_name,
            sid=decode.sid(raw_sid),
            hidden=containers.hidden(domain_dn, containers.well_known(values), builtin),
        )


def _read_users(
    session: LdapSession, domain_dn: str, known: frozenset[AccountId], wanted: Sequence[str]
) -> dict[AccountId, DirectoryUser]:
    users = _by_id(session, domain_dn, wanted, USERS)
    missing = map(decode.guid_filter, sorted(known - users.keys()))
    return users | _look_up(session, domain_dn, wanted, missing)


def _read_strays(
    session: LdapSession,
    domain_dn: str,
    wanted: Sequence[str],
    users: Mapping[AccountId, DirectoryUser],
    groups: tuple[DirectoryGroup, ...],
) -> dict[AccountId, DirectoryUser]:
    """Return the members that the sweep knows by no such name, as far as they are users.

    Most strays are computers and contacts. A user that was moved or made after the users were
    read is among them too: under its old name it would look as if it had left its groups.
    """
    swept = {user.dn for user in users.values()} | {group.dn for group in groups}
    members = {member for group in groups for member in group.members}
    names = (f"(distinguishedName={filter_value(dn)})" for dn in sorted(members - swept))
    return _look_up(session, domain_dn, wanted, names)


def _look_up(
    session: LdapSession, domain_dn: str, wanted: Sequence[str], filters: Iterable[str]
) -> dict[AccountId, DirectoryUser]:
    users: dict[AccountId, DirectoryUser] = {}
    waiting = iter(filters)
    while batch := "".join(islice(waiting, _LOOKUP_SIZE)):
        users |= _by_id(session, domain_dn, wanted, f"(&{USERS}(|{batch}))")
    return users


def _by_id(
    session: LdapSession, domain_dn: str, wanted: Sequence[str], which: str
) -> dict[AccountId, DirectoryUser]:
    found = map(decode.user, session.search(domain_dn, which, wanted))
    return {user.id: user for user in found}


def _read_groups(session: LdapSession, domain_dn: str) -> tuple[DirectoryGroup, ...]:
    # Ranges are asked for after the sweep: a cookie does not survive another search everywhere.
    entries = tuple(session.search(domain_dn, GROUPS, decode.GROUP_ATTRIBUTES))
    groups = (_read_group(session, entry) for entry in entries)
    return tuple({group.id: group for group in groups}.values())


def _read_group(session: LdapSession, entry: Entry) -> DirectoryGroup:
    with decode.understood(entry.dn):
        return decode.group(entry, read_members(session, entry))
