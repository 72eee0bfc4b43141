"""ValidatingAdmissionPolicies and their bindings, as the API server reads them.

Source: Kubernetes reference, admissionregistration.k8s.io/v1, and "Validating Admission Policy".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

GROUP = "admissionregistration.k8s.io"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"

Json = Mapping[str, Any]


class Action(StrEnum):
    """What a binding does with a validation that fails."""

    DENY = "Deny"
    WARN = "Warn"
    AUDIT = "Audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A match condition or a variable: a name and a CEL expression."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One expression that must be true."""

    expression: str
    message: str = ""
    message_expression: str = ""

    @property
    def default_message(self) -> str:
        """What the API server says when there is no message."""
        return self.message or f"failed expression: {self.expression.strip()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of `resourceRules`; `*` means all."""

    groups: tuple[str, ...]
    versions: tuple[str, ...]
    resources: tuple[str, ...]
    operations: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """`matchConstraints` of a policy, or `matchResources` of a binding."""

    rules: tuple[Rule, ...] = ()
    excluded: tuple[Rule, ...] = ()
    object_selector: Json | None = None
    namespace_selector: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """`paramRef` of a binding."""

    name: str = ""
    selector: Json | None = None
    namespace: str = ""
    deny_when_missing: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy."""

    name: str
    match: Match
    validations: tuple[Validation, ...]
    conditions: tuple[Named, ...] = ()
    variables: tuple[Named, ...] = ()
    fails_closed: bool = True
    """failurePolicy: Fail, which is the default."""
    parameter_kind: tuple[str, str] | None = None
    """apiVersion and kind of the parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One binding of a policy."""

    name: str
    policy: str
    actions: tuple[Action, ...]
    match: Match | None = None
    parameters: Parameters | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrails:
    """All policies and bindings of a tree."""

    policies: tuple[Policy, ...] = ()
    bindings: tuple[Binding, ...] = ()

    @property
    def pairs(self) -> tuple[tuple[Policy, Binding], ...]:
        """Each binding with its policy; a policy without a binding does nothing."""
        by_name = {policy.name: policy for policy in self.policies}
        found = ((by_name.get(binding.policy), binding) for binding in self.bindings)
        return tuple((policy, binding) for policy, binding in found if policy)


def read_guardrails(documents: Iterable[Json]) -> Guardrails:
    """Read the policies and bindings among some documents.

    Raises:
        KeyError, TypeError, ValueError: one has not the shape that the API server accepts.
    """
    policies, bindings = [], []
    for document in documents:
        if document["kind"] == POLICY:
            policies.append(_policy(document))
        elif document["kind"] == BINDING:
            bindings.append(_binding(document))
    return Guardrails(policies=tuple(policies), bindings=tuple(bindings))


def _policy(document: Json) -> Policy:
    spec = document["spec"]
    kind = spec.get("paramKind")
    return Policy(
        name=document["metadata"]["name"],
        match=_match(spec["matchConstraints"]),
        validations=tuple(_validation(one) for one in spec.get("validations", ())),
        conditions=tuple(_named(one) for one in spec.get("matchConditions", ())),
        variables=tuple(_named(one) for one in spec.get("variables", ())),
        fails_closed=spec.get("failurePolicy", "Fail") == "Fail",
        parameter_kind=(kind["apiVersion"], kind["kind"]) if kind else None,
    )


def _binding(document: Json) -> Binding:
    spec = document["spec"]
    match, parameters = spec.get("matchResources"), spec.get("paramRef")
    return Binding(
        name=document["metadata"]["name"],
        policy=spec["policyName"],
        actions=tuple(Action(one) for one in spec["validationActions"]),
        match=_match(match) if match else None,
        parameters=_parameters(parameters) if parameters else None,
    )


def _parameters(body: Json) -> Parameters:
    return Parameters(
        name=body.get("name", ""),
        selector=body.get("selector"),
        namespace=body.get("namespace", ""),
        deny_when_missing=body.get("parameterNotFoundAction", "Deny") == "Deny",
    )


def _validation(body: Json) -> Validation:
    return Validation(
        expression=body["expression"],
        message=body.get("message", ""),
        message_expression=body.get("messageExpression", ""),
    )


def _named(body: Json) -> Named:
    return Named(name=body["name"], expression=body["expression"])


def _match(body: Json) -> Match:
    return Match(
        rules=tuple(_rule(one) for one in body.get("resourceRules", ())),
        excluded=tuple(_rule(one) for one in body.get("excludeResourceRules", ())),
        object_selector=body.get("objectSelector"),
        namespace_selector=body.get("namespaceSelector"),
    )


def _rule(body: Json) -> Rule:
    return Rule(
        groups=tuple(body["apiGroups"]),
        versions=tuple(body["apiVersions"]),
        resources=tuple(body["resources"]),
        operations=tuple(body["operations"]),
        names=tuple(body.get("resourceNames", ())),
    )
