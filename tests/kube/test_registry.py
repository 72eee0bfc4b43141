"""The registry in the cluster is a registry: accounts are objects, the journal is a Secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.registry.suite import (
    CONTOSO,
    FABRIKAM,
    NOW,
    Registries,
    RegistryContract,
    ended,
    linked_to,
    make_intent,
    make_job,
    make_record,
)
from tests.kube.cluster import Cluster
from tests.kube.estates import customer
from tests.kube.place import Replica, connect, install_crds
from tests.kube.reported import CUSTOMER as DESIRED_CUSTOMER
from tests.kube.reported import PLAN
from tests.kube.test_account_record import to_the_second

from muster.errors import StateError
from muster.kube.api import KubeApi
from muster.kube.journal import journal_name
from muster.kube.resources import ACCOUNT, CUSTOMER, SECRET
from muster.model.accounts import AccountRecord, Decision, IntentState, Known
from muster.model.names import DecisionState, RemoteId, Source
from muster.model.plans import Approved, Outcome
from muster.model.reasons import Reason
from muster.model.settings import Desired
from muster.ports import Registry
from muster.report.account_resource import render_account
from muster.report.status import report

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kube")]

CREATED = make_intent(state=IntentState.DONE, remote_id=RemoteId("900"))


@pytest.fixture
def api(cluster: Cluster) -> Iterator[KubeApi]:
    """Give a connection as administrator."""
    install_crds(cluster)
    connection = connect(cluster)
    yield connection
    connection.close()


@pytest.fixture
def replica(api: KubeApi, namespace: str) -> Replica:
    """Give a replica that sees two customers."""
    first = Replica(api, namespace)
    for name in (CONTOSO, FABRIKAM):
        first.create(CUSTOMER, customer(name))
    return first


def another(replica: Replica) -> Replica:
    """Return the replica that comes next: it knows only what is in the cluster."""
    following = Replica(replica.api, replica.namespace)
    following.see()
    return following


class TestKubeRegistry(RegistryContract):
    """The contract, on a real API server."""

    STATUSES = ({"accounts": 3, "findings": [{"reason": "X", "message": "Jürgen"}]}, {"drift": 1})
    """What the schema of the Customer has a place for."""

    def kept(self, record: AccountRecord) -> AccountRecord:
        """Return the record to the second, as times in a resource are."""
        return to_the_second(record)

    @pytest.fixture
    def registries(self, replica: Replica) -> Registries:
        """Return a function that opens the registry as the next replica would."""

        def following() -> AbstractContextManager[Registry]:
            return nullcontext(another(replica).registry)

        return following

    def test_an_unknown_customer_is_empty(self, registries: Registries) -> None:
        """Nothing is known about a customer before the first run; the Customers are listed."""
        with registries() as registry:
            assert registry.load(CONTOSO) == Known()
            assert registry.list_customers() == (CONTOSO, FABRIKAM)

    def test_a_record_of_another_customer_is_refused(self, registries: Registries) -> None:
        """A record is never saved under a customer that it does not belong to."""
        with registries() as registry:
            with pytest.raises(ValueError, match="account of fabrikam"):
                registry.save(CONTOSO, [make_record(1, FABRIKAM)])
            assert registry.load(CONTOSO) == Known()

    def test_a_customer_with_only_a_status_is_listed(self, registries: Registries) -> None:
        """Every Customer is listed, whatever is known about it."""
        with registries() as registry:
            registry.save(FABRIKAM, [], status={})
            assert registry.list_customers() == (CONTOSO, FABRIKAM)


# ---------------------------------------------------------------- nothing is written twice


def versions(replica: Replica) -> set[str]:
    """Return the versions of everything in the namespace."""
    kinds = (ACCOUNT, CUSTOMER, SECRET)
    items = (item for kind in kinds for item in replica.api.list(kind, replica.namespace))
    return {item["metadata"]["resourceVersion"] for item in items}


def run(replica: Replica, at: timedelta = timedelta()) -> None:
    """Do what a run does that finds everything as it was: load, save all, report."""
    known = replica.registry.load(CONTOSO)
    records = [make_record(number) for number in range(5)]
    replica.registry.save(CONTOSO, records, [(Source.VAULT, 5), (Source.PSA, 6)])
    plan = replace(PLAN, complete=True, reads=PLAN.reads[:1], findings=PLAN.findings[1:3])
    candidates = plan.findings[0].candidates[:5]
    plan = replace(plan, findings=(replace(plan.findings[0], candidates=candidates),))
    desired = Desired(customer=DESIRED_CUSTOMER)
    status = report(Approved(plan), Outcome(), desired, known, NOW + at)
    replica.registry.save(CONTOSO, (), status=status)


def test_a_run_that_changes_nothing_writes_nothing(replica: Replica) -> None:
    """The second run, of this replica or of the next, sends no request that changes anything."""
    run(replica)
    assert replica.registry.writes == 2 * 5 + 1
    before = versions(replica)
    run(replica, timedelta(minutes=1))
    replica.see()
    run(replica, timedelta(minutes=2))
    assert replica.registry.writes == 2 * 5 + 1
    assert replica.writer.writes == 1
    following = another(replica)
    run(following, timedelta(minutes=3))
    assert (following.registry.writes, following.writer.writes) == (0, 0)
    assert versions(replica) == before


def test_a_change_is_written_where_it_is(replica: Replica) -> None:
    """One account that differs in its status costs one request, and no other object changes."""
    run(replica)
    before = versions(replica)
    known = replica.registry.load(CONTOSO)
    replica.registry.save(CONTOSO, [linked_to(known.records[0], "901"), *known.records[1:]])
    assert len(versions(replica) - before) == 1
    assert replica.registry.writes == 2 * 5 + 2


def test_an_account_is_muster_alone(replica: Replica) -> None:
    """It belongs to its Customer, is found by label, and each part has one field manager."""
    record = make_record(1)
    replica.registry.save(CONTOSO, [record])
    found = replica.read(ACCOUNT, record.name)
    metadata = found["metadata"]
    owner = replica.read(CUSTOMER, CONTOSO)["metadata"]["uid"]
    assert [one["uid"] for one in metadata["ownerReferences"]] == [owner]
    assert metadata["labels"]["muster.dev/customer"] == CONTOSO
    managers = {
        (one["manager"], one["operation"], one.get("subresource", ""))
        for one in metadata["managedFields"]
    }
    assert managers == {("muster", "Apply", ""), ("muster", "Apply", "status")}


def test_what_is_gone_from_a_record_is_gone_from_the_object(replica: Replica) -> None:
    """A drift that ended and a leave that was taken back do not stay in the status."""
    record = make_record(1)
    replica.registry.save(CONTOSO, [record])
    replica.registry.save(CONTOSO, [replace(record, drift=(), leaving_since=None)])
    status = replica.read(ACCOUNT, record.name)["status"]
    assert "drift" not in status
    assert "leavingSince" not in status


# ---------------------------------------------------------------- what is remembered


def test_a_tombstone_stays_with_its_links(replica: Replica) -> None:
    """A released account is kept, not Ready, with the links it had."""
    released = Decision(state=DecisionState.RELEASED, reason=Reason.LEFT_SELECTION)
    record = replace(make_record(1), released_at=NOW, decision=released)
    replica.registry.save(CONTOSO, [record])
    [known] = another(replica).registry.load(CONTOSO).records
    assert not known.live
    assert known.vault.id == record.vault.id
    ready = replica.read(ACCOUNT, record.name)["status"]["conditions"][0]
    assert (ready["type"], ready["status"]) == ("Ready", "False")


def test_a_half_written_account_is_no_record(replica: Replica) -> None:
    """A crash between spec and status leaves nothing known; the next save completes it."""
    record = make_record(1)
    half: dict[str, Any] = render_account(record)
    del half["status"]
    replica.api.apply(ACCOUNT, replica.namespace, half)
    following = another(replica).registry
    assert following.load(CONTOSO).records == ()
    following.save(CONTOSO, [record])
    assert another(replica).registry.load(CONTOSO).records == (to_the_second(record),)


def test_text_beyond_the_limits_is_cut_and_written_once(replica: Replica) -> None:
    """A name that is longer than the schema allows is no refusal, and no write in each run."""
    record = make_record(1)
    long = replace(record, identity=replace(record.identity, display_name="ä" * 5000))
    replica.registry.save(CONTOSO, [long])
    following = another(replica).registry
    [known] = following.load(CONTOSO).records
    assert (known.identity.display_name or "").startswith("äää")
    following.save(CONTOSO, [long])
    assert following.writes == 0


def test_the_journal_is_a_secret_of_the_customer(replica: Replica) -> None:
    """It survives the replica, holds nothing readable at a glance, and goes with its Customer."""
    replica.registry.open_intent(make_intent())
    replica.registry.save(CONTOSO, (), [(Source.VAULT, 5)])
    secret = replica.read(SECRET, journal_name(CONTOSO))
    assert secret["type"] == "muster.dev/journal"
    owner = replica.read(CUSTOMER, CONTOSO)["metadata"]["uid"]
    assert [one["uid"] for one in secret["metadata"]["ownerReferences"]] == [owner]
    known = another(replica).registry.load(CONTOSO)
    assert known.intents == (make_intent(),)
    assert known.sizes == ((Source.VAULT, 5),)


def test_a_crash_between_account_and_journal_is_tidied(replica: Replica) -> None:
    """An intent whose link a record holds is no longer told, and the next save removes it."""
    replica.registry.open_intent(make_intent())
    replica.registry.close_intent(CREATED)
    another(replica).registry.save(CONTOSO, [make_record(2)])
    crashed = linked_to(make_record(1), "900")
    for part in ("", "status"):
        body = render_account(crashed)
        body["metadata"] = {**body["metadata"]} if not part else {"name": crashed.name}
        del body["status" if not part else "spec"]
        replica.api.apply(ACCOUNT, replica.namespace, body, part)
    following = another(replica).registry
    assert following.load(CONTOSO).intents == ()
    following.save(CONTOSO, ())
    assert not replica.read(SECRET, journal_name(CONTOSO)).get("data")


# ---------------------------------------------------------------- what is not as it should be


def test_a_journal_that_takes_no_job_is_the_registrys_failure(replica: Replica) -> None:
    """Told as a directory's, it would say of a password that may be live that it was not set."""
    job = make_job()
    replica.registry.open_job(job)
    sealed = {"immutable": True}
    replica.api.merge(SECRET, replica.namespace, journal_name(CONTOSO), sealed)
    with pytest.raises(StateError, match="journal of passwords"):
        replica.registry.save_job(replace(job, problem="later"))
    with pytest.raises(StateError, match="journal of passwords"):
        replica.registry.close_job(ended(job))
    assert another(replica).registry.load(CONTOSO).jobs == (job,)


