"""Asks every guardrail about every resource, with the API server's order and words.

Pure. A condition that fails to evaluate and a policy that fails to evaluate follow
`failurePolicy`; what cannot be evaluated offline is said, and is neither a yes nor a no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster.resources.guardrails.cel_library import (
    Failed,
    NotOffline,
    compile_expression,
    evaluate_expression,
)
from muster.resources.guardrails.defaults import with_defaults
from muster.resources.guardrails.matching import CREATE, matches, plural
from muster.resources.guardrails.policies import (
    Action,
    Binding,
    Guardrails,
    Json,
    Named,
    Parameters,
    Policy,
    Validation,
)
from muster.resources.labels import json_selector_fits
from muster.resources.schemas import KINDS, load_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A tree's objects that guardrails look at or take parameters from."""

    objects: Sequence[Json]
    namespace: str = "default"
    """The namespace of objects that name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One failed validation of one object; `actions` are empty for what could not be asked."""

    index: int
    """The object, by its place in `Guarded.objects`."""
    policy: str
    binding: str
    actions: tuple[Action, ...]
    message: str

    @property
    def denial(self) -> str:
        """What the API server says when it denies the request."""
        where = f"ValidatingAdmissionPolicy '{self.policy}' with binding '{self.binding}'"
        return f"{where} denied request: {self.message}"


def evaluate(guardrails: Guardrails, guarded: Guarded) -> Iterator[Verdict]:
    """Yield the verdicts that are no plain yes, object by object."""
    namespaces = {
        one["metadata"]["name"]: one for one in guarded.objects if one["kind"] == "Namespace"
    }
    for index, written in enumerate(guarded.objects):
        value = _as_admitted(written, guarded.namespace)
        home = value["metadata"].get("namespace", guarded.namespace)
        namespace = namespaces.get(home, {"metadata": {"name": home, "labels": _labels(home)}})
        for policy, binding in guardrails.pairs:
            if not matches(policy.match, value, namespace):
                continue
            if binding.match and not matches(binding.match, value, namespace):
                continue
            asked = _Question(value, namespace, policy, binding)
            for message, known in asked.failures(guarded):
                yield Verdict(
                    index=index,
                    policy=policy.name,
                    binding=binding.name,
                    actions=binding.actions if known else (),
                    message=message,
                )


def _labels(namespace: str) -> dict[str, str]:
    """Return the label that every namespace has."""
    return {"kubernetes.io/metadata.name": namespace}


def _as_admitted(written: Json, namespace: str) -> dict[str, Any]:
    """Return an object as the API server shows it to its policies."""
    metadata = {"namespace": namespace, **(written.get("metadata") or {})}
    value = {**written, "metadata": metadata}
    kind = written["kind"]
    if kind not in KINDS:
        return value
    filled: dict[str, Any] = with_defaults(value, load_schema(kind))
    return filled


class _Question:
    """One policy and binding, asked about one object."""

    def __init__(self, value: Json, namespace: Json, policy: Policy, binding: Binding) -> None:
        self._value = value
        self._namespace = namespace
        self._policy = policy
        self._binding = binding

    def failures(self, guarded: Guarded) -> Iterator[tuple[str, bool]]:
        """Yield why the policy does not hold, and whether that is known for certain."""
        try:
            yield from self._failures(guarded)
        except NotOffline as unknown:
            yield f"it cannot be evaluated here: {unknown}", False
        except ValueError as broken:
            if self._policy.fails_closed:
                yield f"compilation failed: {broken}", True

    def _failures(self, guarded: Guarded) -> Iterator[tuple[str, bool]]:
        for parameters in self._parameters(guarded):
            if isinstance(parameters, Failed):
                yield parameters.why, True
                continue
            data = self._data(parameters)
            applies = self._applies(data)
            if isinstance(applies, Failed):
                if self._policy.fails_closed:
                    yield applies.why, True
            elif applies:
                data["variables"] = dict(_variables(self._policy.variables, data))
                for validation in self._policy.validations:
                    message = self._check(validation, data)
                    if message is not None:
                        yield message, True

    def _parameters(self, guarded: Guarded) -> Iterable[Json | Failed | None]:
        kind, wanted = self._policy.parameter_kind, self._binding.parameters
        if kind is None or wanted is None:
            return (None,)
        found = [
            one
            for one in guarded.objects
            if (one["apiVersion"], one["kind"]) == kind and _is_parameter(one, wanted)
        ]
        if found:
            return found
        if not wanted.deny_when_missing:
            return ()
        return (Failed("no params found for policy binding with `Deny` parameterNotFoundAction"),)

    def _data(self, parameters: Json | None) -> dict[str, Any]:
        api_version, kind = self._value["apiVersion"], self._value["kind"]
        group, _, version = api_version.rpartition("/")
        metadata = self._value["metadata"]
        request = {
            "operation": CREATE,
            "name": metadata.get("name", ""),
            "namespace": metadata.get("namespace", ""),
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": plural(kind)},
            "dryRun": False,
        }
        return {
            "object": self._value,
            "oldObject": None,
            "params": parameters,
            "namespaceObject": self._namespace,
            "request": request,
        }

    def _applies(self, data: Mapping[str, Any]) -> bool | Failed:
        """Say whether all conditions hold; one that is false outweighs one that fails."""
        failed: Failed | None = None
        for condition in self._policy.conditions:
            result = evaluate_expression(compile_expression(condition.expression), data)
            if result is False:
                return False
            if isinstance(result, Failed):
                failed = failed or Failed(
                    f"[expression '{condition.expression}' resulted in error: {result.why}]"
                )
        return failed or True

    def _check(self, validation: Validation, data: Mapping[str, Any]) -> str | None:
        """Return the message of a validation that does not hold."""
        result = evaluate_expression(compile_expression(validation.expression), data)
        if result is True:
            return None
        if isinstance(result, Failed):
            words = f"expression '{validation.expression}' resulted in error: {result.why}"
            return words if self._policy.fails_closed else None
        return _message(validation, data)


def _is_parameter(value: Json, wanted: Parameters) -> bool:
    metadata = value.get("metadata") or {}
    if wanted.name:
        return bool(metadata.get("name") == wanted.name)
    return json_selector_fits(wanted.selector, metadata.get("labels") or {})


def _variables(variables: Iterable[Named], data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the variables that have a value; to use another one is an error."""
    known: dict[str, Any] = {}
    for variable in variables:
        compiled = compile_expression(variable.expression)
        value = evaluate_expression(compiled, {**data, "variables": known})
        if not isinstance(value, Failed):
            known[variable.name] = value
            yield variable.name, value


def _message(validation: Validation, data: Mapping[str, Any]) -> str:
    """Return the message; an expression for it counts only if it gives one line of text."""
    if not validation.message_expression:
        return validation.default_message
    text = evaluate_expression(compile_expression(validation.message_expression), data)
    if isinstance(text, str) and text.strip() and "\n" not in text:
        return text
    return validation.default_message
