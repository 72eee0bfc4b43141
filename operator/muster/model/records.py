"""Records of vaults and PSAs, as their adapters translate them. No secret is among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muster.model.names import RemoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """A vault's organization, or a PSA's company."""

    id: RemoteId
    name: str
    """Empty where the system knows it by its id alone, as the native vault does."""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultCategory:
    """A category (IT Glue) or type (Hudu) of password entries."""

    id: RemoteId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEntry:
    """A live password entry of one organization, without its password and without its notes."""

    id: RemoteId
    name: str
    username: str | None = None
    category: str | None = None
    host_proof: bool = False
    personal: bool = False
    embedded: bool = False
    mark: str | None = None
    """The ownership mark that Muster wrote when it created the entry, if it did."""
    updated_at: datetime | None = None
    url: str | None = None

    @property
    def usable(self) -> bool:
        """Whether Muster may link the entry: not host-proof, not personal, not embedded."""
        return not (self.host_proof or self.personal or self.embedded)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """A new entry, without a password: it is unknown until a reset or a rotation."""

    name: str
    username: str
    category: VaultCategory
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChange:
    """What to change of an entry; `None` leaves a field as it is."""

    name: str | None = None
    username: str | None = None
    category: VaultCategory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEmail:
    """One e-mail address of a contact. `id` is the address item's own id."""

    id: RemoteId
    address: str
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PsaContact:
    """A contact of one company."""

    id: RemoteId
    given_name: str = ""
    surname: str = ""
    emails: tuple[ContactEmail, ...] = ()
    active: bool = True
    updated_at: datetime | None = None

    @property
    def name(self) -> str:
        """The name for people."""
        return f"{self.given_name} {self.surname}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDraft:
    """A new contact. An e-mail is required: it is how a repeated create is recognized."""

    given_name: str
    surname: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChange:
    """What to change of a contact; `None` leaves a field as it is.

    `email` replaces the default address, or adds one where there is none.
    """

    given_name: str | None = None
    surname: str | None = None
    email: str | None = None
