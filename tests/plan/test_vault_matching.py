"""How accounts find their password entries, and when one is created."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.world import (
    AD_CATEGORY,
    CUSTOMER,
    EVERYTHING,
    NOW,
    VAULT,
    World,
    actions,
    entry,
    finding,
    intent,
    link,
    override,
    person,
    pin,
    record,
    settings,
    user,
)

from muster.model.accounts import IntentState
from muster.model.names import (
    Action,
    LinkState,
    MatchKey,
    Mode,
    RemoteId,
    Source,
    System,
    Uncategorized,
)
from muster.model.reasons import Reason
from muster.model.records import EntryDraft, VaultCategory, VaultEntry
from muster.model.settings import Options, VaultOptions

JOHN = person("John", "Smith")
CREATES = settings(options=EVERYTHING)
ALONE = World(users=(JOHN,), policies=(CREATES,))
MARK = f"contoso/{JOHN.id}"


def uncategorized(rule: Uncategorized, *, create: bool = True) -> World:
    """Return a world with one rule about entries without a category."""
    options = Options(vault=VaultOptions(create_when_missing=create, uncategorized=rule))
    return replace(ALONE, policies=(settings(options=options),))


@pytest.mark.parametrize(
    ("username", "key"),
    [
        ("jsmith", MatchKey.SAM_ACCOUNT_NAME),
        ("JSmith", MatchKey.SAM_ACCOUNT_NAME),
        ("  jsmith ", MatchKey.SAM_ACCOUNT_NAME),
        ("ｊｓｍｉｔｈ", MatchKey.SAM_ACCOUNT_NAME),
        ("jsmith@CORP.example.test", MatchKey.USER_PRINCIPAL_NAME),
        ("CORP\\jsmith", MatchKey.DOMAIN_ACCOUNT_NAME),
        ("corp\\JSMITH", MatchKey.DOMAIN_ACCOUNT_NAME),
    ],
)
@pytest.mark.parametrize("category", ["Active Directory", " active directory"])
def test_every_form_of_the_username(username: str, key: MatchKey, category: str) -> None:
    """Each documented form links, in the category of Active Directory."""
    found = replace(ALONE, entries=(entry(1, username, category),)).vault_link(JOHN)
    assert (found.state, found.reason, found.id) == (LinkState.LINKED, Reason.MATCHED, "1")
    assert (found.key, found.name) == (key, "entry 1")


@pytest.mark.parametrize(
    "username",
    [
        "jsmiths",
        "john smith",
        "jsmith@other.test",
        "corp.example.test\\jsmith",
        "OTHER\\jsmith",
        "јsmith",
        "j\u200bsmith",
        "",
        None,
    ],
)
def test_no_other_username(username: str | None) -> None:
    """Whatever is not one of the forms is no match; look-alikes never link."""
    world = replace(ALONE, entries=(entry(1, username),))
    assert world.vault_link(JOHN).state is LinkState.CREATED


@pytest.mark.parametrize("category", ["Office 365", "Azure AD", "Local Account", "Whatever"])
def test_another_category_is_no_candidate(category: str) -> None:
    """An entry of another source is left alone, and a new one is created beside it."""
    world = replace(ALONE, entries=(entry(1, "jsmith", category),))
    assert world.vault_link(JOHN).state is LinkState.CREATED


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        (Uncategorized.HOLD, LinkState.UNCATEGORIZED_CANDIDATE),
        (Uncategorized.MATCH, LinkState.LINKED),
        (Uncategorized.CREATE_NEW, LinkState.CREATED),
    ],
)
def test_an_entry_without_a_category(rule: Uncategorized, state: LinkState) -> None:
    """The policy says what it means; held by default, with the candidate shown."""
    world = replace(uncategorized(rule), entries=(entry(1, "jsmith", None),))
    found = world.vault_link(JOHN)
    assert found.state is state
    if state is LinkState.UNCATEGORIZED_CANDIDATE:
        assert [one.id for one in found.candidates] == ["1"]
        assert finding(world.plan(), Reason.WITHOUT_CATEGORY).candidates == found.candidates


def test_a_categorized_entry_is_preferred_to_a_bare_one() -> None:
    """An entry without a category matters only when there is none with it."""
    bare = (entry(1, "jsmith", None), entry(2, "CORP\\jsmith"))
    for rule in Uncategorized:
        assert replace(uncategorized(rule), entries=bare).vault_link(JOHN).id == "2"


@pytest.mark.parametrize(
    ("unusable", "why"),
    [
        (entry(1, "jsmith", host_proof=True), "host-proof"),
        (entry(1, "jsmith", personal=True), "personal"),
        (entry(1, "jsmith", embedded=True), "embedded"),
        (entry(1, "jsmith", None, personal=True), "personal"),
    ],
)
def test_an_unusable_entry_is_not_duplicated(unusable: VaultEntry, why: str) -> None:
    """It is never linked, and nothing is created beside it without a decision."""
    world = replace(ALONE, entries=(unusable,))
    found = world.vault_link(JOHN)
    assert (found.state, found.reason) == (LinkState.UNUSABLE, Reason.NOT_USABLE)
    assert why in found.candidates[0].evidence
    assert Action.CREATE not in actions(world.plan(), System.VAULT)


def test_a_usable_entry_beside_an_unusable_one() -> None:
    """An unusable entry does not hold up a good match."""
    entries = (entry(1, "jsmith", host_proof=True), entry(2, "jsmith"))
    assert replace(ALONE, entries=entries).vault_link(JOHN).id == "2"


def test_two_forms_are_ambiguous() -> None:
    """The keys count alike: two entries by two keys are a question for a person."""
    world = replace(ALONE, entries=(entry(10, "CORP\\jsmith"), entry(9, "jsmith")))
    found = world.vault_link(JOHN)
    assert (found.state, found.reason) == (LinkState.AMBIGUOUS, Reason.SEVERAL_MATCHES)
    assert [one.id for one in found.candidates] == ["9", "10"]
    assert [one.evidence for one in found.candidates] == ["SamAccountName", "DomainAccountName"]
    assert actions(world.plan(), System.VAULT) == []


def test_our_own_mark_is_the_strongest() -> None:
    """An entry that carries the account's mark is its own, whatever else matches."""
    world = replace(ALONE, entries=(entry(1, "renamed", None, mark=MARK), entry(2, "jsmith")))
    found = world.vault_link(JOHN)
    assert (found.state, found.id, found.key) == (LinkState.CREATED, "1", MatchKey.MARK)
    other = replace(ALONE, entries=(entry(1, "renamed", mark="fabrikam/1"),))
    assert other.vault_link(JOHN).id is None


