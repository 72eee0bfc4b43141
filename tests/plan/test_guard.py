"""The guard: what is too much, what lets it pass, and that it never edits a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.plan.world import (
    CUSTOMER,
    EVERYTHING,
    HYBRID_CUSTOMER,
    NOW,
    World,
    cloud,
    entry,
    link,
    person,
    record,
    settings,
    user,
)

from muster.model.accounts import AccountRecord
from muster.model.limits import Limit, Limits
from muster.model.names import DecisionState, DriftRemediation, LeaveAction, MatchKey, Source
from muster.model.plans import Approved, Refused, Verdict
from muster.model.reasons import Reason
from muster.model.settings import Approval, OnLeave, Options, SelectEntra

CROWD = tuple(person("John", f"Smith{number}") for number in range(12))
ANY = Limit(percent=100, floor=1000)
NONE = Limit(percent=0, floor=0)
CREATING = World(users=CROWD, policies=(settings(options=EVERYTHING),))
KEPT = tuple(record(one, vault=link(number)) for number, one in enumerate(CROWD))


def limited(world: World, **limits: Limit) -> World:
    """Return the world under other limits."""
    return replace(
        world, policies=tuple(replace(one, limits=Limits(**limits)) for one in world.policies)
    )


def refused(verdict: Verdict) -> list[str]:
    """Return what a verdict refuses, for comparison; empty for an approved one."""
    return [one.message for one in verdict.refusals] if isinstance(verdict, Refused) else []


@pytest.mark.parametrize(
    ("limit", "population", "allowed"),
    [
        (Limit(percent=20, floor=10), 0, 10),
        (Limit(percent=20, floor=10), 50, 10),
        (Limit(percent=20, floor=10), 51, 10),
        (Limit(percent=20, floor=10), 100, 20),
        (Limit(percent=20, floor=10, maximum=15), 100, 15),
        (Limit(percent=20, floor=10, maximum=0), 100, 0),
        (Limit(percent=0, floor=0), 100, 0),
    ],
)
def test_what_a_limit_allows(limit: Limit, population: int, allowed: int) -> None:
    """A share with a floor, under an absolute bound."""
    assert limit.allowed(population) == allowed


STAYS = person("Ann", "Stays")
LEAVING = World(users=(STAYS,), policies=(settings(),), records=(*KEPT, record(STAYS)))
RELINKING = World(
    users=CROWD,
    entries=tuple(entry(100 + number, one.sam) for number, one in enumerate(CROWD)),
    records=KEPT,
)
UPDATING = World(
    users=CROWD,
    entries=tuple(entry(number, f"old{number}") for number in range(12)),
    records=KEPT,
    policies=(settings(options=Options(drift_remediation=DriftRemediation.CORRECT)),),
)


@pytest.mark.parametrize(
    ("world", "kind", "count"),
    [
        (CREATING, "create", 24),
        (LEAVING, "release", 12),
        (RELINKING, "relink", 12),
        (UPDATING, "update", 12),
    ],
)
def test_too_many_changes_of_one_kind(world: World, kind: str, count: int) -> None:
    """The refusal names the number, the limit, the field and how to approve exactly this plan."""
    just_too_few = limited(world, **{kind: Limit(percent=0, floor=count - 1)})
    (message,) = refused(just_too_few.verdict())
    assert f"{count} changes of kind {kind} exceed the limit of {count - 1}" in message
    assert f"AutomaticImportPolicy/staff sets it in spec.limits.{kind}" in message
    assert just_too_few.plan().digest in message
    enough = limited(world, **{kind: Limit(percent=0, floor=count)})
    assert refused(enough.verdict()) == []


def test_a_share_of_lost_links_is_one_of_those_who_had_them() -> None:
    """Newcomers, who lose no link, do not raise what the others may lose."""
    newcomers = tuple(person("Late", f"Comer{number}") for number in range(12))
    world = replace(RELINKING, users=(*CROWD, *newcomers))
    (message,) = refused(limited(world, relink=Limit(percent=50, floor=0)).verdict())
    assert "12 changes of kind relink exceed the limit of 6" in message


def test_the_guard_never_edits() -> None:
    """A refused plan is the plan."""
    world = limited(CREATING, create=NONE)
    verdict = world.verdict()
    assert isinstance(verdict, Refused)
    assert verdict.plan == world.plan()


def test_a_link_is_not_limited() -> None:
    """Finding records for the first time is what a first run is for."""
    world = replace(RELINKING, records=())
    assert isinstance(limited(world, relink=NONE).verdict(), Approved)


def approved(world: World, *, plan: str = "", days: int = 1) -> World:
    """Return the world with an approval of its plan, or of another."""
    one = Approval(
        plan=plan or world.plan().digest, until=NOW + timedelta(days=days), reason="moving day"
    )
    return replace(world, customer=replace(CUSTOMER, approvals=(one,)))


def test_an_approval_lets_exactly_this_plan_pass() -> None:
    """With the plan's digest and before its date; the reason is kept."""
    world = limited(CREATING, create=NONE)
    assert approved(world).verdict() == Approved(world.plan(), approved_by="moving day")


