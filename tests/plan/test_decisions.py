"""What becomes of accounts over time: conflicts, leaving, grace, return."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.world import (
    CUSTOMER,
    EVERYTHING,
    NOW,
    World,
    actions,
    by_groups,
    contact,
    domain_admins,
    entry,
    finding,
    group,
    link,
    person,
    reasons,
    record,
    settings,
    user,
)

from muster.model.directory import DirectoryUser
from muster.model.names import (
    AccountType,
    Action,
    ApplyTo,
    DecisionState,
    LeaveAction,
    LinkState,
    MatchKey,
    System,
)
from muster.model.plans import Refused
from muster.model.reasons import Reason
from muster.model.settings import (
    Exclude,
    ImportSettings,
    OnLeave,
    Options,
    ResolvedFrom,
    VaultOptions,
)

JOHN = person("John", "Smith")
GONE = person("John", "Smith", place="OU=Elsewhere")
ADMINISTRATOR = AccountType.ADMINISTRATOR
KEPT = World(users=(JOHN,), records=(record(JOHN, vault=link(1)),), entries=(entry(1, "jsmith"),))


def test_an_account_under_two_types_is_not_imported() -> None:
    """Two policies of different types make a conflict that names both; nothing is done."""
    world = World(
        users=(JOHN,),
        groups=(group("Staff", JOHN),),
        policies=(settings(), settings(ADMINISTRATOR, select=by_groups("Staff"))),
    )
    decision = world.decision(JOHN)
    assert (decision.state, decision.reason) == (DecisionState.EXCLUDED, Reason.TYPE_CONFLICT)
    assert "AutomaticImportPolicy/staff" in decision.via
    assert "AutomaticImportPolicy/admins" in decision.via
    assert world.plan().changes == ()


@pytest.mark.parametrize("account_type", list(AccountType))
def test_a_conflict_changes_nothing_for_a_kept_account(account_type: AccountType) -> None:
    """An account that is kept stays what it is, links included, until a person decides."""
    by_email = link(5, key=MatchKey.EMAIL)
    psa = by_email if account_type is AccountType.END_USER else None
    before = record(JOHN, account_type=account_type, vault=link(1))
    before = replace(before, psa=psa or before.psa)
    world = World(
        users=(JOHN,),
        entries=(entry(1, "jsmith"),),
        contacts=(contact(5, "John Smith", "john.smith@example.test"),),
        groups=(group("Staff", JOHN),),
        policies=(settings(), settings(ADMINISTRATOR, select=by_groups("Staff"))),
        records=(before,),
    )
    assert world.decision(JOHN).state is DecisionState.RETAINED
    assert world.plan().changes == ()
    assert world.record_of(JOHN).account_type is account_type
    assert world.vault_link(JOHN).id == "1"
    if psa:
        assert world.psa_link(JOHN).state is LinkState.LINKED


def test_privilege_settles_a_conflict() -> None:
    """A privileged account is no end user, so that only the administrators' policy is left."""
    world = World(
        users=(JOHN,),
        groups=(domain_admins(JOHN), group("Admins", JOHN)),
        policies=(
            settings(),
            settings(ADMINISTRATOR, select=by_groups("Admins", exclude_privileged=False)),
        ),
        records=(record(JOHN, vault=link(1)),),
        entries=(entry(1, "jsmith"),),
    )
    assert world.decision(JOHN).state is DecisionState.IMPORTED
    assert world.record_of(JOHN).account_type is ADMINISTRATOR
    assert world.vault_link(JOHN).id == "1"


