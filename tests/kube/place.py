"""A namespace of a real cluster with the CRDs, and Muster's own connection to it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import kopf
from tests.kube.cluster import ADMIN, Cluster
from tests.kube.estates import Raw

from muster.kube.api import KubeApi
from muster.kube.registry import KubeRegistry
from muster.kube.resources import CUSTOMER, Kind
from muster.kube.status_writer import StatusWriter
from muster.kube.store import Store

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
CONFIG_MAP = Kind(group="", version="v1", plural="configmaps", kind="ConfigMap")


@cache
def install_crds(cluster: Cluster) -> None:
    """Install the CRDs, once per cluster."""
    cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def token_of(cluster: Cluster, user: str = ADMIN) -> str:
    """Return the token that a user's kubeconfig holds."""
    config = json.loads(cluster.kubeconfig(user).read_text())
    return str(config["users"][0]["user"]["token"])


def connect(cluster: Cluster, token: str | None = None, patience_s: float = 20.0) -> KubeApi:
    """Open a connection, as the administrator unless another token is given."""
    login = kopf.ConnectionInfo(
        server=cluster.url, ca_path=cluster.ca, token=token or token_of(cluster)
    )
    return KubeApi(login, patience_s)


class Replica:
    """What one replica of the operator holds: a store, a writer, a registry."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.store = Store()
        self.writer = StatusWriter(api, namespace, self.store)
        self.registry = KubeRegistry(api, namespace, self.store, self.writer)

    def see(self, kind: Kind = CUSTOMER) -> None:
        """Take up how everything of a kind is now."""
        self.store.replace_all(kind.kind, self.api.list(kind, self.namespace))

    def create(self, kind: Kind, raw: Raw) -> dict[str, Any]:
        """Create a resource as a person would, and take it up; return it as the cluster has it."""
        metadata = {key: one for key, one in raw["metadata"].items() if key not in _SERVERS}
        self.api.create(kind, self.namespace, {**raw, "metadata": metadata})
        self.see(kind)
        return self.read(kind, raw["metadata"]["name"])

    def read(self, kind: Kind, name: str) -> dict[str, Any]:
        """Return an object as the cluster has it."""
        found = self.api.read(kind, self.namespace, name)
        assert found is not None, f"{kind.kind} {name} is not there"
        return found


_SERVERS = frozenset({"uid", "generation"})
