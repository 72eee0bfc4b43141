"""Asks guardrails about a loaded tree, and ties their verdicts to lines."""

from __future__ import annotations

from collections.abc import Iterable

from muster.errors import SpecError
from muster.resources.codes import Code
from muster.resources.guardrails import Guarded, Guardrails, Verdict, evaluate, read_guardrails
from muster.resources.guardrails.policies import GROUP, Action, Binding, Policy
from muster.resources.load import LoadedEstate, Placed
from muster.resources.problems import Fault, Problem

_BY_ACTION = {
    Action.DENY: Code.GUARDRAIL_DENIED,
    Action.WARN: Code.GUARDRAIL_WARNED,
    Action.AUDIT: Code.GUARDRAIL_AUDITED,
}
"""From the strongest action to the weakest."""


def find_guardrails(trees: Iterable[LoadedEstate]) -> Guardrails:
    """Return the guardrails that stand in some trees; of two of one name the first.

    Raises:
        SpecError: one has not the shape that the API server accepts.
    """
    policies: dict[str, Policy] = {}
    bindings: dict[str, Binding] = {}
    for tree in trees:
        for placed in tree.documents:
            found = _read(placed)
            policies.update({one.name: policies.get(one.name, one) for one in found.policies})
            bindings.update({one.name: bindings.get(one.name, one) for one in found.bindings})
    return Guardrails(policies=tuple(policies.values()), bindings=tuple(bindings.values()))


def guard(tree: LoadedEstate, guardrails: Guardrails) -> tuple[Problem, ...]:
    """Return what the guardrails say about a tree; nothing while it has problems."""
    if tree.problems or not guardrails.bindings:
        return ()
    objects = [placed.value for placed in tree.documents]
    return tuple(
        tree.documents[verdict.index].problem(_fault(verdict))
        for verdict in evaluate(guardrails, Guarded(objects=objects))
    )


def _read(placed: Placed) -> Guardrails:
    if placed.value["apiVersion"].partition("/")[0] != GROUP:
        return Guardrails()
    try:
        return read_guardrails([placed.value])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        where = placed.locate(("metadata", "name"))
        kind = placed.value["kind"]
        message = f"{where}: This is no {kind} that an API server accepts ({error!r})."
        raise SpecError((f"{message} Try it with kubectl apply --dry-run=server.",)) from None


def _fault(verdict: Verdict) -> Fault:
    codes = [code for action, code in _BY_ACTION.items() if action in verdict.actions]
    return Fault(
        code=codes[0] if codes else Code.GUARDRAIL_UNKNOWN,
        path=("metadata", "name"),
        message=f"Guardrail {verdict.policy}: {verdict.message}",
    )
