"""Evaluates the schemas' CEL rules, the same text that the API server evaluates.

Each rule is compiled once and sees the value at its place as `self`.
Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions", validation rules.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cel_expr_python import cel


def holds(rule: str, value: Any) -> bool | None:
    """Return whether a rule holds for a value; None where it cannot be evaluated.

    A rule cannot be evaluated where the value does not have the shape that its schema asks for.
    """
    try:
        result = _compiled(rule).eval(data={"self": value}).value()
    except (RuntimeError, TypeError, ValueError, OverflowError):
        return None
    return result if isinstance(result, bool) else None


def needs_old_value(rule: str) -> bool:
    """Return whether a rule is about a change, so that only the API server can evaluate it.

    It compares with `oldSelf`, the value before; a file shows only the value after.
    """
    return "oldSelf" in rule


@cache
def _compiled(rule: str) -> Any:
    return _environment().compile(rule)


@cache
def _environment() -> Any:
    return cel.NewEnv(variables={"self": cel.Type.DYN})
