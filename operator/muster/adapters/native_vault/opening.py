"""From an integration's settings to an open native vault: its keys read, its store found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from muster.adapters.clock import utc_now
from muster.adapters.integrations import http_options
from muster.adapters.native_vault.vault import NativeVaultAdapter
from muster.errors import SpecError
from muster.model.connections import Integration, KeyValue2, NativeVault, VaultBackend
from muster.ports import Clock, EntryStore, Secrets
from muster.sealing import KeyRing
from muster.transport.options import HttpOptions

EntryStores = Mapping[VaultBackend, Callable[[str], EntryStore]]
"""The stores that a shell has of its own; call with the integration's name."""

_ELSEWHERE = {
    VaultBackend.REGISTRY: "is a file of one machine, which this process does not have. In a "
    "cluster set KubernetesSecrets or KeyValue2",
    VaultBackend.KUBERNETES_SECRETS: "is in a cluster, to which this command is not connected. "
    "Name its namespace where the command has --namespace; on one machine set Registry or "
    "KeyValue2",
    VaultBackend.KEY_VALUE_2: "needs keyValue2 beside it, which says where the engine is",
}


def open_native_vault(
    integration: Integration,
    secrets: Secrets,
    options: HttpOptions | None = None,
    stores: EntryStores | None = None,
    clock: Clock = utc_now,
) -> NativeVaultAdapter:
    """Return the vault of an integration.

    Raises:
        SpecError: a secret is missing or is no key, or the backend is not to be had here.
    """
    settings = integration.product
    if not isinstance(settings, NativeVault):
        raise TypeError(f"integration {integration.name} is no native vault")
    ref = settings.key
    keys = KeyRing.parse(secrets.read(ref), f'the secret "{ref.name}", key "{ref.key}"')
    options = http_options(integration, secrets, options)
    store = _store(integration.name, settings, secrets, options, stores or {})
    guard = options.before_write
    return NativeVaultAdapter(store, keys, clock, before_write=guard or (lambda: None))


def _store(
    name: str, settings: NativeVault, secrets: Secrets, options: HttpOptions, stores: EntryStores
) -> EntryStore:
    if settings.key_value_2 is not None:
        return _key_value(name, settings.key_value_2, secrets, options)
    if settings.backend in stores:
        return stores[settings.backend](name)
    raise SpecError(
        (f"Integration {name}: the backend {settings.backend} {_ELSEWHERE[settings.backend]}.",)
    )


def _key_value(
    name: str, settings: KeyValue2, secrets: Secrets, options: HttpOptions
) -> EntryStore:
    from muster.adapters.native_vault.key_value import KeyValueStore

    return KeyValueStore(
        settings,
        vault=name,
        token=secrets.read(settings.token),
        ca_pem=secrets.read(settings.ca).reveal() if settings.ca else None,
        options=options,
    )
