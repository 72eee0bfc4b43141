"""Guardrails without an API server: the table of `cases`, and what cannot be asked offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.guardrails.cases import CASES, KNOWN_ADDRESSES, MORE, SHIPPED, Case
from tests.guardrails.probes import PARAMETERS, PROBES, Probe

from muster.resources import load_estate
from muster.resources.codes import Code
from muster.resources.guarding import find_guardrails, guard
from muster.resources.guardrails import Guarded, Guardrails, Verdict, evaluate, read_guardrails
from muster.resources.guardrails.policies import Action

ASKS_THE_USER = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: only-seniors}
spec:
  matchConstraints:
    resourceRules:
      - apiGroups: [muster.dev]
        apiVersions: [v1alpha1]
        operations: [CREATE]
        resources: [customers]
  validations:
    - expression: "'seniors' in request.userInfo.groups"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: only-seniors}
spec: {policyName: only-seniors, validationActions: [Deny]}
"""
CUSTOMER = """\
apiVersion: muster.dev/v1alpha1
kind: Customer
metadata: {name: contoso}
spec: {displayName: Contoso}
"""


@pytest.fixture(scope="module")
def guardrails() -> Guardrails:
    """All guardrails, those that are shipped and those of the tests."""
    files = [*sorted(SHIPPED.glob("*.yaml")), MORE]
    return read_guardrails(one for file in files for one in _documents(file))


def _documents(file: Path) -> Iterator[dict[str, Any]]:
    yield from yaml.safe_load_all(file.read_text(encoding="utf-8"))


def _said(verdicts: list[Verdict], action: Action) -> list[tuple[str, str]]:
    return sorted((one.policy, one.message) for one in verdicts if action in one.actions)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case(case: Case, guardrails: Guardrails) -> None:
    """A resource gets exactly the denials and warnings of its row."""
    objects = [case.resource, KNOWN_ADDRESSES]
    verdicts = list(evaluate(guardrails, Guarded(objects=objects)))
    assert _said(verdicts, Action.DENY) == sorted(case.denied)
    assert _said(verdicts, Action.WARN) == sorted(case.warned)


def test_every_shipped_guardrail_is_shown_to_bite(guardrails: Guardrails) -> None:
    """Each of the ten has a row that breaks it, and does something about it."""
    broken = {policy for case in CASES for policy, _ in (*case.denied, *case.warned)}
    shipped = {binding.policy for binding in guardrails.bindings if "muster-" in binding.policy}
    assert len(shipped) == 10
    assert shipped <= broken


def test_missing_parameters_deny(guardrails: Guardrails) -> None:
    """Without the ConfigMap that a binding names, nothing passes."""
    resource = next(case.resource for case in CASES if case.name == "a region")
    (verdict,) = evaluate(guardrails, Guarded(objects=[resource]))
    assert verdict.actions == (Action.DENY,)
    assert "no params found" in verdict.message


def test_what_needs_an_api_server_is_said(tmp_path: Path) -> None:
    """A guardrail that asks who the user is gives no verdict, and a warning that says so."""
    (tmp_path / "guardrails.yaml").write_text(ASKS_THE_USER, encoding="utf-8")
    (tmp_path / "customer.yaml").write_text(CUSTOMER, encoding="utf-8")
    tree = load_estate([tmp_path])
    (problem,) = guard(tree, find_guardrails([tree]).guardrails)
    assert problem.code is Code.GUARDRAIL_UNKNOWN
    assert "only-seniors: it cannot be evaluated here" in problem.message
    assert (Path(problem.file).name, problem.line) == ("customer.yaml", 3)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_each_probe(probe: Probe) -> None:
    """A form of guardrail says about a customer what the API server says."""
    production = {"name": "default", "labels": {"env": "production"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": production}
    home = [{**one, "metadata": one["metadata"] | {"namespace": "default"}} for one in PARAMETERS]
    objects = [probe.customer, namespace, *home]
    verdicts = list(evaluate(read_guardrails(probe.documents), Guarded(objects=objects)))
    denied = [one.message for one in verdicts if Action.DENY in one.actions]
    assert sorted(denied) == sorted(probe.denied)
    assert [one.message for one in verdicts if Action.WARN in one.actions] == [*probe.warned]
    assert all(one.actions for one in verdicts)


def _problems(folder: Path, *texts: str) -> list[tuple[Code, int, str]]:
    (folder / "all.yaml").write_text("---\n".join(texts), encoding="utf-8")
    tree = load_estate([folder])
    found = find_guardrails([tree])
    problems = (*tree.problems, *found.problems, *guard(tree, found.guardrails))
    return [(one.code, one.line, one.message) for one in problems]


def _asking(expression: str) -> str:
    return ASKS_THE_USER.replace("'seniors' in request.userInfo.groups", expression)


@pytest.mark.parametrize(
    "expression",
    [
        "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        "[1, 2].reverse() == [2, 1]",
        "object.metadata.name.find('[[:alpha:]]+') != ''",
        "1 < 1.5",
    ],
)
def test_what_is_not_known_here_is_no_yes(expression: str, tmp_path: Path) -> None:
    """What the API server may know better is neither held nor broken: it is said."""
    (found,) = _problems(tmp_path, _asking(expression), CUSTOMER)
    assert found[0] is Code.GUARDRAIL_UNKNOWN


def test_what_can_be_asked_is_asked(tmp_path: Path) -> None:
    """One validation that cannot be asked here, and an unused variable, hide no other one."""
    validation = '\n    - {expression: "false", message: broken}'
    text = ASKS_THE_USER.replace('groups"', f'groups"{validation}')
    text = text.replace(
        "  validations",
        "  variables:\n    - {name: who, expression: request.userInfo.username}\n  validations",
    )
    codes = {code for code, _, _ in _problems(tmp_path, text, CUSTOMER)}
    assert codes == {Code.GUARDRAIL_UNKNOWN, Code.GUARDRAIL_DENIED}


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("'seniors' in request.userInfo.groups", "object.spec ==", 12, "Syntax error"),
        ("'seniors' in request.userInfo.groups", "object.spec", 12, "must evaluate to bool but"),
        ("request.userInfo.groups", "request.object.x", 12, "undefined field 'object'"),
        ("validations:", "validation:", 11, "spec.validation is no field"),
        ("[CREATE]", "[Create]", 9, "operations holds Create"),
        ("validationActions: [Deny]", "validationActions: [Deny, Warn]", 17, "both Deny and Warn"),
        ("  validations:", "  failurePolicy: fail\n  validations:", 11, "must be Fail or Ignore"),
        ("matchConstraints:", "x:", 5, "spec.x is no field"),
        ("policyName: only-seniors,", "", 17, "spec.policyName is missing"),
        ("validationActions", "paramRef: {name: a}, validationActions", 17,
         "spec.paramRef.parameterNotFoundAction is missing"),
    ],
)  # fmt: skip
def test_a_guardrail_that_no_server_takes(
    old: str, new: str, line: int, said: str, tmp_path: Path
) -> None:
    """It is an error at its own line, whatever its failurePolicy says, and crashes nothing."""
    text = ASKS_THE_USER.replace(old, new)
    assert text != ASKS_THE_USER
    (found,) = _problems(tmp_path, text, CUSTOMER)
    assert found[:2] == (Code.GUARDRAIL_WRONG, line)
    assert said in found[2]


