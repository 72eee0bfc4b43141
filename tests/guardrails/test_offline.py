"""Guardrails without an API server: the table of `cases`, and what cannot be asked offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.guardrails.cases import CASES, KNOWN_ADDRESSES, MORE, SHIPPED, Case

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
    (problem,) = guard(tree, find_guardrails([tree]))
    assert problem.code is Code.GUARDRAIL_UNKNOWN
    assert "only-seniors: it cannot be evaluated here" in problem.message
    assert (Path(problem.file).name, problem.line) == ("customer.yaml", 3)


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("object.spec.displayName ==", Code.GUARDRAIL_DENIED),
        ("quantity('1Gi').isGreaterThan(quantity('1Mi'))", Code.GUARDRAIL_UNKNOWN),
        ("object.spec.displayName", Code.GUARDRAIL_DENIED),
    ],
    ids=["no CEL", "a function that is missing", "no verdict"],
)
def test_an_expression_that_gives_no_verdict_is_no_yes(
    expression: str, code: Code, tmp_path: Path
) -> None:
    """What cannot be evaluated never passes silently."""
    text = ASKS_THE_USER.replace("\"'seniors' in request.userInfo.groups\"", repr(expression))
    text = text.replace(repr(expression), '"' + expression + '"')
    (tmp_path / "all.yaml").write_text(f"{text}---\n{CUSTOMER}", encoding="utf-8")
    tree = load_estate([tmp_path])
    assert [one.code for one in guard(tree, find_guardrails([tree]))] == [code]
