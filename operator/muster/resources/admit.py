"""Decides which mappings are resources of ours, and admits those without a fault.

Where a mapping came from, a file or a cluster, is left to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from muster.resources.codes import Code
from muster.resources.parse import Resource, parse_valid
from muster.resources.problems import Fault, FieldPath, Problem, dotted, nearest, pointer, shorten
from muster.resources.schemas import API_VERSION, DESIRED_KINDS, GROUP
from muster.resources.sentences import RawText
from muster.resources.validate import find_faults


@dataclass(frozen=True, slots=True)
class Ours:
    """A resource that people write and Muster obeys."""

    kind: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A resource of somebody else's API group."""


@dataclass(frozen=True, slots=True)
class Several:
    """A `List` of resources."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that has no place here."""

    fault: Fault


_MOVE_IT = "Move it out of this directory."

Verdict = Ours | Foreign | Several | Wrong


def classify(value: Any) -> Verdict:
    """Say what a YAML document is."""
    if not isinstance(value, dict):
        message = "The document is no resource: it is no mapping of fields."
        fault = Fault(code=Code.NO_RESOURCE, path=(), message=message, advice=_MOVE_IT)
        return Wrong(fault)
    secret = _readable_secret(value)
    if secret:
        return Wrong(secret)
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return Wrong(_nameless(api_version, kind))
    if api_version.partition("/")[0] == GROUP:
        return _our_group(api_version, kind)
    if (api_version, kind) == ("v1", "List"):
        return Several()
    misspelt = kind in DESIRED_KINDS and _similar(api_version)
    return Wrong(_wrong_version(api_version)) if misspelt else Foreign()


def admit(kind: str, value: Any, raw: RawText = lambda _: None) -> Resource | tuple[Fault, ...]:
    """Return the resource, or everything that is wrong with it."""
    return find_faults(kind, value, raw) or parse_valid(value)


def parse_resource(mapping: Mapping[str, Any]) -> Resource | tuple[Problem, ...]:
    """Turn one mapping, as a cluster holds it, into the model, or return what is wrong.

    What the cluster itself wrote (status, and metadata other than name and labels) is left out.
    """
    resource = {key: value for key, value in mapping.items() if key != "status"}
    metadata = resource.get("metadata")
    if isinstance(metadata, Mapping):
        kept = ("name", "namespace", "labels", "annotations")
        resource["metadata"] = {key: metadata[key] for key in kept if key in metadata}
    verdict = classify(resource)
    match verdict:
        case Ours(kind):
            outcome = admit(kind, resource)
        case Wrong(fault):
            outcome = (fault,)
        case _:
            message = f"The resource does not belong to the group {GROUP}."
            outcome = (Fault(code=Code.UNKNOWN_API_VERSION, path=("apiVersion",), message=message),)
    if not isinstance(outcome, tuple):
        return outcome
    return tuple(_placeless(fault) for fault in outcome)


def _placeless(fault: Fault) -> Problem:
    return Problem(
        code=fault.code,
        file="",
        line=0,
        column=0,
        path=pointer(fault.path),
        message=fault.message,
        advice=fault.advice,
    )


def _nameless(api_version: Any, kind: Any) -> Fault:
    for name, value, expected in (
        ("apiVersion", api_version, API_VERSION),
        ("kind", kind, " or ".join(DESIRED_KINDS)),
    ):
        if value is not None and not isinstance(value, str):
            message = f"`{name}` must be text."
            advice = f"Write {expected}."
            return Fault(code=Code.NO_RESOURCE, path=(name,), message=message, advice=advice)
        if value is None and (api_version or kind):
            message = f"Missing field `{dotted((name,))}`."
            advice = f"Add it: {expected}."
            return Fault(code=Code.NO_RESOURCE, path=(), message=message, advice=advice)
    message = "The document is no resource: it has neither apiVersion nor kind."
    advice = "Add both, or move it out of this directory."
    return Fault(code=Code.NO_RESOURCE, path=(), message=message, advice=advice)


def _our_group(api_version: str, kind: str) -> Verdict:
    if api_version != API_VERSION:
        return Wrong(_wrong_version(api_version))
    if kind in DESIRED_KINDS:
        return Ours(kind)
    if kind == "Account":
        message = "An Account is written by Muster and is no input."
        advice = "Remove it from git."
        return Wrong(_wrong_kind(message, advice))
    guess = nearest(kind, DESIRED_KINDS)
    advice = f"Did you mean `{guess}`?" if guess else f"Known kinds: {', '.join(DESIRED_KINDS)}."
    message = f"Unknown kind `{shorten(kind)}` in the group {GROUP}."
    return Wrong(_wrong_kind(message, advice))


def _wrong_kind(message: str, advice: str) -> Fault:
    return Fault(code=Code.UNKNOWN_KIND, path=("kind",), message=message, advice=advice)


def _wrong_version(api_version: str) -> Fault:
    message = f"Unknown apiVersion `{shorten(api_version)}`."
    advice = f"Write {API_VERSION}."
    code = Code.UNKNOWN_API_VERSION
    return Fault(code=code, path=("apiVersion",), message=message, advice=advice)


def _similar(api_version: str) -> bool:
    return SequenceMatcher(None, api_version[:100], API_VERSION).ratio() > 0.75


def _readable_secret(value: dict[str, Any]) -> Fault | None:
    """Find a Secret with readable values; values that SOPS encrypted are nobody's to read."""
    generators = value.get("secretGenerator")
    for index, one in enumerate(generators if isinstance(generators, list) else ()):
        if isinstance(one, dict) and one.get("literals"):
            path: FieldPath = ("secretGenerator", index, "literals")
            return _secret_in_tree("A secretGenerator has literal values.", path)
    if (value.get("apiVersion"), value.get("kind")) != ("v1", "Secret"):
        return None
    for field in ("data", "stringData"):
        values = value.get(field)
        if values and not (isinstance(values, dict) and all(map(_encrypted, values.values()))):
            return _secret_in_tree("A Secret with readable values stands in the tree.", (field,))
    return None


def _encrypted(item: Any) -> bool:
    return isinstance(item, str) and item.startswith("ENC[")


def _secret_in_tree(message: str, path: FieldPath) -> Fault:
    advice = "Secrets never live in git: remove it, change the secret, and keep it outside."
    return Fault(code=Code.SECRET_IN_TREE, path=path, message=message, advice=advice, on_key=True)
