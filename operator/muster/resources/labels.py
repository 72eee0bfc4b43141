"""Decides whether labels fit a selector, as Kubernetes does.

Source: Kubernetes, "Labels and Selectors": NotIn also fits where the label is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from muster.model.settings import LabelRequirement


def labels_fit(requirements: Iterable[LabelRequirement], labels: Mapping[str, str]) -> bool:
    """Return whether the labels meet every requirement."""
    return all(_fits(requirement, labels) for requirement in requirements)


def _fits(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case unknown:
            raise ValueError(f"unknown operator {unknown!r}")


def json_selector_fits(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Return whether the labels fit a selector as Kubernetes writes it; none fits everything."""
    body = selector or {}
    exact = all(labels.get(key) == value for key, value in body.get("matchLabels", {}).items())
    rows = (
        LabelRequirement(
            key=row["key"], operator=row["operator"], values=tuple(row.get("values", ()))
        )
        for row in body.get("matchExpressions", ())
    )
    return exact and labels_fit(rows, labels)
