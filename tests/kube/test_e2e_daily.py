"""An engineer's day with kubectl: apply, look, settle, stop, delete.

The operator is its own process, with the Role that the chart ships; the API server, kubectl and
the sockets to all systems are real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from tests.kube.conftest import MakeWorld
from tests.kube.world import Object, World, eventually, load_yaml, operator, resource

from muster.lab.generate.seeds import Oddity, PlannedAccount
from muster.model.names import LinkState, System

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

GIT_OWNED = ("customers", "integrations", "automaticimportpolicies", "accountoverrides")


def waiting(world: World, customer: str, oddity: Oddity) -> PlannedAccount:
    """Return an account whose match a person must settle."""
    return world.lab.plan.customer(customer).showing(oddity)[0]


def state(account: Object, system: System) -> str:
    """Return how an Account stands to the vault or the PSA."""
    return str(account["status"][system]["state"])


def git_owned(world: World) -> dict[str, Object]:
    """Return every object that lives in git as the API server holds it, but for its status."""
    shown = world.kubectl("get", ",".join(GIT_OWNED), "-o", "json", "--show-managed-fields")
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in json.loads(shown)["items"]}


def without_status(found: Object) -> Object:
    """Return an object without what a status update is allowed to change."""
    kept = {key: value for key, value in found.items() if key != "status"}
    changing = ("resourceVersion", "managedFields")
    metadata = {key: value for key, value in kept["metadata"].items() if key not in changing}
    return kept | {"metadata": metadata}


def test_an_applied_estate_becomes_ready_as_the_lab_foretells(world: World) -> None:
    """Each person of the lab is an Account, owned and labelled, linked as was to be expected."""
    world.install()
    with operator(world):
        world.kubectl("wait", "--for=condition=Ready", "--timeout=60s", "customers", "--all")
        world.wait_ready()
        for name in world.names:
            uid = world.customer(name)["metadata"]["uid"]
            found = {one["status"]["samAccountName"]: one for one in world.accounts(name)}
            planned = {one.sam: one for one in world.lab.plan.customer(name).accounts}
            assert set(found) == {sam for sam, one in planned.items() if one.expected.imported}
            for sam, account in found.items():
                expected, metadata = planned[sam].expected, account["metadata"]
                assert metadata["labels"]["muster.dev/customer"] == name
                assert metadata["labels"]["muster.dev/account-type"] == expected.account_type
                (owner,) = metadata["ownerReferences"]
                assert (owner["kind"], owner["name"], owner["uid"]) == ("Customer", name, uid)
                assert state(account, System.VAULT) == expected.vault, sam
                assert state(account, System.PSA) == (expected.psa or LinkState.SKIPPED), sam


def test_kubectl_get_shows_the_day_on_one_screen(world: World) -> None:
    """A customer's row tells its systems, how many accounts it has and how many wait."""
    world.install()
    with operator(world):
        world.wait_ready("contoso")
        header, row = world.kubectl("get", "customer", "contoso").splitlines()
        shown = dict(zip(header.split(), row.split(), strict=True))
        status = world.customer("contoso")["status"]
    assert shown["DIRECTORY"] == "AD"
    assert shown["VAULT"] == f"it-glue/{world.lab.organization_ids['contoso']}"
    assert shown["PSA"] == f"connectwise/{world.lab.company_ids['contoso']}"
    assert shown["READY"] == "True"
    assert int(shown["ACCOUNTS"]) == status["counts"]["selected"] > 0
    assert int(shown["AMBIGUOUS"]) == status["ambiguous"] > 0


def test_describe_shows_who_waits_and_all_candidates(world: World) -> None:
    """`kubectl describe` of customer and account lists both candidates, and says what to do."""
    world.install()
    person = waiting(world, "contoso", Oddity.ENTRIES_BY_TWO_KEYS)
    with operator(world):
        world.wait_ready("contoso")
        account = world.account("contoso", person.sam)
        customer_text = world.kubectl("describe", "customer", "contoso")
        account_text = world.kubectl("describe", "account", account["metadata"]["name"])
    candidates = account["status"]["vault"]["candidates"]
    assert len(candidates) == 2
    for text in (customer_text, account_text):
        for candidate in candidates:
            assert candidate["id"] in text
            assert candidate["name"] in text
    assert "pin one with an AccountOverride" in customer_text
    assert "CandidatesWait" in customer_text


