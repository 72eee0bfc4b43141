"""Adds one field to a mapping in a YAML text and leaves every other character as it is.

A round trip through a YAML library would write the whole file anew, with its own quotes and
indentation. So the field is put in as one line of text, where the parser says that a neighbour
ends, and the result is read again: it must mean the old text with the field, and nothing else.
What to write, and into which file, is left to others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from muster.resources.documents import FASTEST_LOADER, NotYaml, read_documents
from muster.resources.problems import FieldPath, dotted

_BREAK = re.compile("\r\n|\n|\r")
_DEEPER = re.compile(r"( *)#.*")


class NotEditable(Exception):
    """The text cannot be edited safely; a person must add the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A mapping in a text: the line in which its document begins, and the way to it from there."""

    document_line: int
    path: FieldPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field to add: its name, what it means, and how it is written on one line."""

    name: str
    value: dict[str, Any]
    line: str
    below: tuple[str, ...]
    """The fields that it stands below; at least one of them must be there."""


def insert_field(text: str, spot: Spot, field: Field) -> str:
    """Return the text with the field in it.

    Raises:
        NotEditable: there is no place for one line, such as in a mapping in braces, or the line
            would mean something else there.
    """
    start, end = _find_document(text, spot.document_line)
    before = text[start:end]
    mapping = _find_mapping(before, spot.path)
    neighbours = [entry for entry in mapping if entry.name in field.below]
    if not neighbours:
        raise NotEditable(f"{dotted(spot.path)} has none of {', '.join(field.below)} of its own")
    column = mapping[0].column
    after = _put(before, _end(before, neighbours[-1], column), " " * column + field.line)
    if _meaning(after) != _meaning(before, spot.path, field):
        raise NotEditable(f"{dotted(spot.path)} shares its lines with other values")
    return text[:start] + after + text[end:]


def _find_document(text: str, line: int) -> tuple[int, int]:
    """Return where a document begins and ends. What it means hangs on no other one."""
    start = None
    for event in yaml.parse(text, Loader=FASTEST_LOADER):
        begins: Any = event.start_mark
        ends: Any = event.end_mark
        if isinstance(event, yaml.DocumentStartEvent) and begins.line + 1 == line:
            start = begins.index - begins.column
        elif isinstance(event, yaml.DocumentEndEvent) and start is not None:
            return start, ends.index
    raise NotEditable(f"no document begins in line {line}")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A field of a mapping: its name, and the parser's events of its value."""

    name: str
    column: int
    value: Sequence[Any]


def _find_mapping(text: str, path: FieldPath) -> tuple[_Entry, ...]:
    """Return the fields of a mapping, in the order of the text."""
    events: list[Any] = [
        event
        for event in yaml.parse(text, Loader=FASTEST_LOADER)
        if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent)
    ]
    place = 0
    for step in path:
        found = _child(events, place, step)
        if found is None:
            raise NotEditable(f"{dotted(path)} is not written where it is used")
        place = found
    start = events[place] if events else None
    if not isinstance(start, yaml.MappingStartEvent):
        raise NotEditable(f"{dotted(path)} is not written where it is used")
    if start.flow_style:
        raise NotEditable(f"{dotted(path)} is written in braces")
    return tuple(
        _Entry(
            events[key].value,
            events[key].start_mark.column,
            events[value : _after(events, value)],
        )
        for key, value in _pairs(events, place)
        if isinstance(events[key], yaml.ScalarEvent)
    )


def _after(events: Sequence[Any], place: int) -> int:
    """Return the position behind the node that begins here."""
    depth = 0
    while True:
        if isinstance(events[place], yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(events[place], yaml.CollectionEndEvent):
            depth -= 1
        place += 1
        if depth == 0:
            return place


def _pairs(events: Sequence[Any], place: int) -> Iterator[tuple[int, int]]:
    """Yield the positions of key and value of each field of the mapping that begins here."""
    key = place + 1
    while not isinstance(events[key], yaml.MappingEndEvent):
        value = _after(events, key)
        yield key, value
        key = _after(events, value)


def _child(events: Sequence[Any], place: int, step: str | int) -> int | None:
    """Return the position of a field's value or of a list's item; None where there is none."""
    start = events[place] if place < len(events) else None
    if isinstance(start, yaml.MappingStartEvent):
        named = (v for k, v in _pairs(events, place) if getattr(events[k], "value", None) == step)
        return next(named, None)
    if not isinstance(start, yaml.SequenceStartEvent) or not isinstance(step, int):
        return None
    item = place + 1
    for _ in range(step):
        item = _after(events, item)
    return item


def _end(text: str, entry: _Entry, column: int) -> int:
    """Return the position behind the line in which a field ends, and behind its own comments."""
    last = max(
        (event for event in entry.value if _has_end(event)),
        key=lambda event: event.end_mark.index,
    )
    position: int = last.end_mark.index
    if getattr(last, "style", None) not in {"|", ">"}:
        position = _behind_line(text, position)
    return _behind_comments(text, position, column)


def _has_end(event: Any) -> bool:
    """Return whether an event ends at a character; a block ends where the next thing begins."""
    wide = event.start_mark.index < event.end_mark.index
    return isinstance(event, yaml.ScalarEvent | yaml.AliasEvent) or (
        isinstance(event, yaml.CollectionEndEvent) and wide
    )


def _behind_line(text: str, position: int) -> int:
    found = _BREAK.search(text, position)
    return found.end() if found else len(text)


def _behind_comments(text: str, position: int, column: int) -> int:
    """Skip comments that are indented deeper than the field's name: they belong to its value."""
    reached, line = position, position
    while line < len(text):
        following = _behind_line(text, line)
        content = text[line:following].strip("\r\n")
        comment = _DEEPER.fullmatch(content)
        if comment and len(comment[1]) > column:
            reached = following
        elif content.strip(" "):
            break
        line = following
    return reached


def _put(text: str, position: int, line: str) -> str:
    """Return the text with a line more, which ends as the lines around it do."""
    before, after = text[:position], text[position:]
    breaks: list[str] = _BREAK.findall(before) or _BREAK.findall(after) or ["\n"]
    whole = before.endswith(("\n", "\r"))
    added = line + breaks[-1] if whole else breaks[-1] + line
    return before + added + after


def _meaning(text: str, path: FieldPath = (), field: Field | None = None) -> str:
    """Return what a document means, with a field added to one of its mappings, comparably."""
    try:
        (document,) = read_documents(text)
    except (NotYaml, ValueError) as exc:
        return str(exc)
    # Through JSON, so that an alias and its anchor are two values, of which only one changes.
    value = json.loads(json.dumps(document.value))
    if field:
        mapping = value
        for step in path:
            mapping = mapping[step]
        mapping[field.name] = field.value
    return json.dumps([value, len(document.faults)], sort_keys=True)
