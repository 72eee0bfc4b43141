"""What an Entra tenant answered, decoded and undecided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muster.model.names import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraUser:
    """One user of a tenant, as Graph shows it."""

    id: AccountId
    upn: str
    display_name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    mail: str | None = None
    mobile: str | None = None
    primary_smtp: str | None = None
    """The `SMTP:` value of proxyAddresses, without its prefix."""
    aliases: tuple[str, ...] = ()
    """The `smtp:` values of proxyAddresses, without their prefix."""
    enabled: bool = True
    guest: bool = False
    synced: bool = False
    """onPremisesSyncEnabled is true: the user and its password belong to Active Directory."""
    immutable_id: str | None = None
    """onPremisesImmutableId, mostly a GUID in base64. No proof that the user is synchronized."""
    on_premises_sid: str | None = None
    on_premises_sam: str | None = None
    mailbox_plan: bool = False
    """Whether an assigned plan gives a mailbox of the user's own."""
    licensed: bool = False
    """Whether any licence is assigned, also one without a mailbox."""
    password_changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraGroup:
    """One group that a policy may name, with its direct members."""

    id: AccountId
    name: str
    security: bool = True
    users: tuple[AccountId, ...] = ()
    groups: tuple[AccountId, ...] = ()
    """Groups within the group; those are in the snapshot too when they were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraRole:
    """One directory role, with the users that have it directly and through groups."""

    template_id: str
    name: str
    users: tuple[AccountId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The tenant that was read."""

    id: str
    name: str
    domains: tuple[str, ...] = ()
    synced: bool = False
    """Whether Entra Connect synchronizes the tenant (organization.onPremisesSyncEnabled)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraQuestion:
    """What of a tenant the policies need beside its users."""

    groups: tuple[str, ...] = ()
    """Object ids and names. A name is answered by every group that has it."""
    nested: bool = False
    """Whether the groups within those groups are needed too, all the way down."""
    roles: tuple[str, ...] = ()
    """Names or template ids of roles whose holders are to be selected."""
    privileged: bool = False
    """Whether the holders of every privileged role are needed, to leave them out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraSnapshot:
    """One whole read of a tenant: every user, and the groups and roles that were asked for."""

    tenant: Tenant
    users: tuple[EntraUser, ...]
    groups: tuple[EntraGroup, ...] = ()
    roles: tuple[EntraRole, ...] = ()
