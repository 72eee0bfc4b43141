"""Checks one resource against its schema and its rules.

What lies between resources is left to `references`.
"""

from __future__ import annotations

from typing import Any

from muster.resources.problems import Fault
from muster.resources.sentences import RawText
from muster.resources.soundness import is_sound


def find_faults(kind: str, resource: Any, raw: RawText = lambda _: None) -> tuple[Fault, ...]:
    """Return everything that is wrong with one resource of a kind that we know."""
    if is_sound(kind, resource):
        return ()
    # Late: only what is wrong needs jsonschema, which takes a tenth of a second to import.
    from muster.resources.schema_faults import list_faults

    return list_faults(kind, resource, raw)
