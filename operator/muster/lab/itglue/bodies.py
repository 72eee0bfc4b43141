"""How IT Glue reads the body of a write."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Request

from muster.lab.itglue.answers import MEDIA_TYPE, refuse
from muster.lab.itglue.knobs import ItGlueKnobs


def read_attributes(request: Request, knobs: ItGlueKnobs) -> list[dict[str, Any]]:
    """Return the attributes of each resource in `data`, in kebab-case.

    Snake and kebab case are both understood (itglue/powershellwrapper issue 46 sends the one,
    Private-Universe/itglue passwords.go the other). Unconfirmed: 415 and 400 as refusals.
    """
    if knobs.strict_media_type and request.mimetype != MEDIA_TYPE:
        refuse(415, "Unsupported Media Type", detail=f"Content-Type must be {MEDIA_TYPE}")
    try:
        data = json.loads(request.get_data())["data"]
        resources = data if isinstance(data, list) else [data]
        return [_kebab(resource["attributes"]) for resource in resources]
    except (ValueError, KeyError, TypeError, AttributeError):
        refuse(400, "Bad Request")


def is_bulk(request: Request) -> bool:
    """Whether `data` of a readable body is a list."""
    return isinstance(json.loads(request.get_data())["data"], list)


def _kebab(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("_", "-"): value for key, value in attributes.items()}


def as_id(value: Any) -> int | None:
    """Return an id that may be sent as a number or as text."""
    return int(value) if isinstance(value, int) or str(value).isdigit() else None
