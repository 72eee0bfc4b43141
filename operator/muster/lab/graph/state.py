"""What the simulated tenants hold. Locking is left to the simulator."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.x509 import Certificate

Json = dict[str, Any]

READ_PERMISSIONS = frozenset(
    {
        "User.Read.All",
        "GroupMember.Read.All",
        "RoleManagement.Read.Directory",
        "Organization.Read.All",
    }
)


@dataclass(slots=True, kw_only=True)
class Application:
    """A registration, in the MSP's own tenant."""

    client_id: str
    secret: str
    secret_expired: bool = False
    certificates: dict[str, Certificate] = field(default_factory=dict)
    """By the SHA-256 thumbprint, base64url."""


@dataclass(slots=True, kw_only=True)
class ServicePrincipal:
    """An application in a customer's tenant: it is there by consent."""

    id: str
    permissions: set[str]
    roles: set[str] = field(default_factory=set)
    """Template ids of its Entra roles."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the log that changes are read from."""

    user: str
    removed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerPassword:
    """The password that a user had before the present one, and its date."""

    password: str | None = field(repr=False)
    changed_at: str


@dataclass(slots=True, kw_only=True)
class LabTenant:
    """One tenant."""

    id: str
    name: str
    domains: Sequence[str]
    synced: bool
    users: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    """Ids of users, groups and others, by group."""
    devices: set[str] = field(default_factory=set)
    role_names: dict[str, str] = field(default_factory=dict)
    """By template id."""
    assignments: list[tuple[str, str]] = field(default_factory=list)
    """Template id of the role, id of the principal."""
    service_principals: dict[str, ServicePrincipal] = field(default_factory=dict)
    """By client id."""
    changes: list[Change] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    """Users that lists do not show yet."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    former: dict[str, FormerPassword] = field(default_factory=dict)
    must_change: set[str] = field(default_factory=set)
    """Users who must choose another password when they sign in."""
    mail: list[Json] = field(default_factory=list)

    def kind_of(self, one: str) -> str:
        """Return the OData type of an object."""
        kinds: tuple[tuple[str, Mapping[str, object] | set[str]], ...] = (
            ("user", self.users),
            ("group", self.groups),
            ("device", self.devices),
        )
        for kind, holder in kinds:
            if one in holder:
                return f"#microsoft.graph.{kind}"
        return "#microsoft.graph.servicePrincipal"

    def change_password(
        self, user: str, password: str, changed_at: str, *, must_change: bool = False
    ) -> None:
        """Give a user another password; `changed_at` is in Graph's form."""
        record = self.users[user]
        before = str(record["lastPasswordChangeDateTime"])
        self.former[user] = FormerPassword(password=self.passwords.get(user), changed_at=before)
        self.passwords[user] = password
        (self.must_change.add if must_change else self.must_change.discard)(user)
        self.users[user] = {**record, "lastPasswordChangeDateTime": changed_at}

    def roles_of(self, principal: str) -> set[str]:
        """Return the template ids of the roles that a principal has, through groups too."""
        holders = {principal} | {
            group for group in self.groups if principal in self.transitive(group)
        }
        return {role for role, holder in self.assignments if holder in holders}

    def transitive(self, group: str) -> list[str]:
        """Return all members of a group, those of groups within it too."""
        found: dict[str, None] = {}
        waiting = list(self.members.get(group, ()))
        while waiting:
            one = waiting.pop(0)
            if one not in found:
                found[one] = None
                waiting += self.members.get(one, ())
        return list(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """What an opaque token in a link stands for."""

    tenant: str
    path: str
    rows: tuple[Json, ...] = field(default=(), repr=False)
    position: int = 0
    """The number of changes that were shown already."""
    fields: tuple[str, ...] = ()
    at: datetime


class GraphState:
    """All tenants, applications and open links."""

    def __init__(self) -> None:
        self.tenants: dict[str, LabTenant] = {}
        self.applications: dict[str, Application] = {}
        self.cursors: dict[str, Cursor] = {}

    def keep(self, cursor: Cursor) -> str:
        """Return an opaque token for a place in a list."""
        token = secrets.token_urlsafe(24)
        self.cursors[token] = cursor
        return token
