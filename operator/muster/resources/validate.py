"""Checks one resource against its schema and rules, and says every fault in whole sentences.

The values of reference fields (`…Ref`) are never shown: somebody may have put a secret there.
What lies between resources is left to `references`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from muster.resources.problems import Fault, FieldPath, dotted, nearest, shorten
from muster.resources.rules import holds
from muster.resources.schemas import load_schema

RawText = Callable[[FieldPath], str | None]
"""Gives the unquoted text behind a value, where there is one."""

_RULES = "x-kubernetes-validations"
_LIST_TYPE = "x-kubernetes-list-type"
_SHAPE = {"type", "required", "additionalProperties"}


def find_faults(kind: str, resource: Any, raw: RawText = lambda _: None) -> tuple[Fault, ...]:
    """Return everything that is wrong with one resource of a kind that we know."""
    errors = sorted(_validator(kind).iter_errors(resource), key=_order)
    shapes = {tuple(e.absolute_path) for e in errors if e.validator in _SHAPE}
    faults: dict[tuple[FieldPath, str], Fault] = {}
    for error in errors:
        if error.validator == _RULES and _doubtful(error, shapes, errors):
            continue
        for fault in _said(error, raw):
            faults.setdefault((fault.path, _topic(error, fault)), fault)
    return tuple(faults.values())


def _order(error: ValidationError) -> tuple[bool, str]:
    return (error.validator == _RULES, str(list(error.absolute_path)))


def _topic(error: ValidationError, fault: Fault) -> str:
    """Return what a fault is about: one value that is wrong in two ways is reported once."""
    return fault.message if error.validator in {_RULES, "required"} else ""


def _doubtful(
    error: ValidationError, shapes: set[FieldPath], errors: Iterable[ValidationError]
) -> bool:
    """Return whether a broken rule only follows from a fault that is reported anyway."""
    place = tuple(error.absolute_path)
    if place in shapes:
        return True
    below = (tuple(other.absolute_path)[: len(place)] for other in errors if other is not error)
    return error.cause is not None and place in below


# ---------------------------------------------------------------- the validator


@cache
def _validator(kind: str) -> Any:
    extend: Any = validators.extend
    extended = extend(
        Draft202012Validator,
        {"type": _check_type, _RULES: _check_rules, _LIST_TYPE: _check_list_type},
    )
    return extended(load_schema(kind), format_checker=_FORMATS)


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


class _NotEvaluable(Exception):
    """Marks a rule that the value's shape keeps from being evaluated."""


def _check_rules(
    _: Any, rules: list[dict[str, str]], value: Any, __: Any
) -> Iterator[ValidationError]:
    for rule in rules:
        verdict = holds(rule["rule"], value)
        if verdict is None:
            yield ValidationError("cannot be checked", instance=rule, cause=_NotEvaluable())
        elif not verdict:
            yield ValidationError(rule["message"], instance=rule)


