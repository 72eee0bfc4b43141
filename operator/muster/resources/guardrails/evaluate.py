"""Asks every guardrail about every resource, with the API server's order and words.

Pure. A condition that fails to evaluate and a policy that fails to evaluate follow
`failurePolicy`; what cannot be evaluated offline is said, and is neither a yes nor a no.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muster.resources.guardrails.cel_library import (
    Failed,
    NotOffline,
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
        one["metadata"]["name"]: _as_namespace(one)
        for one in guarded.objects
        if one["kind"] == "Namespace"
    }
    for index, written in enumerate(guarded.objects):
        value = _as_admitted(written, guarded.namespace)
        home = value["metadata"].get("namespace", guarded.namespace)
        namespace = namespaces.get(home) or _as_namespace({"metadata": {"name": home}})
        for policy, binding in guardrails.pairs:
            if not matches(policy.match, value, namespace):
                continue
            if binding.match and not matches(binding.match, value, namespace):
                continue
            asked = _Question(value, namespace, policy, binding)
            for failure in asked.failures(guarded):
                yield Verdict(
                    index=index,
                    policy=policy.name,
                    binding=binding.name,
                    actions=binding.actions if failure.actions is None else failure.actions,
                    message=failure.message,
                )


def _as_namespace(written: Json) -> Json:
    """Return a namespace as the API server shows it, with the label that every one has."""
    metadata = written["metadata"]
    own = {"kubernetes.io/metadata.name": metadata["name"]}
    labels = {**(metadata.get("labels") or {}), **own}
    metadata = {**metadata, "labels": labels}
    return {"status": {"phase": "Active"}, **written, "metadata": metadata}


def _as_admitted(written: Json, namespace: str) -> dict[str, Any]:
    """Return an object as the API server shows it to its policies."""
    metadata = {"namespace": namespace, "generation": 1, **(written.get("metadata") or {})}
    value = {**written, "metadata": metadata}
    kind = written["kind"]
    if kind not in KINDS:
        return value
    filled: dict[str, Any] = with_defaults(value, load_schema(kind))
    return filled


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a policy does not hold, and what then happens; None is what the binding says."""

    message: str
    actions: tuple[Action, ...] | None = None


class _Question:
    """One policy and binding, asked about one object."""

    def __init__(self, value: Json, namespace: Json, policy: Policy, binding: Binding) -> None:
        self._value = value
        self._namespace = namespace
        self._policy = policy
        self._binding = binding

    def failures(self, guarded: Guarded) -> Iterator[_Failure]:
        """Yield why the policy does not hold, or cannot be asked."""
        found = self._parameters(guarded)
        if not found and self._policy.fails_closed and self._binding.needs_parameters:
            # A fault of the binding's own denies, whatever its validationActions say.
            yield _Failure(_NO_PARAMETERS, (Action.DENY,))
        for parameters in found:
            values = _Values(self._data(parameters))
            try:
                applies = self._applies(values)
            except NotOffline as unknown:
                yield _unasked(unknown)
                continue
            if isinstance(applies, Failed):
                if self._policy.fails_closed:
                    yield _Failure(applies.why)
            elif applies:
                values.define(self._policy.variables)
                yield from self._broken(values)

    def _broken(self, values: _Values) -> Iterator[_Failure]:
        for validation in self._policy.validations:
            try:
                message = self._check(validation, values)
            except NotOffline as unknown:
                yield _unasked(unknown)
                continue
            if message is not None:
                yield _Failure(message)

    def _parameters(self, guarded: Guarded) -> Sequence[Json | None]:
        """Return what to ask with; nothing where parameters are missing that must be there."""
        kind, wanted = self._policy.parameter_kind, self._binding.parameters
        if kind is None or wanted is None:
            return (None,)
        return [
            one
            for one in guarded.objects
            if (one["apiVersion"], one["kind"]) == kind
            and _is_parameter(one, wanted, self._namespace["metadata"]["name"])
        ]

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
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        }
        request |= {"requestKind": request["kind"], "requestResource": request["resource"]}
        return {
            "object": self._value,
            "oldObject": None,
            "params": parameters,
            "namespaceObject": self._namespace,
            "request": request,
        }

    def _applies(self, values: _Values) -> bool | Failed:
        """Say whether all conditions hold; one that is false outweighs one that fails."""
        failed: dict[str, None] = {}
        for condition in self._policy.conditions:
            result = values.ask(condition.expression)
            if result is False:
                return False
            if isinstance(result, Failed):
                failed[_in_error(condition.expression, result)] = None
        return Failed(_joined(failed)) if failed else True

    def _check(self, validation: Validation, values: _Values) -> str | None:
        """Return the message of a validation that does not hold."""
        result = values.ask(validation.expression)
        if result is True:
            return None
        if isinstance(result, Failed):
            words = _in_error(validation.expression, result)
            return words if self._policy.fails_closed else None
        return _message(validation, values)