def test_nothing_is_written_for_a_customer_that_is_gone(replica: Replica) -> None:
    """When the Customer was deleted during its run, no orphan is left behind."""
    replica.registry.load(CONTOSO)
    replica.store.remove(CUSTOMER.kind, CONTOSO)
    with pytest.raises(StateError, match="Customer contoso is gone"):
        replica.registry.save(CONTOSO, [make_record(1)])
    with pytest.raises(StateError, match="Customer contoso is gone"):
        replica.registry.open_intent(make_intent())
    replica.registry.save(CONTOSO, (), status={"accounts": 1})
    assert list(replica.api.list(ACCOUNT, replica.namespace)) == []
    assert list(replica.api.list(SECRET, replica.namespace)) == []


def test_a_foreign_account_is_not_taken_for_absent(replica: Replica) -> None:
    """An Account that somebody else has changed stops the customer, and is named."""
    record = make_record(1)
    replica.registry.save(CONTOSO, [record])
    strange = {"decision": {"state": "Imported", "reason": "BecauseISaySo"}}
    replica.api.patch_status(ACCOUNT, replica.namespace, record.name, strange)
    with pytest.raises(StateError, match=f"Account {record.name} is not as Muster wrote it"):
        another(replica).registry.load(CONTOSO)


@pytest.mark.parametrize("key", ["sizes.json", f"intent.{'0' * 32}"])
def test_a_damaged_journal_is_not_taken_for_empty(replica: Replica, key: str) -> None:
    """A journal that cannot be read stops the customer: it may say what was created."""
    replica.registry.open_intent(make_intent())
    damage = {"data": {key: "bm90IGpzb24="}}
    replica.api.merge(SECRET, replica.namespace, journal_name(CONTOSO), damage)
    with pytest.raises(StateError, match=journal_name(CONTOSO)):
        another(replica).registry.load(CONTOSO)
