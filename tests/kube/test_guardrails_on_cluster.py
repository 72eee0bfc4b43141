"""The same resources and guardrails, asked offline and of a real API server: one answer."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest
import yaml
from tests.guardrails.cases import CASES, KNOWN_ADDRESSES, MORE, SHIPPED, Case
from tests.kube.cluster import Cluster

from muster.resources.crds import FACES
from muster.resources.guardrails import Guarded, evaluate, read_guardrails
from muster.resources.guardrails.policies import Action

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

CRDS = SHIPPED.parents[1] / "deploy" / "crds"
DENIAL = re.compile(
    r"ValidatingAdmissionPolicy '([^']*)' with binding '[^']*' denied request: (.*)"
)
WARNING = re.compile(r"Validation failed for ValidatingAdmissionPolicy '([^']*)'[^:]*: (.*)\"$")


@pytest.fixture(scope="module")
def guarded(cluster: Cluster) -> Iterator[str]:
    """Give a namespace with the guardrails in force; they are taken away again afterwards."""
    cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    names = [f"crd/{face.plural}.muster.dev" for face in FACES.values()]
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    namespace = cluster.create_namespace("guarded")
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    assert cluster.api("POST", path, KNOWN_ADDRESSES).is_success
    for file in (SHIPPED, MORE):
        cluster.kubectl("apply", "-f", str(file))
    try:
        _wait_until_in_force(cluster, namespace)
        yield namespace
    finally:
        for file in (SHIPPED, MORE):
            cluster.kubectl("delete", "-f", str(file))


def _create(cluster: Cluster, namespace: str, case: Case) -> httpx.Response:
    plural = FACES[case.resource["kind"]].plural
    path = f"/apis/muster.dev/v1alpha1/namespaces/{namespace}/{plural}?dryRun=All"
    return cluster.api("POST", path, case.resource)


def _wait_until_in_force(cluster: Cluster, namespace: str) -> None:
    """Wait until every binding is known to the API server: it learns of them by watching."""
    until = time.monotonic() + 60
    for case in CASES:
        wanted = bool(case.denied)
        while _create(cluster, namespace, case).is_success == wanted:
            assert time.monotonic() < until, case.name
            time.sleep(0.25)


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
    answer = _create(cluster, guarded, case)
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
