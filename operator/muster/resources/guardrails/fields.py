"""Reads the fields of a guardrail and says which one is wrong; what they mean is left to others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.resources.problems import FieldPath, dotted


class NotAccepted(ValueError):
    """No API server takes the document; the text and `path` say where it is wrong."""

    def __init__(self, path: FieldPath, what: str, *, on_key: bool = False) -> None:
        super().__init__(f"{dotted(path) or 'it'} {what}")
        self.path = path
        self.on_key = on_key


class Fields:
    """A mapping within a document, and its place there."""

    def __init__(self, body: Any, path: FieldPath = (), known: str = "") -> None:
        if not isinstance(body, Mapping):
            raise NotAccepted(path, "must be a mapping")
        self.body = body
        self.path = path
        odd = sorted(map(str, set(body) - {*known.split()})) if known else []
        if odd:
            raise NotAccepted((*path, odd[0]), f"is no field; known are {known}", on_key=True)

    def __contains__(self, name: str) -> bool:
        return self.body.get(name) is not None

    def inner(self, name: str, known: str = "") -> Fields:
        """Return a mapping within this one that must be there."""
        return Fields(self._must(name), (*self.path, name), known)

    def rows(self, name: str, known: str, *, least: int = 0) -> list[Fields]:
        """Return the mappings of a list, which may be absent unless one is needed."""
        found = self.body.get(name) or []
        if not isinstance(found, list) or len(found) < least:
            raise self._wrong(name, f"must be a list{' with a row' if least else ''}")
        return [Fields(one, (*self.path, name, i), known) for i, one in enumerate(found)]

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text, or the default of one that may be absent."""
        if name not in self and default is not None:
            return default
        found = self._must(name)
        if not isinstance(found, str) or (not found.strip() and default is None):
            raise self._wrong(name, "must be text")
        return found

    def texts(self, name: str, *allowed: str) -> tuple[str, ...]:
        """Return a list of texts with at least one, each of them allowed."""
        found = self._must(name)
        if not isinstance(found, list) or not found or not all(isinstance(x, str) for x in found):
            raise self._wrong(name, "must be a list of texts")
        odd = [one for one in found if allowed and one not in allowed]
        if odd:
            raise self._wrong(name, f"holds {odd[0]}; allowed are {', '.join(allowed)}")
        return tuple(found)

    def word(self, name: str, default: str, *others: str) -> str:
        """Return one of several words; the first is the default."""
        found = self.text(name, default)
        if found not in (default, *others):
            allowed = " or ".join((default, *others))
            raise self._wrong(name, f"must be {allowed}, not {found}")
        return found

    def _must(self, name: str) -> Any:
        if name not in self:
            raise self._wrong(name, "is missing")
        return self.body[name]

    def _wrong(self, name: str, what: str) -> NotAccepted:
        return NotAccepted((*self.path, name), what)
