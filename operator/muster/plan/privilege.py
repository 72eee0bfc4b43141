"""Who is privileged: transitively, and by SID, because names are localized.

`adminCount` is no evidence: it stays set after an account leaves its last group.
Source: MS-ADTS 3.1.1.6.1 (protected objects) and MS-DTYP 2.4.2.4 (well-known SIDs).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from muster.model.names import AccountId
from muster.plan.directory_index import DirectoryIndex, IndexedGroup

PRIVILEGED_DOMAIN_RIDS = frozenset({498, 512, 516, 517, 518, 519, 520, 521, 526, 527})
"""Enterprise and read-only DCs, Domain, Schema and Enterprise Admins, Cert Publishers, Group
Policy Creator Owners, Key Admins and Enterprise Key Admins."""

PRIVILEGED_BUILTIN_RIDS = frozenset({544, 548, 549, 550, 551, 552, 578})
"""Administrators, Account, Server, Print and Backup Operators, Replicator, Hyper-V
Administrators."""

_BY_NAME = frozenset({"dnsadmins", "dnsupdateproxy"})
"""Default groups of Windows without a fixed RID. Unconfirmed: whether they are localized."""


def privileged_groups(index: DirectoryIndex) -> tuple[IndexedGroup, ...]:
    """Return the groups whose members are privileged, in the order of their names."""
    return tuple(group for group in index.groups.values() if _gives_privilege(group, index))


def _gives_privilege(indexed: IndexedGroup, index: DirectoryIndex) -> bool:
    authority, _, rid = indexed.group.sid.rpartition("-")
    if authority == "S-1-5-32":
        return int(rid) in PRIVILEGED_BUILTIN_RIDS
    if authority == index.domain.sid and int(rid) in PRIVILEGED_DOMAIN_RIDS:
        return True
    return indexed.group.sam.casefold() in _BY_NAME


def membership_paths(roots: Iterable[IndexedGroup], index: DirectoryIndex) -> dict[AccountId, str]:
    """Return every user that is a member of the roots, directly or through groups.

    The value is the path of groups, such as `Domain Admins > Tier 0`; the shortest one,
    and of equally short ones the first by name.
    """
    paths: dict[AccountId, str] = {}
    waiting = deque((group, group.group.name) for group in roots)
    seen = {group.key for group, _ in waiting}
    while waiting:
        indexed, path = waiting.popleft()
        for account in direct_members(indexed, index):
            paths.setdefault(account, path)
        for nested in nested_groups(indexed, index):
            if nested.key not in seen:
                seen.add(nested.key)
                waiting.append((nested, f"{path} > {nested.group.name}"))
    return paths


def direct_members(indexed: IndexedGroup, index: DirectoryIndex) -> Iterator[AccountId]:
    """Yield the users in a group's member list and those whose primary group it is."""
    for member in indexed.members:
        if member in index.users:
            yield index.users[member].id
    if indexed.group.sid.startswith(index.domain.sid + "-"):
        for user in index.primary.get(indexed.rid, ()):
            yield user.id


def nested_groups(indexed: IndexedGroup, index: DirectoryIndex) -> tuple[IndexedGroup, ...]:
    """Return the groups that are members of a group, in the order of their names."""
    found = (index.groups[member] for member in indexed.members if member in index.groups)
    return tuple(sorted(found, key=lambda group: (group.group.name.casefold(), group.key)))