def _check_list_type(_: Any, kind: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if kind != "set" or not isinstance(value, list):
        return
    for index, item in enumerate(value):
        if isinstance(item, str) and item in value[:index]:
            yield ValidationError("twice", path=[index], instance=item)


_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


# ---------------------------------------------------------------- the sentences


def _said(error: ValidationError, raw: RawText) -> Iterator[Fault]:
    path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if keyword == "additionalProperties":
        yield from _unknown_fields(path, error)
    elif keyword == "required":
        yield from _missing_fields(path, error)
    elif keyword == _RULES:
        yield _broken_rule(path, error)
    elif keyword == "type":
        yield _wrong_type(path, error, raw(path))
    else:
        yield _wrong_value(path, error)


def _unknown_fields(path: FieldPath, error: ValidationError) -> Iterator[Fault]:
    known = list(_schema(error)["properties"])
    instance: Any = error.instance
    for name in instance:
        if name in known:
            continue
        guess = nearest(str(name), known)
        advice = f"Did you mean `{guess}`?" if guess else f"Known here: {', '.join(known)}."
        message = f"Unknown field `{dotted((*path, name))}`."
        yield Fault(path=(*path, name), message=message, advice=advice, on_key=True)


def _missing_fields(path: FieldPath, error: ValidationError) -> Iterator[Fault]:
    schema = _schema(error)
    instance: Any = error.instance
    for name in schema["required"]:
        if name not in instance:
            field = schema["properties"][name]
            message = f"Missing field `{dotted((*path, name))}`."
            yield Fault(path=path, message=message, advice=f"Add it: {_hint(field)}", on_key=True)


def _hint(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return f"{' or '.join(field['enum'])}."
    description: str = field["description"]
    return description[0].lower() + description[1:]


def _broken_rule(path: FieldPath, error: ValidationError) -> Fault:
    rule: Any = error.instance
    steps = tuple(step for step in rule.get("fieldPath", "").split(".") if step)
    place = dotted(path) or "resource"
    message = f"`{place}` breaks a rule: {rule['message']}."
    if error.cause is not None:
        message = f"`{place}` cannot be checked by the rule `{rule['rule']}`."
    return Fault(path=(*path, *steps), message=message)


_NAMED = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a mapping of fields",
    "array": "a list",
}


def _wrong_type(path: FieldPath, error: ValidationError, raw: str | None) -> Fault:
    wanted = str(error.validator_value)
    value = error.instance
    message = f"`{dotted(path)}` must be {_NAMED[wanted]}, but it is {_found(value)}."
    return Fault(path=path, message=message, advice=_type_advice(path, wanted, value, raw))


def _found(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    if value is None:
        return "empty"
    return names.get(type(value), "a list" if isinstance(value, list) else "a mapping of fields")


def _type_advice(path: FieldPath, wanted: str, value: Any, raw: str | None) -> str:
    if value is None:
        return "Give it a value or remove the field."
    if wanted == "string" and isinstance(value, bool | int | float):
        if raw is None or _hidden(path):
            return "Put it in quotes."
        return f'YAML reads `{shorten(raw)}` that way; put it in quotes: "{shorten(raw)}".'
    if wanted == "integer" and isinstance(value, float):
        return "Write it in plain decimal digits, without a leading zero."
    if wanted in {"integer", "boolean"} and isinstance(value, str):
        return "Write it without quotes, and without a unit."
    return "Put each item on its own line after `- `." if wanted == "array" else ""


def _wrong_value(path: FieldPath, error: ValidationError) -> Fault:
    schema = _schema(error)
    name = f"`{dotted(path)}`"
    advice = ""
    match error.validator:
        case "enum":
            message = f"{name} must be {' or '.join(schema['enum'])}{_but(path, error)}."
            guess = nearest(str(error.instance), schema["enum"]) if not _hidden(path) else None
            advice = f"Did you mean `{guess}`?" if guess else ""
        case "pattern" | "format" | "minLength" if error.instance == "":
            message = f"{name} must not be empty."
            advice = _like(schema)
        case "pattern" | "format":
            message = f"{name} does not have the right form{_but(path, error)}."
            advice = _like(schema)
        case "minimum" | "maximum":
            bounds = f"{schema['minimum']} to {schema['maximum']}"
            message = f"{name} must be {bounds}{_but(path, error)}."
        case "x-kubernetes-list-type":
            message = f"{name} stands twice in the list."
            advice = "Remove one of them."
        case "minItems" | "minProperties":
            message = f"{name} must not be empty."
            advice = "Remove the field to leave it out."
        case _:
            message = f"{name} is too long: at most {error.validator_value} are allowed."
    return Fault(path=path, message=message, advice=advice)


def _but(path: FieldPath, error: ValidationError) -> str:
    return "" if _hidden(path) else f", but it is `{shorten(str(error.instance))}`"


def _like(schema: Mapping[str, Any]) -> str:
    examples = " or ".join(f"`{example}`" for example in schema.get("examples", ()))
    return f"Write it like {examples}." if examples else ""


def _hidden(path: FieldPath) -> bool:
    return any(isinstance(part, str) and part.endswith("Ref") for part in path)


def _schema(error: ValidationError) -> Mapping[str, Any]:
    schema: Any = error.schema
    return schema if isinstance(schema, Mapping) else {}