def test_an_override_settles_an_ambiguous_match(world: World) -> None:
    """After `kubectl apply` of an AccountOverride the pinned record is linked within seconds."""
    world.install()
    person = waiting(world, "contoso", Oddity.ENTRIES_BY_TWO_KEYS)
    with operator(world):
        world.wait_ready()
        before = world.customer("contoso")["status"]["ambiguous"]
        vault = world.account("contoso", person.sam)["status"]["vault"]
        assert vault["state"] == LinkState.AMBIGUOUS
        pin = vault["candidates"][1]["id"]
        written = world.writes()
        world.put_override("contoso", person.sam, vault={"entryId": pin})
        eventually(
            lambda: world.customer("contoso")["status"]["ambiguous"] == before - 1,
            "one match less waits",
            10,
        )
        settled = world.account("contoso", person.sam)["status"]["vault"]
        accepted = world.get("accountoverride", f"contoso-{person.sam}")["status"]["conditions"]
    assert (settled["state"], settled["id"]) == (LinkState.LINKED_BY_OVERRIDE, pin)
    assert [(one["type"], one["status"]) for one in accepted] == [("Ready", "True")]
    assert world.writes() == written


def test_a_policy_edit_runs_only_its_customers(world: World) -> None:
    """An edit of a policy gives one run to each customer it covers, and none to the others."""
    world.install()
    with operator(world):
        world.wait_ready()
        before = world.runs()
        world.change("automaticimportpolicy", "staff", interval="4h")
        eventually(lambda: world.runs() != before, "a run of contoso")
        world.put(probe_of_the_queue(world))
        eventually(lambda: world.condition("probe", "Ready"), "everything before the probe ran")
        woken = world.runs() - before
    assert {name: count for name, count in woken.items() if name != "probe"} == {"contoso": 1}


@pytest.mark.parametrize(
    ("secret", "customers"),
    [
        ("contoso-ad", {"contoso"}),
        ("it-glue", {"contoso", "fabrikam", "tailspin"}),
        ("muster-unrelated", set()),
    ],
)
def test_a_changed_secret_runs_exactly_its_customers(
    world: World, secret: str, customers: set[str]
) -> None:
    """A change of a Secret gives one run to each customer that uses it, and none to the others."""
    world.install()
    if secret == "muster-unrelated":
        world.kubectl("create", "secret", "generic", secret)
    with operator(world):
        world.wait_ready()
        before = world.runs()
        world.kubectl("label", "secret", secret, "touched=yes")  # no value: no news
        patch = json.dumps({"stringData": {"touched": "yes"}})
        world.kubectl("patch", "secret", secret, f"--patch={patch}")
        eventually(lambda: set(world.runs() - before) >= customers, f"runs of {customers}")
        world.put(probe_of_the_queue(world))
        eventually(lambda: world.condition("probe", "Ready"), "everything before the probe ran")
        woken = world.runs() - before
    assert {name: count for name, count in woken.items() if name != "probe"} == dict.fromkeys(
        customers, 1
    )


def test_a_wrong_password_is_told_and_its_correction_noticed(world: World) -> None:
    """A directory that refuses shows in the status, and the right password mends it by itself."""
    world.install()
    right = world.lab.reader_password("contoso")
    with operator(world):
        world.wait_ready("contoso")
        for value, ready in (("wrong", "False"), (right, "True")):
            patch = json.dumps({"stringData": {"password": value}})
            world.kubectl("patch", "secret", "contoso-ad", f"--patch={patch}")
            eventually(
                lambda wanted=ready: world.condition("contoso", "Ready")["status"] == wanted,  # type: ignore[misc]
                f"Ready is {ready}",
            )
        accounts = world.accounts("contoso")
    planned = world.lab.plan.customer("contoso").accounts
    assert len(accounts) == sum(one.expected.imported for one in planned)