@pytest.mark.parametrize(("plan", "days"), [("sha256:0", 1), ("", 0), ("", -1)])
def test_an_approval_that_does_not_count(plan: str, days: int) -> None:
    """Another plan's, one that ends now, and one that has ended."""
    world = limited(CREATING, create=NONE)
    assert isinstance(approved(world, plan=plan, days=days).verdict(), Refused)


def test_an_approval_does_not_reach_a_plan_that_grew() -> None:
    """One account more, and the approval is for another plan."""
    world = approved(limited(CREATING, create=NONE))
    grown = replace(world, users=(*CROWD, person("Late", "Comer")))
    assert isinstance(grown.verdict(), Refused)


def test_an_approval_that_nothing_needs_is_not_used() -> None:
    """What passes by itself is not said to have been approved."""
    world = limited(CREATING, create=ANY)
    assert approved(world).verdict() == Approved(world.plan())


@pytest.mark.parametrize(
    ("source", "before", "kept", "says"),
    [
        (Source.DIRECTORY, 12, (), None),
        (Source.DIRECTORY, 24, (), "shows 12 records where it showed 24"),
        (Source.VAULT, 5, (), None),
        (Source.VAULT, 5, KEPT[:1], "shows 0 records where it showed 5"),
        (Source.VAULT, 11, (), "shows 0 records where it showed 11"),
        (Source.PSA, 5, KEPT[:1], None),
        (
            Source.PSA,
            5,
            (record(CROWD[0], psa=link(1, key=MatchKey.EMAIL)),),
            "shows 0 records where it showed 5",
        ),
        (Source.VAULT, 5, (replace(KEPT[0], released_at=NOW),), None),
        (Source.ENTRA, 5, (), None),
        (Source.ENTRA, 5, (record(CROWD[0], pair=link(1)),), "shows 0 records where it showed 5"),
    ],
)
def test_a_source_that_shrank(
    source: Source, before: int, kept: tuple[AccountRecord, ...], says: str | None
) -> None:
    """Much smaller than before, or empty while links rest on it, is no ground to act upon."""
    shrink = Limit(percent=40, floor=10)
    world = replace(
        World(users=CROWD, policies=(settings(limits=Limits(shrink=shrink)),)),
        customer=HYBRID_CUSTOMER if source is Source.ENTRA else CUSTOMER,
        sizes=((source, before),),
        records=kept,
    )
    messages = refused(world.verdict())
    assert bool(messages) is (says is not None)
    if says:
        assert says in messages[0]
        assert "spec.limits.shrink" in messages[0]


def test_the_strictest_policy_says_how_much_a_source_may_shrink() -> None:
    """In whatever order the policies come."""
    loose, strict = (
        settings(policy=name, limits=Limits(shrink=Limit(percent=0, floor=floor)))
        for name, floor in (("loose", 100), ("strict", 10))
    )
    for policies in ((loose, strict), (strict, loose)):
        world = World(users=CROWD, policies=policies, sizes=((Source.DIRECTORY, 24),))
        assert "it may lose 10 between two runs" in refused(world.verdict())[0]


def shrunken(size: int, before: int = 40) -> World:
    """Return a world whose directory shows less than before, and whose plan has no changes."""
    users = CROWD[:size]
    others = tuple(user(f"kept{number}", "OU=Admins") for number in range(size - len(users)))
    return replace(
        World(users=(*users, *others), policies=(settings(limits=Limits(release=ANY)),)),
        records=tuple(record(one) for one in users),
        sizes=((Source.DIRECTORY, before),),
    )


def test_an_approval_of_an_empty_plan_covers_the_sizes_that_were_shown() -> None:
    """The digest in the refusal lets this loss pass, and no larger and no later one."""
    world = shrunken(12)
    verdict = world.verdict()
    assert verdict.plan.changes == ()
    digest = verdict.plan.digest
    assert digest in refused(verdict)[0]
    assert digest != world.plan().digest
    later = replace(world, now=NOW + timedelta(hours=1))
    assert later.verdict().plan.digest == digest
    passed = approved(world, plan=digest).verdict()
    assert passed == Approved(verdict.plan, approved_by="moving day")
    for other in (shrunken(11), shrunken(12, before=41), world):
        plan = world.plan().digest if other is world else digest
        assert isinstance(approved(other, plan=plan).verdict(), Refused)


def test_an_approval_of_a_plan_does_not_accept_a_loss_beside_it() -> None:
    """The same changes on a source that shrank meanwhile are refused again."""
    leaving = limited(LEAVING, release=NONE)
    approval = approved(leaving, plan=leaving.verdict().plan.digest)
    assert isinstance(approval.verdict(), Approved)
    less = replace(approval, sizes=((Source.DIRECTORY, 12),))
    assert less.plan().changes == leaving.plan().changes
    assert isinstance(less.verdict(), Refused)


