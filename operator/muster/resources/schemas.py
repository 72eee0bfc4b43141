"""Finds and loads the schemas. They are the only statement of what a resource may hold."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

API_VERSION = "muster.dev/v1alpha1"
GROUP = "muster.dev"
DESIRED_KINDS = (
    "Integration",
    "Customer",
    "AutomaticImportPolicy",
    "AccountOverride",
    "PasswordReset",
)
"""The kinds that people write."""
KINDS = (*DESIRED_KINDS, "Account")
"""Those, and the one that Muster writes."""


def schema_directory() -> Path:
    """Return where the schemas are: in the installed package, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parents[1] / "schemas"


@cache
def load_schema(kind: str) -> dict[str, Any]:
    """Return a kind's schema with its `$defs`, and what it takes from other kinds, written out.

    The result is shared: do not change it.
    """
    path = schema_directory() / f"{kind.lower()}_v1alpha1.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    definitions = schema.pop("$defs", {})
    written_out: dict[str, Any] = _write_out(schema, definitions)
    return written_out


@cache
def written_schema(kind: str) -> dict[str, Any]:
    """Return what people may write: the schema without `status`, which is Muster's to write.

    An Account keeps its status, because Muster writes all of it. The result is shared.
    """
    schema = load_schema(kind)
    if kind not in DESIRED_KINDS:
        return schema
    fields = {name: field for name, field in schema["properties"].items() if name != "status"}
    return {**schema, "properties": fields}


def _write_out(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_write_out(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return _referred(node["$ref"], definitions)
    return {key: _write_out(value, definitions) for key, value in node.items()}


def _referred(reference: str, definitions: dict[str, Any]) -> Any:
    """Return what a reference means: a definition of the schema, or a part of another kind's."""
    file, _, path = reference.partition("#/")
    if not file:
        return _write_out(definitions[path.removeprefix("$defs/")], definitions)
    part: Any = load_schema(file.partition("_")[0])
    for step in path.split("/"):
        part = part[step]
    return part
