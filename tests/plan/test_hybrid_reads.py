"""Two directories in one plan: what follows when one of them could not be read whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan.world import (
    AD_CATEGORY,
    EVERYTHING,
    HYBRID_CUSTOMER,
    IGNORE,
    MICROSOFT_365,
    NOW,
    World,
    actions,
    cloud,
    contact,
    entry,
    finding,
    forbid,
    link,
    override,
    person,
    pin,
    reasons,
    record,
    role,
    settings,
    synced,
    user,
)

from muster.model.accounts import Known
from muster.model.names import (
    AccountType,
    Action,
    DirectoryKind,
    LinkState,
    MatchKey,
    Source,
    System,
    Uncategorized,
)
from muster.model.plans import Approved, Outcome, Refused
from muster.model.reasons import Reason
from muster.model.settings import Options, SelectEntra, VaultOptions
from muster.report.status import report

JOHN = person("John", "Smith")
ANNA = person("Anna", "Jones")
BOSS, DEPUTY = cloud("boss"), cloud("deputy")
ADMINISTRATORS = settings(
    AccountType.ADMINISTRATOR,
    select=SelectEntra(roles=("Global Administrator",)),
    options=Options(vault=VaultOptions(create_when_missing=True)),
)
BOTH = World(
    users=(JOHN, ANNA),
    cloud=(BOSS, synced(JOHN)),
    roles=(role("Global Administrator", BOSS),),
    customer=HYBRID_CUSTOMER,
    categories=(AD_CATEGORY, MICROSOFT_365),
    policies=(settings(options=EVERYTHING), ADMINISTRATORS),
)
SETTLED = BOTH.applied()


def test_both_directories_make_one_plan() -> None:
    """Accounts of both are imported, the counts add up, and then nothing is left to do."""
    plan = BOTH.plan()
    assert plan.counts.selected == 3
    assert plan.counts.add_up
    assert dict(plan.sizes) == {
        Source.DIRECTORY: 2,
        Source.ENTRA: 2,
        Source.VAULT: 0,
        Source.PSA: 0,
    }
    assert SETTLED.plan().changes == ()
    assert SETTLED.applied().plan().records == ()


@pytest.mark.parametrize("source", [Source.DIRECTORY, Source.ENTRA])
def test_accounts_of_an_unread_directory_stay_and_the_others_go_on(source: Source) -> None:
    """Nobody there is released, created for or corrected; a new account of the other is."""
    newcomer = user("newcomer")
    world = replace(
        SETTLED,
        unread=(source,),
        users=(newcomer,),
        cloud=(DEPUTY,),
        roles=(role("Global Administrator", DEPUTY),),
        entries=tuple(replace(one, name="renamed") for one in SETTLED.entries),
    )
    plan = world.plan()
    kind = DirectoryKind.ACTIVE_DIRECTORY if source is Source.DIRECTORY else DirectoryKind.ENTRA
    there = {one.identity.id for one in SETTLED.records if one.identity.source is kind}
    assert there
    assert not there & {change.account for change in plan.changes}
    assert not there & {one.identity.id for one in plan.records}
    other = DEPUTY if source is Source.DIRECTORY else newcomer
    assert {one.action for one in plan.changes if one.account == other.id} >= {Action.IMPORT}
    assert Action.RELEASE in actions(plan)
    assert plan.counts.add_up
    assert not plan.complete
    assert Reason.SOURCE_INCOMPLETE in reasons(plan.findings)
    assert source not in dict(plan.sizes)


@pytest.mark.parametrize("unread", [(Source.DIRECTORY,), (Source.ENTRA,)])
def test_an_outage_changes_no_number(unread: tuple[Source, ...]) -> None:
    """Whoever was selected still counts, and the status says what stayed."""
    world = replace(SETTLED, unread=unread)
    plan = world.plan()
    assert plan.changes == ()
    assert plan.records == ()
    assert plan.counts == SETTLED.plan().counts
    status = report(Approved(plan), Outcome(), world.desired, Known(), NOW)
    name = "Active Directory" if unread == (Source.DIRECTORY,) else "Entra"
    ready = status["conditions"][0]
    assert ready["status"] == "False"
    assert ready["message"].endswith(f"Accounts of {name} stay as they were; the others go on.")
    assert status["directory"] == "AD+Entra"
    assert status["accounts"] == 3


def test_without_any_directory_there_is_no_plan() -> None:
    """When both are unread, nothing is decided and every record stays."""
    plan = replace(SETTLED, unread=(Source.DIRECTORY, Source.ENTRA)).plan()
    assert (plan.changes, plan.records, plan.decisions, plan.complete) == ((), (), (), False)


def test_nobody_takes_the_record_of_an_account_that_is_not_seen() -> None:
    """The link of an unread directory's account holds its claim against a fresh match."""
    world = replace(
        BOTH,
        entries=(entry(1, ANNA.sam),),
        records=(record(BOSS, account_type=AccountType.ADMINISTRATOR, vault=link(1)),),
        unread=(Source.ENTRA,),
    )
    found = world.vault_link(ANNA)
    assert (found.state, found.reason) == (LinkState.CONFLICT, Reason.SHARED_MATCH)
    assert world.vault_link(BOSS).id == "1"


