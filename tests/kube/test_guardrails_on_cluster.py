"""The same resources and guardrails, asked offline and of a real API server: one answer."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest
import yaml
from tests.guardrails.cases import CASES, KNOWN_ADDRESSES, MORE, SHIPPED, Case, Json
from tests.guardrails.probes import PARAMETERS, PROBES, Probe
from tests.kube.cluster import Cluster

from muster.resources.crds import FACES
from muster.resources.guardrails import Guarded, evaluate, read_guardrails
from muster.resources.guardrails.matching import plural
from muster.resources.guardrails.policies import Action

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

CRDS = SHIPPED.parents[1] / "deploy" / "crds"
DENIAL = re.compile(
    r"ValidatingAdmissionPolicy '([^']*)' with binding '[^']*' denied request: (.*)"
)
WARNING = re.compile(r"Validation failed for ValidatingAdmissionPolicy '([^']*)'[^:]*: (.*)\"$")
ERROR = "denied request: "


@pytest.fixture(scope="module")
def guarded(cluster: Cluster) -> Iterator[str]:
    """Give a namespace with the guardrails in force; they are taken away again afterwards."""
    cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    names = [f"crd/{face.plural}.muster.dev" for face in FACES.values()]
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    namespace = cluster.create_namespace("guarded")
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    assert cluster.api("POST", path, KNOWN_ADDRESSES).is_success
    for parameter in PARAMETERS:
        assert cluster.api("POST", path, parameter).is_success
    cluster.kubectl("label", "namespace", namespace, "env=production")
    for file in (SHIPPED, MORE):
        cluster.kubectl("apply", "-f", str(file))
    # Not by kubectl, which keeps to five requests a second.
    documents = [document for probe in PROBES for document in probe.documents]
    for document in documents:
        assert cluster.api("POST", _home(document), document).is_success, document
    try:
        _wait_until_in_force(cluster, namespace)
        yield namespace
    finally:
        for file in (SHIPPED, MORE):
            cluster.kubectl("delete", "-f", str(file))
        for document in documents:
            cluster.api("DELETE", f"{_home(document)}/{document['metadata']['name']}")


def _home(document: Json) -> str:
    return f"/apis/{document['apiVersion']}/{plural(document['kind'])}"


def _create(cluster: Cluster, namespace: str, resource: Json) -> httpx.Response:
    name = FACES[resource["kind"]].plural
    path = f"/apis/muster.dev/v1alpha1/namespaces/{namespace}/{name}?dryRun=All"
    return cluster.api("POST", path, resource)


def _wait_until_in_force(cluster: Cluster, namespace: str) -> None:
    """Wait until every binding is known to the API server: it learns of them by watching."""
    until = time.monotonic() + 60
    wanted: list[tuple[Json, object, object]] = [(one.resource, one.denied, ()) for one in CASES]
    wanted += [(one.customer, one.denied, one.warned) for one in PROBES]
    for resource, denied, warned in wanted:
        while not _as_wanted(_create(cluster, namespace, resource), denied, warned):
            assert time.monotonic() < until, resource
            time.sleep(0.25)


def _as_wanted(answer: httpx.Response, denied: object, warned: object) -> bool:
    return answer.is_success != bool(denied) and (not warned or "Warning" in answer.headers)


def _offline(case: Case, namespace: str, action: Action) -> list[tuple[str, str]]:
    files = [*sorted(SHIPPED.glob("*.yaml")), MORE]
    documents = (
        one for file in files for one in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    )
    asked = Guarded(objects=[case.resource, KNOWN_ADDRESSES], namespace=namespace)
    verdicts = evaluate(read_guardrails(documents), asked)
    return sorted((one.policy, one.message) for one in verdicts if action in one.actions)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_say_the_same(cluster: Cluster, guarded: str, case: Case) -> None:
    """Verdict, policy and message are the same; the API server names the first denial only."""
    answer = _create(cluster, guarded, case.resource)
    denied = _offline(case, guarded, Action.DENY)
    assert answer.is_success == (not denied), answer.text
    if denied:
        said = DENIAL.search(answer.json()["message"])
        assert said is not None, answer.text
        assert (said[1], said[2]) in denied
    warnings = [WARNING.search(text) for text in answer.headers.get_list("Warning")]
    assert sorted((one[1], one[2]) for one in warnings if one) == (
        _offline(case, guarded, Action.WARN) if answer.is_success else []
    )


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_each_form_is_what_the_server_says(cluster: Cluster, guarded: str, probe: Probe) -> None:
    """What `probes` expects offline is the API server's own answer, word by word."""
    answer = _create(cluster, guarded, probe.customer)
    said = () if answer.is_success else (answer.json()["message"].partition(ERROR)[2],)
    assert said == probe.denied
    warnings = [WARNING.search(text) for text in answer.headers.get_list("Warning")]
    of_it = [one[2] for one in warnings if one and one[1] == probe.name]
    assert sorted(of_it) == sorted(probe.warned)
