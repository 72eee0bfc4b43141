"""What a directory answered, decoded and undecided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muster.model.names import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryUser:
    """One user of a domain, as the directory holds it."""

    id: AccountId
    dn: str
    """As the directory wrote it; compare only through `muster.model.dn`."""
    sid: str
    sam: str
    upn: str | None = None
    display_name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    mail: str | None = None
    mobile: str | None = None
    primary_smtp: str | None = None
    """The `SMTP:` value of proxyAddresses, without its prefix."""
    primary_group_rid: int = 513
    enabled: bool = True
    expires: datetime | None = None
    critical: bool = False
    """isCriticalSystemObject: TRUE only on what the system made for itself."""
    password_changed_at: datetime | None = None
    """None: never, or the password must be changed at the next sign-in."""
    locked_since: datetime | None = None
    """Only where it was asked for. None: the account is not locked now."""
    password_expires: datetime | None = None
    """Only where it was asked for. None: never, or it must be changed at the next sign-in."""
    service_principal: bool = False
    """Whether a service runs under the account: it has a servicePrincipalName."""
    consistency_guid: str | None = None
    """mS-DS-ConsistencyGuid as lower-case UUID text: the anchor that Entra Connect prefers."""

    @property
    def rid(self) -> int:
        """The last part of the SID."""
        return int(self.sid.rpartition("-")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryGroup:
    """One group with its direct members; primary-group members are not among them."""

    id: AccountId
    dn: str
    sid: str
    sam: str
    name: str
    members: tuple[str, ...] = ()
    """DNs as the directory wrote them, every range read."""
    critical: bool = False
    security: bool = True
    """False: a distribution list, which gives its members no rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenContainer:
    """A default container, found through wellKnownObjects where it has a GUID there."""

    dn: str
    name: str
    """Its English default name, such as `Users` or `Builtin`, whatever the DN says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The domain that was read."""

    dn: str
    dns_name: str
    netbios_name: str
    sid: str
    hidden: tuple[HiddenContainer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySnapshot:
    """One whole read of a domain: every user, every group, every place."""

    domain: Domain
    users: tuple[DirectoryUser, ...]
    groups: tuple[DirectoryGroup, ...]
    organizational_units: tuple[str, ...]
    """DNs of organizational units and containers."""
