"""The control plane that the operator's tests stand on does what they rely on."""

from __future__ import annotations

import json
import re
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.kube.binaries import BUILD, Binaries
from tests.kube.cluster import ADMIN, SERVICE_ACCOUNT, Cluster

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

GROUP = "test.muster.dev"
REFUSAL = "spec.low must not be above spec.high"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}"


def config_map(name: str, **data: str) -> dict[str, Any]:
    """Return a ConfigMap as the API takes it."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def config_maps(namespace: str, name: str = "") -> str:
    """Return the path of a namespace's ConfigMaps, or of one."""
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}".rstrip("/")


def band_definition() -> dict[str, Any]:
    """Return a CRD of two numbers, with a CEL rule on their order and our own message."""
    number = {"type": "integer"}
    spec = {
        "type": "object",
        "properties": {"low": number, "high": number},
        "required": ["low", "high"],
        "x-kubernetes-validations": [{"rule": "self.low <= self.high", "message": REFUSAL}],
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"bands.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "bands", "singular": "band", "kind": "Band"},
            "versions": [version],
        },
    }


def band(name: str, low: int, high: int) -> str:
    """Return a Band as a file would hold it."""
    kind = {"apiVersion": f"{GROUP}/v1", "kind": "Band", "metadata": {"name": name}}
    return json.dumps({**kind, "spec": {"low": low, "high": high}})


def let_read(cluster: Cluster, namespace: str, subject: dict[str, str]) -> None:
    """Bind a subject to the reading of one namespace's ConfigMaps."""
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}
    role = {"metadata": {"name": "read"}, "rules": [rule]}
    target = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "read"}
    binding = {"metadata": {"name": "read"}, "roleRef": target, "subjects": [subject]}
    place = RBAC.format(namespace)
    cluster.api("POST", f"{place}/roles", role).raise_for_status()
    cluster.api("POST", f"{place}/rolebindings", binding).raise_for_status()


def test_version_is_the_pinned_one(cluster: Cluster) -> None:
    """A server that our script built reports the version in go.mod; any is 1.29 or newer."""
    said = cluster.api("GET", "/version").raise_for_status().json()["gitVersion"]
    numbers = re.match(r"v(\d+)\.(\d+)\.", said)
    assert numbers is not None, said
    assert tuple(map(int, numbers.groups())) >= (1, 29)
    if f"kubernetes-{said.removeprefix('v')}-" not in str(cluster.binaries.kube_apiserver):
        pytest.skip(f"{cluster.binaries.kube_apiserver} is not of our build")
    assert f"k8s.io/kubernetes {said} " in (BUILD.parent / "go.mod").read_text()


def test_kubectl_creates_and_gets(cluster: Cluster, namespace: str) -> None:
    """What kubectl creates, kubectl and the API give back."""
    manifest = json.dumps(config_map("colours", sky="blue"))
    cluster.kubectl("create", "-n", namespace, "-f", "-", input=manifest)
    shown = cluster.kubectl("get", "configmap", "colours", "-n", namespace, "-o", "json")
    assert json.loads(shown.stdout)["data"] == {"sky": "blue"}
    assert cluster.api("GET", config_maps(namespace, "colours")).json()["data"] == {"sky": "blue"}


def test_failed_kubectl_says_why(cluster: Cluster, namespace: str) -> None:
    """A command that fails raises with kubectl's words, or hands them over when asked."""
    command = ("get", "configmap", "absent", "-n", namespace)
    with pytest.raises(RuntimeError, match='configmaps "absent" not found'):
        cluster.kubectl(*command)
    assert "NotFound" in cluster.kubectl(*command, check=False).stderr


def test_no_token_and_a_wrong_token_are_refused(cluster: Cluster, namespace: str) -> None:
    """Who cannot say who they are reads nothing."""
    path = config_maps(namespace)
    with cluster.open_client() as anyone, cluster.open_client(token="wrong") as stranger:
        assert anyone.get(path).status_code == 403
        assert stranger.get(path).status_code == 401


def test_user_may_do_only_what_is_bound(cluster: Cluster, namespace: str) -> None:
    """RBAC denies a user without a binding, and allows what a binding names, no more."""
    cluster.create_user("mallory")
    cluster.create_user("anna")
    let_read(cluster, namespace, {"kind": "User", "name": "anna"})
    path = config_maps(namespace)
    assert cluster.api("GET", path, user="mallory").status_code == 403
    assert cluster.api("GET", path, user="anna").status_code == 200
    assert cluster.api("POST", path, config_map("new"), user="anna").status_code == 403
    refused = cluster.kubectl("get", "cm", "-n", namespace, user="mallory", check=False)
    assert 'User "mallory" cannot list resource "configmaps"' in refused.stderr


def test_groups_of_a_user_count(cluster: Cluster, namespace: str) -> None:
    """A binding to a group reaches its members, through kubectl too."""
    cluster.create_user("berta", groups=("engineers", "on-call"))
    let_read(cluster, namespace, {"kind": "Group", "name": "on-call"})
    assert cluster.api("GET", config_maps(namespace), user="berta").status_code == 200
    cluster.kubectl("get", "configmaps", "-n", namespace, user="berta")


