"""ValidatingAdmissionPolicies and their bindings, as the API server reads them.

A field that the API server does not know is refused: a misspelt one would guard nothing.

Source: Kubernetes reference, admissionregistration.k8s.io/v1, and "Validating Admission Policy".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from muster.resources.guardrails.fields import Fields as _Fields
from muster.resources.guardrails.fields import NotAccepted

GROUP = "admissionregistration.k8s.io"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"

Json = Mapping[str, Any]

_POLICY_FIELDS = (
    "failurePolicy matchConstraints matchConditions paramKind validations variables "
    "auditAnnotations"
)
_BINDING_FIELDS = "policyName paramRef matchResources validationActions"
_PARAMETER_FIELDS = "name namespace selector parameterNotFoundAction"
_MATCH_FIELDS = "resourceRules excludeResourceRules objectSelector namespaceSelector matchPolicy"
_RULE_FIELDS = "apiGroups apiVersions resources operations resourceNames scope"
_VALIDATION_FIELDS = "expression message messageExpression reason"
_NAMED_FIELDS = "name expression"


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
        return self.message.strip() or f"failed expression: {self.expression.strip()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of `resourceRules`; `*` means all."""

    groups: tuple[str, ...]
    versions: tuple[str, ...]
    resources: tuple[str, ...]
    operations: tuple[str, ...]
    names: tuple[str, ...] = ()
    scope: str = "*"


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

    @property
    def needs_parameters(self) -> bool:
        """Whether nothing passes while there are no parameters."""
        return self.parameters is not None and self.parameters.deny_when_missing


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
        NotAccepted: one has not the shape that the API server accepts; its text says where.
    """
    policies, bindings = [], []
    for document in documents:
        if document["kind"] == POLICY:
            policies.append(_policy(document))
        elif document["kind"] == BINDING:
            bindings.append(_binding(document))
    return Guardrails(policies=tuple(policies), bindings=tuple(bindings))


def _policy(document: Json) -> Policy:
    spec = _Fields(document).inner("spec", _POLICY_FIELDS)
    kind = spec.inner("paramKind", "apiVersion kind") if "paramKind" in spec else None
    match = spec.inner("matchConstraints", _MATCH_FIELDS)
    match.rows("resourceRules", _RULE_FIELDS, least=1)
    validations = spec.rows("validations", _VALIDATION_FIELDS)
    if not validations and not spec.rows("auditAnnotations", "key valueExpression"):
        raise NotAccepted(spec.path, "needs validations")
    return Policy(
        name=_Fields(document).inner("metadata").text("name"),
        match=_match(match),
        validations=tuple(_validation(one) for one in validations),
        conditions=tuple(_named(one) for one in spec.rows("matchConditions", _NAMED_FIELDS)),
        variables=tuple(_named(one) for one in spec.rows("variables", _NAMED_FIELDS)),
        fails_closed=spec.word("failurePolicy", "Fail", "Ignore") == "Fail",
        parameter_kind=(kind.text("apiVersion"), kind.text("kind")) if kind else None,
    )


def _binding(document: Json) -> Binding:
    spec = _Fields(document).inner("spec", _BINDING_FIELDS)
    match = spec.inner("matchResources", _MATCH_FIELDS) if "matchResources" in spec else None
    parameters = spec.inner("paramRef", _PARAMETER_FIELDS) if "paramRef" in spec else None
    actions = spec.texts("validationActions", *Action)
    if {Action.DENY, Action.WARN} <= {*actions}:
        raise NotAccepted((*spec.path, "validationActions"), "must not hold both Deny and Warn")
    return Binding(
        name=_Fields(document).inner("metadata").text("name"),
        policy=spec.text("policyName"),
        actions=tuple(map(Action, actions)),
        match=_match(match) if match else None,
        parameters=_parameters(parameters) if parameters else None,
    )


def _parameters(fields: _Fields) -> Parameters:
    if ("name" in fields) == ("selector" in fields):
        raise NotAccepted(fields.path, "needs exactly one of name and selector")
    fields.text("parameterNotFoundAction")
    return Parameters(
        name=fields.text("name", ""),
        selector=fields.body.get("selector"),
        namespace=fields.text("namespace", ""),
        deny_when_missing=fields.word("parameterNotFoundAction", "Deny", "Allow") == "Deny",
    )


def _validation(fields: _Fields) -> Validation:
    return Validation(
        expression=fields.text("expression"),
        message=fields.text("message", ""),
        message_expression=fields.text("messageExpression", ""),
    )


def _named(fields: _Fields) -> Named:
    return Named(name=fields.text("name"), expression=fields.text("expression"))


def _match(fields: _Fields) -> Match:
    for selector in ("objectSelector", "namespaceSelector"):
        if selector in fields:
            _check_selector(fields.inner(selector, "matchLabels matchExpressions"))
    return Match(
        rules=tuple(_rule(one) for one in fields.rows("resourceRules", _RULE_FIELDS)),
        excluded=tuple(_rule(one) for one in fields.rows("excludeResourceRules", _RULE_FIELDS)),
        object_selector=fields.body.get("objectSelector"),
        namespace_selector=fields.body.get("namespaceSelector"),
    )


def _check_selector(fields: _Fields) -> None:
    for row in fields.rows("matchExpressions", "key operator values"):
        row.text("key")
        row.text("operator")
        row.word("operator", "In", "NotIn", "Exists", "DoesNotExist")


def _rule(fields: _Fields) -> Rule:
    return Rule(
        groups=fields.texts("apiGroups"),
        versions=fields.texts("apiVersions"),
        resources=fields.texts("resources"),
        operations=fields.texts("operations", "*", "CREATE", "UPDATE", "DELETE", "CONNECT"),
        names=fields.texts("resourceNames") if "resourceNames" in fields else (),
        scope=fields.word("scope", "*", "Cluster", "Namespaced"),
    )
