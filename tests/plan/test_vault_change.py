"""A customer whose vault, PSA or tenant is another one in git: how large it is, seen first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.world import (
    CUSTOMER,
    NOW,
    World,
    actions,
    contact,
    entry,
    finding,
    intent,
    override,
    person,
    pin,
    reasons,
    record,
    settings,
    user,
)

from muster.model.accounts import IntentState
from muster.model.names import Action, LinkState, RemoteId, Source, System
from muster.model.plans import Approved, Refused
from muster.model.reasons import Reason
from muster.model.settings import (
    Approval,
    Options,
    PsaRef,
    VaultOptions,
    VaultRef,
)

PEOPLE = tuple(user(f"user{number:02}", mail=f"u{number}@example.test") for number in range(20))
OLD = World(
    users=PEOPLE,
    entries=tuple(entry(100 + n, one.sam) for n, one in enumerate(PEOPLE)),
    contacts=tuple(contact(200 + n, "", one.mail or "") for n, one in enumerate(PEOPLE)),
).applied()
HUDU = replace(CUSTOMER, vault=VaultRef(integration="hudu", organization_id=RemoteId("14")))
NEW = replace(
    OLD,
    customer=HUDU,
    # The same numbers are other records in another vault.
    entries=tuple(entry(100 + n, one.sam) for n, one in enumerate(reversed(PEOPLE[2:]))),
)


def test_the_size_is_shown() -> None:
    """One sentence says from where to where, and how many links are found again."""
    said = finding(NEW.plan(), Reason.PLACE_CHANGED)
    assert said.system is System.VAULT
    assert said.message == (
        "vault changes from itglue/100 to hudu/14: 18 of 20 links found again, 2 unmatched."
    )
    assert actions(NEW.plan()) == [Action.RELINK] * 20


def test_equal_numbers_in_another_vault_are_other_records() -> None:
    """No link is kept because its id exists in the new vault too."""
    assert NEW.vault_link(PEOPLE[2]).id == "117"
    assert NEW.vault_link(PEOPLE[0]).id is None


def test_a_large_change_needs_an_approval_and_says_why() -> None:
    """The limit on re-links refuses it and says where the records went; one commit approves."""
    verdict = NEW.verdict()
    assert isinstance(verdict, Refused)
    (refusal,) = verdict.refusals
    assert "20 changes of kind relink exceed the limit of 2." in refusal.message
    assert "The vault changes from itglue/100 to hudu/14: 18 of 20" in refusal.message
    assert verdict.plan.digest in refusal.message
    approval = Approval(
        plan=verdict.plan.digest, until=NOW.replace(year=2027), reason="moving to Hudu"
    )
    approved = replace(NEW, customer=replace(HUDU, approvals=(approval,)))
    assert isinstance(approved.verdict(), Approved)
    after = approved.applied()
    assert after.plan().changes == ()
    assert {one.vault.place for one in after.records if one.vault.id} == {"hudu/14"}
    assert Reason.PLACE_CHANGED not in reasons(after.plan().findings)
    assert after.applied().plan().records == ()


def test_what_is_missing_there_is_created_in_the_same_step() -> None:
    """Under `createWhenMissing` the size says so, and both limits say what it is about."""
    policy = settings(options=Options(vault=VaultOptions(create_when_missing=True)))
    world = replace(NEW, policies=(policy,), entries=())
    assert "0 of 20 links found again, 20 to be created" in (
        finding(world.plan(), Reason.PLACE_CHANGED).message
    )
    verdict = world.verdict()
    assert isinstance(verdict, Refused)
    assert any("kind create" in one.message for one in verdict.refusals)
    assert "vault changes from" in verdict.refusals[0].message


def test_an_unread_new_vault_changes_nothing() -> None:
    """Until the new vault answers, every link stays what it was."""
    world = replace(NEW, unread=(Source.VAULT,))
    assert world.plan().changes == ()
    assert world.plan().records == ()
    assert Reason.PLACE_CHANGED not in reasons(world.plan().findings)


def test_a_change_back_finds_everything_again() -> None:
    """Nothing outside was touched, so the old vault is as it was."""
    there = replace(NEW, records=NEW.applied().records, customer=HUDU)
    back = replace(there, customer=CUSTOMER, entries=OLD.entries)
    said = finding(back.plan(), Reason.PLACE_CHANGED).message
    assert said == "vault changes from hudu/14 to itglue/100: 18 of 18 links found again."
    assert {back.vault_link(one).id for one in PEOPLE} == {f"{100 + n}" for n in range(20)}


def test_another_psa_is_shown_alike() -> None:
    """A company in another PSA is a re-match of every contact."""
    psa = PsaRef(integration="halo", company_id=RemoteId("77"))
    moved = replace(OLD, customer=replace(CUSTOMER, psa=psa), contacts=OLD.contacts[:5])
    said = finding(moved.plan(), Reason.PLACE_CHANGED)
    assert said.message == (
        "PSA changes from connectwise/200 to halo/77: 5 of 20 links found again, 15 unmatched."
    )
    assert moved.psa_link(PEOPLE[19]).state is LinkState.UNMATCHED
    assert isinstance(moved.verdict(), Refused)


OPENED = {"opened_at": NOW - timedelta(hours=1), "place": "connectwise/200"}
HALO = replace(CUSTOMER, psa=PsaRef(integration="halo", company_id=RemoteId("7")))
JOHN = person("John", "Smith")


@pytest.mark.parametrize("there", [True, False])
def test_an_open_create_says_nothing_about_another_psa(*, there: bool) -> None:
    """A contact that people made there is theirs, so that its names are not corrected."""
    world = World(
        users=(JOHN,),
        records=(record(JOHN),),
        intents=(intent(JOHN, System.PSA, **OPENED),),
        contacts=(contact(55, "Johnny Smith", JOHN.mail or ""),),
        customer=HALO if there else CUSTOMER,
    )
    assert world.psa_link(JOHN).state is (LinkState.LINKED if there else LinkState.CREATED)


@pytest.mark.parametrize("there", [True, False])
def test_what_was_created_elsewhere_is_another_record_here(*, there: bool) -> None:
    """The id of a done create in the old PSA may be a stranger's in the new one."""
    done = {**OPENED, "state": IntentState.DONE, "remote_id": RemoteId("55")}
    world = World(
        users=(JOHN,),
        records=(record(JOHN),),
        intents=(intent(JOHN, System.PSA, **done),),
        contacts=(contact(55, "Other Person", "other@example.test"),),
        customer=HALO if there else CUSTOMER,
    )
    assert world.psa_link(JOHN).id == (None if there else "55")


