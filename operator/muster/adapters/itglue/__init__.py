"""IT Glue as a vault."""

from muster.adapters.itglue.vault import ItGlueVault, open_itglue

__all__ = ["ItGlueVault", "open_itglue"]
