"""What the chart renders: complete, valid, and with no more rights than the operator needs."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tests.deploy.rendering import EVERYTHING, NAMESPACE, Object, of_kind, refusal, render, the
from tests.deploy.tools import CHART, DEPLOY, find_program

from muster.kube.resources import FROM_GIT

KUBERNETES = "1.36"

FOREIGN = {"ServiceMonitor", "PrometheusRule", "Issuer", "Certificate"}
"""Kinds of other projects: Kubernetes has no schema of them."""

OURS = [
    "customers",
    "integrations",
    "automaticimportpolicies",
    "accountoverrides",
    "passwordresets",
]

ROLE = {
    **{("muster.dev", kind): {"list", "watch"} for kind in OURS},
    **{("muster.dev", f"{kind}/status"): {"patch"} for kind in OURS},
    ("muster.dev", "accounts"): {"list", "create", "patch"},
    ("muster.dev", "accounts/status"): {"patch"},
    ("", "secrets"): {"get", "list", "watch", "create", "patch"},
    ("coordination.k8s.io", "leases"): {"list", "create", "update"},
    ("events.k8s.io", "events"): {"create"},
}
"""Every right of the operator."""

CERTIFICATES: dict[str, Object] = {
    "generated": {},
    "cert-manager": {"source": "CertManager"},
    "cert-manager with an issuer": {
        "source": "CertManager",
        "issuerRef": {"kind": "ClusterIssuer", "name": "internal"},
    },
    "existing": {
        "source": "Existing",
        "secretName": "mine",
        "caBundle": "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n",
    },
}
VALUES: dict[str, Object] = {
    "default": {},
    "everything": EVERYTHING,
    "without webhook": {"webhook": {"enabled": False}},
    **{name: {"webhook": {"certificate": value}} for name, value in CERTIFICATES.items()},
}


@pytest.mark.parametrize("values", VALUES.values(), ids=list(VALUES))
def test_every_object_fits_kubernetes(values: Object) -> None:
    """Each object has the form that Kubernetes demands, with no field that it does not know."""
    for item in render(values):
        if item["kind"] not in FOREIGN:
            kubernetes_validate.validate(item, KUBERNETES, strict=True)


@pytest.mark.parametrize("values", VALUES.values(), ids=list(VALUES))
def test_every_object_is_in_the_namespace_of_the_release(values: Object) -> None:
    """What belongs to a namespace names the release's; `kubectl apply` then errs nowhere."""
    cluster_wide = {"CustomResourceDefinition", "ClusterRole", "ValidatingWebhookConfiguration"}
    places = {
        item["metadata"].get("namespace")
        for item in render(values)
        if item["kind"] not in cluster_wide and not item["metadata"]["name"].endswith("-extra")
    }
    assert places == {NAMESPACE}


