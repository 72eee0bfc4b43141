"""What is said about resources that do not go together."""

from __future__ import annotations

from dataclasses import dataclass

from muster.resources.codes import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two resources that do not go together, or one that points at nothing."""

    code: Code
    at: str
    message: str
    advice: str = ""
    other: str | None = None
    """The place of the other resource."""
