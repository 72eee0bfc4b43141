"""One guardrail for each form that a policy may have, and what it says about one customer.

The same rows are asked offline and of a real API server, whose words stand here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_API = "admissionregistration.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A policy and its binding, as far as they differ from the usual, and its verdict."""

    name: str
    policy: Json
    binding: Json = field(default_factory=dict)
    match: Json = field(default_factory=dict)
    denied: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()

    @property
    def documents(self) -> tuple[Json, Json]:
        """The policy and its binding; both are about the one object that has its label."""
        rule = {"apiGroups": ["muster.dev"], "apiVersions": ["v1alpha1"]}
        rules = [{**rule, "operations": ["CREATE"], "resources": ["customers"]}]
        label = {"objectSelector": {"matchLabels": {"asked": self.name}}}
        policy = {"matchConstraints": {**label, "resourceRules": rules} | self.match}
        binding = {"policyName": self.name, "validationActions": ["Deny"]}
        return (
            _document("ValidatingAdmissionPolicy", self.name, policy | self.policy),
            _document("ValidatingAdmissionPolicyBinding", self.name, binding | self.binding),
        )

    @property
    def customer(self) -> Json:
        """The object that it is about."""
        imports = {
            "accountType": "EndUser",
            "select": {"activeDirectory": {"groups": ["Staff", "Ops"]}},
            "limits": {"release": {"percent": 20}},
        }
        return {
            "apiVersion": "muster.dev/v1alpha1",
            "kind": "Customer",
            "metadata": {"name": "sample", "labels": {"tier": "gold", "asked": self.name}},
            "spec": {"displayName": "Contoso Größe", "imports": [imports]},
        }


