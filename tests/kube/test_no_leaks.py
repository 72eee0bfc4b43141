"""Every secret of a real cluster's world is known; no object, event, metric or log holds one.

Legitimate are the Secrets that people put there, as `kubectl` does from the estate's directory.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kube.cluster import Cluster
from tests.kube.world import OperatorProcess, World, eventually, operator, resource
from tests.leaks.world import GIVEN, Known, Search, prepare

from muster.lab.faults import ServerError
from muster.lab.lab import Lab

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

KINDS = (
    "accounts,customers,integrations,automaticimportpolicies,accountoverrides,passwordresets,"
    "secrets,configmaps,leases,events,events.events.k8s.io"
)


@pytest.fixture
def world(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[World]:
    """Give a world of one customer, whose people are welcomed and may be reset."""
    with Lab(customers=1, people=10) as lab:
        made = World(cluster, namespace, lab, tmp_path)
        prepare(made.estate)
        yield made


def linked(world: World) -> list[Any]:
    """Return the end users whose entry is linked."""
    items = json.loads(world.kubectl("get", "accounts", "-o", "json"))["items"]
    return [
        one
        for one in items
        if one["spec"]["accountType"] == "EndUser"
        and one["status"]["vault"]["state"] in ("Linked", "Created")
    ]


def ask_for_reset(world: World, account: Any, name: str) -> None:
    """Ask as an engineer does."""
    spec = {"accountRef": {"name": account["metadata"]["name"]}, "reason": "ticket 20312"}
    world.put(resource("PasswordReset", name, spec))


def phase(world: World, name: str) -> str:
    """Return how a reset stands."""
    return str(world.get("passwordreset", name).get("status", {}).get("phase", ""))


def take_up_objects(world: World, search: Search) -> None:
    """Take up every object of the namespace but the Secrets of people; values of Secrets opened."""
    given = {one.name for one in (world.estate / GIVEN).iterdir()}
    shown = world.kubectl("get", KINDS, "-o", "json", "--show-managed-fields")
    for one in json.loads(shown)["items"]:
        if one["kind"] == "Secret" and one["metadata"]["name"] in given:
            continue
        search.add(f"{one['kind']} {one['metadata']['name']}", json.dumps(one))
        for name, value in (one.get("data") or {}).items() if one["kind"] == "Secret" else ():
            search.add(f"value {name} of {one['metadata']['name']}", base64.b64decode(value))
    search.add("kubectl describe", world.kubectl("describe", KINDS.partition(",secrets")[0]))


def take_up_operator(running: OperatorProcess, search: Search) -> None:
    """Take up what the operator serves and logs, and what it was started with."""
    for path in ("/metrics", "/healthz", "/readyz"):
        search.add(f"endpoint {path}", running.get(path).text)
    search.add("log", running.said())
    for what in ("cmdline", "environ"):
        search.add(what, Path(f"/proc/{running.process.pid}/{what}").read_bytes())


def test_no_secret_in_the_cluster(world: World) -> None:
    """After imports, welcomes, a reset, and one that waits for its vault."""
    known = Known(world.lab, world.estate)
    search = Search(known)
    world.install()
    with operator(world) as running:
        world.wait_told()
        first, second, *_ = linked(world)
        ask_for_reset(world, first, "works")
        eventually(lambda: phase(world, "works") == "Done", "the reset is over")
        world.lab.faults.add(ServerError(status=503), method="PATCH", path="/passwords/", times=-1)
        ask_for_reset(world, second, "waits")
        eventually(lambda: phase(world, "waits") != "", "the second one began")
        domain = world.lab.domains["contoso"]
        dn = domain.find(second["status"]["samAccountName"])
        eventually(lambda: domain.password(dn), "the directory has it")
        known.look()
        take_up_objects(world, search)
        take_up_operator(running, search)
        world.lab.faults.clear()
    search.add("log", running.said())
    for mail in world.lab.mail.contents:
        search.add("mail", mail)
    search.add_files(world.folder, without="estate")
    kinds = {place.partition(" ")[0] for place in search.places}
    assert {"Account", "Customer", "Event", "Secret", "value", "PasswordReset", "Lease"} <= kinds
    assert "muster_" in search.places["endpoint /metrics"].decode()
    assert len(known.values) > 12
    assert search.leaks() == []
