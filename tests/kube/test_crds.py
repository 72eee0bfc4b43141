"""A real API server takes the CRDs, judges as the command line does, and shows what people ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from tests.kube.cluster import Cluster
from tests.kube.crd_schemas import nodes, root
from tests.kube.reported import STATUS as CUSTOMER_STATUS
from tests.kube.reported import reported
from tests.kube.verdicts import (
    CORPUS,
    DIFFERENT,
    JUDGED_EARLIER,
    NAMESPACES,
    TABLE,
    Row,
    corpus,
)

from muster.resources import parse_resource
from muster.resources.crds import FACES
from muster.resources.fitting import fit
from muster.resources.schemas import KINDS

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

CRDS = CORPUS.parents[1] / "deploy" / "crds"
NOT_ALL_CHECKED = "some validation rules were not checked"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module", autouse=True)
def applied(cluster: Cluster) -> str:
    """Apply the committed CRDs and give what kubectl had to say about them."""
    done = cluster.kubectl("apply", "--server-side", "-f", str(CRDS))
    names = [f"crd/{face.plural}.muster.dev" for face in FACES.values()]
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    return done.stderr


def test_the_crds_are_taken_without_a_warning(cluster: Cluster, applied: str) -> None:
    """Names are free, schemas are structural, and every rule is within the cost budget."""
    assert applied == ""
    for face in FACES.values():
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{face.plural}.muster.dev"
        conditions = cluster.api("GET", path).json()["status"]["conditions"]
        held = {one["type"]: one["status"] for one in conditions}
        assert held["NamesAccepted"] == held["Established"] == "True"
        assert held.get("NonStructuralSchema", "False") == "False"


# ---------------------------------------------------------------- verdicts


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_both_judge_alike(cluster: Cluster, judging: str, row: Row) -> None:
    """What `muster validate` accepts an API server accepts, and the other way round."""
    answer = row.create(cluster, judging)
    assert answer.status_code in {201, 400, 404, 422}, answer.text
    if row.name in DIFFERENT:
        assert answer.is_success, answer.text
        assert not row.accepted_offline()
    else:
        assert answer.is_success == row.accepted_offline(), (row.said_offline(), answer.text)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_both_name_the_same_broken_rules(cluster: Cluster, judging: str, row: Row) -> None:
    """The command line breaks the same rules as the API server, wherever that one checked all.

    A rule that cannot be evaluated because of another fault is no broken rule: the API server
    mentions it, the command line keeps to the fault.
    """
    if row.kind not in KINDS or row.name in DIFFERENT:
        return
    answer, said = row.create(cluster, judging).text, row.said_offline()
    rules = {
        rule["message"]
        for _, node in nodes(root(row.kind))
        for rule in node.get("x-kubernetes-validations", ())
    }
    online = {rule for rule in rules if rule in answer.replace(f"evaluating rule: {rule}", "")}
    offline = {message for message in rules if message in said}
    assert online == offline or (NOT_ALL_CHECKED in answer and online < offline)


@pytest.fixture(scope="module")
def judging(cluster: Cluster) -> str:
    """Give the namespace that verdicts are asked for in; nothing is ever stored in it."""
    return cluster.create_namespace("verdicts")


def test_every_exception_is_still_one() -> None:
    """An exception whose row or file has gone is removed from the list."""
    assert set(DIFFERENT) <= {row.name for row in TABLE}
    assert set(JUDGED_EARLIER) <= {file.stem for file in CORPUS.rglob("*.yaml")}


def test_what_a_cluster_fills_in_means_the_same(cluster: Cluster) -> None:
    """A resource read back, with defaults and what the cluster adds, is the same to Muster."""
    compared = 0
    for _, rows in groupby(corpus("good"), key=lambda row: row.file):
        namespace = cluster.create_namespace()  # two files may each have a contoso
        for row in rows:
            held = row.create(cluster, namespace, dry=False).raise_for_status().json()
            assert parse_resource(held) == parse_resource(row.resource)
            compared += held["spec"] != row.resource["spec"]
    assert compared


# ---------------------------------------------------------------- changes

CUSTOMER_REF = {"customerRef": {"name": "contoso"}}
ACCOUNT_SPEC = {
    **CUSTOMER_REF,
    "accountType": "EndUser",
    "identity": {
        "source": "ActiveDirectory",
        "objectId": "4f6d2f0e-5b1c-4b7e-9a57-3c1d8c1f7c1e",
        "sid": "S-1-5-21-1-2-3-1104",
    },
    "importedWith": {
        "policy": "AutomaticImportPolicy/staff",
        "options": {"driftRemediation": "Report"},
        "at": "2026-11-21T08:00:00Z",
    },
}
SPECS: dict[str, dict[str, Any]] = {
    "Integration": {"itGlue": {"region": "EU", "apiKeyRef": {"name": "a", "key": "b"}}},
    "Customer": {"displayName": "Contoso Ltd"},
    "AutomaticImportPolicy": {
        "accountType": "EndUser",
        "mode": "Enforce",
        "customers": {"default": True},
        "select": {"activeDirectory": {"groups": ["Staff"]}},
    },
    "AccountOverride": {
        **CUSTOMER_REF,
        "account": {"samAccountName": "jsmith"},
        "vault": {"entryId": "88123"},
        "reason": "two John Smiths",
    },
    "PasswordReset": {"accountRef": {"name": "contoso-jsmith"}, "reason": "ticket 4711"},
    "Account": ACCOUNT_SPEC,
}
CONNECT_WISE = {
    "endpoint": "https://psa.msp.example",
    "companyId": "msp",
    "clientId": "c",
    "publicKeyRef": {"name": "a", "key": "b"},
    "privateKeyRef": {"name": "a", "key": "b"},
}


def _create(cluster: Cluster, namespace: str, kind: str, name: str = "x") -> str:
    """Create a resource of a kind and return its path."""
    metadata = {"name": name}
    body = {
        "apiVersion": "muster.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": SPECS[kind],
    }
    Row(name, body).create(cluster, namespace, dry=False).raise_for_status()
    return f"{NAMESPACES}/{namespace}/{FACES[kind].plural}/{name}"


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (
            "Integration",
            {"itGlue": None, "connectWise": CONNECT_WISE},
            "the product of an integration never changes",
        ),
        ("AutomaticImportPolicy", {"accountType": "Administrator"}, "accountType never changes"),
        ("AccountOverride", {"customerRef": {"name": "fabrikam"}}, "customerRef never changes"),
        ("Account", {"customerRef": {"name": "fabrikam"}}, "customerRef never changes"),
        (
            "Account",
            {"identity": {"objectId": "00000000-5b1c-4b7e-9a57-3c1d8c1f7c1e"}},
            "source and objectId never change",
        ),
        ("PasswordReset", {"unlock": True}, "a reset never changes; make another one"),
    ],
    ids=[
        "product",
        "type of a policy",
        "customer of an override",
        "customer",
        "identity",
        "reset",
    ],
)
def test_what_a_name_stands_for_never_changes(
    cluster: Cluster, namespace: str, kind: str, change: dict[str, Any], message: str
) -> None:
    """The API server refuses a change of identity, and says what to do instead."""
    path = _create(cluster, namespace, kind)
    refused = cluster.api("PATCH", path, json={"spec": change}, content_type=MERGE)
    assert refused.status_code == 422
    assert message in refused.text


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Integration", {"itGlue": {"region": "US"}, "suspend": True}),
        ("Customer", {"displayName": "Contoso Group"}),
        ("AutomaticImportPolicy", {"mode": "Observe", "interval": "1h"}),
        ("AccountOverride", {"account": {"samAccountName": "john.smith"}}),
        ("Account", {"accountType": "Administrator", "identity": {"sid": "S-1-5-21-9-9-9-1104"}}),
    ],
)
def test_everything_else_may_change(
    cluster: Cluster, namespace: str, kind: str, change: dict[str, Any]
) -> None:
    """A display name, an option, a directory's new SID: none of them needs a new resource."""
    path = _create(cluster, namespace, kind)
    done = cluster.api("PATCH", path, json={"spec": change}, content_type=MERGE)
    assert done.status_code == 200, done.text