_NO_PARAMETERS = (
    "failed to configure binding: no params found for policy binding with `Deny` "
    "parameterNotFoundAction"
)


def _unasked(unknown: NotOffline) -> _Failure:
    return _Failure(f"it cannot be evaluated here: {unknown}", ())


def _in_error(expression: str, failed: Failed) -> str:
    return f"expression '{expression}' resulted in error: {failed.why}"


def _joined(errors: Iterable[str]) -> str:
    """Return several errors as Go's library joins them."""
    words = list(errors)
    return words[0] if len(words) == 1 else f"[{', '.join(words)}]"


def _is_parameter(value: Json, wanted: Parameters, home: str) -> bool:
    """Say whether a binding means a resource; one that names no namespace may lie in any."""
    metadata = value.get("metadata") or {}
    namespace = wanted.namespace or home
    if metadata.get("namespace", namespace) != namespace:
        return False
    if wanted.name:
        return bool(metadata.get("name") == wanted.name)
    return json_selector_fits(wanted.selector, metadata.get("labels") or {})


class _Values:
    """What the expressions of a policy see: the object, and the policy's own variables."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._variables: dict[str, Any] = {}
        self._broken: dict[str, Failed | NotOffline] = {}
        self._data = {**data, "variables": self._variables}

    def define(self, variables: Iterable[Named]) -> None:
        """Take the variables; one without a value matters where it is used, and only there."""
        for variable in variables:
            try:
                value = self.ask(variable.expression)
            except NotOffline as unknown:
                value = unknown
            if isinstance(value, Failed | NotOffline):
                self._broken[variable.name] = value
            else:
                self._variables[variable.name] = value

    def ask(self, expression: str) -> Any:
        """Return the value of an expression, or `Failed`; raises NotOffline."""
        broken = {name: self._broken[name] for name in self._used(expression)}
        for why in broken.values():
            if isinstance(why, NotOffline):
                raise why
        value = evaluate_expression(expression, self._data)
        if isinstance(value, Failed):
            for name, why in broken.items():
                if isinstance(why, Failed) and value.why == f"no such key: {name}":
                    return Failed(f'composited variable "{name}" fails to evaluate: {why.why}')
        return value

    def _used(self, expression: str) -> list[str]:
        named = re.findall(r"\bvariables\.\??(\w+)", expression)
        return [name for name in dict.fromkeys(named) if name in self._broken]


_LONGEST_MESSAGE = 5 * 1024
"""Bytes. Source: apiserver, pkg/apis/cel/config.go, MaxEvaluatedMessageExpressionSizeBytes."""


def _message(validation: Validation, values: _Values) -> str:
    """Return the message; an expression for it counts only if it gives one line of text."""
    if not validation.message_expression:
        return validation.default_message
    text = values.ask(validation.message_expression)
    if not isinstance(text, str) or len(text.encode()) > _LONGEST_MESSAGE:
        return validation.default_message
    line = text.strip()
    return line if line and "\n" not in line else validation.default_message
