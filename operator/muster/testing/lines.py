"""The lines of policies that decide something, and what each could say instead.

A line is a value that somebody wrote: an item of a list, a switch, a word, a number. Fields that
no plan depends on (names, notes, `interval`) are none. What a field means is the schema's
business: a change that the schema refuses is no mutant.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster.model.settings import AutomaticImportPolicy, Customer
from muster.resources.admit import admit
from muster.resources.load import LoadedEstate, Placed
from muster.resources.parse import Resource
from muster.resources.problems import FieldPath, dotted, pointer
from muster.resources.schemas import load_schema

_IGNORED = frozenset(
    {"accountType", "interval", "timeZone", "duration", "generator"}
    | {"integrationRef", "template", "language"}
)
"""Another account type is another policy; the others decide nothing that a plan says: when it is
made, how a password or an e-mail is made, and by whom it is sent."""
_OTHER_TEXTS = {"every": ("1d", "365d"), "start": ("00:00", "12:00")}
_NO_LIMIT = {"percent": 100, "floor": 100_000}
_SELECTORS = frozenset({"names", "matchLabels", "matchExpressions", "default"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One line that says something else, and the whole resource with it."""

    what: str
    """`removed`, or what stands there instead."""
    resource: Resource | None
    """None: the resource is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a policy or of a customer's own imports."""

    kind: str
    name: str
    path: FieldPath
    place: str
    """`file:line`."""
    text: str
    """The field and its value, for people."""
    mutants: tuple[Mutant, ...]
    whole: bool = False
    """Whether this is the policy as a whole."""

    @property
    def policy(self) -> str:
        """The policy or import that the line belongs to."""
        steps = self.path[:3] if self.kind == "Customer" else ()
        return f"{self.kind}/{self.name}{'#' + pointer(steps) if steps else ''}"

    @property
    def reference(self) -> str:
        """The name of the line in plans: `AutomaticImportPolicy/staff#/spec/mode`."""
        return f"{self.kind}/{self.name}#{pointer(self.path)}"


