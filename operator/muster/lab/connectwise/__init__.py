"""A simulated ConnectWise PSA: stateful, over TLS, with the quirks that are publicly reported."""

from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.lab import ConnectWiseLab, ContactEdit
from muster.lab.connectwise.state import Member

__all__ = ["ConnectWiseKnobs", "ConnectWiseLab", "ContactEdit", "Member"]
