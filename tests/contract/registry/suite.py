"""What "a registry" means: every implementation of the port passes these tests.

Subclass `RegistryContract` in the implementation's own tests, and supply the `registries`
fixture: a function that opens the same store again, as the next process would.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from muster.model.accounts import (
    AccountRecord,
    Candidate,
    Decision,
    Drift,
    Email,
    EmailSource,
    Identity,
    ImportedWith,
    Intent,
    IntentState,
    Known,
    Link,
    PairedUser,
)
from muster.model.causes import Cause
from muster.model.names import (
    AccountId,
    AccountType,
    Action,
    CustomerName,
    DecisionState,
    DirectoryKind,
    LinkState,
    MatchKey,
    RemoteId,
    Source,
    System,
)
from muster.model.passwords import (
    JobKind,
    JobState,
    PasswordJob,
    Proof,
    Target,
    TargetState,
    VaultState,
    VaultTarget,
    end_of,
)
from muster.model.reasons import Reason
from muster.model.secret import Secret
from muster.model.settings import Options
from muster.ports import Registry

NOW = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
CONTOSO = CustomerName("contoso")
FABRIKAM = CustomerName("fabrikam")

Registries = Callable[[], AbstractContextManager[Registry]]


def make_record(number: int = 1, customer: CustomerName = CONTOSO) -> AccountRecord:
    """Return a record in which every field has a value."""
    return AccountRecord(
        name=f"{customer}-jurgen-{number}",
        customer=customer,
        account_type=AccountType.END_USER,
        identity=Identity(
            id=account_id(number),
            sid=f"S-1-5-21-1-2-3-{number}",
            sam=f"jürgen{number}",
            upn=f"jürgen{number}@contoso.example",
            display_name="Jürgen \u202eX \x00 \U0001f600",
            given_name="Jürgen",
            surname="O'Neil; DROP TABLE accounts",
            email=Email(address="j@contoso.example", source=EmailSource.OVERRIDE),
        ),
        imported_with=ImportedWith(policy="AutomaticImportPolicy/staff", options=Options(), at=NOW),
        decision=Decision(
            state=DecisionState.IMPORTED, reason=Reason.IN_GROUP, via="CN=Staff,DC=contoso"
        ),
        vault=Link(
            state=LinkState.LINKED,
            reason=Reason.MATCHED,
            id=RemoteId("42"),
            key=MatchKey.SAM_ACCOUNT_NAME,
            name="jürgen",
        ),
        psa=Link(
            state=LinkState.AMBIGUOUS,
            reason=Reason.SEVERAL_MATCHES,
            message="Two contacts match.",
            candidates=(
                Candidate(id=RemoteId("7"), name="J", evidence="Email", updated_at=NOW),
                Candidate(id=RemoteId("8"), name="J", evidence="Email, inactive", detail="x"),
            ),
        ),
        pair=Link(
            state=LinkState.LINKED,
            reason=Reason.MATCHED,
            id=RemoteId(str(account_id(900))),
            key=MatchKey.IMMUTABLE_ID,
            name="Jürgen",
            place="entra/contoso",
        ),
        paired_user=PairedUser(upn="jürgen@contoso.example", enabled=True, synced=True),
        drift=(
            Drift(
                system=System.VAULT,
                field="username",
                desired="jürgen",
                observed="jurgen",
                demanded_by="AutomaticImportPolicy/staff#/spec/options/driftRemediation",
            ),
        ),
        leaving_since=NOW,
        released_at=NOW,
    )


def account_id(number: int) -> AccountId:
    """Return an account's id."""
    return AccountId(f"00000000-0000-0000-0000-{number:012d}")


def make_intent(number: int = 1, **changes: Any) -> Intent:
    """Return an open intent to create the vault entry of an account."""
    intent = Intent(
        id=f"intent-{number}",
        customer=CONTOSO,
        account=account_id(number),
        system=System.VAULT,
        action=Action.CREATE,
        mark=f"muster:{number}",
        opened_at=NOW,
    )
    return replace(intent, **changes)


def linked_to(record: AccountRecord, remote_id: str) -> AccountRecord:
    """Return the record with a vault link to this entry."""
    return replace(record, vault=replace(record.vault, id=RemoteId(remote_id)))


