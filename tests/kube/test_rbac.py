"""The shipped Role is enough, and nothing in it is too much.

A right is needed when the operator is refused without it, which the audit log shows, and when
something that a person relies on then breaks, which each row names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kube import roles
from tests.kube.cluster import Cluster
from tests.kube.roles import Right
from tests.kube.world import OperatorProcess, World, eventually, operator, resource

from muster.lab.lab import Lab
from muster.model.accounts import Identity
from muster.model.names import AccountId, CustomerName
from muster.plan.identity import account_name

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

CUSTOMERS = "muster.dev/customers"
INTEGRATIONS = "muster.dev/integrations"
POLICIES = "muster.dev/automaticimportpolicies"
OVERRIDES = "muster.dev/accountoverrides"
RESETS = "muster.dev/passwordresets"
ACCOUNTS = "muster.dev/accounts"
LEASES = "coordination.k8s.io/leases"
EVENTS = "events.k8s.io/events"
USER = "jsmith"

CREATES_BY_APPLY = ("create", ACCOUNTS)
"""Server-side apply asks for this right too when the object is new; the log says `patch`.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

CHANGES: dict[str, Callable[[World], object]] = {
    CUSTOMERS: lambda world: world.change("customer", "contoso", displayName="Contoso"),
    INTEGRATIONS: lambda world: world.change("integration", "it-glue", budget={"share": 40}),
    POLICIES: lambda world: world.change("automaticimportpolicy", "staff", interval="4h"),
    OVERRIDES: lambda world: world.put_override("contoso", USER, psa={"ignore": True}),
    "secrets": lambda world: world.kubectl(
        "patch", "secret", "contoso-ad", '--patch={"stringData":{"touched":"yes"}}'
    ),
}
"""Each gives one run to contoso."""

Check = Callable[[World, OperatorProcess], None]

RESET = "ticket-1"


def put_reset(world: World) -> None:
    """Ask for a new password of the user, whose account has its name before it is imported."""
    domain = world.lab.domains["contoso"]
    dn = domain.find(USER)
    identity = Identity(id=AccountId(domain.object_id(dn)), sid=domain.object_sid(dn), sam=USER)
    account = account_name(CustomerName("contoso"), identity)
    world.put(resource("PasswordReset", RESET, {"accountRef": {"name": account}, "reason": "T-1"}))


def is_over(world: World) -> bool:
    """Say whether the reset has ended."""
    return world.get("passwordreset", RESET).get("status", {}).get("phase") in {"Done", "Refused"}


def does_not_start(_world: World, running: OperatorProcess) -> None:
    """It ends with an error that names the right."""
    assert running.process.wait(20) == 1
    assert "error: The API server forbids" in running.said()


def does_nothing(world: World, running: OperatorProcess) -> None:
    """No run begins, because no shard is held."""
    time.sleep(0.5)
    assert not running.series("muster_leader{")
    assert not world.runs()


def fails_runs(world: World, _running: OperatorProcess) -> None:
    """Every run ends early, and the status says which right is missing."""
    found = eventually(lambda: world.condition("contoso", "Ready"), "a status")
    assert found["reason"] == "RunFailed"
    assert "The API server forbids" in found["message"]


def shows_no_status(world: World, running: OperatorProcess) -> None:
    """The customer has no status, and the log says why."""
    assert "status" not in world.customer("contoso")
    assert "The API server forbids PATCH" in running.said()


def loses_its_shard(_world: World, running: OperatorProcess) -> None:
    """What it holds ends after the duration of the lease, because it cannot be renewed."""
    eventually(lambda: not running.series("muster_leader{"), "the shard is lost")


def tells_no_events(world: World, running: OperatorProcess) -> None:
    """Runs go on, and `kubectl get events` shows nothing."""
    world.wait_ready()
    assert not json.loads(world.kubectl("get", "events", "-o", "json"))["items"]
    assert "An event could not be sent" in running.said()


def mute(kind: str, name: str) -> Check:
    """Return a check that a resource is obeyed and does not say so."""

    def check(world: World, _running: OperatorProcess) -> None:
        world.wait_ready()
        assert "status" not in world.get(kind, name)

    return check


def deaf(resource: str) -> Check:
    """Return a check that a change of a resource is not noticed."""

    def check(world: World, _running: OperatorProcess) -> None:
        eventually(lambda: world.runs()["contoso"], "the first run")
        time.sleep(0.5)
        before = world.runs()
        CHANGES[resource](world)
        time.sleep(1.5)
        assert world.runs() == before

    return check


