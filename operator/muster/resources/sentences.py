"""Says in whole sentences what a schema's verdict means and what to do about it.

The values of reference fields (`…Ref`) are never shown: somebody may have put a secret there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from muster.resources.codes import Code
from muster.resources.problems import Fault, FieldPath, dotted, nearest, shorten

if TYPE_CHECKING:
    from jsonschema import ValidationError

RawText = Callable[[FieldPath], str | None]
"""Gives the unquoted text behind a value, where there is one."""

RULES = "x-kubernetes-validations"


def say(error: ValidationError, raw: RawText) -> Iterator[Fault]:
    """Yield the faults that one broken keyword of a schema stands for."""
    path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if keyword == "additionalProperties":
        yield from _unknown_fields(path, error)
    elif keyword == "required":
        yield from _missing_fields(path, error)
    elif keyword == RULES:
        yield _broken_rule(path, error)
    elif keyword == "type":
        yield _wrong_type(path, error, raw(path))
    else:
        yield _wrong_value(path, error, raw(path))


def _unknown_fields(path: FieldPath, error: ValidationError) -> Iterator[Fault]:
    known = list(_schema(error)["properties"])
    instance: Any = error.instance
    spelt = [str(name).casefold() for name in instance]
    for name in instance:
        if name in known:
            continue
        guess = nearest(str(name), known)
        advice = f"Did you mean `{guess}`?" if guess else f"Known here: {', '.join(known)}."
        message = f"Unknown field `{dotted((*path, name))}`."
        yield Fault(
            code=Code.UNKNOWN_FIELD,
            path=(*path, name),
            message=message,
            advice=advice,
            on_key=True,
            fix=(name, guess) if guess and _only_case(name, guess, spelt) else None,
        )


def _only_case(name: str, guess: str, spelt: Sequence[str]) -> bool:
    """Say whether a name is a field's but for its case, and nothing else there is."""
    return guess.casefold() == name.casefold() and spelt.count(guess.casefold()) == 1


def _missing_fields(path: FieldPath, error: ValidationError) -> Iterator[Fault]:
    schema = _schema(error)
    instance: Any = error.instance
    for name in schema["required"]:
        if name not in instance:
            field = schema["properties"][name]
            message = f"Missing field `{dotted((*path, name))}`."
            advice = f"Add it: {_hint(field)}"
            code = Code.MISSING_FIELD
            yield Fault(code=code, path=path, message=message, advice=advice, on_key=True)


def _hint(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return f"{' or '.join(field['enum'])}."
    description: str = field["description"]
    return description[0].lower() + description[1:]


def _broken_rule(path: FieldPath, error: ValidationError) -> Fault:
    rule: Any = error.instance
    steps = tuple(step for step in rule.get("fieldPath", "").split(".") if step)
    place = dotted((*path, *steps)) or "resource"
    message = f"`{place}` is not valid: {rule['message']}."
    if error.cause is not None:
        message = f"`{place}` cannot be checked by the rule `{rule['rule']}`."
    return Fault(code=Code.RULE_BROKEN, path=(*path, *steps), message=message)


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
    advice = _type_advice(path, error, raw)
    quotable = wanted == "string" and isinstance(value, bool | int | float) and not _hidden(path)
    fix = (raw, f'"{raw}"') if raw and quotable and _fits(raw, _schema(error)) else None
    return Fault(code=Code.WRONG_TYPE, path=path, message=message, advice=advice, fix=fix)


def _fits(text: str, schema: Mapping[str, Any]) -> bool:
    """Say whether a text has the form that is wanted, or none is."""
    return re.search(schema.get("pattern", ""), text) is not None and (
        text in schema.get("enum", (text,))
    )


def _found(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number of another form", str: "text"}
    if value is None:
        return "empty"
    return names.get(type(value), "a list" if isinstance(value, list) else "a mapping of fields")


def _type_advice(path: FieldPath, error: ValidationError, raw: str | None) -> str:
    value = error.instance
    match error.validator_value:
        case _ if value is None:
            advice = "Give it a value or remove the field."
        case "string" if isinstance(value, bool | int | float):
            right = raw is None or _hidden(path) or _fits(raw, _schema(error))
            advice = _quote(path, raw) if right else _like(_schema(error), mark='"')
        case "integer" if isinstance(value, float):
            advice = "Write it in plain decimal digits, without a leading zero."
        case "integer" | "boolean" if isinstance(value, str):
            advice = "Write it without quotes, and without a unit."
        case "object" if _hidden(path):
            fields = ", ".join(f"{name}: …" for name in _schema(error)["required"])
            advice = f"Write {{{fields}}}; the value itself never stands here."
        case "array":
            advice = "Put each item on its own line after `- `."
        case _:
            advice = ""
    return advice


def _quote(path: FieldPath, raw: str | None) -> str:
    if raw is None or _hidden(path):
        return "Put it in quotes."
    return f'YAML reads `{shorten(raw)}` that way; put it in quotes: "{shorten(raw)}".'


_UNITS = {"maxLength": "characters", "maxItems": "items", "maxProperties": "fields"}


def _wrong_value(path: FieldPath, error: ValidationError, raw: str | None) -> Fault:
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
        case "minItems" | "minProperties" | "minLength":
            message = f"{name} must not be empty."
            advice = "Remove the field to leave it out."
        case keyword:
            unit = _UNITS[str(keyword)]
            message = f"{name} is too long: at most {error.validator_value} {unit} are allowed."
    fix = _other_case(raw, schema.get("enum", ()))
    return Fault(code=Code.WRONG_VALUE, path=path, message=message, advice=advice, fix=fix)


def _other_case(raw: str | None, allowed: Iterable[str]) -> tuple[str, str] | None:
    """Return the allowed word that differs from an unquoted one by its case alone."""
    words = [word for word in allowed if raw and word.casefold() == raw.casefold()]
    return (raw, words[0]) if raw and words else None


def _but(path: FieldPath, error: ValidationError) -> str:
    return "" if _hidden(path) else f", but it is `{shorten(str(error.instance))}`"


def _like(schema: Mapping[str, Any], mark: str = "`") -> str:
    examples = " or ".join(f"{mark}{example}{mark}" for example in schema.get("examples", ()))
    return f"Write it like {examples}." if examples else ""


def _hidden(path: FieldPath) -> bool:
    return any(isinstance(part, str) and part.endswith("Ref") for part in path)


def _schema(error: ValidationError) -> Mapping[str, Any]:
    schema: Any = error.schema
    return schema if isinstance(schema, Mapping) else {}
