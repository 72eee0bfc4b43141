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
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from muster.lab.connectwise.lab import ConnectWiseLab
from muster.lab.directory.domain import LabDomain
from muster.lab.directory.server import LdapServer
from muster.lab.faults import Faults
from muster.lab.generate.cloud import in_the_cloud
from muster.lab.generate.estate import (
    CA,
    MAIL,
    MAILS,
    SEALING,
    SECRETS,
    TenantAccess,
    Whereabouts,
    reader_secret,
    tenant_secret,
    write_estate,
    write_secrets,
)
from muster.lab.generate.infrastructure import READER
from muster.lab.generate.msp import generate_msp
from muster.lab.generate.populate import populate_domain
from muster.lab.generate.seeds import CustomerFacts, EndUsersBy, PlannedCustomer
from muster.lab.graph.lab import GraphLab
from muster.lab.graph.populate import populate_tenant
from muster.lab.http import HttpLab
from muster.lab.integrations import mail_spec, open_psa, open_vault
from muster.lab.itglue.lab import ItGlueLab
from muster.lab.mix import Mix
from muster.lab.smtp.lab import LabSmtp
from muster.sealing import new_key


@dataclass(frozen=True, slots=True, kw_only=True)
class LabDescription:
    """Where a running lab and its estate are; nothing of it is secret."""

    estate: Path
    secrets: Path
    integrations: tuple[tuple[str, str], ...]
    """Product, as people say it, and address."""
    directories: tuple[tuple[str, str], ...]
    """Customer and address."""


class Lab:
    """One vault, one PSA, a mail server and a directory per customer; one certificate authority.

    The people are the same for the same seed. Passwords are drawn anew each time.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        customers: int = 3,
        people: int = 40,
        mix: Mix | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self.mix = mix or Mix()
        self.plan = generate_msp(seed, customers, people)
        self.ca = trustme.CA()
        self.faults = Faults()
        self.vault = open_vault(self.mix.vault, self.ca, self.faults, self.plan.categories)
        self.psa = open_psa(self.mix.psa, self.ca, self.faults)
        self.mail = LabSmtp(self.ca)
        self.graph = (
            GraphLab(ca=self.ca, faults=self.faults, clock=clock) if self.mix.has_tenant else None
        )
        self.domains: dict[str, LabDomain] = {}
        self.tenant_ids: dict[str, str] = {}
        self.ldap: dict[str, LdapServer] = {}
        self.organization_ids: dict[str, str] = {}
        self.company_ids: dict[str, str] = {}
        self._passwords: dict[str, str] = {}
        self._sealing = new_key()
        self._running = ExitStack()
        self._populate()

    @property
    def itglue(self) -> ItGlueLab:
        """The simulated IT Glue, where the mix has one."""
        if not isinstance(self.vault.simulator, ItGlueLab):
            raise TypeError(f"the lab {self.mix} has no IT Glue")
        return self.vault.simulator

    @property
    def connectwise(self) -> ConnectWiseLab:
        """The simulated ConnectWise, where the mix has one."""
        if not isinstance(self.psa.simulator, ConnectWiseLab):
            raise TypeError(f"the lab {self.mix} has no ConnectWise")
        return self.psa.simulator

    @property
    def simulators(self) -> tuple[HttpLab, ...]:
        """Everything that is served over HTTP."""
        rows = (self.vault.simulator, self.psa.simulator, self.graph)
        return tuple(one for one in rows if one)

    def writes(self) -> int:
        """Return how many writes took effect in the vault and the PSA."""
        return self.vault.writes() + self.psa.writes()

    def start(self) -> Self:
        """Begin to serve, on ports that the system chooses."""
        with ExitStack() as starting:
            for simulator in self.simulators:
                starting.enter_context(simulator)
            starting.enter_context(self.mail)
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
        integrations = [(one.name, one.spec()) for one in (self.vault, self.psa)]
        integrations.append((MAIL, mail_spec(self.mail)))
        write_estate(directory, integrations, customers)
        self.mail.folder = directory / MAILS
        write_secrets(directory, self._secrets())

    def describe(self, directory: Path) -> LabDescription:
        """Say where the lab and the estate in `directory` are."""
        return LabDescription(
            estate=directory,
            secrets=directory / SECRETS,
            integrations=(
                *(
                    (one.title, one.simulator.endpoint)
                    for one in (self.vault, self.psa)
                    if one.simulator
                ),
                ("Mail", f"smtp://localhost:{self.mail.port}"),
            ),
            directories=tuple(
                (customer.facts.name, _directories(self._whereabouts(customer)))
                for customer in self.plan.customers
            ),
        )

    def reader_password(self, customer: str) -> str:
        """Return the password of the account that reads a customer's domain."""
        return self._passwords[customer]

    def _populate(self) -> None:
        for planned in self.plan.customers:
            customer = planned if self.mix.has_domain else in_the_cloud(planned)
            name = customer.facts.name
            domain = self._add_domain(customer) if self.mix.has_domain else None
            if self.graph:
                self.tenant_ids[name] = tenant = populate_tenant(self.graph, customer, domain)
                self.graph.delegate_passwords(tenant)
            self.organization_ids[name] = self.vault.populate(customer)
            self.company_ids[name] = self.psa.populate(customer)

    def _add_domain(self, customer: PlannedCustomer) -> LabDomain:
        facts = customer.facts
        domain = LabDomain(
            facts.dns_name, facts.netbios_name, seed=self.plan.seed, clock=self._clock
        )
        self._passwords[facts.name] = secrets.token_urlsafe(18)
        populate_domain(domain, customer, {READER: self._passwords[facts.name]})
        domain.delegate_passwords(domain.find(READER))
        self.domains[facts.name] = domain
        self.ldap[facts.name] = LdapServer(domain, tls=self._tls())
        return domain

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        return context

    def _whereabouts(self, customer: PlannedCustomer) -> Whereabouts:
        facts = customer.facts
        return Whereabouts(
            facts=facts,
            directory=self._address(facts) if facts.name in self.ldap else None,
            tenant=self._tenant(facts.name),
            empty_vault=self.vault.simulator is None,
            vault=(self.vault.name, self.organization_ids[facts.name]),
            psa=(self.psa.name, self.company_ids[facts.name]),
        )

    def _address(self, facts: CustomerFacts) -> str:
        """Return the address of a domain; one of the layouts goes through StartTLS."""
        server = self.ldap[facts.name]
        start_tls = facts.end_users_by is EndUsersBy.GROUP
        return server.ldap_url if start_tls else server.ldaps_url or server.ldap_url

    def _tenant(self, name: str) -> TenantAccess | None:
        if self.graph is None:
            return None
        return TenantAccess(
            tenant_id=self.tenant_ids[name],
            client_id=self.graph.client_id,
            login=self.graph.login_endpoint,
            graph=self.graph.graph_endpoint,
        )

    def _secrets(self) -> dict[tuple[str, str], str]:
        readers = {reader_secret(name): value for name, value in self._passwords.items()}
        graph = self.graph
        tenants = {tenant_secret(name): graph.client_secret for name in self.tenant_ids if graph}
        return {
            **readers,
            **tenants,
            **self.vault.secrets,
            **self.psa.secrets,
            (MAIL, "password"): self.mail.password,
            SEALING: self._sealing.reveal(),
            (CA["name"], CA["key"]): self.ca.cert_pem.bytes().decode(),
        }


def _directories(where: Whereabouts) -> str:
    tenant = f"Entra {where.tenant.tenant_id}" if where.tenant else ""
    return "  ".join(filter(None, (where.directory, tenant)))


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