def policy_lines(loaded: LoadedEstate) -> tuple[Line, ...]:
    """Return the lines of all policies and own imports, in the order of files."""
    found: list[Line] = []
    for (kind, name), placed in loaded.places.items():
        if kind == "AutomaticImportPolicy":
            found.extend(_Policy(kind, name, placed, ("spec",)).lines())
        elif kind == "Customer":
            imports = placed.value["spec"].get("imports", ())
            for index in range(len(imports)):
                path: FieldPath = ("spec", "imports", index)
                found.extend(_Policy(kind, name, placed, path).lines())
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Policy:
    """The settings of one policy, as they are written."""

    kind: str
    name: str
    placed: Placed
    root: FieldPath

    def lines(self) -> Iterator[Line]:
        """Yield the policy as a whole, then its lines."""
        yield self._line(
            self.root,
            "the policy as a whole",
            [Mutant(what="removed", resource=self._without(self.root))],
        )
        schema: Any = load_schema("AutomaticImportPolicy")["properties"]["spec"]
        yield from self._below(_at(self.placed.value, self.root), schema, self.root)

    def _below(self, value: Any, schema: Mapping[str, Any], path: FieldPath) -> Iterator[Line]:
        if isinstance(value, dict):
            for key, child in value.items():
                field = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
                if key not in _IGNORED and isinstance(field, dict):
                    yield from self._below(child, field, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._item(item, schema.get("items", {}), (*path, index))
        else:
            instead = _instead(value, schema, path)
            yield self._leaf(path, value, [self._mutant(path, other) for other in instead])

    def _item(self, item: Any, schema: Mapping[str, Any], path: FieldPath) -> Iterator[Line]:
        """Yield one item of a list, which can be removed; a unit can also be widened.

        Where nothing is left without it, it names something else.
        """
        without = self._gone(path)
        mutants = [without] if without else self._others(item, schema, path)
        if isinstance(item, dict) and "path" in item:
            wider = "Subtree" if item.get("scope") != "Subtree" else "OneLevel"
            mutants = [*mutants, self._mutant((*path, "scope"), wider)]
        yield self._leaf(path, item, mutants)

    def _others(self, item: Any, schema: Mapping[str, Any], path: FieldPath) -> list[Mutant | None]:
        if isinstance(item, dict):
            return [self._mutant((*path, "path"), f"{item['path']}-x")] if "path" in item else []
        words = schema.get("enum", [f"{item}-x"])
        return [self._mutant(path, word) for word in words if word != item][:1]

    def _leaf(self, path: FieldPath, value: Any, mutants: Sequence[Mutant | None]) -> Line:
        field = dotted(path[len(self.root) :])
        shown = " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        return self._line(path, f"{field}: {_word(shown)}", [one for one in mutants if one])

    def _line(self, path: FieldPath, text: str, mutants: list[Mutant]) -> Line:
        return Line(
            kind=self.kind,
            name=self.name,
            path=path,
            place=self.placed.locate(path),
            text=text,
            mutants=tuple(mutants),
            whole=path == self.root,
        )

    def _gone(self, path: FieldPath) -> Mutant | None:
        """Return the mutant without an item; with its list where it was the only one."""
        parent = _at(self.placed.value, path[:-1])
        alone = len(parent) == 1
        without = _removed(self.placed.value, path[:-1] if alone else path)
        return self._admitted("removed", without)

    def _mutant(self, path: FieldPath, value: Any) -> Mutant | None:
        changed = copy.deepcopy(self.placed.value)
        _at(changed, path[:-1])[path[-1]] = value
        field = f"{path[-1]}: " if isinstance(path[-1], str) else ""
        return self._admitted(f"{field}{_word(value)}", changed)

    def _admitted(self, what: str, value: Any) -> Mutant | None:
        """Return the mutant, or None where the schema or its rules refuse it."""
        resource = admit(self.kind, value)
        if isinstance(resource, tuple) or (what.startswith("mode: ") and not self._writes()):
            return None
        return Mutant(what=what, resource=resource)

    def _writes(self) -> bool:
        """Say whether the policy has anything to write; else its mode decides nothing."""
        options = _at(self.placed.value, self.root).get("options", {})
        creates = any(
            options.get(system, {}).get("createWhenMissing") for system in ("vault", "psa")
        )
        afterwards = bool(options.get("rotation") or options.get("welcomeEmail"))
        return creates or afterwards or options.get("driftRemediation") == "Correct"

    def _without(self, path: FieldPath) -> Resource | None:
        """Return the resource without this policy: nothing, or a customer without one import."""
        if self.kind != "Customer":
            return None
        value = self.placed.value
        alone = len(value["spec"]["imports"]) == 1
        resource = admit(self.kind, _removed(value, path[:-1] if alone else path))
        return None if isinstance(resource, tuple) else resource


def _at(value: Any, path: FieldPath) -> Any:
    for step in path:
        value = value[step]
    return value


def _removed(value: Any, path: FieldPath) -> Any:
    changed = copy.deepcopy(value)
    del _at(changed, path[:-1])[path[-1]]
    return changed


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _instead(value: Any, schema: Mapping[str, Any], path: FieldPath) -> list[Any]:
    """Return what else a field could say."""
    if isinstance(value, bool):
        return [not value]
    if "enum" in schema:
        return [word for word in schema["enum"] if word != value]
    if isinstance(value, int):
        wide = _NO_LIMIT.get(str(path[-1]), schema.get("maximum", 0))
        return [wide] if wide != value else [0]
    if path[-1] == "gracePeriod":
        return ["0h" if value != "0h" else "99999h"]
    if path[-1] in _OTHER_TEXTS:
        return [one for one in _OTHER_TEXTS[str(path[-1])] if one != value][:1]
    return [f"{value}-x"] if set(path) & _SELECTORS else []


def replaced(
    loaded: LoadedEstate, line: Line, mutant: Mutant
) -> tuple[tuple[Customer, ...], tuple[AutomaticImportPolicy, ...]]:
    """Return the customers and policies of an estate with a mutant in place of its line."""
    estate = loaded.estate
    customers = tuple(
        mutant.resource if line.kind == "Customer" and one.name == line.name else one
        for one in estate.customers
    )
    policies = tuple(
        mutant.resource if line.kind != "Customer" and one.name == line.name else one
        for one in estate.policies
    )
    return (
        tuple(one for one in customers if isinstance(one, Customer)),
        tuple(one for one in policies if isinstance(one, AutomaticImportPolicy)),
    )
