"""The part of OData's `$filter` that clients of Graph use most: comparisons joined by `and`.

Source: https://learn.microsoft.com/graph/filter-query-parameter
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from muster.lab.graph.answers import refuse
from muster.lab.graph.calls import Call

_LITERAL = r"'(?:[^']|'')*'|true|false|null"
_COMPARISON = re.compile(rf"(\w+) (eq|ne) ({_LITERAL})")
_FUNCTION = re.compile(r"(startswith|endswith)\((\w+),\s*('(?:[^']|'')*')\)", re.IGNORECASE)
_AND = re.compile(r" and (?=(?:[^']*'[^']*')*[^']*$)")

_ADVANCED_FIELDS = frozenset({"onPremisesSamAccountName", "onPremisesDomainName"})

Test = Callable[[Mapping[str, Any]], bool]


def parse_filter(call: Call) -> Test:
    """Return the test of a request's `$filter`; everything passes without one."""
    text = call.parameters.get("$filter")
    if not text:
        return lambda _: True
    tests = [_clause(call, part.strip()) for part in _AND.split(text)]
    return lambda record: all(test(record) for test in tests)


def _clause(call: Call, text: str) -> Test:
    if found := _COMPARISON.fullmatch(text):
        name, operator, literal = found.groups()
        if operator == "ne" or name in _ADVANCED_FIELDS:
            call.require_advanced(f"The filter on '{name}'")
        wanted = _value(literal)
        return lambda record: (_folded(record.get(name)) == wanted) is (operator == "eq")
    if found := _FUNCTION.fullmatch(text):
        function, name, literal = found.groups()
        if function.lower() == "endswith":
            call.require_advanced("endswith")
        part = str(_value(literal))
        test = str.endswith if function.lower() == "endswith" else str.startswith
        return lambda record: test(str(_folded(record.get(name)) or ""), part)
    raise refuse(400, "BadRequest", "Invalid filter clause: the syntax is not understood.")


def _value(literal: str) -> Any:
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'").casefold()
    return {"true": True, "false": False, "null": None}[literal]


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
