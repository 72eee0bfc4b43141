"""Which rows a list request of IT Glue selects, and in which order.

Source: https://support.itglue.com/hc/en-us/articles/360004934397-Sorting-and-filtering-in-the-IT-Glue-API
(exact match, comma as OR, backslash escape; none of it on nested routes). Unconfirmed by the
vendor, but reported from live use: what the server does not know it ignores, and returns all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from muster.lab.itglue.knobs import ItGlueKnobs
from muster.lab.itglue.state import ItGlueRow

_FILTER = re.compile(r"filter\[([A-Za-z_-]+)\]")
_NUMBERS = frozenset(
    {
        "id",
        "organization-id",
        "password-category-id",
        "organization-type-id",
        "organization-status-id",
    }
)
# Only these words are understood; PowerShell's `False` is not (powershellwrapper, Passwords.ps1).
_FLAGS = {"true": True, "1": True, "false": False, "0": False}

# The complete documented sets: there is no filter by user name, by date or by vault.
FILTERS: Mapping[str, frozenset[str]] = {
    "passwords": frozenset(
        {
            "id",
            "name",
            "organization-id",
            "password-category-id",
            "url",
            "cached-resource-name",
            "archived",
        }
    ),
    "organizations": frozenset({"id", "name", "organization-type-id", "organization-status-id"}),
    "password-categories": frozenset({"name"}),
}
SORTS: Mapping[str, frozenset[str]] = {
    "passwords": frozenset({"name", "username", "url", "id", "created-at", "updated-at"}),
    "organizations": frozenset({"name", "id", "created-at", "updated-at", "short-name"}),
    "password-categories": frozenset({"name", "created-at", "updated-at"}),
}

Filters = dict[str, tuple[str, ...]]
"""The alternatives by attribute."""


def read_filters(query: Mapping[str, str], kind: str, knobs: ItGlueKnobs) -> Filters:
    """Return the filters that the server understands; it is silent about the others."""
    found: Filters = {}
    for key, value in query.items():
        match = _FILTER.fullmatch(key)
        if match is None or ("-" in match[1] and not knobs.kebab_filters):
            continue
        name = match[1].replace("_", "-")
        if name in FILTERS[kind]:
            found[name] = _alternatives(name, value, knobs)
    return found


def _alternatives(name: str, value: str, knobs: ItGlueKnobs) -> tuple[str, ...]:
    if name == "archived" or (name in _NUMBERS and not knobs.comma_or_on_ids):
        return (value,)
    parts = re.split(r"(?<!\\),", value)
    return tuple(part.replace("\\,", ",") for part in parts)


def select(rows: Iterable[ItGlueRow], filters: Filters, knobs: ItGlueKnobs) -> list[ItGlueRow]:
    """Return the rows that match every filter."""
    chosen = list(rows)
    for name, alternatives in filters.items():
        if name == "archived":
            chosen = _by_archived(chosen, alternatives[0])
        elif name in _NUMBERS:
            numbers = {int(text) for text in alternatives if text.strip().isdigit()}
            chosen = [row for row in chosen if _value(row, name) in numbers]
        else:
            wanted = {_folded(text, knobs) for text in alternatives}
            chosen = [row for row in chosen if _folded(_value(row, name), knobs) in wanted]
    if "archived" not in filters and not knobs.archived_in_lists:
        chosen = _by_archived(chosen, "false")
    return chosen


def _by_archived(rows: list[ItGlueRow], word: str) -> list[ItGlueRow]:
    flag = _FLAGS.get(word)
    if flag is None:
        return rows
    return [row for row in rows if row.attributes.get("archived", False) is flag]


def _value(row: ItGlueRow, name: str) -> Any:
    return row.id if name == "id" else row.attributes.get(name)


def _folded(value: Any, knobs: ItGlueKnobs) -> Any:
    if isinstance(value, str) and not knobs.case_sensitive_filters:
        return value.casefold()
    return value


def order(rows: list[ItGlueRow], sort: str | None, kind: str) -> list[ItGlueRow]:
    """Return the rows in the asked order; without one, or with an unknown one, as they came."""
    if not sort:
        return rows
    name = sort.removeprefix("-").replace("_", "-")
    if name not in SORTS[kind]:
        return rows

    def key(row: ItGlueRow) -> tuple[bool, Any]:
        value = _value(row, name)
        return (value is not None, value if value is not None else "")

    return sorted(rows, key=key, reverse=sort.startswith("-"))