def test_helm_lint_is_content() -> None:
    """`helm lint --strict` finds nothing to warn of."""
    done = subprocess.run(
        [find_program("helm"), "lint", "--strict", CHART],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", VALUES.values(), ids=list(VALUES))
def test_pods_run_with_the_least_they_need(values: Object) -> None:
    """The pods pass the restricted Pod Security Standard, and write nothing but /tmp."""
    pod = the(render(values), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod)
    assert pod["terminationGracePeriodSeconds"] >= 60
    writable = [mount for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert {"name": "tmp", "mountPath": "/tmp"} in writable
    assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_the_operator_has_these_rights_and_no_others(values: Object) -> None:
    """The Role is exactly the table; no ClusterRole is bound to anybody."""
    objects = render(values)
    granted: dict[tuple[str, str], set[str]] = {}
    for rule in the(objects, "Role")["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted.setdefault((group, resource), set()).update(rule["verbs"])
    assert granted == ROLE
    assert of_kind(objects, "ClusterRoleBinding") == []
    binding = the(objects, "RoleBinding")
    assert binding["roleRef"]["name"] == the(objects, "Role")["metadata"]["name"]
    assert binding["subjects"][0]["name"] == the(objects, "ServiceAccount")["metadata"]["name"]


def test_roles_for_people_are_not_there_unasked() -> None:
    """The aggregated ClusterRoles come by value; they never give the right to read Secrets."""
    assert of_kind(render(), "ClusterRole") == []
    roles = of_kind(render(EVERYTHING), "ClusterRole")
    assert [role["metadata"]["name"] for role in roles] == ["msp-muster-view", "msp-muster-edit"]
    assert {group for role in roles for rule in role["rules"] for group in rule["apiGroups"]} == {
        "muster.dev"
    }


def test_the_chart_holds_the_crds_of_this_version() -> None:
    """The chart's copies are those of deploy/crds, and helm changes only their metadata."""
    made = {path.name: path.read_text("utf-8") for path in (DEPLOY / "crds").glob("*.yaml")}
    if os.environ.get("MUSTER_UPDATE") == "1":
        for name, text in made.items():
            (CHART / "files" / "crds" / name).write_text(text, encoding="utf-8")
    copies = {path.name: path.read_text("utf-8") for path in CHART.glob("files/crds/*.yaml")}
    assert copies == made, "MUSTER_UPDATE=1 pytest tests/deploy writes them again"
    rendered = of_kind(render(), "CustomResourceDefinition")
    originals = {crd["metadata"]["name"]: crd for crd in map(yaml.safe_load, made.values())}
    assert {crd["metadata"]["name"]: crd["spec"] for crd in rendered} == {
        name: crd["spec"] for name, crd in originals.items()
    }


def test_crds_stay_when_the_release_goes() -> None:
    """CRDs are kept at uninstallation unless a value says otherwise, and can be left out."""
    policy = "helm.sh/resource-policy"

    def policies(values: Object) -> set[Any]:
        crds = of_kind(render(values), "CustomResourceDefinition")
        return {crd["metadata"].get("annotations", {}).get(policy) for crd in crds}

    assert policies({}) == {"keep"}
    assert policies({"crds": {"keep": False}}) == {None}
    assert policies({"crds": {"install": False}}) == set()


@pytest.mark.parametrize(
    ("replicas", "budgets", "strategy"), [(1, 0, "Recreate"), (2, 1, "RollingUpdate")]
)
def test_a_disruption_budget_needs_replicas(replicas: int, budgets: int, strategy: str) -> None:
    """With one replica, a budget would only hold up the draining of its node."""
    objects = render({"replicas": replicas})
    assert len(of_kind(objects, "PodDisruptionBudget")) == budgets
    assert the(objects, "Deployment")["spec"]["strategy"]["type"] == strategy


def test_the_api_server_asks_where_the_operator_answers() -> None:
    """Each of our kinds has a webhook; its path is the operator's name for the handler."""
    webhooks = the(render(), "ValidatingWebhookConfiguration")["webhooks"]
    asked = {
        hook["clientConfig"]["service"]["path"]: hook["rules"][0]["resources"] for hook in webhooks
    }
    assert asked == {f"/{kind.plural}": [kind.plural] for kind in FROM_GIT}
    for hook in webhooks:
        assert hook["failurePolicy"] == "Ignore"
        assert hook["sideEffects"] == "None"
        assert hook["rules"][0]["operations"] == ["CREATE", "UPDATE"]
        assert hook["namespaceSelector"] == {
            "matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}
        }


def test_the_generated_certificate_is_one_that_the_api_server_trusts() -> None:
    """caBundle is the authority of the Secret's certificate, and no private key of it is kept."""
    objects = render()
    secret = the(objects, "Secret")
    assert set(secret["data"]) == {"ca.crt", "tls.crt", "tls.key"}
    bundles = {
        hook["clientConfig"]["caBundle"]
        for hook in the(objects, "ValidatingWebhookConfiguration")["webhooks"]
    }
    assert bundles == {secret["data"]["ca.crt"]}
    authority = base64.b64decode(secret["data"]["ca.crt"]).decode()
    ssl.create_default_context(cadata=authority)


def test_cert_manager_fills_in_the_authority() -> None:
    """With cert-manager, the annotation names the Certificate, and the pods mount its Secret."""
    objects = render(VALUES["cert-manager"])
    certificate = the(objects, "Certificate")
    annotations = the(objects, "ValidatingWebhookConfiguration")["metadata"]["annotations"]
    assert annotations == {"cert-manager.io/inject-ca-from": "msp/muster-webhook"}
    assert certificate["spec"]["secretName"] == mounted_secret(objects)
    assert certificate["spec"]["issuerRef"]["name"] == the(objects, "Issuer")["metadata"]["name"]
    assert of_kind(objects, "Secret") == []
    foreign = render(VALUES["cert-manager with an issuer"])
    assert of_kind(foreign, "Issuer") == []


def test_a_certificate_of_ones_own_is_taken() -> None:
    """With an existing Secret, nothing is generated."""
    objects = render(VALUES["existing"])
    assert mounted_secret(objects) == "mine"
    assert of_kind(objects, "Secret") == []


def mounted_secret(objects: tuple[Object, ...]) -> str:
    """Return the Secret that the pods take the webhook's certificate from."""
    volumes = the(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    (found,) = [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]
    return str(found)


def test_without_webhook_nothing_of_it_is_left() -> None:
    """No Secret, no port, no argument, and nothing cluster-wide but the CRDs."""
    objects = render({"webhook": {"enabled": False}})
    # The CRDs have a field of this name, which is about IT Glue.
    others = [one for one in objects if one["kind"] != "CustomResourceDefinition"]
    assert "webhook" not in json.dumps(others)
    kinds = {item["kind"] for item in objects if "namespace" not in item["metadata"]}
    assert kinds == {"CustomResourceDefinition"}


def test_the_network_policy_opens_these_ports() -> None:
    """Out: names, API server, directories, HTTPS. In: metrics from the cluster, and the webhook."""
    spec = the(render(), "NetworkPolicy")["spec"]
    out = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
    assert out == {53, 443, 6443, 636, 389}
    assert {port["port"] for rule in spec["ingress"] for port in rule["ports"]} == {
        "http",
        "webhook",
    }
    narrow = the(render({"networkPolicy": {"directoryCidrs": ["10.0.0.0/8"]}}), "NetworkPolicy")
    (directories,) = [
        rule
        for rule in narrow["spec"]["egress"]
        if {"port": 636, "protocol": "TCP"} in rule["ports"]
    ]
    assert directories["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]


def test_names_stay_short_enough() -> None:
    """The longest release name still gives names that Kubernetes takes."""
    for item in render(EVERYTHING, release="r" * 53):
        assert len(item["metadata"]["name"]) <= 63
        kind_is_known = item["kind"] not in FOREIGN
        if kind_is_known:
            kubernetes_validate.validate(item, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 2}, "replica"),
        ({"webhook": {"failPolicy": "Fail"}}, "failPolicy"),
        ({"webhook": {"failurePolicy": "Maybe"}}, "failurePolicy"),
        ({"workers": 0}, "workers"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"webhook": {"certificate": {"source": "Existing"}}}, "secretName"),
        (
            {"webhook": {"certificate": {"source": "Existing", "secretName": "mine"}}},
            "caBundle",
        ),
    ],
)
def test_wrong_values_are_refused(values: Object, said: str) -> None:
    """A misspelt or impossible value ends the installation with the value's name."""
    assert said in refusal(values)
