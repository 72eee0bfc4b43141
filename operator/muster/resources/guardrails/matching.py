"""Which objects a policy or a binding is about."""

from __future__ import annotations

from typing import Any

from muster.resources.guardrails.policies import Json, Match, Rule
from muster.resources.labels import json_selector_fits

CREATE = "CREATE"
"""A file says what shall be; to the API server it may be a create, and is judged as one."""


def plural(kind: str) -> str:
    """Return the resource name of a kind, as the API server's paths write it.

    Source: kubernetes/apimachinery, pkg/api/meta/restmapper.go, UnsafeGuessKindToResource.
    """
    lower = kind.lower()
    if lower.endswith("endpoints"):
        return lower
    if lower.endswith("y"):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith("s") else f"{lower}s"


def matches(match: Match, value: Json, namespace: Json | None) -> bool:
    """Say whether an object is matched; one without rules matches everything."""
    metadata = value.get("metadata", {})
    if match.rules and not any(_rule_fits(rule, value) for rule in match.rules):
        return False
    if any(_rule_fits(rule, value) for rule in match.excluded):
        return False
    if not json_selector_fits(match.object_selector, metadata.get("labels") or {}):
        return False
    labels: dict[str, Any] = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    return json_selector_fits(match.namespace_selector, labels)


def _rule_fits(rule: Rule, value: Json) -> bool:
    group, _, version = value["apiVersion"].rpartition("/")
    name = value.get("metadata", {}).get("name", "")
    return (
        _among(group, rule.groups)
        and _among(version, rule.versions)
        and _resource_fits(plural(value["kind"]), rule.resources)
        and _among(CREATE, rule.operations)
        and (not rule.names or name in rule.names)
        and rule.scope in ("*", _scope(value["kind"]))
    )


def _resource_fits(resource: str, allowed: tuple[str, ...]) -> bool:
    """Say whether a rule is about a resource; `*/*` and `pods/*` are about more than it."""
    return any(one in allowed for one in ("*", "*/*", resource, f"{resource}/*"))


_OF_THE_CLUSTER = frozenset(
    {
        *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IngressClass"),
        *("Namespace", "Node", "PersistentVolume", "PriorityClass", "StorageClass"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
    }
)
"""Kinds that often stand beside ours and lie in no namespace; all of ours lie in one."""


def _scope(kind: str) -> str:
    return "Cluster" if kind in _OF_THE_CLUSTER else "Namespaced"


def _among(item: str, allowed: tuple[str, ...]) -> bool:
    return "*" in allowed or item in allowed
