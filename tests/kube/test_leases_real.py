"""The leases on a real API server: what it accepts, who wins there, and which rights it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import kopf
import pytest
from tests.kube.cluster import Cluster
from tests.kube.test_lease_processes import wait_until

from muster.kube.api import KubeApi
from muster.kube.leases import LeaseLost, LeaseOptions, ShardLeases

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

VERBS = ("list", "create", "update")
ACCOUNT = "muster"
DURATION_S = 3.0
SHARDS = 4


class Replicas:
    """Starts replicas as a service account that may do what leases need, and nothing else."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self.leases: list[ShardLeases] = []
        self.apis: list[KubeApi] = []
        for body in _grant(namespace, VERBS):
            cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(body))

    def start(self, identity: str) -> ShardLeases:
        """Start one more."""
        token = self._cluster.service_account_token(self._namespace, ACCOUNT)
        login = kopf.ConnectionInfo(
            server=self._cluster.url, ca_path=str(self._cluster.ca), token=token
        )
        api = KubeApi(login, patience_s=0.5)
        options = LeaseOptions(duration_s=DURATION_S, renew_every_s=DURATION_S / 6)
        leases = ShardLeases(
            api, self._namespace, shards=SHARDS, identity=identity, options=options
        )
        self.apis.append(api)
        self.leases.append(leases)
        leases.start()
        return leases

    def close(self) -> None:
        """End them all."""
        for leases in self.leases:
            leases.stop()
        for api in self.apis:
            api.close()


def _grant(namespace: str, verbs: tuple[str, ...]) -> list[dict[str, object]]:
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": list(verbs)}
    named = {"metadata": {"name": ACCOUNT}}
    role = {"apiGroup": group, "kind": "Role", "name": ACCOUNT}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", **named},
        {"apiVersion": f"{group}/v1", "kind": "Role", **named, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            **named,
            "roleRef": role,
            "subjects": [subject],
        },
    ]


@pytest.fixture
def replicas(cluster: Cluster, namespace: str) -> Iterator[Replicas]:
    """Give what starts replicas; they end with the test."""
    started = Replicas(cluster, namespace)
    try:
        yield started
    finally:
        started.close()


def counts(*replicas: ShardLeases) -> list[int]:
    """Return how many shards each holds."""
    return [len(replica.held) for replica in replicas]


def test_shards_move_as_replicas_come_and_go(
    cluster: Cluster, namespace: str, replicas: Replicas
) -> None:
    """One, two, one killed, one ended: each change ends with every shard held by one replica."""
    one = replicas.start("one")
    wait_until(lambda: counts(one) == [SHARDS])
    two = replicas.start("two")
    wait_until(lambda: counts(one, two) == [2, 2])
    assert not one.held & two.held
    one.stop(release=False)
    assert counts(one, two) == [0, 2]
    wait_until(lambda: counts(two) == [SHARDS])
    three = replicas.start("three")
    wait_until(lambda: counts(two, three) == [2, 2])
    two.stop()
    wait_until(lambda: counts(three) == [SHARDS], DURATION_S)
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    leases = cluster.api("GET", path).json()["items"]
    assert len(leases) == SHARDS + 2
    assert {
        lease["spec"]["holderIdentity"].split("_")[0]
        for lease in leases
        if "shard" in lease["metadata"]["name"]
    } == {"three"}


def test_an_api_server_that_is_away_long_ends_writing(cluster: Cluster, replicas: Replicas) -> None:
    """Writing ends with the last renewal's time, and goes on when the API server is back."""
    one = replicas.start("one")
    wait_until(lambda: counts(one) == [SHARDS])
    token = one.token("contoso")
    cluster.stop_api()
    try:
        wait_until(lambda: counts(one) == [0])
        with pytest.raises(LeaseLost, match="could not be renewed in time"):
            one.check("contoso")
    finally:
        cluster.start_api()
    wait_until(lambda: counts(one) == [SHARDS])
    one.check("contoso", token)


def test_leases_need_three_verbs(cluster: Cluster, namespace: str, replicas: Replicas) -> None:
    """Each granted verb is used, so that the Role holds no more than is needed."""
    one = replicas.start("one")
    wait_until(lambda: counts(one) == [SHARDS])
    one.stop()
    user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
    assert {request.verb for request in cluster.requests(user)} == set(VERBS)