@pytest.mark.parametrize("mark", [f"fabrikam/{JOHN.id}", "contoso/1", "contoso-old/1"])
@pytest.mark.parametrize("category", ["Active Directory", None])
@pytest.mark.parametrize("rule", Uncategorized)
def test_another_accounts_mark_is_no_match(
    mark: str, category: str | None, rule: Uncategorized
) -> None:
    """What is marked for somebody else is not linked by username, and nothing is made beside it."""
    world = replace(uncategorized(rule), entries=(entry(1, "jsmith", category, mark=mark),))
    found = world.vault_link(JOHN)
    assert (found.state, found.reason) == (LinkState.CONFLICT, Reason.SHARED_MATCH)
    assert [one.id for one in found.candidates] == ["1"]
    assert actions(world.plan(), System.VAULT) == []
    told = finding(world.plan(), Reason.SHARED_MATCH).message
    assert mark in told
    assert "pin it" in told
    pinned = replace(world, overrides=(override(JOHN, vault=pin(1)),))
    assert pinned.vault_link(JOHN).state is LinkState.LINKED_BY_OVERRIDE
    unmarked = replace(world, entries=(*world.entries, entry(2, "jsmith")))
    assert unmarked.vault_link(JOHN).id == "2"


def test_another_accounts_mark_in_another_category_is_not_in_the_way() -> None:
    """An entry of another source stays no candidate, marked or not."""
    world = replace(ALONE, entries=(entry(1, "jsmith", "Office 365", mark="contoso/1"),))
    assert world.vault_link(JOHN).state is LinkState.CREATED