def test_a_source_that_was_never_read_cannot_have_shrunk() -> None:
    """The first run compares with nothing."""
    assert isinstance(World(users=(), records=KEPT[:1]).verdict(), Approved)


def test_an_unread_source_is_not_taken_for_empty() -> None:
    """A vault that did not answer has no size, and refuses nothing."""
    world = World(users=CROWD, records=KEPT, unread=(Source.VAULT,), sizes=((Source.VAULT, 12),))
    assert isinstance(world.verdict(), Approved)
    assert dict(world.plan().sizes) == {Source.DIRECTORY: 12, Source.PSA: 0}


def test_the_reason_of_a_refusal() -> None:
    """Limits and shrinking are told apart."""
    world = limited(LEAVING, release=NONE)
    world = replace(world, sizes=((Source.DIRECTORY, 12),))
    verdict = world.verdict()
    assert isinstance(verdict, Refused)
    assert [one.reason for one in verdict.refusals] == [
        Reason.LIMIT_EXCEEDED,
        Reason.SOURCE_SHRUNKEN,
    ]


@pytest.mark.parametrize(
    ("kept", "left", "is_refused"),
    [(3, 0, True), (2, 0, True), (3, 1, False), (1, 0, False)],
)
def test_a_policy_that_selects_nobody_any_more(kept: int, left: int, is_refused: bool) -> None:
    """All accounts of a policy leaving at once is refused, although the floor would allow it."""
    gone = tuple(user(f"left{number}", "OU=Admins") for number in range(kept - left))
    stay = CROWD[:left]
    known = tuple(record(one) for one in (*gone, *stay))
    verdict = World(users=(*gone, *stay), records=known).verdict()
    reasons = [one.reason for one in verdict.refusals] if isinstance(verdict, Refused) else []
    assert reasons == ([Reason.SELECTION_EMPTIED] if is_refused else [])


def test_a_policy_that_loses_everybody_is_refused_once() -> None:
    """Where the limit refuses it, that is all that is said."""
    gone = tuple(user(f"left{number}", "OU=Admins") for number in range(3))
    world = limited(World(users=gone, records=tuple(map(record, gone))), release=NONE)
    verdict = world.verdict()
    assert isinstance(verdict, Refused)
    assert [one.reason for one in verdict.refusals] == [Reason.LIMIT_EXCEEDED]


STRANGERS = tuple(user(f"stranger{number}") for number in range(3))


@pytest.mark.parametrize(
    ("kept", "there", "is_refused"), [(3, 0, True), (3, 1, False), (1, 0, False)]
)
@pytest.mark.parametrize("on_leave", LeaveAction)
def test_another_customers_directory(
    kept: int, there: int, on_leave: LeaveAction, *, is_refused: bool
) -> None:
    """A domain with strangers and nobody of those kept is refused, however small the customer."""
    policy = settings(on_leave=OnLeave(action=on_leave), limits=Limits(release=ANY))
    known = CROWD[:kept]
    world = World(
        users=(*STRANGERS, *known[:there]),
        policies=(policy,),
        records=tuple(record(one) for one in known),
    )
    verdict = world.verdict()
    refusals = verdict.refusals if isinstance(verdict, Refused) else ()
    assert [one.reason for one in refusals] == [Reason.DIRECTORY_REPLACED] * is_refused
    assert isinstance(approved(world, plan=verdict.plan.digest).verdict(), Approved)


def test_who_is_retained_although_gone_is_missed_once() -> None:
    """After an approval the next run is not refused for the same accounts."""
    policy = settings(on_leave=OnLeave(action=LeaveAction.RETAIN))
    known = tuple(record(one) for one in CROWD[:3])
    world = World(users=STRANGERS, policies=(policy,), records=known)
    assert isinstance(world.verdict(), Refused)
    later = replace(world.applied(), users=STRANGERS[:1], sizes=())
    assert isinstance(later.verdict(), Approved)
    alone = replace(later, records=tuple(one for one in later.records if one.name in _names(known)))
    assert {one.decision.state for one in alone.records} == {DecisionState.RETAINED}
    assert isinstance(alone.verdict(), Approved)


def _names(records: tuple[AccountRecord, ...]) -> set[str]:
    return {one.name for one in records}


def test_another_customers_tenant() -> None:
    """A tenant is checked by itself: that the domain is the right one excuses nothing."""
    known, strangers = (tuple(cloud(f"{name}{n}") for n in range(3)) for name in ("our", "their"))
    policies = (settings(), settings(policy="cloud", select=SelectEntra(all_users=True)))
    world = World(
        users=CROWD,
        cloud=strangers,
        customer=HYBRID_CUSTOMER,
        policies=policies,
        records=(*map(record, CROWD), *map(record, known)),
    )
    (refusal,) = (one for one in refused(world.verdict()) if "tenantId" in one)
    assert 'The tenant "Contoso Cloud" has none of the 3 accounts' in refusal
    assert not any("tenantId" in one for one in refused(replace(world, cloud=known).verdict()))
