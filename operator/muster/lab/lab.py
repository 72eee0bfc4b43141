"""The whole lab behind one door: a made-up MSP, served over TLS on loopback sockets.

    with Lab() as lab:
        lab.write_estate(Path("estate"))

Tests, the demo and `muster lab serve` start here. Who is in it is `generate`'s business.
"""

from __future__ import annotations

import secrets
import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from muster.lab.connectwise.lab import ConnectWiseLab
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.server import LdapServer
from muster.lab.faults import Faults
from muster.lab.generate.estate import (
    CA,
    SECRETS,
    MspAccess,
    Whereabouts,
    reader_secret,
    write_estate,
    write_secrets,
)
from muster.lab.generate.infrastructure import READER
from muster.lab.generate.msp import generate_msp
from muster.lab.generate.populate import populate_domain, populate_psa, populate_vault
from muster.lab.generate.seeds import EndUsersBy, PlannedCustomer
from muster.lab.itglue.lab import ItGlueLab


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDescription:
    """Where a running lab and its estate are; nothing of it is secret."""

    estate: Path
    secrets: Path
    it_glue: str
    connect_wise: str
    directories: tuple[tuple[str, str], ...]
    """Customer and address."""


class Lab:
    """One IT Glue, one ConnectWise and a domain per customer, with one certificate authority.

    The people are the same for the same seed. Passwords are drawn anew each time.
    """

    def __init__(self, *, seed: int = 7, customers: int = 3, people: int = 40) -> None:
        self.plan = generate_msp(seed, customers, people)
        self.ca = trustme.CA()
        self.faults = Faults()
        self.itglue = ItGlueLab(ca=self.ca, faults=self.faults)
        self.connectwise = ConnectWiseLab(ca=self.ca, faults=self.faults)
        self.domains: dict[str, LabDomain] = {}
        self.ldap: dict[str, LdapServer] = {}
        self.organization_ids: dict[str, str] = {}
        self.company_ids: dict[str, str] = {}
        self._passwords: dict[str, str] = {}
        self._running = ExitStack()
        self._populate()

    def start(self) -> Self:
        """Begin to serve, on ports that the system chooses."""
        with ExitStack() as starting:
            for simulator in (self.itglue, self.connectwise):
                starting.enter_context(simulator)
            for server in self.ldap.values():
                starting.enter_context(server)
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        """Stop serving; what the simulators hold stays readable."""
        self._running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def write_estate(self, directory: Path) -> None:
        """Write an estate that points at this lab, and the secrets that it names beside it."""
        customers = [self._whereabouts(customer) for customer in self.plan.customers]
        write_estate(directory, self._access(), customers)
        write_secrets(directory, self._secrets())

    def describe(self, directory: Path) -> LabDescription:
        """Say where the lab and the estate in `directory` are."""
        return LabDescription(
            estate=directory,
            secrets=directory / SECRETS,
            it_glue=self.itglue.endpoint,
            connect_wise=self.connectwise.endpoint,
            directories=tuple(
                (customer.facts.name, self._whereabouts(customer).directory)
                for customer in self.plan.customers
            ),
        )

    def reader_password(self, customer: str) -> str:
        """Return the password of the account that reads a customer's domain."""
        return self._passwords[customer]

    def _populate(self) -> None:
        for category in self.plan.categories:
            self.itglue.add_category(category)
        for customer in self.plan.customers:
            facts = customer.facts
            domain = LabDomain(facts.dns_name, facts.netbios_name, seed=self.plan.seed)
            self._passwords[facts.name] = secrets.token_urlsafe(18)
            populate_domain(domain, customer, {READER: self._passwords[facts.name]})
            self.domains[facts.name] = domain
            self.ldap[facts.name] = LdapServer(domain, tls=self._tls())
            self.organization_ids[facts.name] = populate_vault(self.itglue, customer)
            self.company_ids[facts.name] = populate_psa(self.connectwise, customer)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        return context

    def _whereabouts(self, customer: PlannedCustomer) -> Whereabouts:
        facts = customer.facts
        server = self.ldap[facts.name]
        # One of the layouts goes through StartTLS, so that both ways are in use.
        start_tls = facts.end_users_by is EndUsersBy.GROUP
        ldaps_url = None if start_tls else server.ldaps_url
        return Whereabouts(
            facts=facts,
            directory=ldaps_url or server.ldap_url,
            organization_id=self.organization_ids[facts.name],
            company_id=self.company_ids[facts.name],
        )

    def _access(self) -> MspAccess:
        return MspAccess(
            it_glue=self.itglue.endpoint,
            connect_wise=self.connectwise.endpoint,
            company_id=self.connectwise.company_id,
            client_id=self.connectwise.client_id,
        )

    def _secrets(self) -> dict[tuple[str, str], str]:
        readers = {reader_secret(name): value for name, value in self._passwords.items()}
        return readers | {
            ("it-glue", "apiKey"): self.itglue.key,
            ("connectwise", "publicKey"): self.connectwise.public_key,
            ("connectwise", "privateKey"): self.connectwise.private_key,
            (CA["name"], CA["key"]): self.ca.cert_pem.bytes().decode(),
        }


def serve(
    lab: Lab,
    directory: Path,
    announce: Callable[[LabDescription], None],
    *,
    stop: threading.Event | None = None,
) -> None:
    """Write the estate of a running lab, announce it, and wait for Ctrl-C or for `stop`."""
    lab.write_estate(directory)
    announce(lab.describe(directory))
    try:
        (stop or threading.Event()).wait()
    except KeyboardInterrupt:
        return
