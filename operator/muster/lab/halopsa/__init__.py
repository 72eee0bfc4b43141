"""A simulated HaloPSA: stateful, over TLS, with the quirks that are publicly reported."""

from muster.lab.halopsa.knobs import Count, HaloPsaKnobs, WriteShape
from muster.lab.halopsa.lab import HaloPsaLab, UserEdit

__all__ = ["Count", "HaloPsaKnobs", "HaloPsaLab", "UserEdit", "WriteShape"]