def test_our_own_entry_that_became_unusable_is_not_made_again() -> None:
    """Known by its mark alone, after the registry was lost, it still stands in the way."""
    world = replace(ALONE, entries=(entry(1, "renamed", personal=True, mark=MARK),))
    assert world.vault_link(JOHN).state is LinkState.UNUSABLE
    assert actions(world.plan(), System.VAULT) == []


def test_an_entry_that_a_person_made_during_our_create_is_theirs() -> None:
    """Without the mark it is linked by its username, and not taken for ours."""
    world = replace(ALONE, entries=(entry(1, "jsmith"),), intents=(HELD_INTENT,))
    assert world.vault_link(JOHN).state is LinkState.LINKED


def test_a_copied_mark_is_ambiguous() -> None:
    """An entry that was copied, mark and all, is not guessed between."""
    world = replace(ALONE, entries=(entry(1, "a", mark=MARK), entry(2, "b", mark=MARK)))
    assert world.vault_link(JOHN).state is LinkState.AMBIGUOUS


def test_a_link_is_sticky() -> None:
    """A link stays by id, whatever the entry is called now and whatever else matches."""
    world = replace(
        ALONE,
        entries=(entry(1, "renamed", "Office 365"), entry(2, "jsmith")),
        records=(record(JOHN, vault=link(1)),),
    )
    assert world.vault_link(JOHN).id == "1"
    assert actions(world.plan(), System.VAULT) == []


@pytest.mark.parametrize("create", [True, False])
def test_a_lost_record_is_not_made_again(create: bool) -> None:
    """A linked entry that is gone is told; its id is kept, and nothing is created."""
    policy = settings(options=Options(vault=VaultOptions(create_when_missing=create)))
    world = replace(ALONE, policies=(policy,), records=(record(JOHN, vault=link(1)),))
    lost = world.vault_link(JOHN)
    assert (lost.state, lost.reason, lost.id) == (LinkState.MATCH_LOST, Reason.RECORD_GONE, "1")
    assert actions(world.plan(), System.VAULT) == []
    found = replace(world.applied(), entries=(entry(1, "jsmith"),))
    assert found.vault_link(JOHN).state is LinkState.LINKED


def test_a_lost_record_finds_another() -> None:
    """Another entry that matches takes the place of one that is gone: a re-link."""
    world = replace(ALONE, entries=(entry(2, "jsmith"),), records=(record(JOHN, vault=link(1)),))
    assert world.vault_link(JOHN).id == "2"
    assert actions(world.plan(), System.VAULT) == [Action.RELINK]


def test_a_linked_entry_that_became_unusable() -> None:
    """It keeps its place, unusable, until a person decides."""
    world = replace(
        ALONE,
        entries=(entry(1, "jsmith", host_proof=True), entry(2, "jsmith")),
        records=(record(JOHN, vault=link(1)),),
    )
    assert (world.vault_link(JOHN).state, world.vault_link(JOHN).id) == (LinkState.UNUSABLE, "1")


def test_what_is_created() -> None:
    """A new entry has name, username, category and mark, and no password."""
    (change,) = [one for one in ALONE.plan().changes if one.system is System.VAULT]
    assert change.draft == EntryDraft(
        name="John Smith (Active Directory)", username="jsmith", category=AD_CATEGORY, mark=MARK
    )
    assert change.because == "AutomaticImportPolicy/staff#/spec/options/vault/createWhenMissing"


HELD_INTENT = intent(JOHN, opened_at=NOW - timedelta(minutes=1))