def overlooks_resets(world: World, _running: OperatorProcess) -> None:
    """A reset is not noticed, or not told."""
    eventually(lambda: world.runs()["contoso"], "the first run")
    if not world.kubectl("get", "passwordresets", "-o", "name"):
        put_reset(world)
    time.sleep(1.5)
    assert "status" not in world.get("passwordreset", RESET)


LISTED = (CUSTOMERS, INTEGRATIONS, POLICIES, OVERRIDES, RESETS)

BREAKS: dict[Right, Check] = {
    **{("list", kind): does_not_start for kind in LISTED},
    **{("watch", kind): deaf(kind) for kind in (CUSTOMERS, INTEGRATIONS, POLICIES, OVERRIDES)},
    ("patch", f"{CUSTOMERS}/status"): shows_no_status,
    ("patch", f"{INTEGRATIONS}/status"): mute("integration", "it-glue"),
    ("patch", f"{POLICIES}/status"): mute("automaticimportpolicy", "staff"),
    ("patch", f"{OVERRIDES}/status"): mute("accountoverride", f"contoso-{USER}"),
    ("watch", RESETS): overlooks_resets,
    ("patch", f"{RESETS}/status"): overlooks_resets,
    ("list", ACCOUNTS): fails_runs,
    ("create", ACCOUNTS): fails_runs,
    ("patch", ACCOUNTS): fails_runs,
    ("patch", f"{ACCOUNTS}/status"): fails_runs,
    ("get", "secrets"): fails_runs,
    ("list", "secrets"): deaf("secrets"),
    ("watch", "secrets"): deaf("secrets"),
    ("create", "secrets"): fails_runs,
    ("patch", "secrets"): fails_runs,
    ("list", LEASES): does_nothing,
    ("create", LEASES): does_nothing,
    ("update", LEASES): loses_its_shard,
    ("create", EVENTS): tells_no_events,
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Give a small lab, which all tests of this module share."""
    with Lab(customers=1, people=10) as running:
        yield running


@pytest.fixture
def world(cluster: Cluster, namespace: str, lab: Lab, tmp_path: Path) -> World:
    """Give a world with one small customer."""
    return World(cluster, namespace, lab, tmp_path)


def used(world: World) -> set[Right]:
    """Return the rights that the operator has made use of."""
    requests = [one for one in world.requests() if one.resource]
    found = {(one.verb, one.resource) for one in requests}
    applied = any((one.resource, one.code) == (ACCOUNTS, 201) for one in requests)
    return found | ({CREATES_BY_APPLY} if applied else set())


def is_refused(world: World, right: Right) -> bool:
    """Say whether the operator was refused for want of a right."""
    verb, resource = ("patch", ACCOUNTS) if right == CREATES_BY_APPLY else right
    return any(
        (one.verb, one.resource, one.code) == (verb, resource, 403) for one in world.requests()
    )


def test_the_shipped_role_is_enough_and_all_of_it_is_used(world: World) -> None:
    """With the chart's Role a whole day brings no refusal, and leaves no right unused."""
    world.install()
    with operator(world):
        world.wait_told()
        for change in CHANGES.values():
            before = world.runs()["contoso"]
            change(world)
            eventually(lambda known=before: world.runs()["contoso"] > known, "a run")  # type: ignore[misc]
        put_reset(world)
        eventually(lambda: is_over(world), "the reset is over")
        override = f"accountoverride/contoso-{USER}"
        world.kubectl("wait", "--for=condition=Ready", "--timeout=20s", override)
    with operator(world, identity="two"):
        world.wait_told()
    assert not [one for one in world.requests() if one.code in {401, 403}]
    assert used(world) == set(roles.rights(roles.shipped_rules()))


def test_every_right_has_a_row() -> None:
    """No right is shipped of which this module does not say what breaks without it."""
    assert set(BREAKS) == set(roles.rights(roles.shipped_rules()))


@pytest.mark.parametrize("right", BREAKS, ids=" ".join)
def test_without_a_right_the_operator_is_refused_and_something_breaks(
    world: World, right: Right
) -> None:
    """Each right of the Role is asked for, and what its row names does not work without it."""
    granted = [one for one in roles.rights(roles.shipped_rules()) if one != right]
    world.install(roles.rules_of(granted))
    world.put_override("contoso", USER, vault={"ignore": True})
    if right == ("patch", f"{RESETS}/status"):
        put_reset(world)
    short = {"lease_duration_s": 3.0} if right == ("update", LEASES) else {}
    with operator(world, **short) as running:
        eventually(lambda: is_refused(world, right), f"a refusal of {' '.join(right)}")
        BREAKS[right](world, running)
