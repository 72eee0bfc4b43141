"""One event for each change of a condition, none for a round that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from tests.kube.cluster import SERVICE_ACCOUNT, Cluster
from tests.kube.estates import customer
from tests.kube.place import Replica, connect, install_crds, token_of

from muster.kube.api import KubeApi
from muster.kube.events import EventRecorder
from muster.kube.resources import CUSTOMER, EVENT, Kind

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

Status = dict[str, Any]


def status(**conditions: tuple[str, str, str]) -> Status:
    """Return a status with conditions: type to status, reason and message."""
    return {
        "conditions": [
            {"type": kind, "status": value, "reason": reason, "message": message}
            for kind, (value, reason, message) in conditions.items()
        ]
    }


GOOD = status(Ready=("True", "InAgreement", "2 accounts are in agreement."))
MORE = status(Ready=("True", "InAgreement", "3 accounts are in agreement."))
BAD = status(
    Ready=("False", "PlanRefused", "Too many."),
    Refused=("True", "PlanRefused", "Too many."),
    Synced=("False", "PlanRefused", "Too many."),
    Reconciling=("True", "Progressing", "Now."),
)
FAILING = status(
    Ready=("True", "InAgreement", "2 accounts are in agreement."),
    RotationsFailing=("True", "RotationsFail", "1 account."),
)


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubeApi]:
    """Give a connection as administrator."""
    install_crds(cluster)
    connection = connect(cluster)
    yield connection
    connection.close()


@pytest.fixture
def contoso(api: KubeApi, namespace: str) -> dict[str, Any]:
    """Give a customer."""
    return Replica(api, namespace).create(CUSTOMER, customer("contoso"))


def told(api: KubeApi, namespace: str) -> list[tuple[str, str, str]]:
    """Return type, action and reason of every event."""
    events = api.list(EVENT, namespace)
    return sorted((one["type"], one["action"], one["reason"]) for one in events)


def test_one_event_for_each_change(api: KubeApi, namespace: str, contoso: dict[str, Any]) -> None:
    """First sight, a refusal and the way back are told; another number or time is not."""
    recorder = EventRecorder(api, namespace, "one")
    steps: tuple[Status, ...] = ({}, GOOD, GOOD, MORE, BAD, BAD, GOOD)
    counts = [recorder.tell_changes(CUSTOMER, contoso, old, new) for old, new in pairwise(steps)]
    assert counts == [1, 0, 0, 2, 0, 1]
    assert told(api, namespace) == [
        ("Normal", "Ready", "InAgreement"),
        ("Normal", "Ready", "InAgreement"),
        ("Warning", "Ready", "PlanRefused"),
        ("Warning", "Refused", "PlanRefused"),
    ]


def test_failing_rotations_are_a_warning(
    api: KubeApi, namespace: str, contoso: dict[str, Any]
) -> None:
    """Once, when they begin to be a person's concern, beside a customer that is Ready."""
    recorder = EventRecorder(api, namespace, "one")
    for old, new in pairwise((GOOD, FAILING, FAILING)):
        recorder.tell_changes(CUSTOMER, contoso, old, new)
    assert told(api, namespace) == [("Warning", "RotationsFailing", "RotationsFail")]


def test_an_event_is_about_its_object(
    api: KubeApi, namespace: str, contoso: dict[str, Any]
) -> None:
    """`kubectl describe` finds it: kind, name, namespace and uid are the object's."""
    EventRecorder(api, namespace, "pod-1").tell_changes(CUSTOMER, contoso, {}, GOOD)
    [event] = api.list(EVENT, namespace)
    regarding = event["regarding"]
    assert (regarding["kind"], regarding["name"]) == ("Customer", "contoso")
    assert (regarding["namespace"], regarding["uid"]) == (namespace, contoso["metadata"]["uid"])
    assert event["note"] == "2 accounts are in agreement."
    assert (event["reportingController"], event["reportingInstance"]) == (
        "muster.dev/operator",
        "pod-1",
    )


@pytest.mark.parametrize("letter", ["a", "ä", "\U0001f600"], ids=["one", "two", "four"])
def test_a_long_message_is_cut(
    api: KubeApi, namespace: str, contoso: dict[str, Any], letter: str
) -> None:
    """A note has at most 1024 bytes, however many bytes a letter has, and is not refused."""
    long = status(Ready=("False", "SourceIncomplete", letter * 2000))
    EventRecorder(api, namespace, "i" * 300).tell_changes(CUSTOMER, contoso, {}, long)
    [event] = api.list(EVENT, namespace)
    assert event["note"] == letter * (1024 // len(letter.encode()))


def test_a_lost_event_troubles_nobody(
    cluster: Cluster, api: KubeApi, namespace: str, contoso: dict[str, Any]
) -> None:
    """Without the right to write events the run goes on."""
    account = Kind(group="", version="v1", plural="serviceaccounts", kind="ServiceAccount")
    api.create(account, namespace, {"metadata": {"name": "nobody"}})
    nobody = connect(cluster, token_of(cluster, f"{SERVICE_ACCOUNT}{namespace}:nobody"))
    assert EventRecorder(nobody, namespace, "one").tell_changes(CUSTOMER, contoso, {}, GOOD) == 1
    nobody.close()
    assert told(api, namespace) == []
