"""Autotask's filters: JSON in, a predicate out.

Source: https://autotask.net/help/developerhelp/content/apis/REST/API_Calls/REST_Advanced_Query_Features.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from muster.lab.autotask.answers import refuse
from muster.lab.autotask.entities import Entity, Field
from muster.lab.autotask.knobs import AutotaskKnobs

Record = Mapping[str, Any]
Predicate = Callable[[Record], bool]

_MOST_ALTERNATIVES = 500
_GROUPS: Mapping[str, Callable[[Iterator[bool]], bool]] = {"and": all, "or": any}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda field, value: bool(field == value),
    "noteq": lambda field, value: bool(field != value),
    "gt": lambda field, value: field is not None and field > value,
    "gte": lambda field, value: field is not None and field >= value,
    "lt": lambda field, value: field is not None and field < value,
    "lte": lambda field, value: field is not None and field <= value,
    "beginswith": lambda field, value: str(field or "").startswith(str(value)),
    "endswith": lambda field, value: str(field or "").endswith(str(value)),
    "contains": lambda field, value: str(value) in str(field or ""),
}
_EXISTENCE: Mapping[str, Callable[[Any], bool]] = {
    "exist": lambda field: field not in (None, ""),
    "notexist": lambda field: field in (None, ""),
}


class Filters:
    """Reads filters of one entity, under the tenant's switches."""

    def __init__(self, entity: Entity, knobs: AutotaskKnobs) -> None:
        self._entity = entity
        self._knobs = knobs

    def parse(self, conditions: Any) -> Predicate:
        """Return the predicate; an array of conditions means that all of them hold."""
        if not isinstance(conditions, list) or not conditions:
            refuse("A filter is required.")
        if _alternatives(conditions) > _MOST_ALTERNATIVES:
            refuse(f"A query may hold at most {_MOST_ALTERNATIVES} OR conditions.")
        return self._group("and", conditions)

    def _group(self, operator: str, items: Any) -> Predicate:
        if not isinstance(items, list) or not items:
            refuse("A group of conditions must hold items.")
        parts = tuple(self._condition(item) for item in items)
        join = _GROUPS[operator]
        return lambda record: join(part(record) for part in parts)

    def _condition(self, item: Any) -> Predicate:
        if not isinstance(item, Mapping):
            refuse("A condition must be an object.")
        operator = str(item.get("op", "")).lower()
        if operator in _GROUPS:
            return self._group(operator, item.get("items"))
        field = self._field(item.get("field"))
        name = field.name
        if exists := _EXISTENCE.get(operator):
            return lambda record: exists(record[name])
        if operator in {"in", "notin"}:
            return self._membership(field, item.get("value"), wanted=operator == "in")
        compare = _COMPARE.get(operator)
        if compare is None:
            return self._unknown(operator)
        if "value" not in item:  # a client that drops a value of 0 or false is caught here
            refuse(f"A value is required for {name}.")
        value, fold = self._value(field, item["value"]), self._fold
        return lambda record: compare(fold(record[name]), value)

    def _unknown(self, operator: str) -> Predicate:
        if not self._knobs.ignores_unknown_operators:
            refuse(f"The operator {operator} is not supported.")
        return lambda _: True

    def _membership(self, field: Field, values: Any, *, wanted: bool) -> Predicate:
        if not isinstance(values, list):
            refuse(f"An array is required for {field.name}.")
        known = {self._value(field, value) for value in values}
        name, fold = field.name, self._fold
        return lambda record: (fold(record[name]) in known) is wanted

    def _field(self, name: Any) -> Field:
        field = self._entity.find(str(name))
        if field is None:
            refuse(f"Unable to find {name} in the {self._entity.singular} Entity")
        if not field.queryable:
            refuse(f"The field {field.name} cannot be queried.")
        return field

    def _value(self, field: Field, value: Any) -> Any:
        """Return a value as its field holds it; `true` is understood for a number too."""
        if field.kind == "boolean":
            if not isinstance(value, bool):
                refuse(f"A boolean is required for {field.name}.")
            return value
        if field.kind in {"integer", "long"}:
            return _number(field, value)
        return self._fold(value)

    def _fold(self, value: Any) -> Any:
        if isinstance(value, str) and not self._knobs.case_sensitive:
            return value.casefold()
        return value


def fixed_company(conditions: Any) -> int | None:
    """Return the company that a filter insists on, if that is plain, so that few rows are seen."""
    for item in conditions if isinstance(conditions, list) else ():
        operator = str(item.get("op", "")).lower()
        if operator == "and" and (found := fixed_company(item.get("items"))) is not None:
            return found
        if operator == "eq" and str(item.get("field", "")).lower() == "companyid":
            value = item.get("value")
            return value if isinstance(value, int) else None
    return None


def _number(field: Field, value: Any) -> int:
    words = {"true": 1, "false": 0}
    try:
        return int(words.get(value.lower(), value) if isinstance(value, str) else value)
    except (TypeError, ValueError):
        refuse(f"A number is required for {field.name}.")


def _alternatives(items: Any) -> int:
    count = 0
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and "items" in item:
            inner = item["items"]
            own = len(inner) if item.get("op") == "or" and isinstance(inner, list) else 0
            count += own + _alternatives(inner)
    return count
