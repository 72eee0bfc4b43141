"""Loads everything in git: files to documents to resources to an estate, all problems at once.

The steps live in their own modules; this one only joins them and keeps track of places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from muster.errors import SpecError
from muster.model.connections import Integration
from muster.model.settings import AccountOverride, AutomaticImportPolicy, Customer, Estate
from muster.resources.admit import Foreign, Ours, Several, Wrong, admit, classify
from muster.resources.codes import Code
from muster.resources.conflict import Conflict
from muster.resources.documents import Document, NotYaml, read_documents
from muster.resources.files import STDIN, Unreadable, list_files, read_text
from muster.resources.leaks import find_keys
from muster.resources.lints import find_lints
from muster.resources.parse import Resource
from muster.resources.problems import Fault, FieldPath, Problem, pointer
from muster.resources.readable_secrets import find_readable_secrets
from muster.resources.references import Known, find_conflicts
from muster.resources.resolve import resolve

# Kustomize lets its own file leave apiVersion and kind out.
_KUSTOMIZATION = {"kustomization.yaml", "kustomization.yml"}

_NOT_READ = {Code.NOTHING_FOUND, Code.UNREADABLE, Code.NOT_YAML}

_LIST_IN_LIST = Fault(
    code=Code.UNKNOWN_KIND,
    path=("kind",),
    message="A List stands in a List, which kubectl does not open.",
    advice="Put its items into the outer one.",
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A resource and where it was found."""

    file: Path
    document: Document
    prefix: FieldPath
    value: Any

    def locate(self, path: FieldPath) -> str:
        """Return `file:line` of a field, or of its nearest ancestor that is written down."""
        mark = self.document.place(self.prefix + path, on_key=True)
        return f"{self.file}:{mark.line}"

    def raw(self, path: FieldPath) -> str | None:
        """Return the unquoted text of a field, where there is one."""
        mark = self.document.marks.get(self.prefix + path)
        return mark.raw if mark else None

    def faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the text of this resource; their paths are the document's."""
        length = len(self.prefix)
        return (one for one in self.document.faults if one.path[:length] == self.prefix)

    def problem(self, fault: Fault) -> Problem:
        """Tie a fault to its line."""
        path = self.prefix + fault.path
        mark = self.document.place(path, on_key=fault.on_key)
        return Problem(
            code=fault.code,
            file=str(self.file),
            line=mark.line,
            column=mark.column,
            path=pointer(path),
            message=fault.message,
            advice=fault.advice,
            fix=fault.fix,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedEstate:
    """What git asks for, and everything that is wrong with it.

    With problems, the estate holds only the resources without a fault and nothing is `desired`.
    """

    estate: Estate
    problems: tuple[Problem, ...]
    places: dict[tuple[str, str], Placed] = field(repr=False)
    documents: tuple[Placed, ...] = field(default=(), repr=False)
    """Every resource without a fault of its own, other API groups' too, as it is written."""
    typed: str = field(default="", repr=False)
    """The text of standard input, which nobody can read twice."""
    read_whole: bool = True
    """Whether every file could be read to its end."""

    def locate(self, reference: str) -> str | None:
        """Return `file:line` for a reference such as `AutomaticImportPolicy/staff#/spec/mode`.

        A field that nobody wrote (a default) is located at its nearest ancestor. None: no such
        resource was loaded.
        """
        name, _, path = reference.partition("#")
        kind, _, name = name.partition("/")
        placed = self.places.get((kind, name))
        return placed.locate(_steps(path, placed.value)) if placed else None

    def lints(self, now: datetime) -> tuple[Problem, ...]:
        """Return what is valid and still worth a look; nothing while there are problems."""
        if self.problems:
            return ()
        found = [self._problem(one) for one in find_lints(self.estate, now)]
        for placed in self.documents:
            if isinstance(classify(placed.value), Foreign):
                found += map(placed.problem, find_readable_secrets(placed.value))
        return tuple(sorted(found, key=lambda one: (one.file, one.line, one.column, one.code)))

    def _problem(self, conflict: Conflict) -> Problem:
        return conflict_problem(conflict, self.places)

    def checked(self) -> Estate:
        """Return the estate.

        Raises:
            SpecError: there are problems; it holds one line for each.
        """
        if self.problems:
            raise SpecError(tuple(str(problem) for problem in self.problems))
        return self.estate


def load_estate(paths: Sequence[Path]) -> LoadedEstate:
    """Load files and directories, and check all that can be checked without a system.

    Never raises for what the files hold: every problem is in the result, in the order of files.
    """
    loading = _Loading()
    files, problems = list_files(paths)
    loading.problems.extend(problems)
    for file in files:
        loading.read(file)
    order = {str(file): index for index, file in enumerate(files)}
    return loading.finish(order)


class _Loading:
    """The state of one load: what was found so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.resources: list[Resource] = []
        self.places: dict[tuple[str, str], Placed] = {}
        self.documents: list[Placed] = []
        self.ignored = 0
        self.typed = ""

    def read(self, file: Path) -> None:
        """Take one file."""
        try:
            text = read_text(file)
            self.typed = text if file == STDIN else self.typed
            self.problems.extend(find_keys(str(file), text))
            for document in read_documents(text):
                self.take(Placed(file, document, (), document.value))
        except Unreadable as exc:
            self.problems.append(exc.problem)
        except NotYaml as exc:
            self.problems.append(_syntax_problem(file, exc))

    def take(self, whole: Placed) -> None:
        """Take one document, which may be a list of resources."""
        foreign = [p.prefix for p in self._written_out(whole) if not self._take_one(p)]
        for fault in whole.document.faults:
            if not any(fault.path[: len(prefix)] == prefix for prefix in foreign):
                self.problems.append(whole.problem(fault))

    def _written_out(self, placed: Placed) -> Iterator[Placed]:
        """Yield the resources of a document: itself, or the items of a `List`."""
        if not isinstance(classify(placed.value), Several):
            yield placed
            return
        if placed.prefix:
            self.problems.append(placed.problem(_LIST_IN_LIST))
        items = placed.value.get("items")
        for index, item in enumerate(items if isinstance(items, list) else ()):
            path = (*placed.prefix, "items", index)
            yield from self._written_out(Placed(placed.file, placed.document, path, item))

    def _take_one(self, placed: Placed) -> bool:
        """Take one resource; return whether it is ours to judge."""
        verdict = classify(placed.value)
        match verdict:
            case Ours(kind):
                self._admit(kind, placed)
                return True
            case Wrong(fault) if not (placed.file.name in _KUSTOMIZATION and _nameless(fault)):
                self.problems.append(placed.problem(fault))
                return True
            case Foreign():
                self.ignored += 1
                self.documents.append(placed)
            case Wrong():
                self.ignored += 1
        return False

    def _admit(self, kind: str, placed: Placed) -> None:
        outcome = admit(kind, placed.value, placed.raw)
        if isinstance(outcome, tuple):
            self.problems.extend(placed.problem(fault) for fault in outcome)
        elif not any(placed.faults()):
            self.documents.append(placed)
        name = _name(placed.value)
        if name is None:
            return
        first = self.places.setdefault((kind, name), placed)
        if first is not placed:
            self.problems.append(placed.problem(duplicate(kind, name, first)))
        elif not isinstance(outcome, tuple):
            self.resources.append(outcome)

    def finish(self, order: dict[str, int]) -> LoadedEstate:
        """Check what lies between the resources, and put everything in order."""
        estate = self._estate()
        conflicts = find_conflicts(estate, self._known())
        self.problems.extend(conflict_problem(conflict, self.places) for conflict in conflicts)
        self.problems.sort(key=lambda p: (order.get(p.file, -1), p.line, p.column))
        if not self.problems:
            estate = resolve(estate)
        return LoadedEstate(
            estate=estate,
            problems=tuple(self.problems),
            places=self.places,
            documents=tuple(self.documents),
            typed=self.typed,
            read_whole=not any(one.code in _NOT_READ for one in self.problems),
        )

    def _estate(self) -> Estate:
        resources = sorted(self.resources, key=lambda resource: resource.name)
        return Estate(
            customers=tuple(r for r in resources if isinstance(r, Customer)),
            integrations=tuple(r for r in resources if isinstance(r, Integration)),
            policies=tuple(r for r in resources if isinstance(r, AutomaticImportPolicy)),
            overrides=tuple(r for r in resources if isinstance(r, AccountOverride)),
            ignored_resources=self.ignored,
        )

    def _known(self) -> Known:
        return Known(
            customers=frozenset(name for kind, name in self.places if kind == "Customer"),
            integrations=frozenset(name for kind, name in self.places if kind == "Integration"),
        )


def _nameless(fault: Fault) -> bool:
    return fault.code is Code.NO_RESOURCE


def duplicate(kind: str, name: str, first: Placed) -> Fault:
    """Refuse the second of two resources of one kind and name."""
    where = first.locate(("metadata", "name"))
    return Fault(
        code=Code.DUPLICATE_RESOURCE,
        path=("metadata", "name"),
        message=f"{kind} `{name}` exists already in {where}.",
        advice="Remove one of them, or give it another name.",
    )


def conflict_problem(conflict: Conflict, places: Mapping[tuple[str, str], Placed]) -> Problem:
    """Tie what lies between resources to the line of the one that must change."""
    placed = places[_owner(conflict.at)]
    message = conflict.message
    if conflict.other:
        other_kind, other_name = _owner(conflict.other)
        other = places[(other_kind, other_name)]
        where = other.locate(_steps(conflict.other.partition("#")[2], other.value))
        message += f" See {other_kind} `{other_name}` in {where}."
    fault = Fault(
        code=conflict.code,
        path=_steps(conflict.at.partition("#")[2], placed.value),
        message=message,
        advice=conflict.advice,
    )
    return placed.problem(fault)


def _owner(reference: str) -> tuple[str, str]:
    kind, _, name = reference.partition("#")[0].partition("/")
    return kind, name


def _steps(path: str, value: Any) -> FieldPath:
    """Read a JSON pointer into a value; digits are positions only where a list stands."""
    steps: list[str | int] = []
    for token in path.split("/")[1:]:
        step: str | int = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            step = int(token) if token.isdecimal() else token
            value = value[step] if isinstance(step, int) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
        steps.append(step)
    return tuple(steps)


def _name(value: Any) -> str | None:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _syntax_problem(file: Path, exc: NotYaml) -> Problem:
    return Problem(
        code=Code.NOT_YAML,
        file=str(file),
        line=exc.line,
        column=exc.column,
        path="",
        message=exc.message,
        advice=exc.advice,
    )