def test_unknown_user_is_an_error_of_the_test(cluster: Cluster) -> None:
    """A mistyped user name does not pass for one without rights."""
    with pytest.raises(KeyError, match="call create_user first"):
        cluster.kubeconfig("nobody")


def test_service_account_has_its_own_token(cluster: Cluster, namespace: str) -> None:
    """A service account signs in with a real token and has the rights that are bound to it."""
    account = {"metadata": {"name": "operator"}}
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.api("POST", accounts, account).raise_for_status()
    user = f"{SERVICE_ACCOUNT}{namespace}:operator"
    assert cluster.api("GET", config_maps(namespace), user=user).status_code == 403
    subject = {"kind": "ServiceAccount", "namespace": namespace, "name": "operator"}
    let_read(cluster, namespace, subject)
    assert cluster.api("GET", config_maps(namespace), user=user).status_code == 200
    assert cluster.kubectl("auth", "whoami", "-o=jsonpath={.status.userInfo.username}", user=user)
    token = cluster.service_account_token(namespace, "operator")
    with cluster.open_client(token=token) as operator:
        assert operator.get(config_maps(namespace)).status_code == 200


def test_definition_with_a_rule_refuses_a_bad_object(cluster: Cluster, namespace: str) -> None:
    """The API server evaluates CEL rules of a CRD and answers with the rule's message."""
    cluster.kubectl("apply", "-f", "-", input=json.dumps(band_definition()))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/bands.{GROUP}", "--timeout=60s")
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=band("good", 1, 2))
    refused = cluster.kubectl(
        "apply", "-n", namespace, "-f", "-", input=band("bad", 2, 1), check=False
    )
    assert refused.returncode == 1
    assert REFUSAL in refused.stderr


def test_admission_policies_are_served(cluster: Cluster) -> None:
    """ValidatingAdmissionPolicy is there without a feature gate."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    assert cluster.api("GET", path).status_code == 200


def test_requests_tell_who_asked_what(cluster: Cluster, namespace: str) -> None:
    """The audit log gives each user's requests with the answer, so that RBAC can be proved."""
    cluster.create_user("carla")
    cluster.api("GET", config_maps(namespace, "absent"), user="carla")
    (request,) = cluster.requests("carla")
    assert (request.verb, request.resource, request.code) == ("get", "configmaps", 403)
    assert (request.namespace, request.name) == (namespace, "absent")


def test_watch_is_told_while_it_runs(cluster: Cluster, namespace: str) -> None:
    """A watch stands in the audit log from its beginning, and once."""
    cluster.create_user("dora")
    let_read(cluster, namespace, {"kind": "User", "name": "dora"})
    params = {"watch": "1", "timeoutSeconds": "30"}
    with (
        cluster.open_client("dora") as dora,
        dora.stream("GET", config_maps(namespace), params=params) as answer,
    ):
        assert answer.status_code == 200
        running = [(one.verb, one.code) for one in cluster.requests("dora")]
    assert running == [("watch", 200)]


@pytest.mark.parametrize("how", ["kill_api", "stop_api"])
def test_data_and_tokens_outlive_the_api_server(cluster: Cluster, namespace: str, how: str) -> None:
    """After a crash or a stop the server is where it was, with the same data and signing key."""
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.api("POST", accounts, {"metadata": {"name": "operator"}}).raise_for_status()
    token = cluster.service_account_token(namespace, "operator")
    cluster.api("POST", config_maps(namespace), config_map("kept", a="b")).raise_for_status()
    getattr(cluster, how)()
    with pytest.raises(httpx.TransportError):
        cluster.api("GET", "/readyz")
    cluster.start_api()
    assert cluster.api("GET", config_maps(namespace, "kept")).json()["data"] == {"a": "b"}
    cluster.kubectl("get", "configmap", "kept", "-n", namespace)
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    with cluster.open_client(token=token) as operator:
        review = operator.post(path, json={}).raise_for_status().json()
    assert review["status"]["userInfo"]["username"] == f"{SERVICE_ACCOUNT}{namespace}:operator"


def test_leaving_a_cluster_ends_it_in_order(kube_binaries: Binaries, tmp_path: Path) -> None:
    """A second control plane runs beside the first, and ends by itself although one watches."""
    with ExitStack() as after:
        with Cluster(tmp_path, kube_binaries) as second:
            watcher = after.enter_context(second.open_client(ADMIN))
            namespaces = watcher.stream("GET", "/api/v1/namespaces", params={"watch": "1"})
            assert after.enter_context(namespaces).status_code == 200
            etcd, api_server = second.processes
        assert api_server.returncode == 0, second.logs()[-2000:]
        assert etcd.returncode == -signal.SIGTERM, second.logs("etcd")[-2000:]


def test_helm_installs_a_chart(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """helm renders a chart and applies it to the control plane."""
    if cluster.binaries.helm is None:
        pytest.skip("no helm: run tests/kube/assets/build.sh")
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: colours\nversion: 0.1.0\n")
    template = {**config_map("{{ .Release.Name }}"), "data": {"sky": "{{ .Values.sky }}"}}
    (tmp_path / "templates" / "colours.yaml").write_text(json.dumps(template))
    cluster.helm("install", "evening", str(tmp_path), "-n", namespace, "--set", "sky=red")
    held = cluster.api("GET", config_maps(namespace, "evening")).json()
    assert held["data"] == {"sky": "red"}
