"""The defaults that the API server fills in before it asks its policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value with the defaults of a structural schema, itself unchanged.

    A default is filled into an object that is there; it never brings an absent object about.
    Source: Kubernetes, "Defaulting" of custom resources.
    """
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        filled = {
            name: field["default"]
            for name, field in properties.items()
            if "default" in field and name not in value
        }
        known = {
            name: with_defaults(item, properties.get(name, {})) for name, item in value.items()
        }
        return {**known, **filled}
    if isinstance(value, list):
        return [with_defaults(item, schema.get("items", {})) for item in value]
    return value
