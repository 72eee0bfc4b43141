"""One Kubernetes control plane per test process, started when a test first asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.kube.binaries import Binaries, BinariesMissing, find
from tests.kube.cluster import Cluster
from tests.kube.world import World

from muster.lab.lab import Lab

MakeWorld = Callable[..., World]


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


@pytest.fixture
def make_world(cluster: Cluster, tmp_path: Path) -> Iterator[MakeWorld]:
    """Give a maker of worlds, each with a lab that runs and a namespace of its own."""
    with ExitStack() as labs:

        def make(**sizes: Any) -> World:
            lab = labs.enter_context(Lab(**sizes))
            namespace = cluster.create_namespace()
            folder = tmp_path / namespace
            folder.mkdir()
            return World(cluster, namespace, lab, folder)

        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Give a world of three customers, of whom each selects people in another way."""
    return make_world(customers=3, people=25)
