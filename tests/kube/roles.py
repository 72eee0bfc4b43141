"""The Role that the chart ships, read from the chart itself, so that no test has another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CHART_ROLE = Path(__file__).parents[2] / "deploy" / "helm" / "muster" / "templates" / "rbac.yaml"
ACCOUNT = "muster"
"""The ServiceAccount that tests run the operator as."""

Rule = dict[str, Any]
Right = tuple[str, str]
"""A verb, and what it is about as the audit log names it: `muster.dev/customers/status`."""


def shipped_rules() -> list[Rule]:
    """Return the rules of the chart's Role; they hold no template expression."""
    lines = CHART_ROLE.read_text(encoding="utf-8").splitlines()
    plain = "\n".join(line for line in lines if "{{" not in line)
    documents = [one for one in yaml.safe_load_all(plain) if one]
    (role,) = [one for one in documents if one["kind"] == "Role"]
    rules: list[Rule] = role["rules"]
    return rules


def rights(rules: list[Rule]) -> list[Right]:
    """Return every single right that rules grant, in their order."""
    return [
        (verb, f"{group}/{resource}".lstrip("/"))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def rules_of(granted: list[Right]) -> list[Rule]:
    """Return rules that grant these rights and no other."""
    rules = []
    for verb, about in granted:
        group, _, resource = about.partition("/") if "." in about else ("", "", about)
        rules.append({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
    return rules


def role_objects(rules: list[Rule]) -> list[dict[str, Any]]:
    """Return a ServiceAccount and the Role that it is bound to."""
    rbac = "rbac.authorization.k8s.io"
    name = {"metadata": {"name": ACCOUNT}}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", **name},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", **name, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            **name,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": ACCOUNT},
            "subjects": [subject],
        },
    ]
