"""Puts adapters behind the ports of each customer. The shells start here.

Integrations are opened once and shared by all customers, so that they share one request
budget. What cannot be opened, such as for a missing secret, is a problem of the customers
that need it and stops nobody else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from muster.adapters import (
    DIRECTORIES,
    ENTRA_DIRECTORIES,
    MAILERS,
    PASSWORDS,
    PSAS,
    SYNC_TRIGGERS,
    VAULTS,
)
from muster.adapters.clock import utc_now
from muster.adapters.entra_connect.wish import EntraConnectWish, NotingPasswords
from muster.audit import UNRECORDED, Trail
from muster.errors import MusterError, SpecError
from muster.mail.welcome import mail_integration
from muster.model.connections import (
    ActiveDirectory,
    Entra,
    EntraConnect,
    Hudu,
    Integration,
    KeyValue2,
    NativeVault,
    Product,
    SecretRef,
)
from muster.model.names import DirectoryKind, Source
from muster.model.records import Organization
from muster.model.settings import Desired
from muster.ports import (
    Clock,
    Directory,
    EntraDirectory,
    Mailer,
    PasswordDirectory,
    Ports,
    Psa,
    Registry,
    Secrets,
    Vault,
)
from muster.sealing import KeyRing
from muster.sync_port import SyncTrigger
from muster.transport.budget import Usage
from muster.transport.options import HttpOptions

if TYPE_CHECKING:
    from muster.adapters.native_vault import EntryStores

T = TypeVar("T")

SEALING_KEYS = SecretRef(name="muster-sealing", key="keys")
"""Where the keys are that seal passwords in the journal, unless a shell says otherwise."""


class Assembly:
    """Opens the systems of customers; thread-safe."""

    def __init__(
        self,
        secrets: Secrets,
        registry: Registry,
        clock: Clock = utc_now,
        http: HttpOptions | None = None,
        entry_stores: EntryStores | None = None,
        trail_of: Callable[[Desired], Trail] = lambda _: UNRECORDED,
    ) -> None:
        self.sealing = SEALING_KEYS
        """The secret with the keys that seal passwords; a shell may name another one."""
        self._http = http
        self._entry_stores = entry_stores
        self._trail_of = trail_of
        self._secrets = secrets
        self._registry = registry
        self._clock = clock
        self._turn = threading.Lock()
        self._vaults: dict[Integration, Vault] = {}
        self._psas: dict[Integration, Psa] = {}
        self._mailers: dict[Integration, Mailer] = {}
        self._entras: dict[Entra, EntraDirectory] = {}
        self._wishes: dict[EntraConnect, EntraConnectWish] = {}
        self._entra_before = Usage()
        """What tenants used that are closed by now; a counter must not go back."""

    def ports(self, desired: Desired) -> Ports:
        """Return the ports of one customer."""
        problems: list[tuple[Source, str]] = []
        return Ports(
            registry=self._registry,
            clock=self._clock,
            directory=_try(Source.DIRECTORY, lambda: self.directory(desired), problems),
            entra=_try(Source.ENTRA, lambda: self.entra(desired), problems),
            vault=_try(Source.VAULT, lambda: self.vault(desired.vault), problems),
            psa=_try(Source.PSA, lambda: self.psa(desired.psa), problems),
            open_mailer=lambda name: self.mailer(mail_integration(desired, name)),
            open_passwords=lambda: self.passwords(desired),
            open_sealer=self.sealer,
            sync=self._wish(desired),
            audit=self._trail_of(desired),
            problems=tuple(problems),
        )

    def vault(self, integration: Integration | None) -> Vault | None:
        """Return the vault of an integration; raises SpecError for a missing secret."""
        if integration is None:
            return None
        with self._turn:
            if integration not in self._vaults:
                opener = VAULTS[type(integration.product)]
                more = self._surroundings(integration.product)
                self._vaults[integration] = opener(integration, self._secrets, self._http, **more)
            return self._vaults[integration]

    def _surroundings(self, vault: Product) -> dict[str, Any]:
        match vault:
            case NativeVault():
                return {"stores": self._entry_stores, "clock": self._clock}
            case Hudu():
                return {"clock": self._clock}
            case _:
                return {}

    def psa(self, integration: Integration | None) -> Psa | None:
        """Return the PSA of an integration; raises SpecError for a missing secret."""
        if integration is None:
            return None
        with self._turn:
            if integration not in self._psas:
                opener = PSAS[type(integration.product)]
                self._psas[integration] = opener(integration, self._secrets, self._http)
            return self._psas[integration]

    def mailer(self, integration: Integration) -> Mailer:
        """Return what sends an integration's mail; raises SpecError for a missing secret."""
        with self._turn:
            if integration not in self._mailers:
                opener = MAILERS[type(integration.product)]
                self._mailers[integration] = opener(integration, self._secrets, self._http)
            return self._mailers[integration]

    def integration(self, integration: Integration) -> Vault | Psa | Mailer | None:
        """Return whatever an integration connects to; raises SpecError for a missing secret."""
        if type(integration.product) in VAULTS:
            return self.vault(integration)
        if type(integration.product) in MAILERS:
            return self.mailer(integration)
        return self.psa(integration)

    def list_tenants(self, integration: Integration) -> Iterator[Organization]:
        """Yield the organizations or companies that an integration shows; mail has none."""
        if type(integration.product) in MAILERS:
            return iter(())
        if type(integration.product) in VAULTS:
            vault = self.vault(integration)
            return vault.list_organizations() if vault else iter(())
        psa = self.psa(integration)
        return psa.list_companies() if psa else iter(())

    def directory(self, desired: Desired) -> Directory | None:
        """Return a customer's directory; raises SpecError for a missing secret."""
        settings = desired.customer.active_directory
        if settings is None:
            return None
        return DIRECTORIES[type(settings)](settings, self._secrets)

    def passwords(self, desired: Desired) -> dict[DirectoryKind, PasswordDirectory]:
        """Return the directories in which a customer's passwords can be set.

        Raises:
            SpecError: a secret is missing.
        """
        found: dict[DirectoryKind, PasswordDirectory] = {}
        domain = desired.customer.active_directory
        if domain is not None:
            opener = PASSWORDS[type(domain)]
            found[DirectoryKind.ACTIVE_DIRECTORY] = opener(domain, self._secrets, self._http)
            if wish := self._wish(desired):
                # Whoever sets a password, the wish is noted where it takes effect.
                directory = found[DirectoryKind.ACTIVE_DIRECTORY]
                found[DirectoryKind.ACTIVE_DIRECTORY] = NotingPasswords(directory, wish)
        # The tenant's adapter is kept, because it holds the token.
        tenant = getattr(self.entra(desired), "passwords", None)
        if tenant is not None:
            found[DirectoryKind.ENTRA] = tenant
        return found

    def sync_trigger(self, desired: Desired) -> SyncTrigger | None:
        """Return what starts a delta cycle; raises SpecError for a missing secret."""
        domain = desired.customer.active_directory
        settings = domain.entra_connect if domain else None
        return SYNC_TRIGGERS[type(settings)](settings, self._secrets) if settings else None

    def _wish(self, desired: Desired) -> EntraConnectWish | None:
        """Return a customer's wish; it is kept, because it outlives a run."""
        domain = desired.customer.active_directory
        if domain is None or domain.entra_connect is None:
            return None
        with self._turn:
            opener = partial(self.sync_trigger, desired)
            return self._wishes.setdefault(domain.entra_connect, EntraConnectWish(opener))

    def sealer(self) -> KeyRing:
        """Return what seals passwords in the journal; raises SpecError without a key."""
        return read_sealing_keys(self._secrets, self.sealing)

    def entra(self, desired: Desired) -> EntraDirectory | None:
        """Return a customer's Entra tenant; raises SpecError for a missing secret.

        It is kept, because it holds its token and what it last saw.
        """
        settings = desired.customer.entra
        if settings is None:
            return None
        with self._turn:
            if settings not in self._entras:
                opener = ENTRA_DIRECTORIES[type(settings)]
                self._entras[settings] = opener(settings, self._secrets, self._http)
            return self._entras[settings]

    def secret_names(self, desired: Desired) -> frozenset[str]:
        """Return the names of the secrets that a customer's systems need."""
        integrations = [one for one in (desired.vault, desired.psa, *desired.mail) if one]
        names = frozenset[str]().union(*map(self.integration_secrets, integrations))
        customer = desired.customer
        return names | _secret_names(customer.active_directory) | _secret_names(customer.entra)

    def integration_secrets(self, integration: Integration) -> frozenset[str]:
        """Return the names of the secrets that an integration needs."""
        return _secret_names(integration.product)

    def forget_connections(self, secrets: Iterable[str]) -> None:
        """Open the integrations that need these secrets anew when they are next needed."""
        names = frozenset(secrets)
        with self._turn:
            opened: dict[Integration, Any]
            for opened in (self._vaults, self._psas, self._mailers):
                for integration in [one for one in opened if _secret_names(one.product) & names]:
                    del opened[integration]
            for settings in [one for one in self._entras if _secret_names(one) & names]:
                self._entra_before += _usage_of(self._entras.pop(settings))

    def usage(self) -> tuple[tuple[str, Usage], ...]:
        """Return what each open integration has used of its budget; all tenants are one."""
        with self._turn:
            opened = {**self._vaults, **self._psas, **self._mailers}
            tenants = tuple(self._entras.values())
            entra = sum(map(_usage_of, tenants), self._entra_before)
        found = [(one.name, getattr(port, "usage", None)) for one, port in opened.items()]
        # No integration can have this name, because a name holds no space.
        found += [("entra tenants", entra)] if tenants else []
        return tuple((name, usage) for name, usage in found if usage is not None)

    def close(self) -> None:
        """Close every connection that was opened."""
        for opened in self._opened():
            close = getattr(opened, "close", None)
            if close:
                close()

    def _opened(self) -> Iterator[object]:
        yield from self._vaults.values()
        yield from self._psas.values()
        yield from self._mailers.values()
        yield from self._entras.values()


