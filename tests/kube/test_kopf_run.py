"""`kopf run` with our module, as its own process against a real API server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kube.cluster import Cluster
from tests.kube.world import World, eventually, free_port

from muster.lab.lab import Lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

SECRET = "Pl4nted-hunter2"
BROKEN = """
import os
import threading
import kopf

@kopf.on.event("muster.dev", "v1alpha1", "customers")
def seen(**_):
    threading.Thread(target=fail, name="planted").start()
    fail()

def fail():
    try:
        raise ValueError(os.environ["PLANTED"])
    except ValueError as error:
        raise RuntimeError("the vault said: " + os.environ["PLANTED"]) from error
"""
"""Beside ours: what a library or a handler of kopf's may run into."""


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give a small world of one customer."""
    with Lab(customers=1, people=4) as lab:
        yield World(cluster, namespace, lab, tmp_path)


def test_kopf_run_reconciles_and_logs_no_text_of_an_exception(world: World) -> None:
    """It does what `muster operator` does, and its logs hold kind and place of an error only."""
    world.install()
    (world.folder / "planted.py").write_text(BROKEN, encoding="utf-8")
    modules = ("-m", "planted", "-m", "muster.kube.kopf_run")
    log = world.folder / "kopf.log"
    environment = {
        **os.environ,
        "KUBECONFIG": str(world.cluster.kubeconfig(world.user)),
        "PYTHONPATH": str(world.folder),
        "PLANTED": SECRET,
        "MUSTER_NAMESPACE": world.namespace,
        "MUSTER_HTTP_PORT": str(free_port()),
    }
    command = (sys.executable, "-m", "kopf", "run", *modules, "--standalone", "-n", world.namespace)
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        world.wait_told()
        eventually(lambda: log.read_text().count("RuntimeError") > 1, "both errors")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
    said = log.read_text()
    assert SECRET not in said
    assert "builtins.ValueError" in said
    assert "planted.py" in said
    assert "Ended; everything that was done is recorded." in said
    assert all(isinstance(json.loads(line), dict) for line in said.splitlines())
