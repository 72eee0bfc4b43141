"""A simulated Autotask PSA: stateful, over TLS, with the quirks that are publicly reported."""

from muster.lab.autotask.knobs import AutotaskKnobs
from muster.lab.autotask.lab import AutotaskLab, ContactEdit

__all__ = ["AutotaskKnobs", "AutotaskLab", "ContactEdit"]
