"""A simulated Hudu: stateful, over TLS, obeying the quirks that are publicly reported."""

from muster.lab.hudu.knobs import HuduKnobs, TimeFilter
from muster.lab.hudu.lab import HuduLab, PasswordEdit, PasswordSeed
from muster.lab.hudu.state import KeyRights

__all__ = ["HuduKnobs", "HuduLab", "KeyRights", "PasswordEdit", "PasswordSeed", "TimeFilter"]
