"""One request to Graph, as every route gets it, alone or out of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.lab.faults import Struck
from muster.lab.graph.answers import refuse
from muster.lab.graph.signin import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request: where to, with what, by whom. Header names are in lower case."""

    method: str
    path: str
    """Below `/v1.0`."""
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    caller: Caller
    body: Any = field(default=None, repr=False)
    struck: Struck = ()

    @property
    def is_advanced(self) -> bool:
        """Whether the request asks for the capabilities of advanced queries.

        Source: https://learn.microsoft.com/graph/aad-advanced-queries
        """
        level = self.headers.get("consistencylevel", "").lower()
        return level == "eventual" and self.parameters.get("$count", "").lower() == "true"

    def require(self, *permissions: str) -> None:
        """Raise 403 unless the token has one of these permissions."""
        if not self.caller.permissions.intersection(permissions):
            raise refuse(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            )

    def require_advanced(self, what: str) -> None:
        """Raise 400 unless the request is an advanced one."""
        if not self.is_advanced:
            raise refuse(
                400,
                "Request_UnsupportedQuery",
                f"{what} needs the header ConsistencyLevel: eventual and $count=true.",
            )
