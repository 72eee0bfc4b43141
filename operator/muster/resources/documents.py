"""Turns YAML text into plain values and remembers where each of them stands.

Reads the parser's events instead of its node tree: depth and size are bounded while reading,
an alias shares its value instead of copying it, and no input can exhaust the stack.
What the values mean is left to `validate` and `parse`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from muster.resources.codes import Code
from muster.resources.problems import Fault, FieldPath, shorten

MAX_DEPTH = 64
MAX_VALUES = 100_000
"""Values per document with every alias counted as if it were written out."""

FASTEST_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser of libyaml where PyYAML was built with it, else the one in Python."""

_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {"!", _TAG + "str"}
_COLLECTION_TAGS = {None, "!", _TAG + "map", _TAG + "seq"}
_NUMBER_ELSEWHERE = re.compile(r"[-+]?((\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+|0[oO][0-7_]+)")
"""What is text in YAML 1.1 and still a number for the API server, such as 12e4 and 0o17.
Source: sigs.k8s.io/yaml, goyaml.v2/resolve.go: `yamlStyleFloat`, and `strconv.ParseInt` with
base 0."""
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")


class Mark(NamedTuple):
    """Where a value or a key stands, counted from 1, and the text of an unquoted scalar."""

    line: int
    column: int
    scalar: bool = False
    raw: str | None = None


@dataclass(slots=True)
class Document:
    """One YAML document. `faults` count only where the resource is ours."""

    line: int
    value: Any = None
    marks: dict[FieldPath, Mark] = field(default_factory=dict)
    keys: dict[FieldPath, Mark] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, path: FieldPath, *, on_key: bool = False) -> Mark:
        """Return where a field stands, or its nearest ancestor that is written down.

        A mapping or list that is the value of a field stands where the field's name does.
        """
        while path and path not in self.marks:
            path, on_key = path[:-1], False
        value = self.marks.get(path, Mark(self.line, 1))
        key = self.keys.get(path)
        return key if key and (on_key or not value.scalar) else value


class NotYaml(Exception):
    """The text cannot be read on from here."""

    def __init__(self, line: int, column: int, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.line, self.column, self.message, self.advice = line, column, message, advice


def read_documents(text: str, loader: Any = FASTEST_LOADER) -> Iterator[Document]:
    """Yield the documents of a text, empty ones left out.

    Raises:
        NotYaml: the text is no YAML from some line on, is nested too deeply or grows too large;
            the documents before it were yielded.
    """
    builder = _Builder(Document(line=1))
    try:
        for event in yaml.parse(text, Loader=loader):
            take = _TAKE.get(type(event))
            if take:
                take(builder, event)
            elif isinstance(event, yaml.DocumentStartEvent):
                builder = _Builder(Document(line=_mark(event).line))
            elif isinstance(event, yaml.DocumentEndEvent) and builder.document.value is not None:
                yield builder.document
    except yaml.MarkedYAMLError as exc:
        raise _not_yaml(exc, text) from None


def _mark(event: yaml.Event) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1) if start else Mark(1, 1)


