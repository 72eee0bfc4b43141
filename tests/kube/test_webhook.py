"""Admission by the running operator, called by a real API server."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import yaml
from tests.kube.cluster import Cluster
from tests.kube.world import OperatorProcess, World, eventually, free_port

from muster.lab.lab import Lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

PLURALS = ["customers", "integrations", "automaticimportpolicies", "accountoverrides"]

SECOND_DEFAULT = """
apiVersion: muster.dev/v1alpha1
kind: AutomaticImportPolicy
metadata: {name: %s}
spec:
  accountType: EndUser
  customers: {default: true}
  select: {activeDirectory: {organizationalUnits: [{path: OU=Staff}]}}
"""


def hook(namespace: str, port: int, ca: trustme.CA) -> str:
    """Return the configuration that sends our kinds of one namespace to the operator."""
    authority = base64.b64encode(ca.cert_pem.bytes()).decode()
    webhooks = [
        {
            "name": f"{plural}.muster.dev",
            # kopf chooses the handler by the path, which is the handler's id.
            "clientConfig": {"url": f"https://127.0.0.1:{port}/{plural}", "caBundle": authority},
            "rules": [
                {
                    "apiGroups": ["muster.dev"],
                    "apiVersions": ["v1alpha1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": [plural],
                }
            ],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 10,
        }
        for plural in PLURALS
    ]
    head = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
    }
    return yaml.safe_dump(head | {"webhooks": webhooks})


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give an estate whose operator serves admission, and an API server that asks it."""
    with Lab(customers=1, people=8) as lab:
        world = World(cluster, namespace, lab, tmp_path)
        world.install()
        authority, certificates, port = trustme.CA(), tmp_path / "certificates", free_port()
        certificates.mkdir()
        pair = authority.issue_cert("127.0.0.1")
        pair.cert_chain_pems[0].write_to_path(str(certificates / "tls.crt"))
        pair.private_key_pem.write_to_path(str(certificates / "tls.key"))
        process = OperatorProcess(world, webhook_port=port, webhook_certificates=str(certificates))
        try:
            world.wait_ready("contoso")
            cluster.kubectl("apply", "-f", "-", input=hook(namespace, port, authority))
            yield world
        finally:
            cluster.kubectl("delete", "validatingwebhookconfiguration", namespace, check=False)
            process.stop()


def attempt(world: World, document: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Try to apply a document."""
    return world.cluster.kubectl(
        "--namespace", world.namespace, "apply", *flags, "-f", "-", input=document, check=False
    )


def refusal(world: World, document: str) -> str:
    """Return why a document is refused, as soon as the API server asks the webhook."""

    def tried() -> str:
        done = attempt(world, document, "--dry-run=server")
        return done.stderr if done.returncode else ""

    why = eventually(tried, "the webhook refuses")
    assert attempt(world, document).returncode != 0
    return why


def override(name: str, customer: str, entry: str) -> str:
    """Return an override that pins an entry."""
    return yaml.safe_dump(
        {
            "apiVersion": "muster.dev/v1alpha1",
            "kind": "AccountOverride",
            "metadata": {"name": name},
            "spec": {
                "customerRef": {"name": customer},
                "account": {"samAccountName": "somebody-else"},
                "vault": {"entryId": entry},
            },
        }
    )


def test_a_second_default_policy_is_refused_at_the_door(world: World) -> None:
    """The first default is admitted, the second is refused with both names."""
    assert attempt(world, SECOND_DEFAULT % "first").returncode == 0
    why = refusal(world, SECOND_DEFAULT % "second")
    assert "Another policy is the default" in why
    assert "AutomaticImportPolicy/first" in why


def test_an_override_that_pins_a_taken_record_is_refused(world: World) -> None:
    """An entry that is linked to one account cannot be pinned for another."""
    taken = next(
        account["status"]["vault"]["id"]
        for account in world.accounts("contoso")
        if account["status"]["vault"].get("state") == "Linked"
    )
    why = refusal(world, override("taken", "contoso", taken))
    assert f"{taken} is linked to Account" in why


def test_what_only_comes_early_is_admitted(world: World) -> None:
    """A policy for a customer that does not exist yet is no reason to refuse a commit."""
    early = SECOND_DEFAULT.replace("default: true", "names: [later]") % "early"
    assert attempt(world, early).returncode == 0