def _document(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _config(name: str, **data: str) -> Json:
    metadata = {"name": name, "labels": {"use": "guard"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


PARAMETERS = (_config("first", least="a"), _config("second", least="b"))

_WARN = {"validationActions": ["Warn"]}
_PERCENT = "object.spec.imports[0].limits.release.percent"
_NO = {"validations": [{"expression": "false", "message": "no"}]}
_PARAMETRIC = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}
_ABSENT = (
    "failed to configure binding: no params found for policy binding with `Deny` "
    "parameterNotFoundAction"
)
_NOTHING = "expression 'object.spec.nothing == 1' resulted in error: no such key: nothing"
_BY_LABEL = {"selector": {"matchLabels": {"use": "guard"}}, "parameterNotFoundAction": "Deny"}
_ERRING = {"name": "erring", "expression": "object.spec.nothing == 1"}


def _all(**rule: Any) -> Json:
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    return every | rule


def _says(expression: str, message: str = "") -> Json:
    row = {"expression": expression, "messageExpression": message}
    return {"validations": [{name: text for name, text in row.items() if text}]}


def _of(name: str, action: str) -> Json:
    return {"paramRef": {"name": name, "parameterNotFoundAction": action}}


def _error(expression: str, why: str) -> tuple[str]:
    return (f"expression '{expression}' resulted in error: {why}",)


def _failed(name: str, expression: str, why: str) -> Probe:
    return Probe(name=name, policy=_says(expression), denied=_error(expression, why))


_VARIABLES = [
    {"name": "whole", "expression": "object.spec.displayName"},
    {"name": "louder", "expression": "variables.whole + '!'"},
    {"name": "length", "expression": "variables.louder.size()"},
    {"name": "broken", "expression": "object.spec.nothing"},
    {"name": "further", "expression": "variables.broken"},
]

PROBES = (
    Probe(
        name="warn-and-audit",
        policy=_NO,
        warned=("no",),
        binding={"validationActions": ["Warn", "Audit"]},
    ),
    Probe(name="audit", policy=_NO, binding={"validationActions": ["Audit"]}),
    Probe(
        name="error-warns",
        policy=_says("object.spec.nothing == 1"),
        binding=_WARN,
        warned=(_NOTHING,),
    ),
    # Parameters
    Probe(
        name="every-parameter-is-asked",
        policy={
            **_PARAMETRIC,
            **_says("params.data.least == 'c'", "'least is ' + params.data.least"),
        },
        binding={**_WARN, "paramRef": _BY_LABEL},
        warned=("least is a", "least is b"),
    ),
    Probe(
        name="absent-denies",
        policy={**_PARAMETRIC, **_NO},
        binding=_of("none", "Deny"),
        denied=(_ABSENT,),
    ),
    Probe(
        name="absent-denies-though-it-warns",
        policy={**_PARAMETRIC, **_NO},
        binding={**_WARN, **_of("none", "Deny")},
        denied=(_ABSENT,),
    ),
    Probe(
        name="absent-ignored",
        binding=_of("none", "Deny"),
        policy={**_PARAMETRIC, **_NO, "failurePolicy": "Ignore"},
    ),
    Probe(name="absent-allowed", policy={**_PARAMETRIC, **_NO}, binding=_of("none", "Allow")),
    Probe(
        name="of-another-namespace",
        policy={**_PARAMETRIC, **_NO},
        binding={
            "paramRef": {"name": "first", "namespace": "elsewhere"}
            | {"parameterNotFoundAction": "Allow"}
        },
    ),
    Probe(
        name="a-condition-asks-the-parameter",
        policy={
            **_PARAMETRIC,
            **_says("false", "params.data.least + '!'"),
            "matchConditions": [{"name": "first", "expression": "params.data.least == 'a'"}],
        },
        binding={**_WARN, "paramRef": _BY_LABEL},
        warned=("a!",),
    ),
    # What is matched
    Probe(
        name="namespace-out",
        policy=_NO,
        match={"namespaceSelector": {"matchLabels": {"env": "development"}}},
    ),
    Probe(
        name="namespace-in",
        policy=_NO,
        denied=("no",),
        match={"namespaceSelector": {"matchLabels": {"env": "production"}}},
    ),
    Probe(
        name="binding-namespace-out",
        policy=_NO,
        binding={"matchResources": {"namespaceSelector": {"matchLabels": {"env": "other"}}}},
    ),
    Probe(
        name="binding-object-out",
        policy=_NO,
        binding={"matchResources": {"objectSelector": {"matchLabels": {"tier": "silver"}}}},
    ),
    Probe(
        name="binding-of-another-kind",
        policy=_NO,
        binding={"matchResources": {"resourceRules": [_all(resources=["integrations"])]}},
    ),
    Probe(name="left-out", policy=_NO, match={"excludeResourceRules": [_all()]}),
    Probe(
        name="left-out-by-name",
        policy=_NO,
        match={"excludeResourceRules": [_all(resourceNames=["sample"])]},
    ),
    Probe(
        name="left-out-on-update",
        policy=_NO,
        denied=("no",),
        match={"excludeResourceRules": [_all(operations=["UPDATE"])]},
    ),
    Probe(name="another-name", policy=_NO, match={"resourceRules": [_all(resourceNames=["x"])]}),
    Probe(
        name="and-what-is-below",
        policy=_NO,
        denied=("no",),
        match={"resourceRules": [_all(resources=["customers/*"])]},
    ),
    Probe(
        name="all-and-what-is-below",
        policy=_NO,
        denied=("no",),
        match={"resourceRules": [_all(resources=["*/*"])]},
    ),
    Probe(
        name="only-below",
        policy=_NO,
        match={"resourceRules": [_all(resources=["customers/status"])]},
    ),
    Probe(name="of-the-cluster", policy=_NO, match={"resourceRules": [_all(scope="Cluster")]}),
    Probe(
        name="of-a-namespace",
        policy=_NO,
        denied=("no",),
        match={"resourceRules": [_all(scope="Namespaced")]},
    ),
    # Conditions
    Probe(name="condition-errs", policy={**_NO, "matchConditions": [_ERRING]}, denied=(_NOTHING,)),
    Probe(
        name="condition-errs-ignored",
        policy={**_NO, "matchConditions": [_ERRING], "failurePolicy": "Ignore"},
    ),
    Probe(
        name="conditions-err",
        denied=(f"[{_NOTHING}, {_NOTHING.replace('nothing', 'other')}]",),
        policy={
            **_NO,
            "matchConditions": [_ERRING, {"name": "other", "expression": "object.spec.other == 1"}],
        },
    ),
    Probe(
        name="condition-errs-another-is-false",
        policy={**_NO, "matchConditions": [_ERRING, {"name": "never", "expression": "false"}]},
    ),
    # Messages
    Probe(
        name="message-of-two-lines",
        denied=("no",),
        policy={
            "validations": [
                {"expression": "false", "message": "no", "messageExpression": r"'a\nb'"}
            ]
        },
    ),
    Probe(
        name="message-too-long",
        denied=("no",),
        policy={
            "validations": [
                {"expression": "false", "message": " no ", "messageExpression": f"'{'x' * 6000}'"}
            ]
        },
    ),
    Probe(
        name="message-with-spaces",
        policy=_says("false", "'  ' + object.spec.displayName + ' '"),
        denied=("Contoso Größe",),
    ),
    # Variables
    Probe(
        name="variables",
        denied=("13",),
        policy={"variables": _VARIABLES, **_says("variables.length != 14", "string(13)")},
    ),
    Probe(
        name="broken-variable-unused",
        policy={"variables": _VARIABLES, **_says("true || variables.broken == 1")},
    ),
    Probe(
        name="broken-variable",
        policy={"variables": _VARIABLES, **_says("variables.further == 1")},
        denied=_error(
            "variables.further == 1",
            'composited variable "further" fails to evaluate: composited variable "broken" fails '
            "to evaluate: no such key: nothing",
        ),
    ),
    # What is there beside the object
    Probe(name="nothing-was-before", policy=_says("oldObject == null")),
    Probe(name="nothing-was-before-it-has", policy=_says("!has(oldObject.spec)")),
    _failed("nothing-was-before-it-errs", "oldObject.spec.displayName == 'x'", "no such key: spec"),
    Probe(
        name="the-request",
        policy=_says(
            "request.operation == 'CREATE' && request.requestKind.kind == request.kind.kind "
            "&& request.requestResource.resource == 'customers' && has(request.options)"
        ),
    ),
    Probe(
        name="the-namespace",
        policy=_says(
            "namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == "
            "namespaceObject.metadata.name && namespaceObject.status.phase == 'Active'"
        ),
    ),
    Probe(name="the-generation", policy=_says("object.metadata.generation == 1")),
    # Numbers and texts
    Probe(name="whole-and-not", policy=_says(f"{_PERCENT} == 20.0 && {_PERCENT} > 19.5")),
    Probe(name="whole-division", policy=_says(f"{_PERCENT} / 3 == 6 && {_PERCENT} % 7 == 6")),
    _failed("mixed", f"{_PERCENT} * 2.0 > 3.0", "no such overload"),
    _failed("by-zero", f"{_PERCENT} / (size(object.spec.imports) - 1) == 6", "division by zero"),
    _failed("too-far", "object.spec.imports[5].mode == 'x'", "index out of bounds: 5"),
    _failed("no-truth", "!object.spec.displayName", "no such overload"),
    Probe(name="letters-not-bytes", policy=_says("object.spec.displayName.size() == 13")),
    Probe(
        name="only-ascii-is-lowered",
        policy=_says("object.spec.displayName.upperAscii() == 'CONTOSO GRößE'"),
    ),
    Probe(
        name="regular-expressions",
        policy=_says(
            r"object.spec.displayName.find('\\w+$') == 'e' && 'a\n'.find('a$') == '' "
            r"&& '٣'.find('\\d') == '' && 'abc'.findAll('[a-z]', 2) == ['a', 'b']"
        ),
    ),
)
