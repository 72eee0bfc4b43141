"""The native vault behind the `Vault` port, for an MSP without IT Glue or Hudu."""

from muster.adapters.native_vault.opening import EntryStores as EntryStores
from muster.adapters.native_vault.opening import open_native_vault as open_native_vault
from muster.adapters.native_vault.vault import NativeVaultAdapter as NativeVaultAdapter
