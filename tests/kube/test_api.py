"""Muster's own client against a real API server: pages, refusals, outages, new tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.kube.cluster import SERVICE_ACCOUNT, Cluster
from tests.kube.estates import customer
from tests.kube.place import CONFIG_MAP, connect, install_crds, token_of

from muster.errors import AccessDenied, Rejected, Unavailable
from muster.kube.api import Conflict, KubeApi, find_login
from muster.kube.resources import CUSTOMER, SECRET, Kind

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubeApi]:
    """Give a connection as administrator."""
    install_crds(cluster)
    connection = connect(cluster)
    yield connection
    connection.close()


def config_map(name: str, **data: str) -> dict[str, Any]:
    """Return a small object."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return body | {"data": data}


def test_a_list_is_read_page_by_page_to_its_end(
    cluster: Cluster, api: KubeApi, namespace: str
) -> None:
    """More than a page of objects come whole, each once, in two requests."""
    names = {f"object-{number}" for number in range(510)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: api.create(CONFIG_MAP, namespace, config_map(name)), names))
    listed = [item["metadata"]["name"] for item in api.list(CONFIG_MAP, namespace)]
    assert len(listed) == 510
    assert set(listed) == names
    asked = [
        one
        for one in cluster.requests("admin")
        if (one.verb, one.resource, one.namespace) == ("list", "configmaps", namespace)
    ]
    assert len(asked) == 2


_ODD = (*range(0x20), *range(0x7E, 0xA1), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF, 0x1F600, 0x10FFFF)


@pytest.mark.parametrize("way", ["apply", "create"])
def test_any_text_arrives_as_it_is(api: KubeApi, namespace: str, way: str) -> None:
    """Names hold emoji, control characters and what looks like an escape; none is refused."""
    text = "".join(map(chr, _ODD)) + " \\ud83d\\ude00 \\n: {}#'\" Jürgen 漢字"
    send = api.apply if way == "apply" else api.create
    send(CONFIG_MAP, namespace, config_map("odd", text=text, half="\ud83d"))
    found = api.read(CONFIG_MAP, namespace, "odd")
    assert found is not None
    assert found["data"] == {"text": text, "half": "\N{REPLACEMENT CHARACTER}"}


def test_a_list_can_be_narrowed_by_label(api: KubeApi, namespace: str) -> None:
    """Only objects with the label are listed."""
    body = config_map("mine")
    body["metadata"]["labels"] = {"muster.dev/customer": "contoso"}
    api.create(CONFIG_MAP, namespace, body)
    api.create(CONFIG_MAP, namespace, config_map("other"))
    [found] = api.list(CONFIG_MAP, namespace, "muster.dev/customer=contoso")
    assert found["metadata"]["name"] == "mine"


def test_what_is_not_there_is_none(api: KubeApi, namespace: str) -> None:
    """Reading and changing what does not exist is no error."""
    assert api.read(SECRET, namespace, "missing") is None
    assert api.merge(SECRET, namespace, "missing", {"data": {}}) is None
    assert api.patch_status(CUSTOMER, namespace, "missing", {"accounts": 1}) is None


def test_a_kind_that_is_not_installed_is_refused_with_advice(api: KubeApi, namespace: str) -> None:
    """A list of an unknown kind is an error, for it would read as if there were nothing."""
    unknown = Kind(group="muster.dev", version="v1alpha1", plural="robots", kind="Robot")
    with pytest.raises(Rejected, match="Are the CRDs there"):
        list(api.list(unknown, namespace))


def test_a_conflict_is_told_apart(api: KubeApi, namespace: str) -> None:
    """An object that exists, or has changed since it was read, is a Conflict."""
    read = api.create(CONFIG_MAP, namespace, config_map("one", a="1"))
    with pytest.raises(Conflict):
        api.create(CONFIG_MAP, namespace, config_map("one"))
    assert api.replace(CONFIG_MAP, namespace, {**read, "data": {"a": "2"}})["data"] == {"a": "2"}
    with pytest.raises(Conflict):
        api.replace(CONFIG_MAP, namespace, {**read, "data": {"a": "3"}})


def test_a_refusal_has_the_servers_words(api: KubeApi, namespace: str) -> None:
    """What the schema forbids is Rejected, with the field that is wrong."""
    body = customer("contoso")
    del body["spec"]["displayName"], body["metadata"]["uid"], body["metadata"]["generation"]
    with pytest.raises(Rejected, match=r"spec\.displayName"):
        api.create(CUSTOMER, namespace, body)


def test_a_missing_right_names_verb_and_path(
    cluster: Cluster, api: KubeApi, namespace: str
) -> None:
    """What RBAC forbids is AccessDenied, and says which rule is missing; it is not retried."""
    account = Kind(group="", version="v1", plural="serviceaccounts", kind="ServiceAccount")
    api.create(account, namespace, {"metadata": {"name": "nobody"}})
    token = token_of(cluster, f"{SERVICE_ACCOUNT}{namespace}:nobody")
    nobody = connect(cluster, token)
    path = f"/api/v1/namespaces/{namespace}/secrets/x"
    with pytest.raises(AccessDenied, match=f"forbids GET {path}"):
        nobody.read(SECRET, namespace, "x")
    nobody.close()


def test_a_wrong_token_is_denied_in_the_end(cluster: Cluster, namespace: str) -> None:
    """A token that stays unknown is a matter for a person, and is not in the message."""
    stranger = connect(cluster, "not-a-token", patience_s=0.3)
    with pytest.raises(AccessDenied, match="does not accept our credentials") as caught:
        stranger.read(SECRET, namespace, "x")
    assert "not-a-token" not in str(caught.value)
    stranger.close()


def test_a_new_token_is_taken_up(
    cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a token is refused it is read again, where the rotated one is by then."""
    good = json.loads(cluster.kubeconfig().read_text())
    old = json.loads(json.dumps(good))
    old["users"][0]["user"]["token"] = "expired"
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(old))
    monkeypatch.setenv("KUBECONFIG", str(file))
    api = KubeApi(patience_s=10)
    file.write_text(json.dumps(good))
    assert api.read(SECRET, namespace, "x") is None
    api.close()


@pytest.mark.parametrize(
    ("kubeconfig", "words"),
    [("", "no service account, no kubeconfig"), ("missing", "kubeconfig cannot be used")],
)
def test_without_credentials_there_is_no_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kubeconfig: str, words: str
) -> None:
    """Outside a pod and without a kubeconfig that can be read, the error says so."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig and str(tmp_path / kubeconfig))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(AccessDenied, match=words):
        find_login()


def test_an_outage_is_waited_out(cluster: Cluster, api: KubeApi, namespace: str) -> None:
    """A killed API server is Unavailable after the patience, and nothing is lost within it."""
    created: list[dict[str, Any]] = []
    cluster.kill_api()
    hasty = connect(cluster, patience_s=0.3)
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            hasty.read(SECRET, namespace, "x")
        waiting = threading.Thread(
            target=lambda: created.append(api.create(CONFIG_MAP, namespace, config_map("late"))),
            daemon=True,
        )
        waiting.start()
    finally:
        hasty.close()
        cluster.start_api()
    waiting.join(30)
    assert [one["metadata"]["name"] for one in created] == ["late"]
    assert api.read(CONFIG_MAP, namespace, "late") is not None
