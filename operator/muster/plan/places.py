"""Where a domain's users are, and which groups a policy may name.

Decides what `muster directory tree` and `muster directory groups` offer; it selects nobody.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from muster.model.directory import DirectoryGroup, DirectorySnapshot
from muster.model.dn import dn_key, is_below, parent_key

_NO_GROUPS_FROM = frozenset({"Users", "Builtin"})
"""Groups below these are the system's own; policies name them under `builtInGroups`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An organizational unit or container that directly holds users."""

    dn: str
    users: int
    enabled: int
    """How many of the users are not disabled."""


def places_with_users(snapshot: DirectorySnapshot) -> tuple[Place, ...]:
    """Return the places that directly hold users, parents first, without the hidden ones."""
    names = {dn_key(dn): dn for dn in snapshot.organizational_units}
    users: Counter[str] = Counter()
    enabled: Counter[str] = Counter()
    for user in snapshot.users:
        place = parent_key(dn_key(user.dn))
        users[place] += 1
        enabled[place] += user.enabled
    hidden = tuple(dn_key(container.dn) for container in snapshot.domain.hidden)
    return tuple(
        Place(dn=names.get(key, key), users=users[key], enabled=enabled[key])
        for key in sorted(users, key=_path)
        if not _lies_in(key, hidden)
    )


def selectable_groups(snapshot: DirectorySnapshot) -> tuple[DirectoryGroup, ...]:
    """Return the security groups that a policy may name under `groups`, by name."""
    closed = tuple(
        dn_key(container.dn)
        for container in snapshot.domain.hidden
        if container.name in _NO_GROUPS_FROM
    )
    groups = (
        group
        for group in snapshot.groups
        if group.security and not group.critical and not _lies_in(dn_key(group.dn), closed)
    )
    return tuple(sorted(groups, key=lambda group: (group.name.casefold(), group.id)))


def _lies_in(key: str, containers: tuple[str, ...]) -> bool:
    return any(key == container or is_below(key, container) for container in containers)


def _path(key: str) -> tuple[str, ...]:
    path: list[str] = []
    while key:
        parent = parent_key(key)
        path.append(key.removesuffix(f",{parent}"))
        key = parent
    return tuple(reversed(path))
