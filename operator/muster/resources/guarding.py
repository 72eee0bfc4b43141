"""Asks guardrails about a loaded tree, and ties their verdicts to lines.

A guardrail that no API server would take, or that guards nothing, is a problem of its own file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from muster.resources.codes import Code
from muster.resources.guardrails import Guarded, Guardrails, Verdict, evaluate, read_guardrails
from muster.resources.guardrails.cel_library import NotOffline, check_expression
from muster.resources.guardrails.fields import NotAccepted
from muster.resources.guardrails.policies import BINDING, GROUP, POLICY, Action, Policy
from muster.resources.load import LoadedEstate, Placed, duplicate
from muster.resources.problems import Fault, FieldPath, Problem, nearest, shorten

_BY_ACTION = {
    Action.DENY: Code.GUARDRAIL_DENIED,
    Action.WARN: Code.GUARDRAIL_WARNED,
    Action.AUDIT: Code.GUARDRAIL_AUDITED,
}
"""From the strongest action to the weakest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundGuardrails:
    """The guardrails of some trees, and what is wrong with them."""

    guardrails: Guardrails
    problems: tuple[Problem, ...]


def find_guardrails(trees: Iterable[LoadedEstate]) -> FoundGuardrails:
    """Return the guardrails that stand in some trees; a file may be in several of them."""
    found: dict[tuple[str, str], Placed] = {}
    problems: list[Problem] = []
    for placed in (one for tree in trees for one in tree.documents if _is_guardrail(one)):
        kind, name = placed.value["kind"], str(_name(placed))
        first = found.setdefault((kind, name), placed)
        if first.value != placed.value:
            problems.append(placed.problem(duplicate(kind, name, first)))
    sound = [_read(placed, problems) for placed in found.values()]
    guardrails = Guardrails(
        policies=tuple(policy for one in sound for policy in one.policies),
        bindings=tuple(binding for one in sound for binding in one.bindings),
    )
    problems.extend(_unbound(guardrails, found, whole=not problems))
    return FoundGuardrails(guardrails=guardrails, problems=tuple(problems))


def guards_nothing(path: Path, tree: LoadedEstate) -> Iterator[Problem]:
    """Yield a problem where a tree that was named for its guardrails has none."""
    if not tree.problems and not any(map(_is_guardrail, tree.documents)):
        yield Problem(
            code=Code.NOTHING_FOUND,
            file=str(path),
            line=1,
            column=1,
            path="",
            message=f"There is no {POLICY} here.",
            advice="Name the file or directory that holds the guardrails.",
        )


def guard(tree: LoadedEstate, guardrails: Guardrails) -> tuple[Problem, ...]:
    """Return what the guardrails say about the sound resources of a tree.

    Nothing while a file could not be read whole: it may hold the parameters of a guardrail.
    """
    if not tree.read_whole or not guardrails.bindings:
        return ()
    objects = [placed.value for placed in tree.documents]
    return tuple(
        tree.documents[verdict.index].problem(_fault(verdict))
        for verdict in evaluate(guardrails, Guarded(objects=objects))
    )


def _is_guardrail(placed: Placed) -> bool:
    group: str = placed.value["apiVersion"].partition("/")[0]
    return group == GROUP


def _name(placed: Placed) -> object:
    metadata = placed.value.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None


def _read(placed: Placed, problems: list[Problem]) -> Guardrails:
    """Return the guardrail that stands at a place; none where it is wrong."""
    unclear = [replace(placed, prefix=()).problem(fault) for fault in placed.faults()]
    if unclear:
        problems.extend(unclear)
        return Guardrails()
    try:
        found = read_guardrails([placed.value])
    except NotAccepted as error:
        problems.append(placed.problem(_wrong(placed, error.path, str(error), on_key=error.on_key)))
        return Guardrails()
    faults = [fault for policy in found.policies for fault in _expression_faults(placed, policy)]
    problems.extend(placed.problem(fault) for fault in faults)
    return Guardrails() if faults else found


def _wrong(placed: Placed, path: FieldPath, why: str, *, on_key: bool = False) -> Fault:
    return Fault(
        code=Code.GUARDRAIL_WRONG,
        path=path,
        message=f"No API server takes this {placed.value['kind']}: {shorten(why, 300)}.",
        advice="Try it with kubectl apply --dry-run=server.",
        on_key=on_key,
    )


def _expression_faults(placed: Placed, policy: Policy) -> Iterator[Fault]:
    for path, text, wanted in _expressions(policy):
        try:
            check_expression(text, wanted)
        except NotOffline:
            continue  # said about each resource that it would be asked about
        except ValueError as error:
            yield _wrong(placed, ("spec", *path), str(error))


def _expressions(policy: Policy) -> Iterator[tuple[FieldPath, str, str]]:
    for index, condition in enumerate(policy.conditions):
        yield ("matchConditions", index, "expression"), condition.expression, "bool"
    for index, variable in enumerate(policy.variables):
        yield ("variables", index, "expression"), variable.expression, ""
    for index, one in enumerate(policy.validations):
        yield ("validations", index, "expression"), one.expression, "bool"
        if one.message_expression:
            yield ("validations", index, "messageExpression"), one.message_expression, "string"


def _unbound(
    guardrails: Guardrails, found: dict[tuple[str, str], Placed], *, whole: bool
) -> Iterator[Problem]:
    """Yield the policies and bindings that guard nothing, unless a wrong one is the cause."""
    if not whole:
        return
    policies = {policy.name for policy in guardrails.policies}
    bound = {binding.policy for binding in guardrails.bindings}
    for (kind, name), placed in found.items():
        if kind == POLICY and name not in bound:
            message = "The policy has no binding, so it guards nothing."
            advice = f"Add a {BINDING} with policyName: {name}."
            yield placed.problem(_idle(("metadata", "name"), message, advice))
        elif kind == BINDING and placed.value["spec"]["policyName"] not in policies:
            wanted = placed.value["spec"]["policyName"]
            guess = nearest(wanted, policies)
            message = f"No policy `{shorten(wanted)}` is here, so it binds nothing."
            advice = f"Did you mean `{guess}`?" if guess else "Name its file, too."
            yield placed.problem(_idle(("spec", "policyName"), message, advice))


def _idle(path: FieldPath, message: str, advice: str) -> Fault:
    return Fault(code=Code.GUARDRAIL_UNBOUND, path=path, message=message, advice=advice)


def _fault(verdict: Verdict) -> Fault:
    codes = [code for action, code in _BY_ACTION.items() if action in verdict.actions]
    return Fault(
        code=codes[0] if codes else Code.GUARDRAIL_UNKNOWN,
        path=("metadata", "name"),
        message=f"Guardrail {verdict.policy}: {verdict.message}",
    )
