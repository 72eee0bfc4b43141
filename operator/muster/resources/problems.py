"""What a resource gets wrong, and how it is said. Finding it is left to the other modules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from muster.resources.codes import Code
from muster.resources.keys import hide_keys

FieldPath = tuple[str | int, ...]
"""The way from a document's root to a value: field names and list positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong in one document, not yet tied to a line of a file."""

    code: Code
    path: FieldPath
    message: str
    advice: str = ""
    on_key: bool = False
    """Whether the name of the field is wrong, not its value."""
    fix: tuple[str, str] | None = None
    """What stands there and what must stand there, where there is one right answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that a person must mend, and where; lines and columns count from 1.

    A resource that came from no file has an empty `file` and line 0.
    """

    code: Code
    file: str
    line: int
    column: int
    path: str
    """A JSON pointer into the document."""
    message: str
    advice: str = ""
    fix: tuple[str, str] | None = None
    """What stands there and what must stand there, where there is one right answer."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.file else self.path or "/"
        return f"{place}: {self.text}"

    @property
    def text(self) -> str:
        """The message and the advice, without the place."""
        return f"{self.message} {self.advice}".rstrip()


def pointer(path: Sequence[str | int]) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def dotted(path: Sequence[str | int]) -> str:
    """Write a path as people say it: `spec.select.activeDirectory.groups[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shorten(text.removeprefix("."), 200)


def shorten(text: str, limit: int = 60) -> str:
    """Return the text on one line, cut at `limit` characters, with nothing unprintable in it.

    A key is never repeated; its kind is named.
    """
    line = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in hide_keys(text)
    )
    return line if len(line) <= limit else line[: limit - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like this one, or None where none is."""
    from rapidfuzz import fuzz, process  # only where something is wrong

    by_folded = {name.casefold(): name for name in known}
    close = process.extractOne(
        word[:100].casefold(), list(by_folded), scorer=fuzz.ratio, score_cutoff=60
    )
    return by_folded[close[0]] if close else None
