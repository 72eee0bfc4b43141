"""How accounts find their PSA contacts: by e-mail, and only if nobody has it, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.plan.world import (
    CUSTOMER,
    EVERYTHING,
    PSA,
    World,
    actions,
    contact,
    finding,
    link,
    override,
    person,
    pin,
    record,
    settings,
    user,
)

from muster.model.connections import Autotask, Integration, SecretRef
from muster.model.names import (
    AccountId,
    AccountType,
    Action,
    DriftRemediation,
    LinkState,
    MatchKey,
    Mode,
    NameFallback,
    RemoteId,
    Source,
    System,
)
from muster.model.reasons import Reason
from muster.model.records import ContactDraft, PsaContact
from muster.model.settings import Options, Origin, PsaOptions
from muster.plan.drift import contact_drift
from muster.plan.identity import identify

JOHN = person("John", "Smith")
MAIL = "john.smith@example.test"
ALONE = World(users=(JOHN,), policies=(settings(options=EVERYTHING),))
LINKED, AMBIGUOUS, CREATED = LinkState.LINKED, LinkState.AMBIGUOUS, LinkState.CREATED


def fallback(rule: NameFallback) -> World:
    """Return a world with one rule about names."""
    options = Options(psa=PsaOptions(create_when_missing=True, name_fallback=rule))
    return replace(ALONE, policies=(settings(options=options),))


@pytest.mark.parametrize(
    ("contacts", "state", "key"),
    [
        ((contact(1, "J S", MAIL),), LINKED, MatchKey.EMAIL),
        ((contact(1, "J S", " JOHN.Smith@EXAMPLE.test "),), LINKED, MatchKey.EMAIL),
        ((contact(1, "J S", "other@example.test", MAIL),), LINKED, MatchKey.EMAIL),
        ((contact(1, "J S", MAIL, MAIL.upper()),), LINKED, MatchKey.EMAIL),
        ((contact(1, "J S", MAIL), contact(2, "John Smith")), LINKED, MatchKey.EMAIL),
        ((contact(1, "J S", MAIL), contact(2, "J T", MAIL)), AMBIGUOUS, None),
        ((contact(1, "J", MAIL), contact(2, "J", MAIL), contact(3, "John Smith")), AMBIGUOUS, None),
        ((contact(1, "John Smith"),), LINKED, MatchKey.NAME),
        ((contact(1, "JOHN  smith".replace("  ", " ")),), LINKED, MatchKey.NAME),
        ((contact(1, "John Smith"), contact(2, "John Smith")), AMBIGUOUS, None),
        ((contact(1, "John Smythe"),), CREATED, None),
        ((contact(1, "John"),), CREATED, None),
        ((contact(1, "Јohn Smith"),), CREATED, None),
        ((contact(1, "J S", "john.smith@example.test.evil"),), CREATED, None),
        ((contact(1, "John Smith", active=False),), CREATED, None),
        ((contact(1, "J S", MAIL, active=False),), LinkState.UNUSABLE, None),
        ((contact(1, "J S", MAIL, active=False), contact(2, "J", MAIL)), LINKED, MatchKey.EMAIL),
        ((), CREATED, None),
    ],
)
def test_the_tiers(
    contacts: tuple[PsaContact, ...], state: LinkState, key: MatchKey | None
) -> None:
    """One row per case: a weaker tier counts only if the stronger one found nothing."""
    world = replace(ALONE, contacts=contacts)
    found = world.psa_link(JOHN)
    assert (found.state, found.key) == (state, key)
    assert (Action.CREATE in actions(world.plan(), System.PSA)) is (state is CREATED)


@pytest.mark.parametrize(
    ("rule", "other_mail", "no_mail"),
    [
        (NameFallback.ALWAYS, LINKED, LINKED),
        (NameFallback.UNLESS_EMAIL_DIFFERS, AMBIGUOUS, LINKED),
        (NameFallback.NEVER, CREATED, CREATED),
    ],
)
def test_father_and_son(rule: NameFallback, other_mail: LinkState, no_mail: LinkState) -> None:
    """A contact of the same name with another address is linked only if the policy insists."""
    world = fallback(rule)
    father = replace(world, contacts=(contact(1, "John Smith", "father@example.test"),))
    assert father.psa_link(JOHN).state is other_mail
    assert replace(world, contacts=(contact(1, "John Smith"),)).psa_link(JOHN).state is no_mail
    if other_mail is AMBIGUOUS:
        told = finding(father.plan(), Reason.EMAIL_DIFFERS)
        assert [one.id for one in told.candidates] == ["1"]


def test_an_account_without_an_address_matches_by_name_alone() -> None:
    """Nothing differs where there is nothing to compare."""
    mute = replace(JOHN, mail=None)
    world = replace(ALONE, users=(mute,), contacts=(contact(1, "John Smith", "x@example.test"),))
    assert world.psa_link(mute).key is MatchKey.NAME


def test_the_primary_address_stands_in() -> None:
    """Without a mail field the primary SMTP address is the account's e-mail."""
    exchange = replace(JOHN, mail=" ", primary_smtp=MAIL)
    world = replace(ALONE, users=(exchange,), contacts=(contact(1, "J", MAIL),))
    assert world.psa_link(exchange).key is MatchKey.EMAIL


