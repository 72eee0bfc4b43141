"""The operator with the chart's rights and the chart's webhook, asked by a real API server.

No pod runs here, so the operator is a process and the webhook is reached by URL; path, rules and
everything else are what the chart registers.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml
from tests.deploy.tools import CHART, ROOT, find_program
from tests.kube.cluster import Cluster
from tests.kube.conftest import kube_binaries
from tests.kube.processes import free_ports

__all__ = ["kube_binaries"]

pytestmark = pytest.mark.real

ESTATE = ROOT / "examples" / "01-one-customer-active-directory"
PATIENCE_S = 40.0
LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def fresh(kube_binaries: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a control plane of our own, because webhooks would meet other tests."""
    find_program("helm")
    with Cluster(tmp_path_factory.mktemp("webhook"), kube_binaries) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(fresh: Cluster) -> Iterator[str]:
    """Install the chart, run the operator as its ServiceAccount, and return the namespace."""
    namespace = fresh.create_namespace("guarded")
    fresh.helm(
        "install", "muster", str(CHART), "-n", namespace, "--set", "webhook.failurePolicy=Fail"
    )
    http, webhook = free_ports(LOOPBACK, 2)
    authority = trustme.CA()
    folder = fresh.folder / "certificates"
    folder.mkdir()
    made = authority.issue_cert(LOOPBACK)
    made.private_key_pem.write_to_path(folder / "tls.key")
    made.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    words = ("--http-port", http, "--webhook-port", webhook, "--webhook-certificates", folder)
    program = (Path(sys.executable).with_name("muster"), "operator", "-n", namespace, *words)
    running = start(fresh, namespace, [str(word) for word in program])
    try:
        wait_until_ready(f"http://{LOOPBACK}:{http}/readyz", running, fresh.folder / "operator.log")
        point_webhooks(fresh, namespace, webhook, authority.cert_pem.bytes())
        yield namespace
    finally:
        running.terminate()
        running.wait(30)


def start(cluster: Cluster, namespace: str, program: list[str]) -> subprocess.Popen[bytes]:
    """Start the operator with a kubeconfig that holds the ServiceAccount's token alone."""
    token = cluster.service_account_token(namespace, "muster")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [
            {
                "name": "it",
                "cluster": {"server": cluster.url, "certificate-authority": str(cluster.ca)},
            }
        ],
        "users": [{"name": "it", "user": {"token": token}}],
    }
    file = cluster.folder / "operator.kubeconfig"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(config))
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(file), "POD_NAME": "one"}
    with (cluster.folder / "operator.log").open("wb") as log:
        return subprocess.Popen(program, env=environment, stdout=log, stderr=log)


def wait_until_ready(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    """Wait as the kubelet would."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and running.poll() is None:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"the operator is not ready; it ended with {running.poll()}: {log.read_text()}")


def point_webhooks(cluster: Cluster, namespace: str, port: int, authority: bytes) -> None:
    """Replace the Service in each webhook by an address; the path stays the chart's."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    name = f"{path}/{namespace}-muster"
    config = cluster.api("GET", name).raise_for_status().json()
    for hook in config["webhooks"]:
        where = f"https://{LOOPBACK}:{port}{hook['clientConfig']['service']['path']}"
        bundle = base64.b64encode(authority).decode()
        hook["clientConfig"] = {"url": where, "caBundle": bundle}
    cluster.api("PUT", name, json=config).raise_for_status()


def apply(cluster: Cluster, namespace: str, objects: list[Any]) -> str:
    """Apply objects until the webhook answers; return what a person reads when one is refused."""
    until = time.monotonic() + PATIENCE_S
    while True:
        words = ("apply", "-n", namespace, "-f", "-")
        done = cluster.kubectl(*words, input=yaml.safe_dump_all(objects), check=False)
        # The operator listens a moment after it is ready, and the API server learns late.
        if "failed calling webhook" not in done.stderr or time.monotonic() > until:
            return done.stderr if done.returncode else ""
        time.sleep(0.2)


def load(folder: Path) -> list[Any]:
    """Return every object of the estate."""
    return [
        one
        for file in sorted(folder.rglob("*.yaml"))
        for one in yaml.safe_load_all(file.read_text())
    ]


def test_every_kind_is_asked_about_and_admitted(fresh: Cluster, guarded: str) -> None:
    """With failurePolicy Fail, a sound estate of all four kinds comes in: each path answers."""
    objects = load(ESTATE)
    assert len({item["kind"] for item in objects}) == 4
    assert apply(fresh, guarded, objects) == ""


def test_a_contradiction_is_refused(fresh: Cluster, guarded: str) -> None:
    """A second default policy for one account type is refused, with the words of validate."""
    first, second = (
        {
            "apiVersion": "muster.dev/v1alpha1",
            "kind": "AutomaticImportPolicy",
            "metadata": {"name": name},
            "spec": {
                "accountType": "EndUser",
                "customers": {"default": True},
                "select": {"activeDirectory": {"organizationalUnits": [{"path": "OU=Staff"}]}},
            },
        }
        for name in ("default-one", "default-two")
    )
    assert apply(fresh, guarded, [first]) == ""
    deadline = time.monotonic() + PATIENCE_S
    said = ""
    # The operator learns of the first policy by its watch, a moment after it is stored.
    while not said and time.monotonic() < deadline:
        said = apply(fresh, guarded, [second])
        if not said:
            fresh.kubectl("delete", "-n", guarded, "automaticimportpolicy", "default-two")
            time.sleep(0.2)
    assert "denied the request" in said
    assert "default" in said


def test_the_operator_needs_no_more_rights(fresh: Cluster, guarded: str) -> None:
    """The operator writes a status with the chart's Role, and the API server forbids it nothing."""
    assert apply(fresh, guarded, load(ESTATE)) == ""
    deadline = time.monotonic() + PATIENCE_S
    status: dict[str, Any] = {}
    while "conditions" not in status and time.monotonic() < deadline:
        answer = fresh.kubectl(
            "get", "integration", "it-glue", "-n", guarded, "-o", "json", check=False
        )
        status = json.loads(answer.stdout or "{}").get("status", {})
        time.sleep(0.2)
    assert "conditions" in status
    user = f"system:serviceaccount:{guarded}:muster"
    ours = [one for one in fresh.requests(user) if one.resource]
    assert ours
    assert {(one.verb, one.resource) for one in ours if one.code == 403} == set()
