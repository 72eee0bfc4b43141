"""A directory snapshot, indexed once per plan by canonical DN, SID and primary group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from muster.model.directory import DirectoryGroup, DirectorySnapshot, DirectoryUser, Domain
from muster.model.dn import dn_key, parent_key
from muster.model.names import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedGroup:
    """A group together with its canonical DN and those of its members."""

    group: DirectoryGroup
    key: str
    members: tuple[str, ...]

    @property
    def rid(self) -> int:
        """The last part of the SID."""
        return int(self.group.sid.rpartition("-")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryIndex:
    """One snapshot, ready for look-ups."""

    domain: Domain
    users: Mapping[str, DirectoryUser]
    """By canonical DN."""
    by_id: Mapping[AccountId, DirectoryUser]
    parents: Mapping[AccountId, str]
    """The canonical DN of the place each user lies in."""
    groups: Mapping[str, IndexedGroup]
    """By canonical DN."""
    primary: Mapping[int, tuple[DirectoryUser, ...]]
    """Users by the RID of their primary group, which is in no group's `members`."""
    places: frozenset[str]
    """Canonical DNs of organizational units and containers."""


def index_directory(snapshot: DirectorySnapshot) -> DirectoryIndex:
    """Index a snapshot; its order does not matter."""
    users = {dn_key(user.dn): user for user in sorted(snapshot.users, key=lambda user: user.id)}
    keys = {user.dn: key for key, user in users.items()}
    primary: defaultdict[int, list[DirectoryUser]] = defaultdict(list)
    for user in users.values():
        primary[user.primary_group_rid].append(user)
    return DirectoryIndex(
        domain=snapshot.domain,
        users=users,
        by_id={user.id: user for user in users.values()},
        parents={user.id: parent_key(key) for key, user in users.items()},
        groups=_index_groups(snapshot.groups, keys),
        primary={rid: tuple(found) for rid, found in primary.items()},
        places=frozenset(map(dn_key, snapshot.organizational_units)),
    )


def _index_groups(
    groups: Iterable[DirectoryGroup], keys: Mapping[str, str]
) -> dict[str, IndexedGroup]:
    """Index groups; `keys` holds the canonical DNs that are known already."""
    indexed = {}
    for group in sorted(groups, key=lambda group: (group.name.casefold(), group.id)):
        key = dn_key(group.dn)
        members = tuple(sorted(keys.get(dn) or dn_key(dn) for dn in group.members))
        indexed[key] = IndexedGroup(group=group, key=key, members=members)
    return indexed
