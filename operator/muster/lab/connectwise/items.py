"""Communication items of a contact: what a request may send, and what becomes of it.

Sources: amp-labs/connectors (providers/connectwise: array indexes, the moving default),
HealthITAU/pyconnectwise issue 27 (PATCH of one communication), ConnectWiseManageAPI issue 51
(POST of one communication).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.lab.connectwise.answers import InvalidPatchError, refuse_object
from muster.lab.connectwise.state import CwState, Json, new_item

_MAX = {"value": 250, "extension": 15}


class Items:
    """Builds and changes items against the tenant's communication types."""

    def __init__(self, state: CwState) -> None:
        self._state = state

    def build(self, sent: Any) -> Json:
        """Return a stored item for one that a request sends; `type` and `value` are required.

        The type is named by its id, as number or text, or by its name; it decides the channel.
        """
        if not isinstance(sent, Mapping):
            raise InvalidPatchError("a communication item must be an object")
        for name in ("type", "value"):
            if not sent.get(name):
                refuse_object("communication", name, f"The {name} field is required.")
        for name, limit in _MAX.items():
            if len(str(sent.get(name) or "")) > limit:
                refuse_object("communication", name, f"{name} is longer than {limit} characters.")
        kind, value = self._kind(sent["type"]), str(sent["value"])
        default = bool(sent.get("defaultFlag", False))
        item = new_item(sent.get("id") or self._state.new_id(), kind, value, default=default)
        if sent.get("extension"):  # absent when empty
            item["extension"] = str(sent["extension"])
        return item

    def change(self, items: list[Json], index: int, name: str, value: Any) -> None:
        """Set one property of an item; a new default takes the flag from the old one."""
        if name not in {"value", "type", "defaultFlag", "extension"}:
            raise InvalidPatchError(f"{name} of a communication cannot be changed")
        items[index] = self.build({**items[index], name: value})
        if name == "defaultFlag" and value:
            claim_default(items, index)

    def patch(self, items: list[Json], op: str, path: list[str], value: Any) -> list[Json]:
        """Return the items after one operation; `path` is what follows communicationItems."""
        match op, path:
            case (("add" | "replace"), []):
                if not isinstance(value, list):
                    raise InvalidPatchError("communicationItems must be an array")
                return [self.build(each) for each in value]
            case "remove", []:
                return []
            case "add", [place] if place in {"0", str(len(items))}:
                item = self.build(value)
                if place == "0" and items:  # index 0 appends too, but ignores defaultFlag
                    item["defaultFlag"] = False
                return [*items, item]
            case "remove", [place]:
                index = _index(items, place)
                return items[:index] + items[index + 1 :]
            case (("add" | "replace"), [place, name]):
                self.change(items, _index(items, place), name, value)
                return items
            case _:
                raise InvalidPatchError(f"{op} is not possible at communicationItems/{path}")

    def _kind(self, sent: Any) -> Mapping[str, Any]:
        wanted = sent if isinstance(sent, Mapping) else {}
        for row in self._state.types:
            if str(row.id) == str(wanted.get("id")):
                return row.record
            if "id" not in wanted and row.record["description"] == wanted.get("name"):
                return row.record
        return refuse_object("communication", "type", "The communication type does not exist.")


def claim_default(items: list[Json], index: int) -> None:
    """Let one item be the only default of its channel."""
    channel = items[index]["communicationType"]
    for place, item in enumerate(items):
        if item["communicationType"] == channel:
            item["defaultFlag"] = place == index


def _index(items: list[Json], place: str) -> int:
    if not place.isdigit() or int(place) >= len(items):
        raise InvalidPatchError(f"there is no communication item at {place}")
    return int(place)