def test_a_fault_elsewhere_hides_no_guardrail(tmp_path: Path) -> None:
    """What is sound is asked about in the same run in which something else is wrong."""
    faulty = CUSTOMER.replace("contoso", "other").replace("displayName", "display")
    twice = CUSTOMER.replace("contoso", "third").replace("spec", "kind: Customer\nspec")
    said = _problems(tmp_path, _asking("false"), CUSTOMER, faulty, twice)
    assert [code for code, _, _ in said] == [
        Code.MISSING_FIELD,
        Code.UNKNOWN_FIELD,
        Code.DUPLICATE_FIELD,
        Code.GUARDRAIL_DENIED,
    ]
    # A document that cannot be read may be the ConfigMap that a guardrail needs.
    unread = _problems(tmp_path, _asking("false"), CUSTOMER, "a: [")
    assert [code for code, _, _ in unread] == [Code.NOT_YAML]


def test_a_field_of_a_guardrail_that_stands_twice_is_said(tmp_path: Path) -> None:
    """kubectl refuses it as well: one of the two would guard nothing."""
    text = ASKS_THE_USER.replace("spec:\n", "spec:\n  validations: []\n", 1)
    ((code, line, _),) = _problems(tmp_path, text, CUSTOMER)
    assert (code, line) == (Code.DUPLICATE_FIELD, 12)


@pytest.mark.parametrize("kind", ["Ingress", "NetworkPolicy", "Endpoints", "ConfigMap"])
def test_other_kinds_are_guarded_under_their_names(kind: str, tmp_path: Path) -> None:
    """A rule about resources of other groups finds them by their plural."""
    plurals = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies", "Endpoints": "endpoints"}
    text = _asking("false").replace("[customers]", f"[{plurals.get(kind, 'configmaps')}]")
    text = text.replace("[muster.dev]", '["*"]').replace("[v1alpha1]", '["*"]')
    other = f"apiVersion: x/v1\nkind: {kind}\nmetadata: {{name: a}}\n"
    assert [code for code, _, _ in _problems(tmp_path, text, other)] == [Code.GUARDRAIL_DENIED]


def test_two_guardrails_of_one_name_are_said(tmp_path: Path) -> None:
    """A cluster has only one of them; which one, nobody knows."""
    found = _problems(tmp_path, _asking("true"), _asking("false"), CUSTOMER)
    assert [(code, line) for code, line, _ in found] == [(Code.DUPLICATE_RESOURCE, 21)]


def test_a_guardrail_that_guards_nothing_is_said(tmp_path: Path) -> None:
    """A policy without a binding, and a binding of a misspelt policy, are warned about."""
    found = _problems(tmp_path, ASKS_THE_USER.replace("policyName: only", "policyName: onlyy"))
    assert [(code, line) for code, line, _ in found] == [
        (Code.GUARDRAIL_UNBOUND, 3),
        (Code.GUARDRAIL_UNBOUND, 17),
    ]
    assert "Did you mean" not in found[1][2]