def test_two_people_may_approve(cluster: Cluster, namespace: str) -> None:
    """Approvals of two writers stand side by side: neither takes the other's away."""
    path = _create(cluster, namespace, "Customer")
    for number, manager in enumerate(("anna", "berta")):
        plan = f"sha256:{number}" + "0" * 63
        approval = {"plan": plan, "until": "2026-12-01T00:00:00Z", "reason": manager}
        body = {
            "apiVersion": "muster.dev/v1alpha1",
            "kind": "Customer",
            "spec": {"approvals": [approval]},
        }
        params = {"fieldManager": manager}
        cluster.api(
            "PATCH", path, json=body, params=params, content_type="application/apply-patch+yaml"
        ).raise_for_status()
    approvals = cluster.api("GET", path).json()["spec"]["approvals"]
    assert [one["reason"] for one in approvals] == ["anna", "berta"]


# ---------------------------------------------------------------- what kubectl shows

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "InAgreement",
    "message": "142 accounts are in agreement.",
    "lastTransitionTime": "2026-11-21T08:00:00Z",
}
LINKED = {"state": "Linked", "reason": "Matched", "id": "88123"}
STATUS: dict[str, dict[str, Any]] = {
    "Integration": {"seen": 61, "linked": 58, "notLinked": 3, "conditions": [READY]},
    "Customer": {
        "directory": "AD",
        "vault": "it-glue/4711",
        "psa": "connectwise/250",
        "accounts": 142,
        "ambiguous": 3,
        "drift": 0,
        "lastSync": "2026-11-21T08:00:00Z",
        "nextSync": "2026-11-21T11:00:00Z",
        "conditions": [READY],
    },
    "AutomaticImportPolicy": {"customers": 12, "accounts": 1420, "conditions": [READY]},
    "AccountOverride": {"conditions": [READY]},
    "PasswordReset": {
        "phase": "Done",
        "customer": "contoso",
        "account": "jsmith@corp.contoso.example",
        "proof": "Bind",
        "conditions": [READY],
    },
    "Account": {
        "userPrincipalName": "jsmith@corp.contoso.example",
        "email": {"address": "john.smith@contoso.example", "source": "ActiveDirectory"},
        "decision": {"state": "Imported", "reason": "InOrganizationalUnit"},
        "vault": LINKED,
        "psa": {"state": "Ambiguous", "reason": "SeveralMatches"},
        "conditions": [READY],
    },
}
SHOWN = {
    "Integration": ("READY SEEN LINKED SUSPENDED AGE", "True 61 58 false"),
    "Customer": (
        "DIRECTORY VAULT PSA ACCOUNTS AMBIGUOUS DRIFT READY SYNCED AGE",
        "AD it-glue/4711 connectwise/250 142 3 0 True",
    ),
    "AutomaticImportPolicy": (
        "TYPE MODE DEFAULT CUSTOMERS ACCOUNTS SUSPENDED READY AGE",
        "EndUser Enforce true 12 1420 false True",
    ),
    "AccountOverride": (
        "CUSTOMER ACCOUNT VAULT PSA EXCLUDE READY AGE",
        "contoso jsmith 88123 false True",
    ),
    "PasswordReset": (
        "ACCOUNT CUSTOMER PHASE CAUSE PROOF ENDED AGE",
        "jsmith@corp.contoso.example contoso Done Bind",
    ),
    "Account": (
        "TYPE USER EMAIL VAULT PSA STATE AGE",
        "EndUser jsmith@corp.contoso.example john.smith@contoso.example Linked Ambiguous Imported",
    ),
}


