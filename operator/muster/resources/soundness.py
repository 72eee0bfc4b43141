"""Says quickly that a resource has no fault. Why one has is left to `schema_faults`, the slow one.

A schema is turned into plain functions once. They obey every keyword that our schemas use, and
must agree with `schema_faults` on each; a keyword that they do not know makes everything doubtful,
so that `schema_faults` decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from muster.resources.rules import holds, needs_old_value
from muster.resources.schemas import written_schema

Check = Callable[[Any], bool]

_SILENT = {"description", "examples", "default", "title", "$schema", "$id"}
_TYPES: Mapping[str, Check] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "integer": lambda value: type(value) is int,
}


def is_sound(kind: str, resource: Any) -> bool:
    """Return whether a resource certainly has no fault; False only means that it may have one."""
    return _compiled(kind)(resource)


@cache
def _compiled(kind: str) -> Check:
    return _check(written_schema(kind))


def _check(schema: Mapping[str, Any]) -> Check:
    """Return a check of a type first, because the others rely on it."""
    words = set(schema) - _SILENT
    if not words <= {*_MAKERS, "type", *_READ_WITH} or schema.get("type") not in _TYPES:
        return lambda _: False
    typed = _TYPES[schema["type"]]
    checks = tuple(make(schema) for word, make in _MAKERS.items() if word in schema)

    def check(value: Any) -> bool:
        if not typed(value):
            return False
        for one in checks:  # noqa: SIM110 - a generator would take twice as long
            if not one(value):
                return False
        return True

    return check


def _properties(schema: Mapping[str, Any]) -> Check:
    fields = {name: _check(field) for name, field in schema["properties"].items()}
    required = frozenset(schema.get("required", ()))
    others = _others(schema.get("additionalProperties", True))

    def check(value: dict[str, Any]) -> bool:
        return required <= value.keys() and all(
            fields.get(name, others)(item) for name, item in value.items()
        )

    return check


def _others(schema: Any) -> Check:
    if isinstance(schema, bool):
        return lambda _: schema
    return _check(schema)


def _map(schema: Mapping[str, Any]) -> Check:
    if "properties" in schema:
        return lambda _: True
    others = _others(schema["additionalProperties"])
    return lambda value: all(others(item) for item in value.values())


def _pattern(schema: Mapping[str, Any]) -> Check:
    # As in `schema_faults`: `$` is the very end, and only ASCII counts as white space.
    search = re.compile(re.sub(r"\$$", r"\\Z", schema["pattern"]), re.ASCII).search
    return lambda value: search(value) is not None


def _enum(schema: Mapping[str, Any]) -> Check:
    allowed = frozenset(schema["enum"])
    return lambda value: value in allowed


def _rules(schema: Mapping[str, Any]) -> Check:
    # All rules of a place as one: the value is handed to CEL once.
    texts = [one["rule"] for one in schema["x-kubernetes-validations"]]
    rule = " && ".join(f"({text})" for text in texts if not needs_old_value(text))
    return lambda value: not rule or holds(rule, value) is True


def _items(schema: Mapping[str, Any]) -> Check:
    item = _check(schema["items"])
    return lambda value: all(item(one) for one in value)


def _list_type(schema: Mapping[str, Any]) -> Check:
    fields = schema.get("x-kubernetes-list-map-keys")
    if schema["x-kubernetes-list-type"] == "atomic":
        return lambda _: True
    if fields is None:
        return lambda value: len(set(value)) == len(value)
    return lambda value: (
        len({tuple(one.get(name) for name in fields) for one in value}) == len(value)
    )


def _format(schema: Mapping[str, Any]) -> Check:
    if schema["format"] != "date-time":
        return lambda _: False
    return _is_time


def _is_time(value: str) -> bool:
    try:
        time = datetime.fromisoformat(value)
        return time.tzinfo is not None and time.astimezone(UTC) is not None
    except (ValueError, OverflowError):
        return False


_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], Check]] = {
    "enum": _enum,
    "pattern": _pattern,
    "minLength": lambda schema: lambda value: len(value) >= schema["minLength"],
    "maxLength": lambda schema: lambda value: len(value) <= schema["maxLength"],
    "minimum": lambda schema: lambda value: value >= schema["minimum"],
    "maximum": lambda schema: lambda value: value <= schema["maximum"],
    "minItems": lambda schema: lambda value: len(value) >= schema["minItems"],
    "maxItems": lambda schema: lambda value: len(value) <= schema["maxItems"],
    "minProperties": lambda schema: lambda value: len(value) >= schema["minProperties"],
    "maxProperties": lambda schema: lambda value: len(value) <= schema["maxProperties"],
    "format": _format,
    "properties": _properties,
    "additionalProperties": _map,
    "items": _items,
    "x-kubernetes-list-type": _list_type,
    "x-kubernetes-validations": _rules,
}
"""In this order, so that a rule sees a value whose shape is right."""

_READ_WITH = {"required", "x-kubernetes-list-map-keys"}
"""Keywords that another one's check reads."""
