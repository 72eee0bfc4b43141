"""Decides how a frozen dataclass is written as JSON and read back; where it is kept is not known.

The form follows the declared types, so the model is the only description of it:
dataclass ↔ object with every field, tuple ↔ array, enum ↔ its value, datetime ↔ ISO 8601
in UTC. What has no place in that list, a `Secret` above all, cannot be written.

Documents are read strictly. An unknown field means that a newer Muster wrote it, and to
drop it would lose what that Muster knew. A missing field takes its default, so that the
model may grow; any other change of the model needs a migration (`migrations.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from muster.errors import StateError
from muster.model.accounts import AccountRecord, Intent
from muster.model.passwords import JobEnd, PasswordJob

FORMAT = 1
"""The version that stands in every document as `v`."""

T = TypeVar("T")


class Malformed(ValueError):
    """A value does not have the form of its type. The text names the field, never the value."""


class Document(Generic[T]):
    """Writes and reads documents of one dataclass."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._codec = _codec(cast(Any, kind))

    def encode(self, value: T) -> str:
        """Return the document; equal values give equal text.

        Raises:
            TypeError: the value holds something that must not, or cannot, be written.
        """
        body = {"v": FORMAT, "kind": self._kind.__name__, "body": self._codec.write(value)}
        return json.dumps(body, separators=(",", ":"))

    def decode(self, text: str, where: str) -> T:
        """Read a document; `where` names it in the error.

        Raises:
            StateError: the document is damaged, or a newer Muster wrote it.
        """
        try:
            return self._read(json.loads(text))
        except ValueError as exc:
            raise _unreadable(where, exc) from None

    def _read(self, outer: Any) -> T:
        if not isinstance(outer, dict) or outer.keys() != {"v", "kind", "body"}:
            raise Malformed("it is no Muster document")
        if outer["v"] != FORMAT:
            raise Malformed("its format version is not the one that this Muster reads")
        if outer["kind"] != self._kind.__name__:
            raise Malformed(f"it is no {self._kind.__name__}")
        return cast(T, self._codec.read(outer["body"]))


def encode_json(value: dict[str, Any]) -> str:
    """Return a status as canonical JSON text.

    Raises:
        TypeError: it holds something that is not JSON, such as a `Secret`.
    """
    return json.dumps(value, separators=(",", ":"), sort_keys=True, allow_nan=False)


def decode_json(text: str, where: str) -> dict[str, Any]:
    """Read a status; `where` names it in the error.

    Raises:
        StateError: it is damaged.
    """
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise _unreadable(where, exc) from None
    if not isinstance(value, dict):
        raise _unreadable(where, Malformed("a status is no object"))
    return value


@dataclass(frozen=True, slots=True)
class _Codec:
    """How values of one type are written and read."""

    as_is: frozenset[type]
    """Values of these types are their own JSON; asked first, because calls cost the most."""
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


@cache
def _codec(kind: Any) -> _Codec:
    """Return how a type is written and read; made once per type."""
    kind = getattr(kind, "__supertype__", kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum_codec(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_codec(kind)
    if get_origin(kind) is tuple and get_args(kind)[1:] == (Ellipsis,):
        return _tuple_codec(_codec(get_args(kind)[0]))
    if get_origin(kind) in {UnionType, Union} and set(get_args(kind)[1:]) == {NoneType}:
        some = _codec(get_args(kind)[0])
        return replace(some, as_is=some.as_is | {NoneType})
    raise TypeError(f"{kind} has no form in the registry")


def _dataclass_codec(kind: type[Any]) -> _Codec:
    hints = get_type_hints(kind)
    codecs = {field.name: _codec(hints[field.name]) for field in fields(kind)}
    writers = [(name, codec.as_is, codec.write) for name, codec in codecs.items()]
    readers = {name: (codec.as_is, codec.read) for name, codec in codecs.items()}

    def write(value: Any) -> Any:
        if type(value) is not kind:
            raise _unwritable(value)
        data = {}
        for name, as_is, write_field in writers:
            part = getattr(value, name)
            data[name] = part if type(part) in as_is else write_field(part)
        return data

    def read(data: Any) -> Any:
        if type(data) is not dict:
            raise Malformed(f"a {kind.__name__} is no object")
        if not data.keys() <= readers.keys():
            unknown = min(data.keys() - readers.keys())
            raise Malformed(f"{kind.__name__} has no field {unknown!r}")
        for name, part in data.items():
            as_is, read_field = readers[name]
            if type(part) not in as_is:
                data[name] = read_field(part)
        try:
            return kind(**data)
        except TypeError:
            raise Malformed(f"{kind.__name__} lacks a field") from None

    return _Codec(frozenset(), write, read)


def _tuple_codec(item: _Codec) -> _Codec:
    def write(value: Any) -> Any:
        if type(value) is not tuple:
            raise _unwritable(value)
        return [one if type(one) in item.as_is else item.write(one) for one in value]

    def read(data: Any) -> Any:
        if type(data) is not list:
            raise Malformed("a list is no array")
        return tuple([one if type(one) in item.as_is else item.read(one) for one in data])

    return _Codec(frozenset(), write, read)


def _enum_codec(kind: type[Enum]) -> _Codec:
    members = {member.value: member for member in kind}

    def write(value: Any) -> Any:
        if type(value) is not kind:
            raise _unwritable(value)
        return value.value

    def read(data: Any) -> Any:
        member = members.get(data) if type(data) is str else None
        if member is None:
            raise Malformed(f"{kind.__name__} does not have such a value")
        return member

    return _Codec(frozenset(), write, read)


def _write_text(value: Any) -> str:
    # A StrEnum is fit where text is asked for; it is written, and comes back, as its text.
    if not isinstance(value, str):
        raise _unwritable(value)
    return str.__str__(value)


def _read_text(_: Any) -> str:
    raise Malformed("a text is no string")


def _write_number(value: Any) -> int:
    raise _unwritable(value)


def _read_number(_: Any) -> int:
    raise Malformed("a number is no whole number")


def _write_bool(value: Any) -> bool:
    raise _unwritable(value)


def _read_bool(_: Any) -> bool:
    raise Malformed("a switch is neither true nor false")


def _write_time(value: Any) -> str:
    if not isinstance(value, datetime):
        raise _unwritable(value)
    if value.tzinfo is None:
        raise TypeError("a time without a time zone is not written to the registry")
    return value.astimezone(UTC).isoformat()


def _read_time(data: Any) -> datetime:
    if type(data) is not str:
        raise Malformed("a time is no string")
    time = datetime.fromisoformat(data)
    if time.tzinfo is None:
        raise Malformed("a time has no time zone")
    return time


def _unreadable(where: str, exc: ValueError) -> StateError:
    return StateError(
        f"The registry holds a document that cannot be read: {where}: {exc}. "
        "Use the Muster version that wrote it, or restore the file from a backup."
    )


def _unwritable(value: object) -> TypeError:
    return TypeError(f"a {type(value).__name__} is not written to the registry")


_SCALARS: dict[Any, _Codec] = {
    str: _Codec(frozenset({str}), _write_text, _read_text),
    bool: _Codec(frozenset({bool}), _write_bool, _read_bool),
    int: _Codec(frozenset({int}), _write_number, _read_number),
    datetime: _Codec(frozenset(), _write_time, _read_time),
}

ACCOUNT = Document(AccountRecord)
INTENT = Document(Intent)
JOB = Document(PasswordJob)
JOB_END = Document(JobEnd)