@pytest.fixture
def shown(cluster: Cluster, namespace: str) -> Callable[..., str]:
    """Give one resource of each kind with its status, and how kubectl prints it."""
    for kind, status in STATUS.items():
        path = _create(cluster, namespace, kind)
        strict = {"fieldValidation": "Strict"}
        cluster.api(
            "PATCH",
            f"{path}/status",
            json={"status": status},
            params=strict,
            content_type=MERGE,
        ).raise_for_status()
    return lambda *words: cluster.kubectl("get", "-n", namespace, *words).stdout


def test_one_screen_answers_the_daily_questions(shown: Callable[..., str]) -> None:
    """`kubectl get` shows each kind's state in its columns, by its short name too."""
    for kind, (heads, cells) in SHOWN.items():
        text = shown(FACES[kind].short)
        head, row = text.splitlines()
        assert head.split() == ["NAME", *heads.split()]
        assert row.split()[: len(cells.split()) + 1] == ["x", *cells.split()], text
        assert max(map(len, text.splitlines())) < 140


def test_one_word_lists_every_kind(shown: Callable[..., str]) -> None:
    """`kubectl get muster` shows all that Muster has in a namespace."""
    listed = shown("muster", "-o", "name").split()
    assert sorted(listed) == sorted(f"{kind.lower()}.muster.dev/x" for kind in KINDS)


def test_accounts_are_found_by_their_state(shown: Callable[..., str]) -> None:
    """The accounts whose contact waits for a person are one question away."""
    waiting = "status.psa.state=Ambiguous,spec.customerRef.name=contoso"
    assert shown("accounts", "--field-selector", waiting, "-o", "name").split()
    assert not shown("accounts", "--field-selector", "status.psa.state=Linked", "-o", "name")


def test_a_status_moves_no_generation(cluster: Cluster, shown: Callable[..., str]) -> None:
    """Tools that compare git with a cluster do not see Muster write its status."""
    assert json.loads(shown("customer", "x", "-o", "json"))["metadata"]["generation"] == 1


def test_a_report_that_is_too_long_is_stored_when_cut(cluster: Cluster, namespace: str) -> None:
    """The API server refuses what is beyond the bounds, and stores all that was cut to fit."""
    status = f"{_create(cluster, namespace, 'Customer')}/status"
    strict, fitted = {"fieldValidation": "Strict"}, fit(reported(), CUSTOMER_STATUS)
    answers = [
        cluster.api("PATCH", status, json={"status": body}, params=strict, content_type=MERGE)
        for body in (reported(), fitted)
    ]
    assert [answer.status_code for answer in answers] == [422, 200]
    assert answers[1].json()["status"] == fitted


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("customer", "One client of the MSP."),
        ("customer.spec", "The name for people. It may change."),
        (
            "customer.status.ambiguous",
            "How many matches wait for a person: pairs, vault and PSA together.",
        ),
        ("aip.spec.mode", "Observe"),
        ("aov.spec.vault", "forbid"),
        ("acct.spec.identity", "Which directory object it is; never a name."),
    ],
)
def test_kubectl_explains_a_field(cluster: Cluster, field: str, sentence: str) -> None:
    """`kubectl explain` has our sentence for it."""
    said = " ".join(cluster.kubectl("explain", field).stdout.split())
    assert sentence in said