class RegistryContract:
    """The tests; `registries` opens the same store each time that it is called."""

    STATUSES: tuple[dict[str, Any], ...] = (
        {"conditions": [{"type": "Ready", "message": "Jürgen \ud800"}], "n": 1.5},
        {"run": 1},
    )
    """Statuses that the store can hold."""

    def kept(self, record: AccountRecord) -> AccountRecord:
        """Return a record as the store gives it back; exactly as it was, unless it says how."""
        return record

    @pytest.fixture
    def registries(self) -> Registries:
        """Return a function that opens the store; each implementation supplies its own."""
        raise NotImplementedError

    def test_an_unknown_customer_is_empty(self, registries: Registries) -> None:
        """Nothing is known about a customer before the first run."""
        with registries() as registry:
            assert registry.load(CONTOSO) == Known()
            assert registry.list_customers() == ()

    def test_what_is_saved_comes_back_in_the_next_process(self, registries: Registries) -> None:
        """Records, sizes and status come back as they were, whatever their text holds."""
        status = self.STATUSES[0]
        sizes = ((Source.DIRECTORY, 12), (Source.PSA, 0))
        records = tuple(make_record(number) for number in range(3))
        with registries() as registry:
            registry.save(CONTOSO, records, sizes, status)
        with registries() as registry:
            known = registry.load(CONTOSO)
        assert known.records == tuple(map(self.kept, records))
        assert dict(known.sizes) == dict(sizes)
        assert known.status == status

    def test_what_is_not_named_stays(self, registries: Registries) -> None:
        """A save changes the records, sizes and status that it names and no others."""
        changed = replace(make_record(2), released_at=None, drift=())
        with registries() as registry:
            registry.save(
                *(CONTOSO, [make_record(1), make_record(2)], [(Source.VAULT, 5)]),
                self.STATUSES[1],
            )
            registry.save(CONTOSO, [changed], [(Source.PSA, 6)])
            known = registry.load(CONTOSO)
        assert known.records == (self.kept(make_record(1)), self.kept(changed))
        assert dict(known.sizes) == {Source.VAULT: 5, Source.PSA: 6}
        assert known.status == self.STATUSES[1]

    def test_customers_do_not_mix(self, registries: Registries) -> None:
        """One customer's load shows nothing of another's, even under the same account id."""
        theirs = make_record(1, FABRIKAM)
        with registries() as registry:
            registry.save(CONTOSO, [make_record(1)], [(Source.VAULT, 5)], self.STATUSES[1])
            registry.save(FABRIKAM, [theirs])
            registry.open_intent(make_intent(1))
            assert registry.load(FABRIKAM) == Known(records=(self.kept(theirs),))
            assert registry.list_customers() == (CONTOSO, FABRIKAM)

    def test_a_record_of_another_customer_is_refused(self, registries: Registries) -> None:
        """A record is never saved under a customer that it does not belong to."""
        with registries() as registry:
            with pytest.raises(ValueError, match="account of fabrikam"):
                registry.save(CONTOSO, [make_record(1, FABRIKAM)])
            assert registry.list_customers() == ()

    def test_a_customer_with_only_a_status_is_listed(self, registries: Registries) -> None:
        """A customer without accounts is listed once it has a status."""
        with registries() as registry:
            registry.save(FABRIKAM, [], status={})
            assert registry.list_customers() == (FABRIKAM,)

    def test_an_open_intent_is_known_to_the_next_process(self, registries: Registries) -> None:
        """An intent that was opened and not closed is loaded as it was."""
        with registries() as registry:
            registry.open_intent(make_intent())
        with registries() as registry:
            assert registry.load(CONTOSO).intents == (make_intent(),)

    def test_opening_an_intent_again_changes_nothing(self, registries: Registries) -> None:
        """An intent that is still open may be opened again."""
        with registries() as registry:
            registry.open_intent(make_intent())
            registry.open_intent(make_intent())
            assert registry.load(CONTOSO).intents == (make_intent(),)

    @pytest.mark.parametrize("state", [IntentState.DONE, IntentState.FAILED])
    def test_an_ended_intent_may_be_opened_again(
        self, registries: Registries, state: IntentState
    ) -> None:
        """A create that failed, or whose record is gone, is tried again under the same id."""
        again = make_intent(opened_at=NOW + timedelta(hours=1))
        with registries() as registry:
            registry.open_intent(make_intent())
            registry.close_intent(make_intent(state=state, remote_id=RemoteId("9")))
            registry.open_intent(again)
            assert registry.load(CONTOSO).intents == (again,)

    @pytest.mark.parametrize("state", [IntentState.DONE, IntentState.FAILED])
    def test_only_open_intents_are_opened(self, registries: Registries, state: IntentState) -> None:
        """An effect that has an end is no intent to open."""
        with registries() as registry, pytest.raises(ValueError, match="is not open"):
            registry.open_intent(make_intent(state=state))

    def test_an_open_intent_does_not_end_one(self, registries: Registries) -> None:
        """Closing asks for an end: done or failed."""
        with registries() as registry, pytest.raises(ValueError, match="has not ended"):
            registry.close_intent(make_intent())

    def test_a_failed_intent_is_over(self, registries: Registries) -> None:
        """An effect that did not take place concerns no later run."""
        with registries() as registry:
            registry.open_intent(make_intent())
            registry.close_intent(make_intent(state=IntentState.FAILED))
            assert registry.load(CONTOSO).intents == ()

    def test_a_done_intent_is_known_until_its_link_is_in_a_record(
        self, registries: Registries
    ) -> None:
        """What was created is remembered until a record links to it."""
        done = make_intent(state=IntentState.DONE, remote_id=RemoteId("900"))
        with registries() as registry:
            registry.save(CONTOSO, [make_record(1), make_record(2)])
            registry.open_intent(make_intent())
            registry.close_intent(done)
            registry.save(CONTOSO, [linked_to(make_record(2), "900")])
            assert registry.load(CONTOSO).intents == (done,), "another account's link"
            registry.save(CONTOSO, [linked_to(make_record(1), "900")])
            assert registry.load(CONTOSO).intents == ()

    def test_an_intent_that_ends_after_its_link_was_saved_is_over(
        self, registries: Registries
    ) -> None:
        """When the record holds the link already, closing the intent settles it."""
        with registries() as registry:
            registry.open_intent(make_intent())
            registry.save(CONTOSO, [linked_to(make_record(1), "900")])
            registry.close_intent(make_intent(state=IntentState.DONE, remote_id=RemoteId("900")))
            assert registry.load(CONTOSO).intents == ()

    def test_a_settled_intent_does_not_come_back(self, registries: Registries) -> None:
        """When the link is dropped later, the old create is not taken for an unlinked one."""
        done = make_intent(state=IntentState.DONE, remote_id=RemoteId("900"))
        with registries() as registry:
            registry.open_intent(make_intent())
            registry.close_intent(done, linked_to(make_record(1), "900"))
            registry.save(CONTOSO, [linked_to(make_record(1), "901")])
            assert registry.load(CONTOSO).intents == ()

    def test_an_end_is_written_with_its_record(self, registries: Registries) -> None:
        """Closing an intent writes the record that it led to."""
        record = linked_to(make_record(1), "900")
        with registries() as registry:
            registry.open_intent(make_intent())
            done = make_intent(state=IntentState.DONE, remote_id=RemoteId("900"))
            registry.close_intent(done, record)
        with registries() as registry:
            assert registry.load(CONTOSO) == Known(records=(self.kept(record),))

    def test_an_open_job_is_known_to_the_next_process(self, registries: Registries) -> None:
        """A password job is loaded as it was last saved, with its sealed password."""
        further = make_job(state=JobState.NEEDS_PERSON, problem="Somebody must look.")
        with registries() as registry:
            registry.open_job(make_job())
            registry.open_job(make_job(2))
            registry.save_job(further)
        with registries() as registry:
            assert set(registry.load(CONTOSO).jobs) == {further, make_job(2)}
            assert registry.load(FABRIKAM).jobs == ()

    def test_an_account_has_one_open_job(self, registries: Registries) -> None:
        """A second job of an account waits for the end of the first; the first is not touched."""
        second = make_job(id="job-x", kind=JobKind.RESET, slot="")
        with registries() as registry:
            registry.open_job(make_job())
            with pytest.raises(ValueError, match=r"job-1 of account .* is still open"):
                registry.open_job(second)
            assert registry.load(CONTOSO).jobs == (make_job(),)
            registry.close_job(ended(make_job()))
            registry.open_job(second)
            assert registry.load(CONTOSO).jobs == (second,)

    def test_no_due_date_is_served_twice(self, registries: Registries) -> None:
        """A rotation that set a password is not begun again for its due date; one that did not is.

        What is known of the last rotation is not lost when later ones fail.
        """
        due, next_due = make_job(), make_job(id="job-n", slot="2026-04-01")
        with registries() as registry:
            registry.open_job(due)
            registry.close_job(ended(due))
            registry.open_job(next_due)
            registry.close_job(ended(next_due, JobState.REFUSED))
        with registries() as registry:
            with pytest.raises(ValueError, match="2026-03-01 took place already"):
                registry.open_job(replace(due, id="job-y"))
            registry.open_job(replace(next_due, id="job-z"))

    def test_the_end_of_a_job_drops_its_password(self, registries: Registries) -> None:
        """What stays of a job is its end; closing it twice, as after a crash, changes nothing."""
        done = ended(make_job())
        with registries() as registry:
            registry.open_job(make_job())
            registry.close_job(done)
            registry.close_job(done)
            known = registry.load(CONTOSO)
            assert (known.jobs, known.job_ends) == ((), (end_of(done),))
            with pytest.raises(ValueError, match="has ended already"):
                registry.open_job(make_job())

    def test_an_old_end_does_not_close_another_job(self, registries: Registries) -> None:
        """An end that is written late leaves the job that came after it alone."""
        done, later = ended(make_job()), make_job(id="job-2", kind=JobKind.RESET, slot="")
        with registries() as registry:
            registry.open_job(make_job())
            registry.close_job(done)
            registry.open_job(later)
            registry.close_job(done)
            assert registry.load(CONTOSO).jobs == (later,)

    def test_jobs_are_opened_saved_and_closed_in_order(self, registries: Registries) -> None:
        """What was not opened is not saved, what is over is not opened, what is open not closed."""
        with registries() as registry:
            with pytest.raises(ValueError, match="is not open"):
                registry.save_job(make_job())
            for write in (registry.open_job, registry.save_job):
                with pytest.raises(ValueError, match="is over"):
                    write(ended(make_job()))
            with pytest.raises(ValueError, match="is still open"):
                registry.close_job(make_job())
            assert registry.load(CONTOSO) == Known()

    @pytest.mark.parametrize("place", ["record", "candidate", "status", "mark", "job"])
    def test_a_secret_is_never_written(self, registries: Registries, place: str) -> None:
        """A secret in any place is refused, is not named, and nothing is written."""
        with registries() as registry:
            with pytest.raises(TypeError) as caught:
                write_secret(registry, place)
            assert "hunter2" not in repr(caught.value)
            assert registry.load(CONTOSO) == Known()