def test_inactive_namesakes_are_shown_as_hints() -> None:
    """An inactive contact of the same name is shown to people and never linked."""
    never = replace(
        ALONE, policies=(settings(),), contacts=(contact(1, "John Smith", active=False),)
    )
    found = never.psa_link(JOHN)
    assert (found.state, found.id) == (LinkState.UNMATCHED, None)
    assert [one.evidence for one in found.candidates] == ["Name, inactive"]


def test_a_linked_contact_that_became_inactive() -> None:
    """It keeps its place, unusable, and nothing is created beside it."""
    world = replace(
        ALONE,
        contacts=(contact(1, "John Smith", MAIL, active=False),),
        records=(record(JOHN, psa=link(1, key=MatchKey.EMAIL)),),
    )
    assert (world.psa_link(JOHN).state, world.psa_link(JOHN).id) == (LinkState.UNUSABLE, "1")
    assert actions(world.plan(), System.PSA) == []


@pytest.mark.parametrize("gap", ["skipped", "lost", "unread", "inactive"])
@pytest.mark.parametrize("key", [MatchKey.CREATED, MatchKey.EMAIL])
def test_a_contact_that_muster_made_stays_its_own(gap: str, key: MatchKey) -> None:
    """After any gap it is Created again, so that its name is corrected; whatever key it had."""
    there = (contact(1, "Jon Smith", MAIL),)
    made = record(JOHN, psa=link(1, CREATED, key, Reason.CREATE_WHEN_MISSING))
    before = replace(ALONE, contacts=there, records=(made,)).applied()
    off = Options(psa=PsaOptions(match=False))
    during = {
        "skipped": replace(before, policies=(settings(options=off),)),
        "lost": replace(before, contacts=()),
        "unread": replace(before, unread=(Source.PSA,)),
        "inactive": replace(before, contacts=(replace(there[0], active=False),)),
    }[gap].applied()
    correct = replace(EVERYTHING, drift_remediation=DriftRemediation.CORRECT)
    after = replace(during, contacts=there, unread=(), policies=(settings(options=correct),))
    found = after.psa_link(JOHN)
    assert (found.state, found.key, found.id) == (CREATED, MatchKey.CREATED, "1")
    assert Action.UPDATE in actions(after.plan(), System.PSA)


def test_a_contact_that_muster_creates_is_known_as_its_own() -> None:
    """The key of a new contact says that Muster made it."""
    assert ALONE.applied().psa_link(JOHN).key is MatchKey.CREATED


def test_an_inactive_contact_cannot_be_pinned() -> None:
    """A pin on an inactive contact says that it is inactive."""
    world = replace(
        ALONE,
        contacts=(contact(1, "J", active=False),),
        overrides=(override(JOHN, psa=pin(1)),),
    )
    assert world.psa_link(JOHN).reason is Reason.OVERRIDE_INVALID
    assert "inactive" in world.psa_link(JOHN).message


ANNA = person("Anna", "Jones", mail=MAIL)


def test_two_accounts_with_one_address_are_a_conflict() -> None:
    """One contact cannot belong to both, and neither gets it."""
    world = replace(ALONE, users=(JOHN, ANNA), contacts=(contact(1, "J", MAIL),))
    assert world.psa_link(JOHN).state is world.psa_link(ANNA).state is LinkState.CONFLICT


def test_a_shared_address_creates_no_contact() -> None:
    """Where several accounts lack a contact under one address, none is created."""
    world = replace(ALONE, users=(JOHN, ANNA))
    for one in (JOHN, ANNA):
        found = world.psa_link(one)
        assert (found.state, found.reason) == (LinkState.CONFLICT, Reason.SHARED_MATCH)
    assert Action.CREATE not in actions(world.plan(), System.PSA)


@pytest.mark.parametrize("digit", ["0", "f"])
def test_the_stronger_tier_claims_first(digit: str) -> None:
    """Who has the address gets the contact; the namesake does not, whoever is looked at first."""
    own_id = AccountId(digit * 32)
    namesake = user("jsmith2", id=own_id, given_name="John", surname="Smith")
    world = replace(ALONE, users=(JOHN, namesake), contacts=(contact(1, "John Smith", MAIL),))
    assert world.psa_link(JOHN).id == "1"
    assert world.psa_link(namesake).state is LinkState.CONFLICT
    assert "jsmith@corp.example.test" in world.psa_link(namesake).message


def test_what_a_stronger_tier_left_open_is_not_settled_by_a_weaker() -> None:
    """One of two contacts with John's address is not given away to his namesake meanwhile."""
    namesake = user("jsmith2", given_name="John", surname="Smith")
    both = (contact(1, "John Smith", MAIL), contact(2, "J T", MAIL))
    world = replace(ALONE, users=(JOHN, namesake), contacts=both)
    assert world.psa_link(JOHN).state is AMBIGUOUS
    assert world.psa_link(namesake).state is LinkState.CONFLICT


