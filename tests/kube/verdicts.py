"""One table of good and bad resources, and what the command line and an API server say of each.

The rows are the documents of tests/corpus, the examples and ready-made policies that people start
from, and a few more about forms at their limits. Faults that lie between resources are out of
scope: an API server sees one resource at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.kube.cluster import Cluster

from muster.resources.admit import Ours, admit, classify
from muster.resources.crds import FACES
from muster.resources.documents import NotYaml, read_documents

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
API_VERSION = "muster.dev/v1alpha1"
NAMESPACES = f"/apis/{API_VERSION}/namespaces"

JUDGED_EARLIER = {
    "yaml-duplicate-field": "the value that YAML readers keep is good; only the text is not",
    "yaml-octal": "YAML readers disagree about such numbers; as JSON there is nothing to compare",
    "yaml-surprises": "the same",
    "yaml-float-for-a-whole-number": "the same",
    "yaml-huge-number": "the same",
    "yaml-infinite": "the same",
    "yaml-sexagesimal": "the same",
    "wrong-types": "the same, for 2.0; the other values stand in rows of their own",
    "yaml-tag": "a tag does not survive the way to JSON",
    "missing-name": "a name may be made by the API server, so the schema cannot ask for one; "
    "the API server itself does",
}
"""Files whose documents are not compared as JSON, and why."""

KUBECTL_TAKES = {
    "yaml-binary": "kubectl decodes it; in git nobody could read what it says",
    "yaml-tag": "kubectl drops tags that it does not know; in git it is a mistake",
    "yaml-duplicate-in-flow": "kubectl keeps the last of the two and says nothing",
    "yaml-float-for-a-whole-number": "10.0 is 10 in JSON; in git a whole number has one form",
    "yaml-null-field": "an API server drops null from fields that may be absent",
}
"""Texts that kubectl and an API server accept and the command line refuses, and why."""

KUBECTL_CANNOT_READ = {
    "empty": "kubectl fails when nothing is there to create",
}
"""Good files that kubectl refuses, and why."""

DIFFERENT = {
    "status-is-not-written[0]": "an API server drops a status that comes with a new resource; "
    "in git it is a mistake",
    "an empty field with a default": "an API server drops null from fields that may be absent",
    "an empty field without a default": "the same",
    "yaml-null-field[0]": "the same",
}
"""Rows that an API server accepts and the command line refuses, and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One resource of the table."""

    name: str
    resource: dict[str, Any]

    @property
    def file(self) -> str:
        """The file that it stands in, without its ending; a row of no file has its name."""
        return self.name.partition("[")[0]

    @property
    def kind(self) -> str:
        """The kind, as it is written."""
        return str(self.resource.get("kind"))

    def accepted_offline(self) -> bool:
        """Return whether the command line accepts the resource, alone."""
        return self.said_offline() == ""

    def said_offline(self) -> str:
        """Return all that the command line has to say against the resource."""
        verdict = classify(self.resource)
        if not isinstance(verdict, Ours):
            return str(verdict)
        outcome = admit(verdict.kind, self.resource)
        return " ".join(str(fault) for fault in outcome) if isinstance(outcome, tuple) else ""

    def create(self, cluster: Cluster, namespace: str, *, dry: bool = True) -> httpx.Response:
        """Send the resource to an API server, which refuses unknown fields too."""
        metadata = {**self.resource.get("metadata", {}), "namespace": namespace}
        params = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry else {})}
        plural = FACES[self.kind].plural if self.kind in FACES else self.kind.lower()
        version = self.resource.get("apiVersion", API_VERSION)
        path = f"/apis/{version}/namespaces/{namespace}/{plural}"
        body = {**self.resource, "metadata": metadata}
        return cluster.api("POST", path, json=body, params=params)


def corpus(verdict: str = "*") -> Iterator[Row]:
    """Yield the documents of the corpus that are resources of this group."""
    for file in sorted(CORPUS.glob(f"{verdict}/*.yaml")):
        if file.stem not in JUDGED_EARLIER:
            for index, resource in enumerate(resources(file)):
                yield Row(f"{file.stem}[{index}]", resource)


def texts() -> tuple[Path, ...]:
    """Return the files whose fault is in the text; only kubectl sees what they say."""
    return tuple(sorted(CORPUS.glob("bad/yaml-*.yaml")))


def read_by_kubectl(cluster: Cluster, file: Path) -> list[dict[str, Any]]:
    """Return the resources of this group in a file as kubectl reads them, sent to nobody."""
    words = ("create", "--dry-run=client", "--validate=ignore", "-o", "json", "-f", str(file))
    shown, decoder = cluster.kubectl(*words).stdout.strip(), json.JSONDecoder()
    found: list[dict[str, Any]] = []
    while shown:
        value, end = decoder.raw_decode(shown)
        found, shown = [*found, *_ours(value)], shown[end:].strip()
    return found


def published() -> Iterator[Row]:
    """Yield what the project gives people to start from."""
    for folder in ("examples", "policies"):
        for file in sorted((ROOT / folder).rglob("*.yaml")):
            for index, resource in enumerate(resources(file)):
                yield Row(f"{file.relative_to(ROOT).as_posix()}[{index}]", resource)


def resources(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the resources of this group in a file as the command line reads them."""
    try:
        for document in read_documents(file.read_text(encoding="utf-8")):
            yield from _ours(document.value)
    except NotYaml:
        return


