"""A value that must not be seen."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """A password or key. `repr` and `str` say `***`; only adapters call `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, to hand it to the system it is for."""
        return self._value

    def same_as(self, other: Secret | None) -> bool:
        """Say whether two secrets have the same value, without showing either."""
        return other is not None and self._value == other._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")
