"""A reset that somebody asks for as a resource. It never holds the password."""

from __future__ import annotations

from dataclasses import dataclass, field

from muster.model.rotation import Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordReset:
    """A new password for one account, once."""

    name: str
    account: str
    """The name of its `Account` resource."""
    reason: str
    generator: Generator = field(default_factory=Generator)
    must_change: bool = False
    unlock: bool = False
