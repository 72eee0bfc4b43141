"""Adds links to the files of existing customers, file by file, each whole or not at all.

Where the line goes is left to `insertion`, how it is written to `writing`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from muster.errors import MusterError
from muster.model.names import CustomerName
from muster.resources.insertion import Field, NotEditable, Spot, insert_field
from muster.resources.load import LoadedEstate, Placed
from muster.resources.replacing import replace_file

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A field that a customer's `spec` gets."""

    customer: CustomerName
    field: Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What became of an edit."""

    edit: Edit
    place: str
    """`file:line` of the customer's `spec`, before the edit."""
    problem: str = ""
    """Why a person must add the line; empty where it was written."""


def write_edits(loaded: LoadedEstate, edits: Iterable[Edit]) -> tuple[Edited, ...]:
    """Write edits into the files of an estate; only the lines that are added differ.

    Raises:
        MusterError: a file cannot be written; files before it were.
    """
    by_file: dict[Path, list[tuple[Placed, Edit]]] = defaultdict(list)
    for edit in edits:
        placed = loaded.places[("Customer", edit.customer)]
        by_file[placed.file].append((placed, edit))
    return tuple(one for file, todo in by_file.items() for one in _write_file(file, todo))


def _write_file(file: Path, todo: list[tuple[Placed, Edit]]) -> list[Edited]:
    """Edit one file, the last document first, so that the lines of the others stay."""
    try:
        data = file.read_bytes()
        mark = _MARK if data.startswith(_MARK) else b""
        before = data[len(mark) :].decode("utf-8")
        text, done = before, []
        for placed, edit in sorted(todo, key=lambda one: -one[0].document.line):
            text, edited = _edit(text, placed, edit)
            done.append(edited)
        if text != before:
            replace_file(file, mark + text.encode("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise MusterError(f"Cannot edit {file}: {getattr(exc, 'strerror', None) or exc}.") from exc
    return done


def _edit(text: str, placed: Placed, edit: Edit) -> tuple[str, Edited]:
    spot = Spot(document_line=placed.document.line, path=(*placed.prefix, "spec"))
    place = placed.locate(("spec",))
    try:
        return insert_field(text, spot, edit.field), Edited(edit=edit, place=place)
    except NotEditable as refused:
        return text, Edited(edit=edit, place=place, problem=str(refused))
