"""Finds text in a tree that is certainly a key, in comments too. The key itself is never shown."""

from __future__ import annotations

from collections.abc import Iterator

from muster.resources.codes import Code
from muster.resources.files import place_after
from muster.resources.keys import KEYS, NAMES, may_hold_key
from muster.resources.problems import Problem


def find_keys(file: str, text: str) -> Iterator[Problem]:
    """Yield a problem for each key in a file's text."""
    if not may_hold_key(text):
        return
    line = column = 1
    told = 0
    for hit in KEYS.finditer(text):
        # From the last one on: from the start for each, many keys would take for ever.
        further, place = place_after(text[told : hit.start()])
        line, column = line + further - 1, place if further > 1 else column + place - 1
        told = hit.start()
        yield Problem(
            code=Code.SECRET_IN_TREE,
            file=file,
            line=line,
            column=column,
            path="",
            message=f"This looks like {NAMES[str(hit.lastgroup)]}.",
            advice="Change it, remove it from the history too, and keep it outside of git.",
        )