@pytest.mark.parametrize(
    ("users", "policy", "state", "reason"),
    [
        ((GONE,), settings(), DecisionState.RELEASED, Reason.LEFT_SELECTION),
        ((), settings(), DecisionState.RELEASED, Reason.DELETED_IN_DIRECTORY),
        (
            (JOHN,),
            settings(exclude=Exclude(accounts=("jsmith",))),
            DecisionState.RELEASED,
            Reason.EXCLUDED_EXPLICIT,
        ),
        (
            (GONE,),
            settings(on_leave=OnLeave(action=LeaveAction.RETAIN)),
            DecisionState.RETAINED,
            Reason.RETAINED_BY_POLICY,
        ),
        (
            (GONE,),
            settings(on_leave=OnLeave(grace_period=timedelta(days=3))),
            DecisionState.RETAINED,
            Reason.GRACE_PERIOD,
        ),
        ((JOHN,), settings(ADMINISTRATOR), DecisionState.RELEASED, Reason.NO_POLICY),
        (
            (replace(JOHN, enabled=False),),
            settings(),
            DecisionState.RETAINED,
            Reason.DISABLED_AFTER_IMPORT,
        ),
        (
            (replace(JOHN, expires=NOW),),
            settings(),
            DecisionState.RETAINED,
            Reason.DISABLED_AFTER_IMPORT,
        ),
        (
            (GONE,),
            settings(select=by_groups("Deleted")),
            DecisionState.RETAINED,
            Reason.RETAINED_SELECTOR_PROBLEM,
        ),
    ],
)
def test_who_leaves(
    users: tuple[DirectoryUser, ...], policy: ImportSettings, state: DecisionState, reason: Reason
) -> None:
    """One row per way of leaving: whether the account is released or kept, and why."""
    world = replace(KEPT, users=users, policies=(policy,))
    decision = world.decision(JOHN)
    assert (decision.state, decision.reason) == (state, reason)
    released = state is DecisionState.RELEASED
    assert actions(world.plan()) == ([Action.RELEASE] if released else [])
    after = world.record_of(JOHN)
    assert after.live is not released
    assert after.vault.id == "1"


def test_what_another_types_policy_leaves_out_is_no_reason_to_keep_an_account() -> None:
    """An end user who now lies among the administrators has left, disabled there or not."""
    moved = replace(JOHN, dn=user("jsmith", "OU=Admins").dn, enabled=False)
    world = replace(KEPT, users=(moved,), policies=(settings(), settings(ADMINISTRATOR)))
    decision = world.decision(moved)
    assert (decision.state, decision.reason) == (DecisionState.RELEASED, Reason.LEFT_SELECTION)


def test_a_release_touches_nothing_outside() -> None:
    """A released account is a tombstone that keeps its links; no system is written to."""
    world = replace(KEPT, users=(GONE,))
    (change,) = world.plan().changes
    assert (change.system, change.reason) == (System.REGISTRY, Reason.LEFT_SELECTION)
    assert change.because == "AutomaticImportPolicy/staff#/spec/onLeave"
    tombstone = world.record_of(JOHN)
    assert (tombstone.released_at, tombstone.vault) == (NOW, link(1))


def test_grace_begins_once_and_ends() -> None:
    """The grace period counts from the first run that missed the account."""
    policy = settings(on_leave=OnLeave(grace_period=timedelta(days=3)))
    first = replace(KEPT, users=(GONE,), policies=(policy,))
    assert first.record_of(JOHN).leaving_since == NOW
    second = replace(first.applied(), now=NOW + timedelta(days=2))
    assert second.plan().changes == ()
    assert second.record_of(JOHN).leaving_since == NOW
    third = replace(second.applied(), now=NOW + timedelta(days=3))
    assert third.decision(JOHN).state is DecisionState.RELEASED


def test_who_comes_back_in_time_has_never_left() -> None:
    """Returning within the grace period ends it."""
    waiting = record(JOHN, vault=link(1), leaving_since=NOW - timedelta(days=1))
    world = replace(KEPT, records=(waiting,))
    assert world.record_of(JOHN).leaving_since is None
    assert world.plan().changes == ()


def test_a_released_account_returns_with_its_links() -> None:
    """The same entry and contact are adopted again, and nothing is created."""
    tombstone = record(
        JOHN, vault=link(1), psa=link(5, key=MatchKey.EMAIL), released_at=NOW - timedelta(days=9)
    )
    world = World(
        users=(JOHN,),
        entries=(entry(1, "jsmith"),),
        contacts=(contact(5, "J S", "john.smith@example.test"),),
        policies=(settings(options=EVERYTHING),),
        records=(tombstone,),
    )
    (change,) = world.plan().changes
    assert (change.action, change.reason) == (Action.READOPT, Reason.RETURNED)
    after = world.record_of(JOHN)
    assert (after.vault.id, after.psa.id, after.live) == ("1", "5", True)
    assert after.name == tombstone.name


