"""An Entra snapshot, indexed once per plan by id, group name and role."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from muster.model.entra import EntraGroup, EntraRole, EntraSnapshot, EntraUser, Tenant
from muster.model.names import AccountId
from muster.plan.keys import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraIndex:
    """One snapshot of a tenant, ready for look-ups."""

    tenant: Tenant
    by_id: Mapping[AccountId, EntraUser]
    groups: Mapping[AccountId, EntraGroup]
    group_names: Mapping[str, tuple[EntraGroup, ...]]
    """By folded name, which several groups may have."""
    roles: tuple[EntraRole, ...]
    """In the order of their names."""

    def find_groups(self, name: str) -> tuple[EntraGroup, ...]:
        """Return the groups that an object id or a name fits; an id fits no name."""
        if is_object_id(name):
            found = self.groups.get(AccountId(name.lower()))
            return (found,) if found else ()
        return self.group_names.get(fold(name), ())

    def find_roles(self, name: str) -> tuple[EntraRole, ...]:
        """Return the roles that a template id or an English name fits."""
        wanted = fold(name)
        return tuple(one for one in self.roles if wanted in (fold(one.template_id), fold(one.name)))

    def nested_groups(self, group: EntraGroup) -> tuple[EntraGroup, ...]:
        """Return the groups within a group that were read, in the order of their names."""
        found = (self.groups[one] for one in group.groups if one in self.groups)
        return tuple(sorted(found, key=_by_name))

    def privileged(self) -> dict[AccountId, str]:
        """Return every user that has a role which was read, with the first of them by name."""
        holders: dict[AccountId, str] = {}
        for role in self.roles:
            for account in role.users:
                holders.setdefault(account, role.name)
        return holders


def index_entra(snapshot: EntraSnapshot) -> EntraIndex:
    """Index a snapshot; its order does not matter."""
    users = sorted(snapshot.users, key=lambda user: (user.id, user.upn))
    groups = sorted(snapshot.groups, key=_by_name)
    return EntraIndex(
        tenant=snapshot.tenant,
        by_id={user.id: user for user in users},
        groups={group.id: group for group in groups},
        group_names=_named(groups),
        roles=tuple(sorted(snapshot.roles, key=lambda role: (fold(role.name), role.template_id))),
    )


def is_object_id(name: str) -> bool:
    """Say whether a selector is an id rather than a name."""
    try:
        return str(uuid.UUID(name)) == name.lower()
    except ValueError:
        return False


def _named(groups: Iterable[EntraGroup]) -> dict[str, tuple[EntraGroup, ...]]:
    named: defaultdict[str, list[EntraGroup]] = defaultdict(list)
    for group in groups:
        named[fold(group.name)].append(group)
    return {name: tuple(found) for name, found in named.items()}


def _by_name(group: EntraGroup) -> tuple[str, str]:
    return fold(group.name), group.id
