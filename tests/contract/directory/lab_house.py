"""The content in the lab's domain controller."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trustme
from tests.contract.directory import content

from muster.adapters.active_directory import ActiveDirectoryAdapter
from muster.lab.directory.domain import LabDomain, UserOptions
from muster.lab.directory.faults import LdapFaults
from muster.lab.directory.limits import LdapLimits
from muster.lab.directory.server import LdapServer
from muster.model.connections import ActiveDirectory, SecretRef
from muster.model.secret import Secret
from muster.transport.ldap_connect import LdapLogin

EVERYBODY = {user.sam for user in content.USERS}
DEAD = "ldaps://127.0.0.1:9"
"""Nothing listens on the discard port."""


def sams(adapter: ActiveDirectoryAdapter) -> set[str]:
    """Return who a read shows."""
    return {user.sam for user in adapter.read(frozenset()).users}


@dataclass(frozen=True, slots=True)
class LabHouse:
    """One lab domain with its server, and the CA that its certificate comes from."""

    domain: LabDomain
    server: LdapServer
    authority: trustme.CA
    faults: LdapFaults = field(default_factory=LdapFaults)

    @property
    def ldaps(self) -> str:
        """Where it speaks TLS from the first byte."""
        url = self.server.ldaps_url
        assert url is not None
        return url

    def directory(
        self, *, user_name: str = content.READER_UPN, password: str = content.PASSWORD
    ) -> ActiveDirectoryAdapter:
        """Return the adapter, over LDAPS."""
        return self.adapter(self.ldaps, user_name=user_name, password=password)

    def adapter(
        self,
        *servers: str,
        user_name: str = content.READER_UPN,
        password: str = content.PASSWORD,
        start_tls: bool = False,
        ca_pem: str | None = None,
        receive_timeout_s: int = 30,
    ) -> ActiveDirectoryAdapter:
        """Return the adapter for any servers."""
        settings = ActiveDirectory(
            servers=servers,
            user_name=user_name,
            password=SecretRef(name="ad", key="password"),
            ca=SecretRef(name="ad", key="ca.crt"),
            start_tls=start_tls,
        )
        return ActiveDirectoryAdapter(
            settings,
            Secret(password),
            self.authority.cert_pem.bytes().decode() if ca_pem is None else ca_pem,
            connect_timeout_s=2,
            receive_timeout_s=receive_timeout_s,
        )

    def login(self) -> LdapLogin:
        """Return what a session is opened with."""
        return LdapLogin(
            servers=(self.ldaps,),
            user_name=content.READER_UPN,
            password=Secret(content.PASSWORD),
            ca_pem=self.authority.cert_pem.bytes().decode(),
        )

    def move(self, dn: str, new_parent: str) -> str:
        """Move an object."""
        return self.domain.move(dn, new_parent)

    def delete(self, dn: str) -> None:
        """Delete an object."""
        self.domain.delete(dn)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return a server's TLS with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@contextmanager
def open_house(domain: LabDomain, limits: LdapLimits | None = None) -> Iterator[LabHouse]:
    """Serve a domain with a certificate for localhost."""
    authority = trustme.CA()
    tls = server_context(authority, "localhost", "127.0.0.1")
    faults = LdapFaults()
    with LdapServer(domain, tls=tls, faults=faults, limits=limits) as server:
        yield LabHouse(domain, server, authority, faults)


def small_domain() -> LabDomain:
    """Return the content without its crowd."""
    domain = LabDomain(content.DNS_NAME, content.NETBIOS_NAME)
    for place in content.PLACES:
        domain.add_organizational_unit(place)
    dns = {user.sam: _add_user(domain, user) for user in content.USERS}
    domain.add_computer(content.COMPUTER, parent=f"CN=Computers,{content.DOMAIN_DN}")
    domain.add_contact(content.CONTACT, parent=content.STAFF)
    domain.add_managed_service_account(
        content.MANAGED_SERVICE_ACCOUNT,
        parent=f"CN=Managed Service Accounts,{content.DOMAIN_DN}",
    )
    for group in content.GROUPS_HELD:
        members = [dns[sam] for sam in group.members if sam in dns]
        dns[group.sam] = domain.add_group(
            group.name, parent=content.GROUPS, members=members, sam=group.sam
        )
    return domain


def full_domain() -> LabDomain:
    """Return the content with its crowd."""
    domain = small_domain()
    crowd = [domain.add_user(sam, sam, parent=content.CROWD) for sam in content.CROWD_SAMS]
    domain.add_members(domain.find("Muster Crowd"), *crowd)
    return domain


def _add_user(domain: LabDomain, user: content.User) -> str:
    options: UserOptions = {
        "password": user.password,
        "upn": user.upn,
        "given_name": user.given_name,
        "surname": user.surname,
        "display_name": user.display_name,
        "mail": user.mail,
        "enabled": user.enabled,
        "attributes": user.attributes,
    }
    return domain.add_user(user.name, user.sam, parent=user.parent, **options)