def _ours(value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        return
    if value.get("kind") == "List":
        for item in value["items"]:
            yield from _ours(item)
    elif str(value.get("apiVersion")).startswith("muster.dev/"):
        yield value


def _resource(kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def _customer(**spec: Any) -> dict[str, Any]:
    return _resource("Customer", **{"displayName": "X", **spec})


def _approval(**fields: Any) -> dict[str, Any]:
    plan = "sha256:" + "0" * 64
    body = {"plan": plan, "until": "2026-12-01T00:00:00Z", "reason": "x", **fields}
    return _customer(approvals=[body])


def _policy(**spec: Any) -> dict[str, Any]:
    body = {
        "accountType": "EndUser",
        "customers": {"default": True},
        "select": {"activeDirectory": {"groups": ["Staff"]}},
        **spec,
    }
    return _resource("AutomaticImportPolicy", **body)


_NOTHING_MATCHED = {
    "vault": {"match": False},
    "psa": {"match": False},
    "driftRemediation": "Correct",
}

LIMITS = (
    Row("corrections of nothing, tried out", _policy(options=_NOTHING_MATCHED)),
    Row("corrections of nothing, meant", _policy(mode="Enforce", options=_NOTHING_MATCHED)),
    Row(
        "corrections of contacts alone",
        _policy(mode="Enforce", options={**_NOTHING_MATCHED, "psa": {"match": True}}),
    ),
    Row("the longest name, in letters of four bytes", _customer(displayName="\U0001d400" * 253)),
    Row("a name that is too long", _customer(displayName="a" * 254)),
    Row("white space that is not ASCII", _customer(displayName="\u00a0Contoso\u3000")),
    Row("white space that is ASCII", _customer(displayName=" Contoso")),
    Row("a line break at the end", _customer(displayName="Contoso\n")),
    Row("a line break in the middle", _customer(displayName="Con\ntoso")),
    Row("letters beside ASCII in a name", _customer(displayName="Æther Ω")),
    Row("an empty field with a default", _customer(suspend=None)),
    Row("an empty field without a default", _customer(vault=None)),
    Row("an empty field that must be there", _customer(displayName=None)),
    Row("a number where text belongs", _customer(displayName=5)),
    Row("text where a list belongs", _policy(customers={"names": "contoso"})),
    Row("text where a mapping belongs", _policy(customers="contoso")),
    Row("text where a number belongs", _policy(limits={"create": {"percent": "20"}})),
    Row("text where yes or no belongs", _policy(suspend="true")),
    Row("a number that is too large", _policy(limits={"create": {"percent": 101}})),
    Row("a number beyond 64 bits", _policy(limits={"create": {"floor": 2**70}})),
    Row("a fraction", _policy(limits={"create": {"percent": 20.5}})),
    Row("time with a fraction", _approval(until="2026-12-01T00:00:00.123456Z")),
    Row("time in lower case", _approval(until="2026-12-01t00:00:00z")),
    Row("time on a day that is not there", _approval(until="2026-02-30T00:00:00Z")),
    Row("time on a leap day", _approval(until="2028-02-29T00:00:00Z")),
    Row("time of day that is not there", _approval(until="2026-12-01T24:00:00Z")),
    Row("a leap second", _approval(until="2026-12-31T23:59:60Z")),
    Row("a time zone that is not there", _approval(until="2026-12-01T00:00:00+24:00")),
    Row("the far end of the time zones", _approval(until="2026-12-01T00:00:00-23:59")),
    Row("year one", _approval(until="0001-01-01T00:00:00+02:00")),
    Row("year nine thousand", _approval(until="9999-12-31T23:59:59-02:00")),
    Row("the shortest interval", _policy(interval="5m")),
    Row("an interval that is shorter", _policy(interval="0h4m")),
    Row("the longest interval", _policy(interval="99999h99999m")),
    Row("an interval without a unit", _policy(interval="5")),
    Row("grace that is none", _policy(onLeave={"action": "Retain", "gracePeriod": "0m"})),
    Row(
        "a thousand customers",
        _policy(customers={"names": [f"customer-{number}" for number in range(1000)]}),
    ),
    Row(
        "one customer too many",
        _policy(customers={"names": [f"customer-{number}" for number in range(1001)]}),
    ),
    Row("a name of sixty-four letters", {**_customer(), "metadata": {"name": "a" * 64}}),
    Row("a name with a dot", {**_customer(), "metadata": {"name": "contoso.ltd"}}),
    Row(
        "a label that is none",
        {**_customer(), "metadata": {"name": "x", "labels": {"tier": "-gold"}}},
    ),
)
"""Forms at their limits, and just beyond."""

TABLE = (*corpus(), *published(), *LIMITS)
