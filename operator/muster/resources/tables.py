"""How one mapping of a resource is read: which field becomes which attribute, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from muster.model.connections import SecretRef

Json = Mapping[str, Any]
Table = Mapping[str, tuple[str, Callable[[Any], Any]]]


def read(table: Table, body: Json) -> dict[str, Any]:
    """Return the attributes for the fields that are there."""
    return {name: turn(body[key]) for key, (name, turn) in table.items() if key in body}


def each(turn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a reader of lists whose items `turn` reads."""
    return lambda items: tuple(turn(item) for item in items)


def secret_ref(body: Json) -> SecretRef:
    """Read the name of one value of one secret."""
    return SecretRef(name=body["name"], key=body["key"])