def test_a_suspended_customer_is_read_and_never_written(world: World) -> None:
    """While a customer is suspended nothing is written outside; afterwards all of it is."""
    world.prepare()
    path = world.estate / "customers" / "contoso.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("spec:\n", "spec:\n  suspend: true\n"))
    world.install()
    organization = world.lab.organization_ids["contoso"]
    entries = len(world.lab.itglue.passwords(organization))
    with operator(world):
        eventually(lambda: world.condition("contoso", "Suspended"), "contoso is suspended")
        world.wait_ready("fabrikam", "tailspin")
        assert world.customer("contoso")["status"]["counts"]["considered"] > 0
        assert len(world.lab.itglue.passwords(organization)) == entries
        world.change("customer", "contoso", suspend=False)
        world.wait_ready("contoso")
        eventually(lambda: not world.condition("contoso", "Suspended"), "it goes on")
        assert len(world.lab.itglue.passwords(organization)) > entries


def test_observe_writes_nothing_outside(make_world: MakeWorld) -> None:
    """With every policy in Observe the accounts are shown and no system is written to."""
    world = make_world(customers=2, people=25)
    for path in (world.estate / "policies").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace("mode: Enforce", "mode: Observe"))
    world.install()
    with operator(world):
        world.wait_ready()
        assert world.accounts("contoso")
        assert world.accounts("fabrikam")
    assert world.writes() == 0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"mode": "Perhaps"}, "supported values"),
        (
            {"accountType": "Administrator", "options": {"psa": {"match": True}}},
            "for end users only",
        ),
        ({"customers": {"default": True, "names": ["contoso"]}}, "exactly one of"),
    ],
)
def test_a_bad_resource_is_refused_by_the_api_server(
    world: World, spec: dict[str, Any], words: str
) -> None:
    """kubectl says what is wrong and nothing is stored, whether or not the operator runs."""
    world.prepare()
    good = load_yaml(world.estate / "policies" / "staff.yaml")
    bad = json.dumps(good | {"spec": good["spec"] | spec})
    said = world.kubectl("apply", "-f", "-", stdin=bad, check=False)
    assert words in said
    assert "AutomaticImportPolicy" in said
    assert not world.kubectl("get", "automaticimportpolicies", "-o", "name")


def test_two_default_policies_hold_only_whom_they_touch(world: World) -> None:
    """Without the webhook a contradiction stops the customers it touches and no other."""
    world.install()
    default = load_yaml(world.estate / "policies" / "staff.yaml")["spec"]
    default |= {"customers": {"default": True}}
    with operator(world):
        world.wait_ready()
        outside = world.writes()
        world.kubectl("delete", "automaticimportpolicy", "staff")
        world.put(
            resource("AutomaticImportPolicy", "first", default),
            resource("AutomaticImportPolicy", "second", default),
        )
        eventually(
            lambda: world.condition("contoso", "Ready").get("reason") == "ResourceConflict",
            "contoso is held",
        )
        message = world.condition("contoso", "Ready")["message"]
        assert world.condition("contoso", "Stalled")["status"] == "True"
        # Their end users have another policy, or their own imports.
        for name in ("fabrikam", "tailspin"):
            assert world.condition(name, "Ready")["status"] == "True"
            assert not world.condition(name, "Stalled")
        assert len(world.accounts("contoso")) > 0
        world.kubectl("delete", "automaticimportpolicy", "second")
        eventually(lambda: world.is_ready("contoso"), "contoso goes on")
    assert "first" in message
    assert "second" in message
    assert world.writes() == outside


