"""One module or package per product: each implements a port of `muster.ports`.

The dictionaries say which one serves which settings. They open a product's adapter; the
packages themselves are imported when they are first needed, so that commands which touch
no system start fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from muster.model.connections import (
    ActiveDirectory,
    Autotask,
    ConnectWise,
    Entra,
    EntraConnect,
    GraphMail,
    HaloPsa,
    Hudu,
    Integration,
    ItGlue,
    NativeVault,
    Smtp,
)

if TYPE_CHECKING:
    from muster.ports import (
        Directory,
        EntraDirectory,
        Mailer,
        PasswordDirectory,
        Psa,
        Secrets,
        Vault,
    )
    from muster.sync_port import SyncTrigger
    from muster.transport.options import HttpOptions


def _it_glue(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> Vault:
    from muster.adapters.itglue import open_itglue

    return open_itglue(integration, secrets, options)


def _native_vault(
    integration: Integration,
    secrets: Secrets,
    options: HttpOptions | None = None,
    **surroundings: Any,
) -> Vault:
    from muster.adapters.native_vault import open_native_vault

    return open_native_vault(integration, secrets, options, **surroundings)


def _hudu(
    integration: Integration,
    secrets: Secrets,
    options: HttpOptions | None = None,
    **surroundings: Any,
) -> Vault:
    from muster.adapters.hudu import open_hudu

    return open_hudu(integration, secrets, options, **surroundings)


def _connect_wise(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> Psa:
    from muster.adapters.connectwise import open_connectwise

    return open_connectwise(integration, secrets, options)


def _halo_psa(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> Psa:
    from muster.adapters.halopsa import open_halopsa

    return open_halopsa(integration, secrets, options)


def _autotask(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> Psa:
    from muster.adapters.autotask import open_autotask

    return open_autotask(integration, secrets, options)


def _active_directory(settings: ActiveDirectory, secrets: Secrets) -> Directory:
    from muster.adapters.active_directory import ActiveDirectoryAdapter

    ca_pem = secrets.read(settings.ca).reveal() if settings.ca else None
    return ActiveDirectoryAdapter(settings, secrets.read(settings.password), ca_pem)


def _active_directory_passwords(
    settings: ActiveDirectory, secrets: Secrets, options: HttpOptions | None = None
) -> PasswordDirectory:
    from dataclasses import replace

    from muster.adapters.active_directory import ActiveDirectoryPasswords, login_of

    ca_pem = secrets.read(settings.ca).reveal() if settings.ca else None
    login = login_of(settings, secrets.read(settings.password), ca_pem)
    before_write = options.before_write if options else None
    return ActiveDirectoryPasswords(replace(login, before_write=before_write))


def _entra(settings: Entra, secrets: Secrets, options: HttpOptions | None = None) -> EntraDirectory:
    from muster.adapters.entra import open_entra

    return open_entra(settings, secrets, options)


def _smtp(integration: Integration, secrets: Secrets, options: HttpOptions | None = None) -> Mailer:
    from muster.adapters.smtp import open_smtp

    return open_smtp(integration, secrets, options)


def _graph_mail(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> Mailer:
    from muster.adapters.graph_mail import open_graph_mail

    return open_graph_mail(integration, secrets, options)


def _entra_connect(settings: EntraConnect, secrets: Secrets) -> SyncTrigger:
    from muster.adapters.entra_connect import EntraConnectTrigger

    ca_pem = secrets.read(settings.ca).reveal() if settings.ca else None
    return EntraConnectTrigger(settings, secrets.read(settings.password), ca_pem)


VAULTS: Mapping[type[object], Callable[..., Vault]] = {
    ItGlue: _it_glue,
    Hudu: _hudu,
    NativeVault: _native_vault,
}
"""Vaults by the type of an integration's product; call with (integration, secrets[, options]).

The native vault also takes the `stores` of the shell and a `clock`, Hudu a `clock`.
"""

PSAS: Mapping[type[object], Callable[..., Psa]] = {
    ConnectWise: _connect_wise,
    Autotask: _autotask,
    HaloPsa: _halo_psa,
}
"""PSAs, likewise."""

MAILERS: Mapping[type[object], Callable[..., Mailer]] = {Smtp: _smtp, GraphMail: _graph_mail}
"""What sends mail, likewise."""

DIRECTORIES: Mapping[type[object], Callable[..., Directory]] = {ActiveDirectory: _active_directory}
"""Directories by the type of a customer's settings; call with (settings, secrets)."""

PASSWORDS: Mapping[type[object], Callable[..., PasswordDirectory]] = {
    ActiveDirectory: _active_directory_passwords
}
"""Passwords of directories, likewise; call with (settings, secrets[, options])."""

ENTRA_DIRECTORIES: Mapping[type[object], Callable[..., EntraDirectory]] = {Entra: _entra}
"""Entra tenants, likewise; call with (settings, secrets[, options])."""

SYNC_TRIGGERS: Mapping[type[object], Callable[..., SyncTrigger]] = {EntraConnect: _entra_connect}
"""What carries passwords on, by the type of its settings; call with (settings, secrets)."""
