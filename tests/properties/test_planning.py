"""What holds for the plan of any world, however odd."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.plan.world import World, owners
from tests.properties.worlds import hybrid_worlds, worlds

from muster.model.names import AccountType, Action, Source, System
from muster.model.plans import Counts
from muster.plan.directories import SOURCE_OF
from muster.report.plan_document import plan_document

QUICK = hypothesis_settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
END_USER = AccountType.END_USER
ANY_WORLD = worlds() | hybrid_worlds()


@QUICK
@given(world=ANY_WORLD, data=st.data())
def test_the_order_of_input_does_not_matter(world: World, data: st.DataObject) -> None:
    """However the systems and git order their answers, plan, findings and digest are equal."""

    other = replace(
        world,
        users=data.draw(st.permutations(world.users).map(tuple)),
        groups=data.draw(st.permutations(world.groups).map(tuple)),
        cloud=data.draw(st.permutations(world.cloud).map(tuple)),
        cloud_groups=data.draw(st.permutations(world.cloud_groups).map(tuple)),
        entries=data.draw(st.permutations(world.entries).map(tuple)),
        contacts=data.draw(st.permutations(world.contacts).map(tuple)),
        policies=data.draw(st.permutations(world.policies).map(tuple)),
        overrides=data.draw(st.permutations(world.overrides).map(tuple)),
        records=data.draw(st.permutations(world.records).map(tuple)),
        intents=data.draw(st.permutations(world.intents).map(tuple)),
    )
    assert other.plan() == world.plan()


@QUICK
@given(world=ANY_WORLD)
def test_a_second_run_finds_nothing_to_do(world: World) -> None:
    """Once a plan is carried out, the next plan changes nothing, and the one after keeps still."""
    after = world.applied()
    assert after.plan().changes == ()
    settled = after.applied()
    assert settled.plan().records == ()


@QUICK
@given(world=ANY_WORLD)
def test_counts_always_add_up(world: World) -> None:
    """Selected accounts stand in exactly one column of each system."""
    counts = world.plan().counts
    assert counts.add_up
    assert counts == Counts() or counts.considered >= counts.selected + counts.excluded


@QUICK
@given(world=ANY_WORLD)
def test_every_considered_account_has_exactly_one_decision(world: World) -> None:
    """Nobody is decided twice, nobody who is kept goes without a decision."""
    plan = world.plan()
    decided = [one.account for one in plan.decisions]
    assert len(decided) == len(set(decided)) == plan.counts.considered
    if plan.decisions or not set(world.unread) & {Source.DIRECTORY, Source.ENTRA}:
        assert {one.identity.id for one in world.records if one.live} <= set(decided)
    assert {change.account for change in plan.changes} <= set(decided)


@QUICK
@given(world=ANY_WORLD)
def test_one_record_belongs_to_one_account(world: World) -> None:
    """Even where an earlier run left two links to one record, the plan leaves at most one."""
    if any(one.suspend for one in world.policies):
        return
    blind = {Source.DIRECTORY, Source.ENTRA}
    for system, source in (
        (System.VAULT, Source.VAULT),
        (System.PSA, Source.PSA),
        (System.ENTRA, Source.ENTRA),
    ):
        if not {source, *blind} & set(world.unread) and world.policies:
            assert all(len(accounts) == 1 for accounts in owners(world, system).values())


@QUICK
@given(world=worlds(), source=st.sampled_from(Source))
def test_from_an_incomplete_source_nothing_follows(world: World, source: Source) -> None:
    """An unread system gets no create, update, link or re-link; an unread directory no change."""
    plan = replace(world, unread=(source,)).plan()
    if source is Source.DIRECTORY:
        assert plan.changes == ()
        assert plan.records == ()
        return
    assert [one for one in plan.changes if one.system.value == source.value] == []
    before = {one.identity.id: one for one in world.records}
    for after in plan.records:
        old = before.get(after.identity.id)
        link = after.link(System(source))
        assert link.id == (old.link(System(source)).id if old else None)


@QUICK
@given(world=worlds())
def test_a_plan_holds_no_reference_to_a_secret(world: World) -> None:
    """Neither the plan nor its document shows where a credential lies, let alone its value."""
    plan = world.plan()
    document = json.dumps(plan_document([world.verdict()]))
    for secret in ("apiKey", "privateKey", "publicKey", "SecretRef", "reader@"):
        assert secret not in repr(plan)
        assert secret not in document


@QUICK
@given(world=hybrid_worlds(), source=st.sampled_from((Source.DIRECTORY, Source.ENTRA)))
def test_accounts_of_an_unread_directory_stay_as_they_are(world: World, source: Source) -> None:
    """Whatever the other directory shows: no change, no record and no lost claim there."""
    dark = replace(world, unread=(source,))
    plan = dark.plan()
    kept = [one for one in world.records if one.live and SOURCE_OF[one.identity.source] is source]
    accounts = {one.identity.id for one in kept}
    if dark.customer.entra and (dark.customer.active_directory or source is Source.ENTRA):
        assert not accounts & {change.account for change in plan.changes}
        assert not accounts & {one.identity.id for one in plan.records}
        assert plan.counts.add_up
    for system in (System.VAULT, System.PSA):
        linked = (one for one in kept if system is System.VAULT or one.account_type is END_USER)
        taken = {one.link(system).id for one in linked} - {None}
        fresh = [
            change
            for change in plan.changes
            if change.system is system and change.action in (Action.LINK, Action.RELINK)
        ]
        if dark.observed.read(source).connected:
            assert not taken & {change.target for change in fresh}


@QUICK
@given(world=hybrid_worlds())
def test_a_pair_is_never_with_a_guest(world: World) -> None:
    """Neither by a key, nor by a pin, nor because it was one before."""
    guests = {one.id for one in world.cloud if one.guest}
    if not set(world.unread) & {Source.DIRECTORY, Source.ENTRA}:
        assert not guests & set(owners(world, System.ENTRA))