def _not_yaml(exc: yaml.MarkedYAMLError, text: str) -> NotYaml:
    lines = text.splitlines()
    mark = exc.problem_mark
    if exc.context_mark and (mark is None or mark.line >= len(lines)):
        mark = exc.context_mark  # what was never closed says more than the end of the text
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    found = lines[line - 1] if line <= len(lines) else ""
    if "\t" in found[: column + 1] and not found[:column].strip():
        return NotYaml(line, column, "A tab stands in the indentation.", "YAML allows spaces only.")
    return NotYaml(
        line,
        column,
        f"The text is not valid YAML: {shorten(str(exc.problem), 100)}.",
        "Check the indentation, colons and quotes of this line and of the one before.",
    )


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read."""

    path: FieldPath
    value: dict[str, Any] | list[Any]
    anchor: str | None
    mark: Mark
    key: str | None = None
    key_path: FieldPath = ()
    merges: bool = False
    """Whether the key is YAML's `<<`, which is one only without quotes."""
    merged: list[dict[str, Any]] = field(default_factory=list)
    size: int = 1
    height: int = 1


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return what a merge key takes: one mapping, or a list of them, the first the strongest."""
    found = value if isinstance(value, list) else [value]
    return found if all(isinstance(one, dict) for one in found) else []


def _no_text(path: FieldPath, key: str) -> Fault:
    """Refuse a name that YAML reads as another value, such as `yes`: the API server renames it."""
    return Fault(
        code=Code.WRONG_TYPE,
        path=path,
        message=f"The field's name `{shorten(key)}` is no text in YAML.",
        advice=f'Put it in quotes: "{shorten(key)}".',
        on_key=True,
    )


class _Anchored(NamedTuple):
    """A value that aliases may repeat, with its size and height when written out."""

    value: Any
    size: int
    height: int


class _Builder:
    """Puts one document together from events."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored | None] = {}

    def open(self, event: yaml.CollectionStartEvent) -> None:
        """Take the start of a mapping or list."""
        mark = _mark(event)
        path = self._next_path(mark)
        if len(self.stack) >= MAX_DEPTH:
            raise NotYaml(mark.line, mark.column, f"The text is nested deeper than {MAX_DEPTH}.")
        if event.tag not in _COLLECTION_TAGS:
            self._refuse_tag(path)
        if event.anchor:
            self.anchors[event.anchor] = None
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Frame(path, value, event.anchor, mark))

    def close(self, _: yaml.CollectionEndEvent) -> None:
        """Take the end of a mapping or list."""
        frame = self.stack.pop()
        if frame.merged and isinstance(frame.value, dict):
            for base in frame.merged:
                frame.value.update({k: v for k, v in base.items() if k not in frame.value})
        done = _Anchored(frame.value, frame.size, frame.height)
        if frame.anchor:
            self.anchors[frame.anchor] = done
        self._add(done, frame.mark)

    def scalar(self, event: yaml.ScalarEvent) -> None:
        """Take a scalar, which is a key or a value."""
        text, plain = event.value, event.implicit[0] and event.tag is None
        frame = self.stack[-1] if self.stack else None
        if frame and frame.key is None and isinstance(frame.value, dict):
            self._take_key(frame, text, _mark(event), plain=plain)
            return
        line, column, *_ = _mark(event)
        mark = Mark(line, column, True, text if plain else None)
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._refuse_tag(self._next_path(mark))
        done = _Anchored(resolve_scalar(text) if plain else text, 1, 0)
        if event.anchor:
            self.anchors[event.anchor] = done
        self._add(done, mark)

    def alias(self, event: yaml.AliasEvent) -> None:
        """Take a value that stands before it."""
        mark = _mark(event)
        self._add(self._repeated(event.anchor, mark), mark)

    def _repeated(self, name: str | None, mark: Mark) -> _Anchored:
        found = self.anchors.get(name or "")
        if found is None:
            what = "itself" if name in self.anchors else "an anchor that does not stand before it"
            advice = "Put text that begins with * in quotes."
            raise NotYaml(mark.line, mark.column, f"The alias refers to {what}.", advice)
        return found

    def _take_key(self, frame: _Frame, key: str, mark: Mark, *, plain: bool) -> None:
        path = (*frame.path, key)
        frame.key, frame.key_path = key, path
        frame.merges = plain and key == "<<"
        if plain and not isinstance(resolve_scalar(key), str):
            self.document.faults.append(_no_text(path, key))
        if path in self.document.keys:
            first = self.document.keys[path].line
            message = f"The field `{shorten(key)}` stands twice; the first is in line {first}."
            self.document.faults.append(
                Fault(
                    code=Code.DUPLICATE_FIELD,
                    path=path,
                    message=message,
                    advice="Remove one of them.",
                    on_key=True,
                )
            )
        self.document.keys[path] = mark

    def _add(self, done: _Anchored, mark: Mark) -> None:
        path = self._next_path(mark)
        self.document.marks[path] = mark
        if not self.stack:
            self.document.value = done.value
            return
        frame = self.stack[-1]
        self._count(frame, done, mark)
        if isinstance(frame.value, list):
            frame.value.append(done.value)
        elif frame.merges and _mappings(done.value):
            self._merge(frame, _mappings(done.value))
        elif frame.key is not None:
            frame.value[frame.key] = done.value
        frame.key = None

    def _merge(self, frame: _Frame, bases: list[dict[str, Any]]) -> None:
        """Take what `<<` brings.

        A field that stands before it counts in YAML, and gives way in goyaml.v2, which kubectl
        reads with. What nobody can know is refused.
        """
        frame.merged.extend(bases)
        for key in sorted({key for base in bases for key in base if key in frame.value}):
            fault = Fault(
                code=Code.DUPLICATE_FIELD,
                path=(*frame.path, key),
                message=f"The field `{shorten(key)}` stands before a `<<` that brings it as well.",
                advice="kubectl takes the other one. Put the `<<` first.",
                on_key=True,
            )
            self.document.faults.append(fault)

    def _count(self, frame: _Frame, done: _Anchored, mark: Mark) -> None:
        frame.size += done.size
        if frame.height <= done.height:
            frame.height = done.height + 1
        if frame.size > MAX_VALUES:
            message = f"The document holds more than {MAX_VALUES} values, aliases written out."
            raise NotYaml(mark.line, mark.column, message, "Split it into smaller documents.")
        if len(self.stack) + done.height > MAX_DEPTH:
            raise NotYaml(mark.line, mark.column, f"The text is nested deeper than {MAX_DEPTH}.")

    def _next_path(self, mark: Mark) -> FieldPath:
        if not self.stack:
            return ()
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            return (*frame.path, len(frame.value))
        if frame.key is None:
            message = "The name of a field must be text on one line."
            raise NotYaml(mark.line, mark.column, message, "Put braces or brackets in quotes.")
        return frame.key_path

    def _refuse_tag(self, path: FieldPath) -> None:
        message = "The value has a YAML tag (a word that begins with `!`)."
        advice = "Remove the tag, or put the whole text in quotes."
        fault = Fault(code=Code.TAG_REFUSED, path=path, message=message, advice=advice)
        self.document.faults.append(fault)


