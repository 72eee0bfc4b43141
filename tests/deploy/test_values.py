"""The chart's values: a strict schema, defaults that fit it, and a table that shows both."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import jsonschema
import yaml
from tests.deploy.rendering import EVERYTHING
from tests.deploy.tools import CHART

Object = dict[str, Any]

SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text("utf-8"))
DEFAULTS: Object = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
README = CHART / "README.md"


def leaves(schema: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """Yield every value with the schema of it."""
    for name, below in schema["properties"].items():
        if "properties" in below and name != "issuerRef":
            yield from leaves(below, f"{path}{name}.")
        else:
            yield f"{path}{name}", below


def default_of(path: str) -> Any:
    """Return the default of a value; an empty map for one that is not written out."""
    value: Any = DEFAULTS
    for name in path.split("."):
        value = value.get(name, {})
    return value


def table() -> str:
    """Return the table of the chart's README."""
    rows = ["| value | default | what it does |", "| --- | --- | --- |"]
    for path, schema in leaves(SCHEMA):
        if path != "global":
            words = schema["description"]
            if "enum" in schema:
                words = f"{words} One of {', '.join(f'`{one}`' for one in schema['enum'])}."
            rows.append(f"| `{path}` | `{json.dumps(default_of(path))}` | {words} |")
    return "\n".join(rows) + "\n"


def test_the_schema_is_a_schema() -> None:
    """The schema is valid, and no object in it takes what it does not name."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)

    def loose(schema: Object, path: str) -> Iterator[str]:
        if "properties" in schema and schema.get("additionalProperties") is not False:
            yield path
        for name, below in schema.get("properties", {}).items():
            yield from loose(below, f"{path}.{name}")

    assert list(loose(SCHEMA, "")) == []


def test_values_fit_the_schema() -> None:
    """The defaults fit, and so do the values that set everything."""
    validator = jsonschema.Draft7Validator(SCHEMA)
    assert [error.message for error in validator.iter_errors(DEFAULTS)] == []
    assert [error.message for error in validator.iter_errors(EVERYTHING)] == []


def test_every_value_has_a_default_and_a_schema() -> None:
    """values.yaml and the schema name the same values, so that none is found by luck."""

    def names(values: Object, schema: Object, path: str = "") -> Iterator[str]:
        for name, value in values.items():
            below = schema["properties"].get(name, {})
            if isinstance(value, dict) and value and "properties" in below:
                yield from names(value, below, f"{path}{name}.")
            else:
                yield f"{path}{name}"

    assert set(names(DEFAULTS, SCHEMA)) == {path for path, _ in leaves(SCHEMA)} - {"global"}


def test_the_table_of_values_is_current() -> None:
    """The chart's README shows every value; MUSTER_UPDATE=1 writes the table again."""
    head, _, _ = README.read_text("utf-8").partition("| value |")
    if os.environ.get("MUSTER_UPDATE") == "1":
        README.write_text(head + table(), encoding="utf-8")
    assert README.read_text("utf-8") == head + table()
