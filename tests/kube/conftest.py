"""One Kubernetes control plane per test process, started when a test first asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.kube.binaries import Binaries, BinariesMissing, find
from tests.kube.cluster import Cluster


@pytest.fixture(scope="session")
def kube_binaries() -> Binaries:
    """Find the programs; skip where they are missing, fail where real servers are required."""
    try:
        return find()
    except BinariesMissing as missing:
        reason = f"Kubernetes: {missing}"
    if os.environ.get("MUSTER_REQUIRE_REAL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def cluster(kube_binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a running control plane; tests keep apart by namespaces of their own."""
    with Cluster(tmp_path_factory.mktemp("kube"), kube_binaries) as running:
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """Give a namespace that no other test uses."""
    return cluster.create_namespace()
