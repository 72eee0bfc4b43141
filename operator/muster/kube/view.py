"""What the resources of a namespace mean together: who is reconciled with what, who is held.

In a cluster resources arrive one by one and may contradict each other for a while, with or
without the admission webhook. A contradiction stops the customers it touches and nobody else:
acting on half of it could release a whole company. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.model.connections import Integration
from muster.model.names import CustomerName
from muster.model.settings import AccountOverride, AutomaticImportPolicy, Customer, Desired, Estate
from muster.resources import Conflict, Resource, find_conflicts, parse_resource, resolve
from muster.resources.covering import covers
from muster.resources.references import Known
from muster.resources.resolve import own_imports

Key = tuple[str, str]
"""Kind and name."""

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parsed:
    """One resource as the cluster holds it, and what it says or what is wrong with it."""

    raw: Raw
    resource: Resource | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All resources of a namespace, resolved."""

    desired: Mapping[CustomerName, Desired] = field(default_factory=dict)
    held: Mapping[CustomerName, str] = field(default_factory=dict)
    """Customers that nothing is done for, and why."""
    problems: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    """What is wrong with single resources."""
    conflicts: tuple[Conflict, ...] = ()
    """What does not go together."""
    estate: Estate = field(default_factory=Estate)


def parse(raw: Raw) -> Parsed:
    """Read one resource."""
    outcome = parse_resource(raw)
    if isinstance(outcome, tuple):
        return Parsed(raw, None, tuple(str(problem) for problem in outcome))
    return Parsed(raw, outcome)


def look(parsed: Mapping[Key, Parsed]) -> View:
    """Resolve everything that is sound, and hold what is touched by what is not."""
    estate = _estate(one.resource for _, one in sorted(parsed.items()) if one.resource)
    problems = defaultdict(list, {key: list(one.problems) for key, one in parsed.items()})
    held = _held_by_unreadable(parsed, estate)
    conflicts = find_conflicts(estate, _known(parsed))
    for conflict in conflicts:
        for key in places(conflict):
            problems[key].append(sentence(conflict))
        for name in _touched(conflict, estate):
            held.setdefault(name, sentence(conflict))
    resolved = resolve(estate)
    return View(
        desired={
            one.customer.name: one for one in resolved.desired if one.customer.name not in held
        },
        held=held,
        problems={key: tuple(found) for key, found in problems.items() if found},
        conflicts=conflicts,
        estate=resolved,
    )


def sentence(conflict: Conflict) -> str:
    """Return a contradiction as people read it: where, what, what else, and what to do."""
    other = f" See {conflict.other}." if conflict.other else ""
    return f"{conflict.at}: {conflict.message}{other} {conflict.advice}".rstrip()


def places(conflict: Conflict) -> frozenset[Key]:
    """Return the resources that a contradiction is between."""
    return frozenset(_key(place) for place in (conflict.at, conflict.other) if place)


def _known(parsed: Mapping[Key, Parsed]) -> Known:
    """Return the names that exist: what cannot be read is not missing."""
    return Known(
        customers=frozenset(name for kind, name in parsed if kind == "Customer"),
        integrations=frozenset(name for kind, name in parsed if kind == "Integration"),
    )


def _estate(resources: Iterable[Resource]) -> Estate:
    by_type: defaultdict[type, list[Any]] = defaultdict(list)
    for resource in resources:
        by_type[type(resource)].append(resource)
    return Estate(
        customers=tuple(by_type[Customer]),
        integrations=tuple(by_type[Integration]),
        policies=tuple(by_type[AutomaticImportPolicy]),
        overrides=tuple(by_type[AccountOverride]),
    )


def _held_by_unreadable(parsed: Mapping[Key, Parsed], estate: Estate) -> dict[CustomerName, str]:
    """Hold the customers of what cannot be read."""
    held: dict[CustomerName, str] = {}
    for (kind, name), one in sorted(parsed.items()):
        if one.resource is None:
            text = f"{kind} {name} cannot be read: {' '.join(one.problems)}"
            for customer in _depending(kind, name, one.raw, estate):
                held.setdefault(customer, text)
    return held


def _depending(kind: str, name: str, raw: Raw, estate: Estate) -> Iterable[CustomerName]:
    """Return the customers that a resource may be for; an unreadable policy may be anybody's."""
    everybody = (customer.name for customer in estate.customers)
    match kind:
        case "Customer":
            return (CustomerName(name),)
        case "Integration":
            return (one.name for one in estate.customers if name in _integrations(one))
        case "PasswordReset":
            return ()
        case "AccountOverride":
            named = _named_customer(raw)
            return everybody if named is None else (one for one in everybody if one == named)
        case _:
            return everybody


def _integrations(customer: Customer) -> Iterable[str]:
    return (place.integration for place in (customer.vault, customer.psa) if place)


def _named_customer(raw: Raw) -> str | None:
    """Return the customer that an unreadable override names, if it names one at all."""
    spec = raw.get("spec")
    reference = spec.get("customerRef") if isinstance(spec, Mapping) else None
    name = reference.get("name") if isinstance(reference, Mapping) else None
    return name if isinstance(name, str) else None


def _key(place: str) -> Key:
    kind, _, name = place.partition("#")[0].partition("/")
    return kind, name


def _touched(conflict: Conflict, estate: Estate) -> set[CustomerName]:
    """Return the customers that a contradiction makes uncertain.

    Two policies contradict each other only for customers that both of them reach. A policy
    that names a customer who is not there (yet) touches nobody.
    """
    here = _reach(_key(conflict.at), estate)
    if conflict.other is None:
        return here if _key(conflict.at)[0] == "Customer" else set()
    there = _reach(_key(conflict.other), estate)
    if _key(conflict.at)[0] == "AutomaticImportPolicy":
        return here & there
    return here | there


def _reach(key: Key, estate: Estate) -> set[CustomerName]:
    """Return the customers whose settings depend on a resource."""
    kind, name = key
    match kind:
        case "Customer":
            return {CustomerName(name)}
        case "AccountOverride":
            return {one.customer for one in estate.overrides if one.name == name}
        case "AutomaticImportPolicy":
            policies = [policy for policy in estate.policies if policy.name == name]
            return {
                customer.name
                for policy in policies
                for customer in estate.customers
                if _takes_from(policy, customer, estate)
            }
        case _:
            return set()


def _takes_from(policy: AutomaticImportPolicy, customer: Customer, estate: Estate) -> bool:
    """Say whether a policy is one that the customer would take its account type from."""
    if own_imports(customer, policy.settings.account_type):
        return False
    return covers(policy, customer) or _falls_to_default(policy, customer, estate)


def _falls_to_default(policy: AutomaticImportPolicy, customer: Customer, estate: Estate) -> bool:
    """Say whether a default policy is what a customer takes this account type from."""
    return policy.customers.default and not any(
        covers(other, customer)
        for other in estate.policies
        if other.settings.account_type is policy.settings.account_type
    )
