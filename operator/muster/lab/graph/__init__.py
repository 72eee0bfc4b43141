"""A simulated Entra ID with Microsoft Graph: stateful, over TLS, with its documented quirks."""

from muster.lab.graph.knobs import GraphKnobs
from muster.lab.graph.lab import GraphLab, UserOptions
from muster.lab.graph.state import READ_PERMISSIONS

__all__ = ["READ_PERMISSIONS", "GraphKnobs", "GraphLab", "UserOptions"]
