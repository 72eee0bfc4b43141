"""Makes docs/reference/resources.md from the schemas: every field, and every rule's sentence.

Decides the form; the words are the schemas'.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.docs.generate import cell

from muster.resources.rules import needs_old_value
from muster.resources.schemas import DESIRED_KINDS, KINDS, load_schema

_HEAD = """\
# Resources

Every kind, field by field. This page is made from the schemas in `schemas/`
(`MUSTER_UPDATE=1 pytest tests/docs` writes it again).

People write {desired}, in YAML files with `apiVersion: muster.dev/v1alpha1`.
Muster writes {written}, and every `status`.

How to read the tables: `[]` stands for each item of a list, `*` for each key. **Bold** fields must
be there. A *secret* is a reference `{{name: …, key: …}}` to a value that is kept outside of git; a
*reference* is `{{name: …}}` of another resource. A *duration* is written like `3h`, `90m` or
`1h30m`, a *time* like `2026-12-01T00:00:00Z`. A field that is not listed is an error, not ignored.

On one machine Muster keeps the status of Customers and Accounts: `muster get customers -o json`
and `muster get accounts -o json` show it. The status of the other kinds is for clusters.
"""

_RULES = """\
Rules, beyond type and form. `muster validate` says the same sentence with file, line and column.

"""

_CHANGES = """\
Rules about a change. A file shows only the present, so a cluster's API server checks these.

"""

_SETTINGS = "AutomaticImportPolicy"
_METADATA = ("apiVersion", "kind", "metadata")

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a kind."""

    path: str
    schema: Schema
    required: bool


def resources_page() -> str:
    """Return the page."""
    written = [kind for kind in KINDS if kind not in DESIRED_KINDS]
    head = _HEAD.format(desired=_listed(DESIRED_KINDS), written=_listed(written))
    metadata = load_schema(KINDS[0])["properties"]["metadata"]
    every = "## Every resource\n\n" + table(fields(metadata, "metadata"))
    return "\n".join([head, every, *map(_kind, KINDS)])


def _listed(names: Any) -> str:
    return ", ".join(f"[{name}](#{name.lower()})" for name in names)


def _kind(kind: str) -> str:
    properties = load_schema(kind)["properties"]
    parts = [f"## {kind}\n", f"{load_schema(kind)['description']}\n"]
    found = list(fields(properties["spec"], "spec"))
    if kind != _SETTINGS:
        found = [field for field in found if not field.path.startswith("spec.imports[].")]
    parts.append(table(found))
    if "imports" in properties["spec"]["properties"]:
        parts.append(
            f"Each item of `spec.imports` has the fields and rules of "
            f"[{_SETTINGS}](#{_SETTINGS.lower()}) `spec`, but for `customers`.\n"
        )
    # The rules of imports are those of policies, and are shown there.
    said = [one for one in rules(properties["spec"], "spec") if "imports[]" not in one.place]
    parts += _rules(_RULES, [one for one in said if not one.about_change])
    parts += _rules(_CHANGES, [one for one in said if one.about_change])
    if "status" in properties:
        parts += ["Status, written by Muster:\n", table(fields(properties["status"], "status"))]
    return "\n".join(parts)


def fields(schema: Schema, path: str) -> Iterator[Field]:
    """Yield the fields below a schema, parents first; references are not entered."""
    needed = schema.get("required", ())
    for name, child in schema.get("properties", {}).items():
        place = f"{path}.{name}"
        yield Field(path=place, schema=child, required=name in needed)
        if _reference(child) is None:
            yield from _below(child, place)
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict) and extra.get("properties"):
        yield from fields(extra, f"{path}.*")


def _below(schema: Schema, path: str) -> Iterator[Field]:
    items = schema.get("items")
    if not isinstance(items, dict):
        yield from fields(schema, path)
    elif _reference(items) is None:
        yield from fields(items, f"{path}[]")


def _reference(schema: Schema) -> str | None:
    """Return what a schema refers to, when it is nothing but a reference."""
    names = set(schema.get("properties", ()))
    if names == {"name", "key"}:
        return "secret"
    return "reference" if names == {"name"} else None


def table(found: Any) -> str:
    """Return the rows of fields as a table."""
    head = "| field | type | default | what it does |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(map(_row, found)) + "\n"


def _row(field: Field) -> str:
    shown = f"`{field.path}`"
    name = f"**{shown}**" if field.required else shown
    default = field.schema.get("default")
    text = "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"
    text = text.replace('"', "")
    said = cell(field.schema.get("description", ""))
    return f"| {name} | {_type(field.schema)} | {text} | {said} |"


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return " · ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return _reference(schema) or _form(schema) or _TYPES[schema["type"]]


_TYPES = {"boolean": "true · false", "object": "map", "integer": "number", "string": "text"}


def _form(schema: Schema) -> str:
    """Return what a field holds where that is narrower than its type."""
    top = schema.get("maximum", 0)
    if "minimum" in schema and 0 < top <= 100_000:
        return f"number {schema['minimum']}–{top}"
    pattern = schema.get("pattern", "")
    if schema.get("format") == "date-time" or pattern.startswith("^[12][0-9]{3}-"):
        return "time"
    return "duration" if pattern.startswith("^([0-9]{1,5}h") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule's place and sentence."""

    place: str
    message: str
    about_change: bool


def rules(schema: Schema, path: str) -> Iterator[Rule]:
    """Yield the rules at and below a schema."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield Rule(
            place=path + rule.get("fieldPath", ""),
            message=rule["message"],
            about_change=needs_old_value(rule["rule"]),
        )
    for name, child in schema.get("properties", {}).items():
        yield from rules(child, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from rules(schema["items"], f"{path}[]")


def _rules(head: str, found: list[Rule]) -> list[str]:
    if not found:
        return []
    lines = [f"- `{one.place}`: {_escaped(one.message)}." for one in found]
    return [head + "\n".join(lines) + "\n"]


def _escaped(message: str) -> str:
    return message.replace("<", "\\<").rstrip(".")
