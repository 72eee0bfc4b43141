"""A lab, its estate in a real cluster, and the operator as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.kube.cluster import Cluster

from muster.lab.lab import Lab

CRDS = Path(__file__).parents[2] / "deploy" / "crds"


def free_port() -> int:
    """Return a port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Return what the check gives as soon as it is true; fail when it never is."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not in {timeout_s:.0f} s: {what}")


class World:
    """One namespace with the lab's estate in it."""

    def __init__(self, cluster: Cluster, namespace: str, lab: Lab, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.lab = lab
        self.folder = folder
        self.estate = folder / "estate"
        lab.write_estate(self.estate)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as administrator in the namespace; return what it printed."""
        done = self.cluster.kubectl(
            "--namespace", self.namespace, *arguments, input=stdin, check=check
        )
        return done.stdout if check else done.stdout + done.stderr

    def install(self) -> None:
        """Install CRDs, the secrets of the estate and its resources."""
        self.cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
        for crd in CRDS.glob("*.yaml"):
            name = yaml.safe_load(crd.read_text())["metadata"]["name"]
            self.cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}")
        for folder in sorted((self.estate / "secrets").iterdir()):
            files = [f"--from-file={file}" for file in sorted(folder.iterdir())]
            self.kubectl("create", "secret", "generic", folder.name, *files)
        for path in ("integrations.yaml", "customers", "policies"):
            self.kubectl("apply", "-f", str(self.estate / path))

    def customer(self, name: str) -> dict[str, Any]:
        """Return a Customer object."""
        found: dict[str, Any] = yaml.safe_load(self.kubectl("get", "customer", name, "-o", "json"))
        return found

    def accounts(self, customer: str) -> list[dict[str, Any]]:
        """Return the Account objects of a customer."""
        label = f"muster.dev/customer={customer}"
        found = yaml.safe_load(self.kubectl("get", "accounts", "-l", label, "-o", "json"))
        items: list[dict[str, Any]] = found["items"]
        return items

    def is_ready(self, name: str) -> bool:
        """Say whether a customer is Ready for its present generation."""
        found = self.customer(name)
        status = found.get("status") or {}
        conditions = {one["type"]: one["status"] for one in status.get("conditions", ())}
        return (
            status.get("observedGeneration") == found["metadata"]["generation"]
            and conditions.get("Ready") == "True"
            and "Reconciling" not in conditions
        )

    def wait_ready(self, *names: str, timeout_s: float = 40.0) -> None:
        """Wait until customers are Ready for their present generation."""
        for name in names:
            eventually(lambda one=name: self.is_ready(one), f"{name} ready", timeout_s)

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        """Return a condition of a customer; empty when it is not there."""
        status = self.customer(name).get("status") or {}
        return next((one for one in status.get("conditions", ()) if one["type"] == kind), {})

    def writes(self) -> int:
        """Return how many writes took effect outside."""
        return self.lab.itglue.writes() + self.lab.connectwise.writes()


class OperatorProcess:
    """`muster operator` as its own process."""

    def __init__(
        self, world: World, *, user: str = "admin", identity: str = "one", shards: int = 1
    ) -> None:
        self.port = free_port()
        self.log = world.folder / f"operator-{identity}-{self.port}.log"
        command = [
            sys.executable,
            "-c",
            "from muster.cli.main import main; main()",
            *("operator", "--namespace", world.namespace, "--identity", identity),
            *("--http-port", str(self.port), "--shards", str(shards), "--log-format", "text"),
        ]
        environment = {**os.environ, "KUBECONFIG": str(world.cluster.kubeconfig(user))}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stderr=log, stdout=log)

    def get(self, path: str) -> httpx.Response:
        """Ask one of the operator's own endpoints."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, trust_env=False)

    def metric(self, name: str) -> float:
        """Return the sum of a metric's series."""
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def kill(self) -> None:
        """Kill the process as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End the process as the kubelet does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@contextmanager
def operator(world: World, **options: Any) -> Iterator[OperatorProcess]:
    """Run the operator; show its log when the test fails."""
    running = OperatorProcess(world, **options)
    try:
        yield running
    finally:
        running.stop()
        print(running.log.read_text(errors="replace")[-6000:])  # noqa: T201 - shown on failure
