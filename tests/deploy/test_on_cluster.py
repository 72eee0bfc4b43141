"""The chart and the kustomizations on a real API server: installed, upgraded, used and removed.

There are no nodes, so no pod runs; what the API server checks, it checks.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.tools import CHART, DEPLOY, ROOT, find_program
from tests.kube.cluster import SERVICE_ACCOUNT, Cluster
from tests.kube.conftest import kube_binaries

__all__ = ["kube_binaries"]

pytestmark = pytest.mark.real

CUSTOMER = ROOT / "examples" / "01-one-customer-active-directory" / "customers" / "contoso.yaml"


@pytest.fixture(scope="module")
def fresh(kube_binaries: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a control plane of our own, because CRDs belong to whoever installs them first."""
    find_program("helm")
    with Cluster(tmp_path_factory.mktemp("deploy"), kube_binaries) as running:
        yield running


@pytest.fixture(scope="module")
def release(fresh: Cluster) -> str:
    """Install the chart once and return its namespace; the pods cannot start here."""
    namespace = fresh.create_namespace("release")
    fresh.helm("install", "muster", str(CHART), "-n", namespace)
    return namespace


def secret_of(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Return the Secret of the webhook."""
    answer = cluster.kubectl("get", "secret", "muster-webhook", "-n", namespace, "-o", "json")
    data: dict[str, str] = json.loads(answer.stdout)["data"]
    return data


def may(cluster: Cluster, namespace: str, verb: str, what: str, where: str) -> bool:
    """Ask the API server whether the release's service account may do something."""
    user = f"{SERVICE_ACCOUNT}{namespace}:muster"
    group, _, resource = what.rpartition("/")
    plain, _, subresource = resource.partition(":")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user,
            "resourceAttributes": {
                "namespace": where,
                "verb": verb,
                "group": group,
                "resource": plain,
                "subresource": subresource,
            },
        },
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    answer = cluster.api("POST", path, json=review).raise_for_status()
    return bool(answer.json()["status"]["allowed"])


@pytest.mark.parametrize(
    ("verb", "what", "allowed"),
    [
        ("watch", "muster.dev/customers", True),
        ("patch", "muster.dev/customers:status", True),
        ("patch", "muster.dev/customers", False),
        ("delete", "muster.dev/customers", False),
        ("create", "muster.dev/accounts", True),
        ("delete", "muster.dev/accounts", False),
        ("patch", "/secrets", True),
        ("delete", "/secrets", False),
        ("update", "coordination.k8s.io/leases", True),
        ("create", "events.k8s.io/events", True),
        ("get", "/pods", False),
    ],
)
def test_the_operator_may_do_this(
    fresh: Cluster, release: str, verb: str, what: str, allowed: bool
) -> None:
    """The API server's authorizer agrees with the table, and allows nothing next door."""
    assert may(fresh, release, verb, what, release) is allowed
    assert may(fresh, release, verb, what, "kube-system") is False


def test_an_upgrade_keeps_the_certificate(fresh: Cluster, release: str) -> None:
    """helm upgrade finds the Secret, and the webhook's caBundle still fits it."""
    before = secret_of(fresh, release)
    fresh.helm("upgrade", "muster", str(CHART), "-n", release, "--set", "workers=8")
    assert secret_of(fresh, release) == before
    name = f"{release}-muster"
    answer = fresh.kubectl("get", "validatingwebhookconfiguration", name, "-o", "json")
    hooks = json.loads(answer.stdout)["webhooks"]
    assert {hook["clientConfig"]["caBundle"] for hook in hooks} == {before["ca.crt"]}
    assert b"CERTIFICATE" in base64.b64decode(before["tls.crt"])


def test_resources_are_accepted_while_the_operator_is_away(fresh: Cluster, release: str) -> None:
    """failurePolicy Ignore: without one running pod, git can still be applied."""
    fresh.kubectl("apply", "-n", release, "-f", str(CUSTOMER))
    fresh.kubectl("delete", "-n", release, "-f", str(CUSTOMER))


def test_a_second_release_leaves_the_crds_to_the_first(fresh: Cluster, release: str) -> None:
    """Another namespace gets its own release with crds.install=false."""
    other = fresh.create_namespace("other")
    fresh.helm("install", "muster", str(CHART), "-n", other, "--set", "crds.install=false")
    fresh.helm("uninstall", "muster", "-n", other)
    fresh.kubectl("get", "crd", "customers.muster.dev")


def test_uninstalling_keeps_the_customers(fresh: Cluster) -> None:
    """The CRDs, and so every Customer, are there after helm uninstall, and come under a new one."""
    namespace = fresh.create_namespace("gone")
    values = ("-n", namespace, "--set", "webhook.enabled=false,crds.install=false")
    fresh.helm("install", "muster", str(CHART), *values)
    fresh.kubectl("apply", "-n", namespace, "-f", str(CUSTOMER))
    fresh.helm("uninstall", "muster", "-n", namespace)
    fresh.kubectl("get", "customer", "contoso", "-n", namespace)
    fresh.helm("install", "muster", str(CHART), *values)


def test_the_overlay_is_accepted(fresh: Cluster, release: str) -> None:
    """The API server takes every object of the overlay, field by field, in a dry run."""
    folder = DEPLOY / "kustomize" / "overlays" / "one-namespace"
    built = fresh.kubectl("kustomize", str(folder)).stdout
    namespace, *rest = sorted(
        yaml.safe_load_all(built), key=lambda item: item["kind"] != "Namespace"
    )
    fresh.kubectl("create", "-f", "-", input=yaml.safe_dump(namespace))
    fresh.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server"),
        *("--validate=strict", "-f", "-"),
        input=yaml.safe_dump_all(rest),
    )


def test_unpacked_and_packed_are_the_same(fresh: Cluster, tmp_path: Path) -> None:
    """`helm package` takes along everything that the templates read."""
    fresh.helm("package", str(CHART), "-d", str(tmp_path))
    (archive,) = tmp_path.glob("muster-*.tgz")
    quiet = ("--set", "webhook.enabled=false,dashboard.enabled=true")
    packed = fresh.helm("template", "muster", str(archive), *quiet).stdout
    assert packed == fresh.helm("template", "muster", str(CHART), *quiet).stdout
