"""A value that must not be seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


class Secret:
    """A password or key. `repr` and `str` say `***`; only adapters call `reveal`.

    No attribute holds the value: what reads attributes, such as a comparison of objects or the
    inspector of an exception, would show it.
    """

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        self._reveal: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """Return the value, to hand it to the system it is for."""
        return self._reveal()

    def same_as(self, other: Secret | None) -> bool:
        """Say whether two secrets have the same value, without showing either."""
        return other is not None and self.reveal() == other.reveal()

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")
