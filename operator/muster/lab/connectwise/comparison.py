"""How ConnectWise compares a field with a value, under the tenant's switches."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from muster.lab.connectwise.conditions import (
    Condition,
    ConditionError,
    Literal,
    Moment,
    Record,
    Test,
    holds,
    names,
)
from muster.lab.connectwise.knobs import ConnectWiseKnobs

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def check_names(condition: Condition, known: Iterable[str]) -> None:
    """Refuse a field that the resource does not have, or that belongs to a child."""
    allowed = frozenset(known)
    for name in names(condition):
        if name not in allowed:
            # Text of the message: WYRE-AI/connectwise-manage-mcp pull 84.
            raise ConditionError(f"{name} is not a recognized name.")


class Comparison:
    """Decides conditions on records."""

    def __init__(self, knobs: ConnectWiseKnobs) -> None:
        self._knobs = knobs

    def matches(self, condition: Condition, record: Record) -> bool:
        """Whether a record meets a condition on its own fields."""
        return holds(condition, lambda test: self._decide(test, look_up(record, test.name)))

    def matches_child(self, condition: Condition, record: Record) -> bool:
        """Whether a record's children meet a condition; the switch says if on one child."""
        if not self._knobs.child_same_item:
            return self._any_child(condition, record)
        child = next(names(condition)).split("/")[0]
        alone = ({**record, child: [item]} for item in record.get(child, []))
        return any(self._any_child(condition, each) for each in alone)

    def _any_child(self, condition: Condition, record: Record) -> bool:
        def decide(test: Test) -> bool:
            child, _, name = test.name.partition("/")
            return any(self._decide(test, look_up(item, name)) for item in record.get(child, []))

        return holds(condition, decide)

    def _decide(self, test: Test, field: Any) -> bool:
        match test.operator:
            case "=":
                return self._equal(field, test.values[0])
            case "!=":
                return not self._equal(field, test.values[0])
            case "in":
                return any(self._equal(field, value) for value in test.values)
            case "contains":
                return self._fold(str(test.values[0])) in self._fold(field or "")
            case "like":
                return self._like(field, str(test.values[0]))
            case other:
                return self._ordered(_ORDER[other], field, test.values[0])

    def _equal(self, field: Any, value: Literal) -> bool:
        if isinstance(value, Moment):
            return field is not None and self._moment(field) == self._moment(value.text)
        if isinstance(value, str) and isinstance(field, str):
            return bool(self._fold(field) == self._fold(value))
        return type(field) is type(value) and bool(field == value)

    def _like(self, field: Any, pattern: str) -> bool:
        parts = (re.escape(part) for part in re.split(r"[%*]", self._fold(pattern)))
        return re.fullmatch(".*".join(parts), self._fold(field or ""), re.DOTALL) is not None

    def _ordered(self, compare: Callable[[Any, Any], bool], field: Any, value: Literal) -> bool:
        if field is None or value is None:
            return False
        if isinstance(value, Moment):
            return compare(self._moment(field), self._moment(value.text))
        if isinstance(value, str) is not isinstance(field, str):
            return False
        return compare(self._fold(field), self._fold(value))

    def _fold(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        folded = value if self._knobs.case_sensitive else value.casefold()
        if self._knobs.accent_sensitive:
            return folded
        plain = unicodedata.normalize("NFD", folded)
        return "".join(letter for letter in plain if not unicodedata.combining(letter))

    def _moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError as error:
            raise ConditionError(f"{text!r} is not a date") from error
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if self._knobs.date_only:
            return aware.replace(hour=0, minute=0, second=0, microsecond=0)
        return aware.replace(microsecond=0)


def look_up(record: Any, name: str) -> Any:
    """Return a field by its path, such as `company/id`; None where it is not."""
    # lastUpdated stands in _info, and conditions reach it without (amp-labs/connectors).
    value = record.get("_info") if name == "lastUpdated" else record
    for part in name.split("/"):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
