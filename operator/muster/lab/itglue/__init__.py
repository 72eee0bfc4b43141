"""A simulated IT Glue: stateful, over TLS, obeying the quirks that are publicly reported."""

from muster.lab.itglue.knobs import ItGlueKnobs, VaultShow
from muster.lab.itglue.lab import ItGlueLab, PasswordEdit, PasswordSeed
from muster.lab.itglue.state import KeyRights

__all__ = ["ItGlueKnobs", "ItGlueLab", "KeyRights", "PasswordEdit", "PasswordSeed", "VaultShow"]
