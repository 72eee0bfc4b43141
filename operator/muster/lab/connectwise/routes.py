"""The routes of the simulated ConnectWise: who may call them, and what they answer."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.wrappers import Request

from muster.lab.connectwise.answers import failure
from muster.lab.connectwise.knobs import ConnectWiseKnobs
from muster.lab.connectwise.state import CwState
from muster.lab.faults import Struck
from muster.lab.http_server import Reply


class CwRoutes:
    """Answers requests from the state."""

    def __init__(self, state: CwState, knobs: ConnectWiseKnobs, base: Callable[[], str]) -> None:
        self._state = state
        self._knobs = knobs
        self._base = base

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request."""
        return failure(404, "ConnectWiseApi", "The endpoint does not exist.")
