"""Makes what Muster reports fit its schema, so that a cluster never refuses a status for its size.

Whether a report is right is not judged here: a value of a wrong type is left for the API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fit(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return the value with long text and long lists cut, and fields the schema lacks left out.

    Text that is cut ends in an ellipsis. Text bound to a form is left: cut, it would say
    something else.
    """
    if isinstance(value, Mapping):
        return _fit_fields(value, schema)
    if isinstance(value, list | tuple):
        most = schema.get("maxItems", len(value))
        return [fit(item, schema.get("items", {})) for item in value[:most]]
    if isinstance(value, str) and "pattern" not in schema:
        return _fit_text(value, schema.get("maxLength", len(value)))
    return value


def _fit_fields(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    fields: Mapping[str, Any] = schema.get("properties", {})
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):  # a map with keys of any name, such as labels
        fields = dict.fromkeys(value, others) | dict(fields)
    return {name: fit(item, fields[name]) for name, item in value.items() if name in fields}


def _fit_text(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