@pytest.mark.parametrize(
    ("world", "state", "reason"),
    [
        (replace(ALONE, policies=(settings(),)), LinkState.UNMATCHED, Reason.NO_MATCH),
        (
            replace(ALONE, policies=(replace(CREATES, mode=Mode.OBSERVE),)),
            LinkState.HELD,
            Reason.OBSERVE_ONLY,
        ),
        (
            replace(ALONE, vault=replace(VAULT, suspend=True)),
            LinkState.HELD,
            Reason.SUSPENDED,
        ),
        (replace(ALONE, categories=()), LinkState.UNMATCHED, Reason.CATEGORY_MISSING),
        (
            replace(ALONE, categories=(VaultCategory(id=RemoteId("1"), name="Office 365"),)),
            LinkState.UNMATCHED,
            Reason.CATEGORY_MISSING,
        ),
        (replace(ALONE, intents=(HELD_INTENT,)), LinkState.HELD, Reason.UNSETTLED_CREATE),
        (
            replace(ALONE, intents=(intent(JOHN, opened_at=NOW - timedelta(minutes=3)),)),
            LinkState.CREATED,
            Reason.CREATE_WHEN_MISSING,
        ),
        (
            replace(ALONE, intents=(replace(HELD_INTENT, state=IntentState.FAILED),)),
            LinkState.CREATED,
            Reason.CREATE_WHEN_MISSING,
        ),
        (
            replace(ALONE, unread=(Source.VAULT,)),
            LinkState.UNKNOWN,
            Reason.SOURCE_INCOMPLETE,
        ),
        (
            replace(ALONE, customer=replace(CUSTOMER, vault=None)),
            LinkState.SKIPPED,
            Reason.NO_VAULT,
        ),
        (
            replace(ALONE, policies=(settings(options=Options(vault=VaultOptions(match=False))),)),
            LinkState.SKIPPED,
            Reason.MATCHING_OFF,
        ),
    ],
)
def test_why_nothing_is_created(world: World, state: LinkState, reason: Reason) -> None:
    """One row per hold: how the link stands, and that the plan holds a create only if so."""
    found = world.vault_link(JOHN)
    assert (found.state, found.reason) == (state, reason)
    creates = Action.CREATE in actions(world.plan(), System.VAULT)
    assert creates is (state is LinkState.CREATED)


@pytest.mark.parametrize("suspended", ["customer", "policy"])
def test_suspended_means_that_nothing_changes(suspended: str) -> None:
    """Under suspension the plan is empty; what would be done is still shown."""
    world = replace(ALONE, customer=replace(CUSTOMER, suspend=True))
    if suspended == "policy":
        world = replace(ALONE, policies=(replace(CREATES, suspend=True),))
    plan = world.plan()
    assert (plan.changes, plan.records) == ((), ())
    assert plan.counts.vault.skipped == 1
    held = [one for one in plan.findings if one.system is System.VAULT]
    assert [one.reason for one in held] == [Reason.SUSPENDED]


@pytest.mark.parametrize("state", [IntentState.OPEN, IntentState.DONE])
def test_what_a_crash_left_behind_is_found(state: IntentState) -> None:
    """An entry that was created before a crash is linked as created, not made again."""
    remote = RemoteId("1") if state is IntentState.DONE else None
    world = replace(
        ALONE,
        entries=(entry(1, "jsmith", mark=MARK),),
        intents=(intent(JOHN, state=state, remote_id=remote),),
    )
    assert (world.vault_link(JOHN).state, world.vault_link(JOHN).id) == (LinkState.CREATED, "1")
    assert Action.CREATE not in actions(world.plan(), System.VAULT)


def test_an_account_without_a_upn() -> None:
    """An old account without a UPN is matched by its other forms."""
    old = user("jsmith", upn=None)
    world = replace(ALONE, users=(old,), entries=(entry(1, "CORP\\jsmith"),))
    assert world.vault_link(old).id == "1"