def read_sealing_keys(secrets: Secrets, ref: SecretRef = SEALING_KEYS) -> KeyRing:
    """Return the keys that seal passwords in the journal.

    Raises:
        SpecError: there is none; it says how to make one.
    """
    try:
        text = secrets.read(ref)
    except SpecError as missing:
        raise SpecError(
            (
                "No password is set without a key that seals it in the journal meanwhile: "
                f"{missing} Make one with: muster vault key",
            )
        ) from missing
    return KeyRing.parse(text, f'the secret "{ref.name}", key "{ref.key}"')


def _secret_names(
    settings: Product | ActiveDirectory | Entra | EntraConnect | KeyValue2 | None,
) -> frozenset[str]:
    """Return the names of the secrets that some settings refer to."""
    if settings is None:
        return frozenset()
    values = [getattr(settings, field.name) for field in fields(settings)]
    nested = (
        _secret_names(value)
        for value in values
        if isinstance(value, KeyValue2 | Entra | EntraConnect)
    )
    own = frozenset(value.name for value in values if isinstance(value, SecretRef))
    return own.union(*nested)


def _usage_of(port: object) -> Usage:
    return getattr(port, "usage", None) or Usage()


def _try(
    source: Source, open_it: Callable[[], T | None], problems: list[tuple[Source, str]]
) -> T | None:
    try:
        return open_it()
    except MusterError as error:
        problems.append((source, str(error)))
        return None
