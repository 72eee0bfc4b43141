"""The routes of the simulated IT Glue: who may call them, and what they answer."""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.wrappers import Request

from muster.lab.faults import Struck
from muster.lab.http_server import Reply
from muster.lab.itglue.answers import problem
from muster.lab.itglue.knobs import ItGlueKnobs
from muster.lab.itglue.state import ItGlueState


class ItGlueRoutes:
    """Answers requests from the state."""

    def __init__(self, state: ItGlueState, knobs: ItGlueKnobs, base: Callable[[], str]) -> None:
        self._state = state
        self._knobs = knobs
        self._base = base

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Answer one request."""
        return problem(404, "Not Found")
