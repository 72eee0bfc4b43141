"""Status is written by one writer, to `/status` alone, and only when it says something new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.kube.cluster import Cluster
from tests.kube.estates import customer, policy
from tests.kube.place import Replica, connect, install_crds
from tests.kube.reported import reported

from muster.kube.api import KubeApi
from muster.kube.held import held_status, resource_conditions
from muster.kube.resources import CUSTOMER, POLICY
from muster.kube.status_writer import RECONCILE_ANNOTATION

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

FINALIZER = "example.com/somebody-elses"


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubeApi]:
    """Give a connection as administrator."""
    install_crds(cluster)
    connection = connect(cluster)
    yield connection
    connection.close()


@pytest.fixture
def replica(api: KubeApi, namespace: str) -> Replica:
    """Give a replica that sees one customer, with metadata of other people's."""
    raw = customer("contoso", labels={"tier": "gold"})
    raw["metadata"] |= {"annotations": {"team": "blue"}, "finalizers": [FINALIZER]}
    replica = Replica(api, namespace)
    replica.create(CUSTOMER, raw)
    return replica


def found(replica: Replica) -> dict[str, Any]:
    """Return the Customer as the cluster has it."""
    return replica.read(CUSTOMER, "contoso")


def change(replica: Replica, **metadata: Any) -> None:
    """Change metadata as a person would, and see it."""
    replica.api.merge(CUSTOMER, replica.namespace, "contoso", {"metadata": metadata})
    replica.see()


def types(replica: Replica) -> dict[str, str]:
    """Return type and status of the conditions."""
    return {one["type"]: one["status"] for one in found(replica)["status"]["conditions"]}


def test_only_status_is_written(replica: Replica) -> None:
    """Spec, labels, annotations, finalizers and generation stay; the manager is `muster`."""
    before = found(replica)
    assert replica.writer.begin(CUSTOMER, "contoso")
    assert replica.writer.write(CUSTOMER, "contoso", reported())
    after = found(replica)
    assert after["spec"] == before["spec"]
    for name in ("labels", "annotations", "finalizers", "generation", "uid"):
        assert after["metadata"][name] == before["metadata"][name]
    ours = [one for one in after["metadata"]["managedFields"] if one["manager"] == "muster"]
    written = [one for one in ours if "f:status" in one["fieldsV1"]]
    assert [one["subresource"] for one in written] == ["status"]
    assert written[0]["fieldsV1"].keys() == {"f:status"}


def test_the_same_status_is_written_once(replica: Replica) -> None:
    """Neither memory nor a new sight of the object makes the same status worth a write."""
    status = reported()
    assert replica.writer.write(CUSTOMER, "contoso", status) is True
    version = found(replica)["metadata"]["resourceVersion"]
    assert replica.writer.write(CUSTOMER, "contoso", status) is False, "not seen back yet"
    replica.see()
    assert replica.writer.write(CUSTOMER, "contoso", status) is False, "seen back"
    assert replica.writer.writes == 1
    following = Replica(replica.api, replica.namespace)
    following.see()
    assert following.writer.write(CUSTOMER, "contoso", status) is False, "another replica"
    assert found(replica)["metadata"]["resourceVersion"] == version


def test_long_text_is_cut_and_not_refused(replica: Replica) -> None:
    """A report with far more than the schema allows is stored, findings and all."""
    assert replica.writer.write(CUSTOMER, "contoso", reported())
    status = found(replica)["status"]
    assert len(status["findings"]) == 50
    assert status["findings"][0]["message"].endswith("…")


def test_what_is_no_longer_said_is_removed(replica: Replica) -> None:
    """A field and a condition that the new status lacks are gone from the object."""
    replica.writer.write(CUSTOMER, "contoso", reported())
    assert "plan" in found(replica)["status"]
    ready = {"type": "Ready", "status": "True", "reason": "InAgreement", "message": "Fine."}
    replica.see()
    replica.writer.write(CUSTOMER, "contoso", {"accounts": 2, "conditions": [ready]})
    status = found(replica)["status"]
    assert status.keys() == {"accounts", "conditions", "observedGeneration"}
    assert types(replica) == {"Ready": "True"}


