"""Turns one probe of `muster doctor` into its line: what was found, or why nothing was."""

from __future__ import annotations

from collections.abc import Callable

from muster.errors import MusterError
from muster.ports import Check

Probe = Callable[[], tuple[bool, str]]
"""Returns whether something works, and what was found; raises MusterError where it fails."""


def try_probe(name: str, probe: Probe, advice: str, *, found_wrong: str = "") -> Check:
    """Return the line of a probe, with advice where something does not work.

    `found_wrong` is the advice for what the probe itself found, where that is another one.
    """
    try:
        ok, detail = probe()
    except MusterError as error:
        return Check(name=name, ok=False, detail=str(error), advice=advice)
    return Check(name=name, ok=ok, detail=detail, advice="" if ok else found_wrong or advice)
