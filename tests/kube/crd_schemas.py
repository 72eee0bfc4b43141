"""How the tests of the CRDs read a structural schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from muster.resources.crds import render_crd

Node = Mapping[str, Any]


def root(kind: str) -> Node:
    """Return the schema of a kind as its CRD has it."""
    (version,) = render_crd(kind)["spec"]["versions"]
    schema: Node = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield every schema within a schema, with the dotted name of its field."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for keyword, sign in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(keyword), dict):
            yield from nodes(schema[keyword], path + sign)


def find(schema: Node, path: str) -> list[Node]:
    """Return the schemas that a simple JSONPath leads to; none where it leads nowhere."""
    found = [schema]
    for step in re.findall(r"\[[^\]]*\]|\.(\*|\w+)", path):
        if not step:
            found = [node["items"] for node in found if "items" in node]
        elif step == "*":
            found = [child for node in found for child in node.get("properties", {}).values()]
        else:
            children = (node.get("properties", {}).get(step) for node in found)
            found = [child for child in children if child is not None]
    return found