def test_not_even_a_persons_decision_moves_what_is_not_seen() -> None:
    """A record that was taken from, or pinned to, an unread account is nobody else's till then."""
    boss = record(BOSS, account_type=AccountType.ADMINISTRATOR, vault=link(1))
    world = replace(BOTH, entries=(entry(1, ANNA.sam), entry(2, JOHN.sam)), unread=(Source.ENTRA,))
    for away in (forbid(1), IGNORE):
        taken = replace(world, records=(boss,), overrides=(override(BOSS, vault=away),))
        assert taken.vault_link(ANNA).state is LinkState.CONFLICT
    free = replace(boss, vault=link(None, LinkState.UNMATCHED, None, Reason.NO_MATCH))
    pinned = replace(world, records=(free,), overrides=(override(BOSS, vault=pin(2)),))
    assert pinned.vault_link(JOHN).state is LinkState.CONFLICT
    assert pinned.record_of(BOSS) == free


def test_a_conflict_is_not_settled_by_an_outage() -> None:
    """Two accounts that match one record stay a conflict while one of them is not seen."""
    loose = Options(vault=VaultOptions(uncategorized=Uncategorized.MATCH))
    twin = cloud("twin", upn=ANNA.upn)
    world = replace(
        BOTH,
        cloud=(twin,),
        roles=(role("Global Administrator", twin),),
        entries=(entry(1, ANNA.upn, None),),
        policies=(settings(options=loose), replace(ADMINISTRATORS, options=loose)),
    ).applied()
    assert {world.vault_link(one).state for one in (ANNA, twin)} == {LinkState.CONFLICT}
    for unread, seen in ((Source.ENTRA, ANNA), (Source.DIRECTORY, twin)):
        dark = replace(world, unread=(unread,))
        assert dark.vault_link(seen).state is LinkState.CONFLICT
        assert dark.plan().changes == ()


def test_an_address_that_an_unseen_account_shares_creates_no_contact() -> None:
    """Who would share a contact in the light shares it in the dark."""
    alike = cloud("alike", mail=ANNA.mail)
    world = World(
        users=(ANNA,),
        cloud=(alike,),
        customer=HYBRID_CUSTOMER,
        policies=(settings(options=EVERYTHING),),
        records=(
            record(
                alike,
                imported_with=replace(record(alike).imported_with, options=EVERYTHING),
            ),
        ),
        unread=(Source.ENTRA,),
    )
    assert world.psa_link(ANNA).state is LinkState.CONFLICT
    assert Action.CREATE not in actions(world.plan(), System.PSA)


def test_a_pair_holds_while_entra_is_unread() -> None:
    """The pair, its user and its e-mail stay; a new account has an unknown pair."""
    newcomer = user("newcomer")
    dark = replace(SETTLED, unread=(Source.ENTRA,), users=(JOHN, ANNA, newcomer))
    assert dark.record_of(JOHN) == SETTLED.record_of(JOHN)
    assert dark.record_of(JOHN).pair.key is MatchKey.IMMUTABLE_ID
    assert dark.pair_link(newcomer).state is LinkState.UNKNOWN
    assert dark.plan().counts.pair.failed == 1
    assert dark.plan().counts.add_up


def test_an_entra_that_shrank_is_refused() -> None:
    """A tenant that shows nobody, or much fewer, releases nobody and breaks no pair."""
    empty = replace(SETTLED, cloud=(), roles=(role("Global Administrator"),))
    verdict = empty.verdict()
    assert isinstance(verdict, Refused)
    assert [one.reason for one in verdict.refusals] == [Reason.SOURCE_SHRUNKEN]
    assert "The tenant shows 0 records" in verdict.refusals[0].message


def test_a_finding_of_an_unseen_account_stays() -> None:
    """A question that waits for a person does not vanish with an outage."""
    world = replace(
        BOTH, entries=(entry(1, BOSS.upn, "Azure AD"), entry(2, BOSS.upn, "Office 365"))
    ).applied()
    dark = replace(world, unread=(Source.ENTRA,))
    assert finding(dark.plan(), Reason.SEVERAL_MATCHES).account == BOSS.id
    assert dark.plan().counts.vault.ambiguous == 1


def test_a_contact_of_an_unseen_account_is_kept() -> None:
    """Its link is not lost when the contact is gone at the same time; that is seen later."""
    boss = record(BOSS, account_type=AccountType.ADMINISTRATOR, psa=link(7, key=MatchKey.EMAIL))
    world = replace(BOTH, records=(boss,), contacts=(contact(8),), unread=(Source.ENTRA,))
    assert world.psa_link(BOSS) == boss.psa