_TAKE: dict[type[yaml.Event], Callable[[_Builder, Any], None]] = {
    yaml.ScalarEvent: _Builder.scalar,
    yaml.MappingStartEvent: _Builder.open,
    yaml.MappingEndEvent: _Builder.close,
    yaml.SequenceStartEvent: _Builder.open,
    yaml.SequenceEndEvent: _Builder.close,
    yaml.AliasEvent: _Builder.alias,
}


@lru_cache(maxsize=4096)
def resolve_scalar(text: str) -> bool | int | float | str | None:
    """Return what unquoted text means in YAML 1.1, as the API server reads it.

    A number that is not written in plain decimal digits (octal, sexagesimal, underscores) comes
    back as a float: it fits neither a number field nor a text field, so nobody is surprised.
    Times stay text.
    """
    for tag, pattern in _RESOLVERS.get(text[:1], []):
        if pattern.match(text):
            return _construct(tag.removeprefix(_TAG), text)
    return float("nan") if _NUMBER_ELSEWHERE.fullmatch(text) else text


def _construct(tag: str, text: str) -> bool | int | float | str | None:
    match tag:
        case "null":
            return None
        case "bool":
            return text.casefold() in {"yes", "true", "on"}
        case "int":
            return int(text) if _DECIMAL.fullmatch(text) else float("nan")
        case "float":
            return float("nan")
        case _:
            return text