def test_a_disabled_account_gets_nothing_new() -> None:
    """What was disabled after its import is kept, and nothing is created for it."""
    world = World(
        users=(replace(JOHN, enabled=False),),
        policies=(settings(options=EVERYTHING),),
        records=(record(JOHN),),
    )
    assert world.plan().changes == ()
    assert world.vault_link(JOHN).state is LinkState.UNMATCHED


def test_names_follow_the_directory() -> None:
    """A renamed account is the same account, with its links and its name in Muster."""
    renamed = user("jjones", id=JOHN.id, sid=JOHN.sid, display_name="John Jones")
    world = replace(KEPT, users=(renamed,))
    after = world.record_of(JOHN)
    assert after.identity.sam == "jjones"
    assert after.identity.display_name == "John Jones"
    assert after.name == record(JOHN).name
    assert after.vault.id == "1"


def test_new_only_keeps_old_options_and_says_so() -> None:
    """Under NewOnly a changed option reaches only accounts that are imported later."""
    newcomer = person("Anna", "Jones")
    policy = settings(options=EVERYTHING, apply_to=ApplyTo.NEW_ONLY)
    world = World(users=(JOHN, newcomer), policies=(policy,), records=(record(JOHN),))
    assert world.vault_link(JOHN).state is LinkState.UNMATCHED
    assert world.vault_link(newcomer).state is LinkState.CREATED
    assert finding(world.plan(), Reason.OPTIONS_DIFFER).account == JOHN.id
    assert world.record_of(JOHN).imported_with.options == Options()
    everyone = replace(world, policies=(replace(policy, apply_to=ApplyTo.ALL),))
    assert everyone.vault_link(JOHN).state is LinkState.CREATED
    assert everyone.record_of(JOHN).imported_with.options == EVERYTHING


def test_the_moment_of_import_stays() -> None:
    """Changed options are noted, and the import stays when it was."""
    world = replace(KEPT, policies=(settings(options=EVERYTHING),))
    after = world.record_of(JOHN).imported_with
    assert (after.options, after.at) == (EVERYTHING, record(JOHN).imported_with.at)


def test_a_policy_that_matches_nothing_any_more_keeps_the_link_for_later() -> None:
    """With matching off a link rests; with matching on again it is there."""
    off = settings(options=Options(vault=VaultOptions(match=False)))
    world = replace(KEPT, policies=(off,))
    resting = world.vault_link(JOHN)
    assert (resting.state, resting.reason) == (LinkState.SKIPPED, Reason.MATCHING_OFF)
    assert resting.id == "1"
    again = replace(world.applied(), policies=(settings(),))
    assert again.vault_link(JOHN).state is LinkState.LINKED
    assert again.plan().changes == ()


def test_a_default_policy_says_what_a_customer_gains() -> None:
    """Accounts that come only by a default policy are announced before they are imported."""
    world = replace(KEPT, records=(), resolved_from=ResolvedFrom.DEFAULT)
    left_out = person("Anna", "Away", enabled=False)
    some = replace(world, users=(*world.users, left_out))
    assert "1 of them" in finding(some.plan(), Reason.GAINED_BY_DEFAULT).message
    nobody = replace(world, users=(left_out,))
    assert Reason.GAINED_BY_DEFAULT not in reasons(nobody.plan().findings)
    assert Reason.GAINED_BY_DEFAULT not in reasons(world.applied().plan().findings)


def test_accounts_without_any_policy_are_released_within_the_built_in_limit() -> None:
    """Where no policy of the type is left, a refusal names nothing that could raise its limit."""
    crowd = tuple(person("John", f"Smith{number}") for number in range(9))
    world = World(
        users=crowd,
        policies=(settings(ADMINISTRATOR),),
        records=tuple(record(one) for one in crowd),
    )
    assert {one.policy for one in world.plan().changes} == {""}
    assert {one.because for one in world.plan().changes} == {"Customer/contoso#/spec"}
    verdict = world.verdict()
    assert isinstance(verdict, Refused)
    assert "No policy is left to raise it" in verdict.refusals[0].message


def test_a_customer_without_a_directory_plans_nothing() -> None:
    """A customer that has no directory is complete and empty."""
    empty = World(customer=replace(CUSTOMER, active_directory=None), policies=())
    plan = empty.plan()
    assert (plan.changes, plan.decisions, plan.counts.considered) == ((), (), 0)
