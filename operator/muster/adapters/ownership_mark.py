"""How a vault's record says which account Muster made it for: a line in its notes."""

from __future__ import annotations

import html
import re
from typing import Any

_SENTENCE = "Created by Muster, which finds the entry again by the next line; please keep it."

_MARK = re.compile(r"\[muster:([^\s\[\]<>]+/[^\s\[\]<>]+)\]")


def notes_with(mark: str) -> str:
    """Return the notes of a new entry: a sentence for people, and the mark on its own line."""
    return f"{_SENTENCE}\n[muster:{mark}]"


def mark_in(notes: Any) -> str | None:
    """Return the mark in an entry's notes, plain or HTML; None when two contradict."""
    if not isinstance(notes, str):
        return None
    marks = set(_MARK.findall(html.unescape(notes)))
    return marks.pop() if len(marks) == 1 else None
