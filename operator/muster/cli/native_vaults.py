"""Opens the native vaults of an estate for the commands of `muster vault`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from muster.adapters.native_vault import EntryStores, NativeVaultAdapter, open_native_vault
from muster.adapters.native_vault.document import EntryDocument
from muster.audit import FileSink, Sink
from muster.cli.operating import need_operator_libraries
from muster.cli.session import Place, open_secrets
from muster.errors import SpecError
from muster.model.connections import Integration, NativeVault, VaultBackend
from muster.model.names import RemoteId
from muster.model.settings import Desired, Estate
from muster.plan.keys import fold
from muster.ports import Secrets
from muster.registry.entry_store import SqliteEntryStore
from muster.registry.sqlite import SqliteRegistry
from muster.resources import load_estate
from muster.transport.options import HttpOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeVaults:
    """The estate, what its native vaults are opened with, and where effects are recorded."""

    estate: Estate
    audit: Sink
    secrets: Secrets
    stores: EntryStores
    options: HttpOptions
    opened: ExitStack

    def open(self, integration: Integration) -> NativeVaultAdapter:
        """Return the vault of an integration; it is closed with everything else."""
        vault = open_native_vault(integration, self.secrets, self.options, self.stores)
        self.opened.callback(vault.close)
        return vault

    def of(self, desired: Desired) -> tuple[NativeVaultAdapter, RemoteId]:
        """Return a customer's vault and its organization there.

        Raises:
            SpecError: the customer uses another vault, or none.
        """
        if not uses_native(desired) or desired.vault is None or desired.customer.vault is None:
            name = desired.customer.name
            raise SpecError((f"{name} does not use the native vault; look in its own vault.",))
        return self.open(desired.vault), desired.customer.vault.organization_id


def uses_native(desired: Desired) -> bool:
    """Say whether a customer's vault is a native one."""
    return desired.vault is not None and isinstance(desired.vault.product, NativeVault)


@contextmanager
def open_vaults(where: Place, namespace: str, *, write: bool = False) -> Iterator[NativeVaults]:
    """Open what the native vaults of an estate need: on this machine, or of a cluster's namespace.

    Raises:
        SpecError: the resources are wrong.
        StateError: the registry cannot be used.
        StateBusy: it is to be written, and another process writes it.
    """
    loaded = load_estate(where.paths)
    loaded.checked()
    with ExitStack() as opened:
        secrets, stores = (
            _of_cluster(namespace, opened) if namespace else _of_machine(where, opened, write=write)
        )
        yield NativeVaults(
            estate=loaded.estate,
            audit=FileSink(where.audit_file),
            secrets=secrets,
            stores=stores,
            options=HttpOptions(retry_budget_s=where.patience_s),
            opened=opened,
        )


def _of_machine(where: Place, opened: ExitStack, *, write: bool) -> tuple[Secrets, EntryStores]:
    opener = SqliteRegistry.open if write else SqliteRegistry.open_for_reading
    registry = opened.enter_context(opener(where.state_file))
    return open_secrets(where), {VaultBackend.REGISTRY: partial(SqliteEntryStore, registry)}


def _of_cluster(namespace: str, opened: ExitStack) -> tuple[Secrets, EntryStores]:
    need_operator_libraries()
    from muster.kube.api import KubeApi
    from muster.kube.entry_store import KubeEntryStore
    from muster.kube.secrets import KubeSecrets

    api = KubeApi()
    opened.callback(api.close)
    stores = {VaultBackend.KUBERNETES_SECRETS: partial(KubeEntryStore, api, namespace)}
    return KubeSecrets(api, namespace), stores


def find_entry(vault: NativeVaultAdapter, organization: RemoteId, name: str) -> EntryDocument:
    """Return the entry of an id, or else of a username or a name that only one entry has.

    Raises:
        SpecError: none fits, or several do.
    """
    entries = list(vault.list_entries(organization))
    found = [one for one in entries if one.id == name] or [
        one for one in entries if fold(name) in (fold(one.username), fold(one.name))
    ]
    if len(found) == 1:
        return vault.find_entry(organization, found[0].id)
    if found:
        ids = ", ".join(one.id for one in found)
        raise SpecError((f'"{name}" fits several entries of {organization}: {ids}. Name one.',))
    raise SpecError((f'{organization} has no entry "{name}". See: muster vault list',))
