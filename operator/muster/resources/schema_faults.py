"""Finds every place at which one resource breaks its schema or its rules.

How a fault is said is left to `sentences`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from muster.resources.problems import Fault, FieldPath
from muster.resources.rules import holds, needs_old_value
from muster.resources.schemas import written_schema
from muster.resources.sentences import RULES, RawText, say

_LIST_TYPE = "x-kubernetes-list-type"
_MAP_KEYS = "x-kubernetes-list-map-keys"
_SHAPE = {"type", "required", "additionalProperties"}


def list_faults(kind: str, resource: Any, raw: RawText) -> tuple[Fault, ...]:
    """Return everything that is wrong with one resource of a kind that we know."""
    errors = sorted(_validator(kind).iter_errors(resource), key=_order)
    shapes = {tuple(e.absolute_path) for e in errors if e.validator in _SHAPE}
    faults: dict[tuple[FieldPath, str], Fault] = {}
    for error in errors:
        if error.validator == RULES and _doubtful(error, shapes, errors):
            continue
        for fault in say(error, raw):
            faults.setdefault((fault.path, _topic(error, fault)), fault)
    return tuple(faults.values())


def _order(error: ValidationError) -> tuple[bool, str]:
    return (error.validator == RULES, str(list(error.absolute_path)))


def _topic(error: ValidationError, fault: Fault) -> str:
    """Return what a fault is about: one value that is wrong in two ways is reported once."""
    return fault.message if error.validator in {RULES, "required"} else ""


def _doubtful(
    error: ValidationError, shapes: set[FieldPath], errors: Iterable[ValidationError]
) -> bool:
    """Return whether a broken rule only follows from a fault that is reported anyway."""
    place = tuple(error.absolute_path)
    if place in shapes:
        return True
    others = (tuple(other.absolute_path) for other in errors if other.validator != RULES)
    return error.cause is not None and any(other[: len(place)] == place for other in others)


@cache
def _validator(kind: str) -> Any:
    extend: Any = validators.extend
    extended = extend(
        Draft202012Validator,
        {
            "type": _check_type,
            "pattern": _check_pattern,
            RULES: _check_rules,
            _LIST_TYPE: _check_list_type,
        },
    )
    return extended(written_schema(kind), format_checker=_FORMATS)


_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "object": dict,
    "array": list,
}


def _check_type(_: Any, wanted: str, value: Any, __: Any) -> Iterator[ValidationError]:
    """Check a type as the API server does: 20.0 is no whole number, true is no 1."""
    fits = type(value) is int if wanted == "integer" else isinstance(value, _TYPES[wanted])
    if not fits:
        yield ValidationError(wanted)


def _check_pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    """Check a pattern as the API server does.

    `$` is the very end, not before a line break, and only ASCII white space
    counts as such (Go, package regexp/syntax).
    """
    strict = re.sub(r"\$$", r"\\Z", pattern)
    if isinstance(value, str) and not re.search(strict, value, re.ASCII):
        yield ValidationError(pattern)


class _NotEvaluable(Exception):
    """Marks a rule that the value's shape keeps from being evaluated."""


def _check_rules(
    _: Any, rules: list[dict[str, str]], value: Any, __: Any
) -> Iterator[ValidationError]:
    """Check the rules about one value; those about a change are left to the API server."""
    for rule in rules:
        if needs_old_value(rule["rule"]):
            continue
        verdict = holds(rule["rule"], value)
        if verdict is None:
            yield ValidationError("cannot be checked", instance=rule, cause=_NotEvaluable())
        elif not verdict:
            yield ValidationError(rule["message"], instance=rule)


def _check_list_type(_: Any, kind: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Check that no item of a set, and no key of a map, stands twice."""
    if kind == "atomic" or not isinstance(value, list):
        return
    seen = set()
    for index, item in enumerate(value):
        key = _key(item, schema.get(_MAP_KEYS))
        if key in seen:
            yield ValidationError("twice", path=[index], instance=item)
        elif key is not None:
            seen.add(key)


def _key(item: Any, fields: list[str] | None) -> tuple[str, ...] | None:
    """Return what tells an item from the others; None where its shape is wrong anyway."""
    if fields is None:
        return (item,) if isinstance(item, str) else None
    if not isinstance(item, dict):
        return None
    values = [item.get(name) for name in fields]
    texts = tuple(value for value in values if isinstance(value, str))
    return texts if len(texts) == len(values) else None


_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=(ValueError, OverflowError))
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    time = datetime.fromisoformat(value)
    return time.tzinfo is not None and time.astimezone(UTC) is not None