def test_another_replicas_status_is_not_overlooked(replica: Replica) -> None:
    """When a shard comes back, what was written meanwhile is known and is set right."""
    mine, theirs = {"accounts": 1}, {"accounts": 2}
    replica.writer.write(CUSTOMER, "contoso", mine)
    replica.see()
    following = Replica(replica.api, replica.namespace)
    following.see()
    following.writer.write(CUSTOMER, "contoso", theirs)
    replica.see()
    assert replica.writer.current(CUSTOMER, "contoso")["accounts"] == 2
    assert replica.writer.write(CUSTOMER, "contoso", mine) is True
    assert found(replica)["status"]["accounts"] == 1


def test_begin_is_said_for_news_only(replica: Replica) -> None:
    """`Reconciling` is there before the first run and after a change, not in every round."""
    done = {"conditions": [{"type": "Ready", "status": "True", "reason": "X", "message": ""}]}
    writer = replica.writer
    assert writer.begin(CUSTOMER, "contoso") is True
    assert types(replica) == {"Reconciling": "True"}
    writer.write(CUSTOMER, "contoso", done | {"handledReconcileAt": ""})
    assert types(replica) == {"Ready": "True"}
    assert writer.begin(CUSTOMER, "contoso") is False
    change(replica, labels={"tier": "silver"})
    assert writer.begin(CUSTOMER, "contoso") is False, "a label is no new generation"
    change(replica, annotations={RECONCILE_ANNOTATION: "now"})
    assert writer.begin(CUSTOMER, "contoso") is True
    assert types(replica) == {"Ready": "True", "Reconciling": "True"}
    writer.write(CUSTOMER, "contoso", done | {"handledReconcileAt": "now"})
    replica.see()
    assert writer.begin(CUSTOMER, "contoso") is False


def test_conditions_tell_of_the_generation_that_was_read(replica: Replica) -> None:
    """A change during the run is not claimed to be reconciled."""
    status = held_status({}, "Two policies.")
    replica.api.merge(CUSTOMER, replica.namespace, "contoso", {"spec": {"suspend": True}})
    replica.see()
    replica.writer.write(CUSTOMER, "contoso", status, generation=1)
    told = found(replica)
    assert told["metadata"]["generation"] == 2
    assert told["status"]["observedGeneration"] == 1
    assert {one["observedGeneration"] for one in told["status"]["conditions"]} == {1}


def test_a_time_moves_only_with_its_condition(replica: Replica) -> None:
    """A policy's `Ready` keeps its time over writes, and the same is not written twice."""
    replica.create(POLICY, policy("staff", {"names": ["contoso"]}))
    view = replica.store.view()
    conditions = resource_conditions(view, POLICY, "staff")
    assert replica.writer.set_conditions(POLICY, "staff", conditions, customers=1)
    [first] = replica.read(POLICY, "staff")["status"]["conditions"]
    replica.see(POLICY)
    assert not replica.writer.set_conditions(POLICY, "staff", conditions, customers=1)
    assert replica.writer.set_conditions(POLICY, "staff", conditions, customers=2)
    status = replica.read(POLICY, "staff")["status"]
    assert status["conditions"] == [first]
    assert status["customers"] == 2


def test_an_object_that_is_gone_is_left_alone(cluster: Cluster, replica: Replica) -> None:
    """A status for what is deleted or was never there is no error, and makes nothing."""
    change(replica, finalizers=[])
    cluster.api("DELETE", CUSTOMER.path(replica.namespace, "contoso")).raise_for_status()
    assert replica.writer.write(CUSTOMER, "nobody", {"accounts": 1}) is False
    assert replica.writer.write(CUSTOMER, "contoso", {"accounts": 1}) is False
    assert replica.api.read(CUSTOMER, replica.namespace, "contoso") is None
