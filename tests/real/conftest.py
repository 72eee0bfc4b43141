"""One Samba domain controller per test process, on an address of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ldap3.utils.dn import safe_rdn
from tests.contract.directory import content
from tests.real import samba

from muster.adapters.active_directory import ActiveDirectoryAdapter
from muster.model.connections import ActiveDirectory, SecretRef
from muster.model.secret import Secret
from muster.transport.ldap_connect import LdapLogin


@dataclass(frozen=True, slots=True)
class SambaHouse:
    """The content in a real domain controller."""

    domain: samba.SambaDomain

    @property
    def ldaps(self) -> str:
        """Where it speaks TLS from the first byte."""
        return f"ldaps://{self.domain.address}"

    @property
    def ldap(self) -> str:
        """Where it speaks StartTLS."""
        return f"ldap://{self.domain.address}"

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
            ca_pem or self.domain.ca_pem,
            connect_timeout_s=2,
            receive_timeout_s=30,
        )

    def login(self) -> LdapLogin:
        """Return what a session is opened with."""
        return LdapLogin(
            servers=(self.ldaps,),
            user_name=content.READER_UPN,
            password=Secret(content.PASSWORD),
            ca_pem=self.domain.ca_pem,
        )

    def move(self, dn: str, new_parent: str) -> str:
        """Move an object as the administrator."""
        rdn = safe_rdn(dn)[0]
        with samba.admin(self.domain) as connection:
            assert connection.modify_dn(dn, rdn, new_superior=new_parent), connection.result
        return f"{rdn},{new_parent}"

    def delete(self, dn: str) -> None:
        """Delete an object as the administrator."""
        with samba.admin(self.domain) as connection:
            assert connection.delete(dn), connection.result


@pytest.fixture(scope="session")
def samba_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaHouse]:
    """Provision, load and start a domain controller once; stop it at the end."""
    if reason := samba.missing():
        if os.environ.get("MUSTER_REQUIRE_REAL") == "1":
            pytest.fail(f"Samba AD DC: {reason}", pytrace=False)
        pytest.skip(f"Samba AD DC: {reason}")
    folder: Path = tmp_path_factory.mktemp("samba") / "dc"
    domain = samba.provision(folder, samba.own_address())
    samba.load(domain)
    process = samba.start(domain)
    try:
        yield SambaHouse(domain)
    finally:
        samba.stop(process)
