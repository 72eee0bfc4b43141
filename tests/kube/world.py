"""A lab, its estate in a real cluster, and the operator as a process of its own.

The operator speaks to the API server as the ServiceAccount `muster` with the Role that the chart
ships, and with no other right. Tests act as the administrator, through kubectl.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml
from tests.kube import roles
from tests.kube.audit import Request
from tests.kube.cluster import SERVICE_ACCOUNT, Cluster

from muster.lab.lab import Lab

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
PROGRAM = Path(__file__).with_name("operator_program.py")

READS = ("get", "list", "watch")

Object = dict[str, Any]
T = TypeVar("T")


def free_port() -> int:
    """Return a port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(
    check: Callable[[], T], what: str, timeout_s: float = 30.0, *, every_s: float = 0.1
) -> T:
    """Return what the check gives as soon as it is true; fail when it never is."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(every_s)
    raise AssertionError(f"not in {timeout_s:.0f} s: {what}")


class World:
    """One namespace with the lab's estate in it."""

    def __init__(self, cluster: Cluster, namespace: str, lab: Lab, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.lab = lab
        self.folder = folder
        self.estate = folder / "estate"
        self.names = tuple(one.facts.name for one in lab.plan.customers)
        self.user = f"{SERVICE_ACCOUNT}{namespace}:{roles.ACCOUNT}"
        """Whom the API server takes the operator for."""
        lab.write_estate(self.estate)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as administrator in the namespace; return what it printed."""
        done = self.cluster.kubectl(
            "--namespace", self.namespace, *arguments, input=stdin, check=check
        )
        return done.stdout if check else done.stdout + done.stderr

    # ------------------------------------------------------------ what people put there

    def install(self, rules: list[roles.Rule] | None = None) -> None:
        """Install CRDs, the operator's ServiceAccount, and the estate with its secrets."""
        self.prepare(rules)
        places = ("integrations.yaml", "customers", "policies")
        self.kubectl("apply", *(f"-f={self.estate / place}" for place in places))

    def prepare(self, rules: list[roles.Rule] | None = None) -> None:
        """Install CRDs, ServiceAccount, Role and secrets, and none of our resources yet."""
        self.cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
        self.cluster.kubectl("wait", "--for=condition=Established", "-f", str(CRDS))
        objects = roles.role_objects(roles.shipped_rules() if rules is None else rules)
        folders = sorted((self.estate / "secrets").iterdir())
        self.put(*objects, *map(_secret, folders))

    def put(self, *objects: Object) -> str:
        """Apply objects with kubectl, as from a file."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.kubectl("apply", "-f", "-", stdin=json.dumps(listed))

    def put_override(self, customer: str, user: str, **spec: Any) -> None:
        """Apply an AccountOverride for a user by its sAMAccountName."""
        about = {"customerRef": {"name": customer}, "account": {"samAccountName": user}}
        body = about | spec | {"reason": "A test decides."}
        name = f"{customer}-{user}".replace(".", "-")
        self.put(resource("AccountOverride", name, body))

    def change(self, kind: str, name: str, **spec: Any) -> None:
        """Merge into the spec of an object."""
        patch = json.dumps({"spec": spec})
        self.kubectl("patch", kind, name, "--type=merge", f"--patch={patch}")

    # ------------------------------------------------------------ what is there

    def get(self, kind: str, name: str) -> Object:
        """Return an object, with its managed fields."""
        shown = self.kubectl("get", kind, name, "-o", "json", "--show-managed-fields")
        found: Object = json.loads(shown)
        return found

    def customer(self, name: str) -> Object:
        """Return a Customer object; quicker than kubectl, for those who ask often."""
        path = f"/apis/muster.dev/v1alpha1/namespaces/{self.namespace}/customers/{name}"
        found: Object = self.cluster.api("GET", path).raise_for_status().json()
        return found

    def accounts(self, customer: str) -> list[Object]:
        """Return the Account objects of a customer."""
        label = f"muster.dev/customer={customer}"
        found = json.loads(self.kubectl("get", "accounts", "-l", label, "-o", "json"))
        items: list[Object] = found["items"]
        return items

    def account(self, customer: str, user: str) -> Object:
        """Return the Account object of a user by its sAMAccountName."""
        accounts = self.accounts(customer)
        (found,) = [one for one in accounts if one["status"].get("samAccountName") == user]
        return found

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
        """Wait until customers are Ready for their present generation; all when none is named."""
        for name in names or self.names:
            eventually(lambda one=name: self.is_ready(one), f"{name} ready", timeout_s)  # type: ignore[misc]

    def wait_told(self) -> None:
        """Wait until customers are Ready, and policies and integrations say what that came to."""
        self.wait_ready()
        counts = {"automaticimportpolicies": ".status.accounts", "integrations": ".status.linked"}
        for kind, path in counts.items():
            self.kubectl("wait", f"--for=jsonpath={{{path}}}", "--timeout=20s", kind, "--all")

    def condition(self, name: str, kind: str) -> Object:
        """Return a condition of a customer; empty when it is not there."""
        status = self.customer(name).get("status") or {}
        return next((one for one in status.get("conditions", ()) if one["type"] == kind), {})

    # ------------------------------------------------------------ what was done

    def writes(self) -> int:
        """Return how many writes took effect outside."""
        return self.lab.itglue.writes() + self.lab.connectwise.writes()

    def requests(self) -> list[Request]:
        """Return what the API server answered to the operator in this namespace."""
        return [one for one in self.cluster.requests(self.user) if one.namespace == self.namespace]

    def changes(self) -> list[Request]:
        """Return the operator's requests that were to change something other than a lease."""
        leases = "coordination.k8s.io/leases"
        return [one for one in self.requests() if one.verb not in READS and one.resource != leases]

    def runs(self) -> Counter[str]:
        """Return how many runs each customer has had: each one reads the journal once."""
        prefix = "muster-journal-"
        return Counter(
            one.name.removeprefix(prefix)
            for one in self.requests()
            if (one.verb, one.resource) == ("get", "secrets") and one.name.startswith(prefix)
        )


_FLAGS = frozenset({"workers", "webhook_port", "webhook_certificates"})
"""Options that the command line offers beside those that every test sets."""


class OperatorProcess:
    """`muster operator` as its own process."""

    def __init__(
        self,
        world: World,
        *,
        identity: str = "one",
        shards: int = 1,
        kubeconfig: Path | None = None,
        **options: Any,
    ) -> None:
        """Start it; any other field of `OperatorOptions`, such as `lease_duration_s`, may be set.

        Only for such a field it is not started by the command line.
        """
        self.port = free_port()
        self.log = world.folder / f"operator-{identity}-{self.port}.log"
        chosen = {"namespace": world.namespace, "identity": identity, "shards": shards}
        chosen |= {"http_port": self.port, **options}
        beyond = options.keys() - _FLAGS
        command = [str(PROGRAM), json.dumps(chosen)] if beyond else _words(chosen)
        place = kubeconfig or world.cluster.kubeconfig(world.user)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                env={**os.environ, "KUBECONFIG": str(place)},
                stderr=log,
                stdout=log,
            )

    def get(self, path: str) -> httpx.Response:
        """Ask one of the operator's own endpoints."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, trust_env=False)

    def series(self, words: str) -> list[str]:
        """Return the lines of the metrics that contain some words."""
        lines = self.get("/metrics").text.splitlines()
        return [line for line in lines if words in line and not line.startswith("#")]

    def metric(self, words: str) -> float:
        """Return the sum of the series that contain some words."""
        return sum(float(line.rpartition(" ")[2]) for line in self.series(words))

    def said(self) -> str:
        """Return what it has logged so far."""
        return self.log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the process as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End the process as the kubelet does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def operator(world: World, **options: Any) -> Iterator[OperatorProcess]:
    """Run the operator; show its log when the test fails."""
    running = OperatorProcess(world, **options)
    try:
        yield running
    finally:
        try:
            running.stop()
        finally:
            print(running.said()[-6000:])  # noqa: T201 - shown on failure


def resource(kind: str, name: str, spec: Object) -> Object:
    """Return one of our resources."""
    head = {"apiVersion": "muster.dev/v1alpha1", "kind": kind}
    return head | {"metadata": {"name": name}, "spec": spec}


def load_yaml(path: Path) -> Object:
    """Return the one object of a file."""
    found: Object = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _secret(folder: Path) -> Object:
    values = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.iterdir())}
    metadata = {"name": folder.name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def _words(chosen: Object) -> list[str]:
    """Return the command line of the operator."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    start = "from muster.cli.main import main; main()"
    return ["-c", start, "operator", *flags, "--log-format=text"]
