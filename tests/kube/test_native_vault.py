"""The operator keeps the native vault in the cluster, with no more rights than it has anyway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.kube.cluster import ADMIN, Cluster
from tests.kube.world import World, operator

from muster.adapters.clock import utc_now
from muster.adapters.native_vault import NativeVaultAdapter
from muster.audit import verify
from muster.cli.main import app
from muster.cli.shell import run
from muster.kube.api import KubeApi
from muster.kube.entry_store import KubeEntryStore
from muster.lab.lab import Lab
from muster.lab.mix import Mix, VaultMix
from muster.model.names import RemoteId
from muster.model.secret import Secret
from muster.sealing import KeyRing

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

PLANTED = "planted-Secret-77"


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give a world of one customer, whose passwords are to be kept in Secrets."""
    with Lab(customers=1, people=10, mix=Mix(vault=VaultMix.NATIVE)) as lab:
        made = World(cluster, namespace, lab, tmp_path)
        for file in made.estate.rglob("*.yaml"):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("backend: Registry", "backend: KubernetesSecrets"))
        yield made


def limits_off(world: World) -> None:
    """Let every policy create as many entries as it wants to."""
    everything = json.dumps({"spec": {"limits": {"create": {"percent": 100, "floor": 100}}}})
    names = world.kubectl("get", "automaticimportpolicies", "-o", "name").split()
    world.kubectl("patch", *names, "--type=merge", f"--patch={everything}")


def test_entries_are_secrets_and_open_for_who_may_read_them(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped rights are enough to make them; an engineer sees a password on the record."""
    world.install()
    limits_off(world)
    with operator(world):
        world.wait_told()
    assert not [one for one in world.requests() if one.code == 403]
    monkeypatch.setenv("KUBECONFIG", str(world.cluster.kubeconfig(ADMIN)))
    capsys.readouterr()
    place = ("--namespace", world.namespace, "--estate", str(world.estate))
    assert run(app, ["vault", "list", "-o", "json", *place]) == 0
    listed = json.loads(capsys.readouterr().out)
    made = world.kubectl("get", "secrets", "-l", "muster.dev/vault=vault", "-o", "name").split()
    assert len(made) == len(listed) > 0
    customer, entry = listed[0]["customer"], RemoteId(listed[0]["entry"])
    keys = KeyRing.parse(
        Secret((world.estate / "secrets" / "vault" / "keys").read_text()), "the lab"
    )
    with closing(KubeApi()) as api:
        vault = NativeVaultAdapter(KubeEntryStore(api, world.namespace, "vault"), keys, utc_now)
        vault.write_password(RemoteId(customer), entry, Secret(PLANTED))
    assert run(app, ["vault", "show", customer, entry, "--reason", "T-1", *place]) == 0
    assert capsys.readouterr().out == PLANTED + "\n"
    assert verify(world.estate / ".muster" / "audit.jsonl").events == 1
