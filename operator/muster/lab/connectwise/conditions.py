"""The condition language of ConnectWise lists: text in, a predicate out.

Grammar: `and`, `or`, parentheses; `= != < <= > >= contains like in not`; double-quoted text,
bare numbers, `True`, `False`, `null`, `[dates]`. Source: the vendor's developer guide, copied at
https://gitea.resolutionflow.com/chihlasm/resolutionflow/src/branch/main/docs/connectwise/
Unconfirmed: single quotes, which live callers use too.
How two values compare is decided in `comparison`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Record = Mapping[str, Any]


class ConditionError(Exception):
    """A condition that the server refuses with 400 `ApiFindCondition`."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A date in square brackets, as it was written."""

    text: str


Literal = str | int | float | bool | Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One comparison. `operator` is lower case; `values` has one item except for `in`."""

    name: str
    operator: str
    values: tuple[Literal, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """Every part must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part must hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not hold."""

    part: Condition


Condition = Test | All | AnyOf | Not

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<date>\[[^\]]*\])
      | (?P<number>-?\d+(?:\.\d+)?)(?![\w/])
      | (?P<sign><=|>=|!=|=|<|>|\(|\)|,)
      | (?P<word>[A-Za-z_][\w/]*)
    )""",
    re.VERBOSE,
)
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">=", "contains", "like", "in"})
_WORDS: Mapping[str, Literal] = {"true": True, "false": False, "null": None}
_Token = tuple[str, str]


@lru_cache(maxsize=256)
def parse(text: str) -> Condition:
    """Return the condition; raises ConditionError where the text cannot be read."""
    tokens = _Tokens(tuple(_tokens(text)))
    condition = _either(tokens)
    if tokens.kind != "end":
        raise ConditionError(f"unexpected {tokens.value!r} in conditions")
    return condition


def names(condition: Condition) -> Iterator[str]:
    """Yield every field that a condition names."""
    match condition:
        case Test():
            yield condition.name
        case Not():
            yield from names(condition.part)
        case All() | AnyOf():
            for part in condition.parts:
                yield from names(part)


def holds(condition: Condition, test: Callable[[Test], bool]) -> bool:
    """Whether a condition holds, given how one test is decided."""
    match condition:
        case Test():
            return test(condition) is not condition.negated
        case Not():
            return not holds(condition.part, test)
        case All():
            return all(holds(part, test) for part in condition.parts)
        case AnyOf():
            return any(holds(part, test) for part in condition.parts)


def fixed_number(condition: Condition | None, name: str) -> int | None:
    """Return the number that a field must equal for the condition to hold, if that is plain."""
    match condition:
        case Test(name=found, operator="=", values=(int() as number,), negated=False) if (
            found == name and not isinstance(number, bool)
        ):
            return number
        case All():
            numbers = (fixed_number(part, name) for part in condition.parts)
            return next((number for number in numbers if number is not None), None)
        case _:
            return None


class _Tokens:
    def __init__(self, tokens: tuple[_Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def value(self) -> str:
        return self._tokens[self._at][1]

    def take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token[0] != "end"
        return token

    def skip(self, value: str) -> bool:
        found = self.kind in {"sign", "word"} and self.value.lower() == value
        if found:
            self.take()
        return found


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise ConditionError(f"conditions cannot be read from position {position}")
        yield match.lastgroup, match[match.lastgroup]
        position = match.end()
    yield "end", ""


def _either(tokens: _Tokens) -> Condition:
    parts = [_both(tokens)]
    while tokens.skip("or"):
        parts.append(_both(tokens))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _both(tokens: _Tokens) -> Condition:
    parts = [_one(tokens)]
    while tokens.skip("and"):
        parts.append(_one(tokens))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _one(tokens: _Tokens) -> Condition:
    if tokens.skip("not"):
        return Not(_one(tokens))
    if tokens.skip("("):
        inner = _either(tokens)
        if not tokens.skip(")"):
            raise ConditionError("a parenthesis is not closed in conditions")
        return inner
    return _test(tokens)


def _test(tokens: _Tokens) -> Test:
    kind, name = tokens.take()
    if kind != "word":
        raise ConditionError(f"a field name was expected, not {name!r}")
    negated = tokens.skip("not")
    operator = tokens.take()[1].lower()
    if operator not in _OPERATORS:
        raise ConditionError(f"{operator!r} is not an operator")
    values = _list(tokens) if operator == "in" else (_literal(tokens),)
    return Test(name=name, operator=operator, values=values, negated=negated)


def _list(tokens: _Tokens) -> tuple[Literal, ...]:
    if not tokens.skip("("):
        raise ConditionError("`in` needs a list in parentheses")
    values = [_literal(tokens)]
    while tokens.skip(","):
        values.append(_literal(tokens))
    if not tokens.skip(")"):
        raise ConditionError("a parenthesis is not closed in conditions")
    return tuple(values)


def _literal(tokens: _Tokens) -> Literal:
    kind, value = tokens.take()
    match kind:
        case "text":
            return re.sub(r"\\(.)", r"\1", value[1:-1])
        case "date":
            return Moment(value[1:-1].strip())
        case "number":
            return float(value) if "." in value else int(value)
        case "word" if value.lower() in _WORDS:
            return _WORDS[value.lower()]
        case _:
            raise ConditionError(f"a value was expected, not {value!r}")
