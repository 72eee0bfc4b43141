"""What a Hudu answer holds: a record, nothing at all, or an error in one of many forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.adapters.json_values import id_text
from muster.errors import Unexpected
from muster.transport.answers import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record. Its values hold notes, so they are kept out of `repr`."""

    id: str
    values: Mapping[str, Any] = field(repr=False)


def record_of(answer: Answer, name: str) -> Record | None:
    """Return the record of an answer, wrapped in its name or bare; None for `null`.

    Hudu answers 200 with `null` for an entry that does not exist.

    Raises:
        Unexpected: it is no record.

    Source: msoukhomlinov/node-hudu, vendor issue 10. Older versions answer bare records.
    """
    if answer.body is None:
        return None
    body = answer.body
    return record(body[name] if isinstance(body, dict) and name in body else body)


def record(value: Any) -> Record:
    """Return a record of a list."""
    if isinstance(value, dict):
        number = id_text(value.get("id"))
        if number:
            return Record(id=number, values=value)
    raise Unexpected("Hudu answered something that is no record; check the endpoint.")


def explain(body: Any) -> str:
    """Return Hudu's own words from an error: texts, lists and Rails' maps all occur.

    Source: live probes in msoukhomlinov/node-hudu, .run/live/transport-errors-mcp.md.
    """
    if not isinstance(body, dict):
        return ""
    return "; ".join(word for key in ("error", "errors", "details") for word in _words(body, key))


def _words(body: Mapping[str, Any], key: str) -> Iterator[str]:
    value = body.get(key)
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))
    elif isinstance(value, dict):
        yield from (f"{name} {word}" for name in value for word in _words(value, name))