def make_job(number: int = 1, **changes: Any) -> PasswordJob:
    """Return an open job in which every field has a value."""
    target = Target(
        system=DirectoryKind.ACTIVE_DIRECTORY,
        account=account_id(number),
        proves_by=Proof.BIND,
        state=TargetState.ACCEPTED,
        baseline=NOW - timedelta(days=30),
        attempts=2,
        first_sent_at=NOW,
        sent_at=NOW,
        doubt_at=NOW,
        accepted_at=NOW,
        changed_at=NOW,
        proofs_left=1,
        wrong_proofs=1,
        disproved_at=NOW,
        proof=Proof.CHANGE_DATE,
        code="0000052D",
        failures=3,
        next_try_at=NOW,
        problem="It fell silent.",
        cause=Cause.DIRECTORY_UNREACHABLE,
    )
    job = PasswordJob(
        id=f"job-{number}",
        customer=CONTOSO,
        account=account_id(number),
        kind=JobKind.ROTATION,
        slot="2026-03-01",
        requested_by="schedule",
        reason="due",
        must_change=True,
        unlock=True,
        targets=(target,),
        vault=VaultTarget(
            place="it-glue/1",
            entry=RemoteId("42"),
            state=VaultState.SENT,
            attempts=1,
            cause=Cause.VAULT_DENIED,
        ),
        sealed="muster1.key.wrapped.value",
        opened_at=NOW,
        deadline=NOW + timedelta(days=3),
        problem="x",
        cause=Cause.OUTCOME_UNKNOWN,
    )
    return replace(job, **changes)


def ended(job: PasswordJob, state: JobState = JobState.CONFIRMED) -> PasswordJob:
    """Return a job as it ends."""
    if state in {JobState.REFUSED, JobState.FAILED}:
        refused = (replace(one, state=TargetState.REFUSED) for one in job.targets)
        job = replace(job, targets=tuple(refused))
    return replace(job, state=state, ended_at=NOW + timedelta(hours=1), sealed="")


def write_secret(registry: Registry, place: str) -> None:
    """Try to save a good record together with a secret in a place where text belongs."""
    secret: Any = Secret("hunter2-planted")
    good, bad = make_record(1), make_record(2)
    match place:
        case "record":
            bad = replace(bad, identity=replace(bad.identity, surname=secret))
            registry.save(CONTOSO, [good, bad])
        case "candidate":
            candidate = replace(bad.psa.candidates[0], detail=secret)
            bad = replace(bad, psa=replace(bad.psa, candidates=(candidate,)))
            registry.save(CONTOSO, [good, bad])
        case "status":
            registry.save(CONTOSO, [good], status={"findings": [{"message": secret}]})
        case "mark":
            registry.open_intent(make_intent(mark=secret))
        case "job":
            registry.open_job(make_job(sealed=secret))
