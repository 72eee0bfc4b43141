"""The seed interface of the lab's directory: one believable domain, held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict, Unpack

Values = Mapping[str, Sequence[str | bytes]]
"""Attribute names and their values; text is stored as UTF-8."""


class UserOptions(TypedDict, total=False):
    """What may be said about a new user; what is not said stays absent."""

    password: str | None
    """None: nobody can sign in as this user."""
    upn: str | None
    """"" or not given: `sam@dns_name`; None: the user has no userPrincipalName."""
    given_name: str | None
    surname: str | None
    display_name: str | None
    """Not given: the name."""
    mail: str | None
    enabled: bool
    """Not given: True."""
    primary_group_rid: int
    """Not given: 513, Domain Users."""
    attributes: Values


class LabDomain:
    """A freshly provisioned Active Directory domain that tests fill; safe between threads."""

    def __init__(self, dns_name: str, netbios_name: str, *, seed: int = 0) -> None:
        self.dn = ",".join(f"DC={label}" for label in dns_name.split("."))
        self.dns_name = dns_name
        self.netbios_name = netbios_name

    def add_organizational_unit(self, path: str) -> str:
        """Add `OU=Toronto,OU=Staff`, relative to the domain; return its full DN."""
        raise NotImplementedError

    def add_container(self, name: str) -> str:
        """Add a container such as `Microsoft Exchange System Objects` at the domain's head."""
        raise NotImplementedError

    def add_user(self, name: str, sam: str, *, parent: str, **options: Unpack[UserOptions]) -> str:
        """Add a user under the full DN `parent`; return the user's DN."""
        raise NotImplementedError

    def add_group(
        self, name: str, *, parent: str, members: Iterable[str] = (), sam: str | None = None
    ) -> str:
        """Add a global security group with members by DN; return its DN."""
        raise NotImplementedError

    def add_computer(self, name: str, *, parent: str) -> str:
        """Add a computer; return its DN."""
        raise NotImplementedError

    def add_contact(self, name: str, *, parent: str) -> str:
        """Add a contact; return its DN."""
        raise NotImplementedError

    def add_managed_service_account(self, name: str, *, parent: str) -> str:
        """Add a group managed service account; return its DN."""
        raise NotImplementedError

    def add_members(self, group_dn: str, *members: str) -> None:
        """Add members by DN; those already present stay."""
        raise NotImplementedError

    def remove_members(self, group_dn: str, *members: str) -> None:
        """Remove members by DN; those absent are passed over."""
        raise NotImplementedError

    def move(self, dn: str, new_parent: str) -> str:
        """Move an object and all below it under another parent; return its new DN."""
        raise NotImplementedError

    def rename(self, dn: str, new_name: str) -> str:
        """Give an object another name, unescaped and without type; return its new DN."""
        raise NotImplementedError

    def delete(self, dn: str) -> None:
        """Delete an object and all below it."""
        raise NotImplementedError

    def set_attributes(self, dn: str, attributes: Values) -> None:
        """Replace the named attributes; an empty sequence removes one."""
        raise NotImplementedError

    def set_password(self, dn: str, password: str) -> None:
        """Let a user sign in with this password from now on."""
        raise NotImplementedError

    def find(self, sam: str) -> str:
        """Return the DN of a sAMAccountName; raises KeyError."""
        raise NotImplementedError

    def object_id(self, dn: str) -> str:
        """Return an object's objectGUID as lower-case text with hyphens."""
        raise NotImplementedError