def test_several_namesakes_with_other_addresses_are_one_question() -> None:
    """All of them are shown, whatever the policy says about the addresses."""
    both = (contact(1, "John Smith", "a@example.test"), contact(2, "John Smith", "b@example.test"))
    world = replace(fallback(NameFallback.UNLESS_EMAIL_DIFFERS), contacts=both)
    found = world.psa_link(JOHN)
    assert (found.state, found.reason) == (AMBIGUOUS, Reason.SEVERAL_MATCHES)
    assert [one.id for one in found.candidates] == ["1", "2"]


def test_half_a_name_is_no_name() -> None:
    """An account and a contact that both lack the surname have nothing in common by that."""
    world = replace(ALONE, users=(user("john", given_name="John"),), contacts=(contact(1, "John"),))
    assert world.psa_link(world.users[0]).state is LinkState.UNMATCHED


def test_what_is_created() -> None:
    """A new contact has given name, surname and address."""
    (change,) = [one for one in ALONE.plan().changes if one.system is System.PSA]
    assert change.draft == ContactDraft(given_name="John", surname="Smith", email=MAIL)
    assert change.target == MAIL
    assert change.because == "AutomaticImportPolicy/staff#/spec/options/psa/createWhenMissing"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"given_name": None, "surname": None, "display_name": "J Smith"}, ("J Smith", "")),
        ({"given_name": None, "surname": None, "display_name": None}, ("jsmith", "")),
        ({"given_name": None, "surname": "Smith", "display_name": "J Smith"}, ("J Smith", "")),
        ({"given_name": "J" * 40, "surname": "S" * 40}, ("J" * 30, "S" * 30)),
        ({"given_name": "Cher", "surname": None}, ("Cher", "")),
    ],
)
def test_names_of_a_new_contact(fields: dict[str, Any], names: tuple[str, str]) -> None:
    """A contact always has a given name, and names within ConnectWise's 30 characters."""
    who = user("jsmith", mail=MAIL, **fields)
    (change,) = [
        one for one in replace(ALONE, users=(who,)).plan().changes if one.system is System.PSA
    ]
    assert isinstance(change.draft, ContactDraft)
    assert (change.draft.given_name, change.draft.surname) == names


@pytest.mark.parametrize(
    ("world", "state", "reason"),
    [
        (
            replace(ALONE, users=(replace(JOHN, mail=None),)),
            LinkState.UNMATCHED,
            Reason.EMAIL_MISSING,
        ),
        (replace(ALONE, policies=(settings(),)), LinkState.UNMATCHED, Reason.NO_MATCH),
        (
            replace(ALONE, policies=(settings(options=EVERYTHING, mode=Mode.OBSERVE),)),
            LinkState.HELD,
            Reason.OBSERVE_ONLY,
        ),
        (replace(ALONE, psa=replace(PSA, suspend=True)), LinkState.HELD, Reason.SUSPENDED),
        (replace(ALONE, unread=(Source.PSA,)), LinkState.UNKNOWN, Reason.SOURCE_INCOMPLETE),
        (replace(ALONE, customer=replace(CUSTOMER, psa=None)), LinkState.SKIPPED, Reason.NO_PSA),
        (
            replace(ALONE, policies=(settings(options=Options(psa=PsaOptions(match=False))),)),
            LinkState.SKIPPED,
            Reason.MATCHING_OFF,
        ),
    ],
)
def test_why_no_contact_is_created(world: World, state: LinkState, reason: Reason) -> None:
    """One row per hold."""
    found = world.psa_link(JOHN)
    assert (found.state, found.reason) == (state, reason)
    assert Action.CREATE not in actions(world.plan(), System.PSA)


def test_administrators_have_no_contacts() -> None:
    """The PSA is for end users; administrators are skipped."""
    boss = person("Big", "Boss", place="OU=Admins")
    policy = settings(AccountType.ADMINISTRATOR, options=EVERYTHING)
    world = World(users=(boss,), policies=(policy,))
    assert world.psa_link(boss).reason is Reason.MATCHING_OFF
    assert world.vault_link(boss).state is CREATED


AUTOTASK = Integration(
    name="autotask",
    product=Autotask(
        user_name="api@msp.example",
        secret=SecretRef(name="a", key="s"),
        integration_code=SecretRef(name="a", key="c"),
    ),
)
LONG = person("Maximiliana-Friederike", "Mlee-Featherstonehaugh")


def test_autotask_is_matched_on_the_names_that_it_can_hold() -> None:
    """Autotask cuts names at 20 letters; the cut form is found, and is no drift that never ends."""
    cut = PsaContact(
        id=RemoteId("1"),
        given_name="Maximiliana-Friederike"[:20],
        surname="Mlee-Featherstonehaugh"[:20],
    )
    world = replace(ALONE, users=(LONG,), contacts=(cut,), psa=AUTOTASK)
    assert world.record_of(LONG).psa.state is LINKED
    assert replace(world, psa=PSA).record_of(LONG).psa.state is not LINKED
    created = replace(world.record_of(LONG).psa, state=CREATED)
    mine = identify(replace(LONG, mail=None), None)
    assert contact_drift(mine, created, cut, Origin(kind="AutomaticImportPolicy", name="x")) == ()
