"""Reads what IT Glue's webhook says: which entry of which organization, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from muster.model.names import RemoteId

# Unconfirmed: the form of the body, which IT Glue's help does not print
# (https://help.itglue.kaseya.com/help/Content/1-admin/workflows/quick-guide-for-workflows.html).
# So every spelling that its API uses is taken, and the address of the entry as well, which the
# API has as `resource-url`.
_ORGANIZATION = ("organization_id", "organization-id", "organizationId")
_ENTRY = ("resource_id", "resource-id", "resourceId", "password_id", "id")
_ADDRESS = re.compile(r"https://[^/\s\"]{1,253}/(\d{1,19})/passwords/(\d{1,19})(?![\d/])")
_NUMBER = re.compile(r"[0-9]{1,19}")
_MOST_PARTS = 200


class Unreadable(ValueError):
    """The body is no JSON object, or names no entry."""


def read_notice(body: bytes) -> tuple[RemoteId, RemoteId]:
    """Return the organization and the entry that a body names; raises Unreadable."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The body is no JSON.") from error
    if not isinstance(document, dict):
        raise Unreadable("The body is no JSON object.")
    parts = list(_objects(document))
    for part in parts:
        organization, entry = _first(part, _ORGANIZATION), _first(part, _ENTRY)
        if organization and entry:
            return RemoteId(organization), RemoteId(entry)
    for text in (value for part in parts for value in part.values() if isinstance(value, str)):
        if found := _ADDRESS.search(text[:2048]):
            return RemoteId(found[1]), RemoteId(found[2])
    raise Unreadable("The body names no entry: organization_id and resource_id, or its address.")


def _objects(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the object and those within it; an id beside `attributes` counts as theirs."""
    waiting = [document]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        inner = part.get("attributes")
        yield {**inner, "id": part.get("id")} if isinstance(inner, dict) else part
        waiting.extend(value for value in part.values() if isinstance(value, dict))


def _first(part: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = part.get(name)
        text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if _NUMBER.fullmatch(text):
            return text
    return ""
