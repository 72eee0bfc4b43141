"""A customer with both directories in a cluster: pairs are kept, tenants are told of, runs rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kube.cluster import Cluster
from tests.kube.world import World, eventually, operator

from muster.lab.lab import Lab
from muster.lab.mix import Mix

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give a world of one hybrid customer."""
    with Lab(customers=1, people=10, mix=Mix.parse("hybrid-hudu-halopsa")) as lab:
        yield World(cluster, namespace, lab, tmp_path)


def test_a_hybrid_customer_is_kept_in_the_cluster(world: World) -> None:
    """Both kinds of accounts come back from the API server as they were, so a second operator
    has nothing to write; a tenant that refuses shows, and its new secret is taken up."""
    world.install()
    with operator(world) as running:
        world.wait_told()
        assert running.metric('muster_provider_requests_total{integration="entra tenants"}') > 0
        assert (
            running.metric('muster_matches{customer="contoso",state="linked",system="entra"}') > 5
        )
    accounts = world.accounts("contoso")
    sources = Counter(one["spec"]["identity"]["source"] for one in accounts)
    assert sources["Entra"] > 0
    assert sources["ActiveDirectory"] > sources["Entra"]
    outside, before, runs = world.lab.writes(), world.changes(), world.runs()
    with operator(world, identity="two"):
        eventually(lambda: world.runs() != runs, "a run at the start")
        for value, ready in (("wrong", "False"), (_right(world), "True")):
            _supply(world, value)
            eventually(
                lambda wanted=ready: world.condition("contoso", "Ready")["status"] == wanted,  # type: ignore[misc]
                f"Ready is {ready}",
            )
            if ready == "False":
                assert "AADSTS7000215" in world.condition("contoso", "Ready")["message"]
    written = {one.resource for one in world.changes()[len(before) :]}
    assert written <= {f"muster.dev/{kind}/status" for kind in ("customers", "integrations")} | {
        "events.k8s.io/events"
    }
    assert world.accounts("contoso") == accounts
    assert world.lab.writes() == outside


def _right(world: World) -> str:
    assert world.lab.graph is not None
    return world.lab.graph.client_secret


def _supply(world: World, secret: str) -> None:
    patch = json.dumps({"stringData": {"clientSecret": secret}})
    world.kubectl("patch", "secret", "contoso-entra", f"--patch={patch}")