def test_reconcile_now_is_echoed_and_can_be_waited_for(world: World) -> None:
    """`muster reconcile NAME --wait` gives one run and ends when that run has."""
    world.install()
    environment = {**os.environ, "KUBECONFIG": str(world.cluster.kubeconfig())}
    start = "from muster.cli.main import main; main()"
    words = ("reconcile", "contoso", "--wait", "--timeout=30", f"--namespace={world.namespace}")
    with operator(world):
        world.wait_ready()
        before = world.runs()
        done = subprocess.run(
            [sys.executable, "-c", start, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        found = world.customer("contoso")
        woken = world.runs() - before
    assert done.returncode == 0, done.stderr
    assert "contoso: InAgreement" in done.stdout + done.stderr
    asked = found["metadata"]["annotations"]["muster.dev/reconcile-requested-at"]
    assert found["status"]["handledReconcileAt"] == asked
    assert woken == {"contoso": 1}


def test_nothing_that_lives_in_git_is_touched(world: World) -> None:
    """The operator changes no byte of a resource but its status, and owns no other field."""
    world.install()
    person = waiting(world, "contoso", Oddity.ENTRIES_BY_TWO_KEYS)
    world.put_override("contoso", person.sam, vault={"ignore": True})
    before = git_owned(world)
    with operator(world):
        world.wait_ready()
        eventually(
            lambda: all("status" in one for one in git_owned(world).values()), "a status each"
        )
    after = git_owned(world)
    assert {key: without_status(one) for key, one in after.items()} == {
        key: without_status(one) for key, one in before.items()
    }
    for found in after.values():
        ours = [one for one in found["metadata"]["managedFields"] if one["manager"] == "muster"]
        assert {one.get("subresource") for one in ours} == {"status"}
        fields = {key for one in ours for key in one["fieldsV1"]}
        assert fields == {"f:status"}


def test_a_run_without_news_writes_nothing(world: World) -> None:
    """A second operator, and a run of everybody, send no change to the API server or outside."""
    world.install()
    with operator(world):
        world.wait_told()
    outside, before, runs = world.writes(), world.changes(), world.runs()
    with operator(world, identity="two"):
        eventually(lambda: len(world.runs() - runs) == 3, "everybody runs at the start")
        patch = json.dumps({"stringData": {"touched": "yes"}})
        world.kubectl("patch", "secret", "lab-ca", f"--patch={patch}")
        eventually(lambda: all(n >= 2 for n in (world.runs() - runs).values()), "once more")
    assert world.changes() == before
    assert world.writes() == outside


def test_a_run_without_news_costs_requests_by_customer_not_by_account(
    make_world: MakeWorld,
) -> None:
    """A customer with four times the accounts costs not one request more."""
    costs = [cost_of_a_restart(make_world(customers=2, people=size)) for size in (20, 80)]
    assert costs[0] == costs[1]
    # For all: two lists and a watch of each of six kinds, and seven reads of Secrets: three keys
    # of the vault and the PSA, the password for mail, and the authority of each of the three.
    # For each customer: one list of accounts, and three Secrets: password, authority, journal.
    assert sum(costs[0].values()) <= 6 * 3 + 7 + 4 * 2


def test_deleting_a_customer_deletes_nothing_outside(world: World) -> None:
    """`kubectl delete customer` ends at once, and leaves the vault, the PSA and others alone."""
    world.install()
    with operator(world) as running:
        world.wait_ready()
        outside = world.writes()
        entries = world.lab.itglue.passwords(world.lab.organization_ids["contoso"])
        contacts = world.lab.connectwise.contacts(world.lab.company_ids["contoso"])
        assert running.series('"contoso"')
        world.kubectl("delete", "customer", "contoso", "--timeout=5s")
        eventually(lambda: not running.series('"contoso"'), "its series are gone")
        world.put(probe_of_the_queue(world))
        eventually(lambda: world.condition("probe", "Ready"), "the operator goes on")
        assert running.series('"fabrikam"')
    assert world.writes() == outside
    assert world.lab.itglue.passwords(world.lab.organization_ids["contoso"]) == entries
    assert world.lab.connectwise.contacts(world.lab.company_ids["contoso"]) == contacts


def probe_of_the_queue(world: World) -> Object:
    """Return a customer whom no policy covers; its run comes after those that were due before."""
    spec = load_yaml(world.estate / "customers" / "contoso.yaml")["spec"]
    return resource(
        "Customer", "probe", {"displayName": "Probe", "directories": spec["directories"]}
    )


def cost_of_a_restart(world: World) -> dict[tuple[str, str], int]:
    """Return what an operator that finds no news asks the API server, leases left out."""
    world.install()
    with operator(world):
        world.wait_told()
    before, runs = len(world.requests()), world.runs()
    with operator(world, identity="two"):
        eventually(lambda: len(world.runs() - runs) == len(world.names), "everybody runs")
    asked = [one for one in world.requests()[before:] if "leases" not in one.resource]
    return dict(Counter((one.verb, one.resource) for one in asked))
