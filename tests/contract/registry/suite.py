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
from muster.model.names import (
    AccountId,
    AccountType,
    Action,
    CustomerName,
    DecisionState,
    LinkState,
    MatchKey,
    RemoteId,
    Source,
    System,
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

    @pytest.mark.parametrize("place", ["record", "candidate", "status", "mark"])
    def test_a_secret_is_never_written(self, registries: Registries, place: str) -> None:
        """A secret in any place is refused, is not named, and nothing is written."""
        with registries() as registry:
            with pytest.raises(TypeError) as caught:
                write_secret(registry, place)
            assert "hunter2" not in repr(caught.value)
            assert registry.load(CONTOSO) == Known()


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
