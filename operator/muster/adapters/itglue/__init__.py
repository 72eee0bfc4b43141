"""IT Glue behind the `Vault` port."""

from muster.adapters.itglue.vault import ItGlueVault as ItGlueVault
from muster.adapters.itglue.vault import open_itglue as open_itglue