def test_a_create_begun_elsewhere_holds_nothing_back() -> None:
    """In the new vault there is nothing to wait for."""
    begun = intent(JOHN, opened_at=NOW, place="itglue/100")
    creating = settings(options=Options(vault=VaultOptions(create_when_missing=True)))
    world = World(users=(JOHN,), records=(record(JOHN),), intents=(begun,), policies=(creating,))
    assert world.vault_link(JOHN).state is LinkState.HELD
    assert replace(world, customer=HUDU).vault_link(JOHN).state is LinkState.CREATED


def test_a_pin_does_not_follow_to_another_psa() -> None:
    """The number is a stranger's there; it is asked for anew until the override names another."""
    told = override(JOHN, psa=pin(55))
    stranger = contact(55, "Other Person", "other@example.test")
    old = World(users=(JOHN,), contacts=(contact(55, "John S"),), overrides=(told,)).applied()
    assert old.psa_link(JOHN).state is LinkState.LINKED_BY_OVERRIDE
    moved = replace(old, customer=HALO, contacts=(stranger, contact(56, "Johnny S")))
    for world in (moved, moved.applied()):
        link = world.psa_link(JOHN)
        assert (link.state, link.reason) == (LinkState.UNMATCHED, Reason.OVERRIDE_INVALID)
        assert "pins 55, a record of connectwise/200. Name" in link.message
    assert actions(moved.applied().plan()) == []
    again = replace(moved.applied(), overrides=(override(JOHN, psa=pin(56)),))
    assert again.psa_link(JOHN).id == "56"
    back = replace(moved.applied(), customer=CUSTOMER, contacts=old.contacts)
    assert back.psa_link(JOHN).state is LinkState.LINKED_BY_OVERRIDE
