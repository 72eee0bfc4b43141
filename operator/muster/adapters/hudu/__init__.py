"""Hudu behind the `Vault` port."""

from muster.adapters.hudu.vault import HuduVault as HuduVault
from muster.adapters.hudu.vault import open_hudu as open_hudu
