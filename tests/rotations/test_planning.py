"""Whose password a plan rotates, and what it says about the others. Tables, without systems."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from tests.plan.world import (
    CONTOSO,
    CUSTOMER,
    HYBRID_CUSTOMER,
    NOT_LINKED,
    NOW,
    VAULT,
    World,
    entry,
    link,
    override,
    person,
    record,
    settings,
    synced,
    user,
)

from muster.model.limits import Limit, Limits
from muster.model.names import (
    AccountId,
    AccountType,
    Action,
    DirectoryKind,
    LeaveAction,
    Mode,
    PasswordAuthority,
    RemoteId,
    Source,
    System,
)
from muster.model.passwords import (
    JobEnd,
    JobKind,
    JobState,
    PasswordJob,
    Proof,
    Target,
    VaultTarget,
)
from muster.model.plans import Change, CustomerPlan, Refused
from muster.model.reasons import Reason
from muster.model.rotation import Rotation, RotationDemand, RotationSettings, Window
from muster.model.settings import Exclude, OnLeave, Options, Select, SelectEntra
from muster.plan.make import make_plan
from muster.plan.password_targets import sets_in_entra, targets_of
from muster.plan.rotation import only_rotations

ALL_DAY = Window(start=time(0), duration=timedelta(hours=24), time_zone="UTC")
DAILY = RotationSettings(every=timedelta(days=1), window=ALL_DAY)
ROTATES = Options(rotation=True)
ADMINS = settings(AccountType.ADMINISTRATOR, options=ROTATES, rotation=DAILY)
ADMIN = user("adm-anna", "OU=Admins")
OLD = Rotation(enabled=True, since=NOW - timedelta(days=90), last=NOW - timedelta(days=9))
KNOWN = record(ADMIN, account_type=AccountType.ADMINISTRATOR, vault=link(1), rotation=OLD)
DUE = World(users=(ADMIN,), entries=(entry(1, ADMIN.sam),), policies=(ADMINS,), records=(KNOWN,))


def rotations(plan: CustomerPlan) -> list[Change]:
    """Return the changes that rotate."""
    return [one for one in plan.changes if one.action is Action.ROTATE]


def test_a_due_password_is_one_change_that_names_the_entry_and_the_policy_line() -> None:
    """The plan says whose, where it is kept and what demands it; it holds no password."""
    (change,) = rotations(DUE.plan())
    assert (change.user, change.target) == (ADMIN.upn, "1")
    assert (change.system, change.reason) == (System.DIRECTORY, Reason.ROTATION_DUE)
    assert change.because == "AutomaticImportPolicy/admins#/spec/options/rotation"
    assert change.draft is None


def test_a_password_that_is_young_enough_waits_and_status_says_until_when() -> None:
    """Yesterday's password is rotated today or later, in the first half of its window."""
    young = replace(KNOWN, rotation=replace(OLD, last=NOW))
    world = replace(DUE, records=(young,))
    assert rotations(world.plan()) == []
    stands = world.record_of(ADMIN).rotation
    assert stands.reason is Reason.ROTATION_SCHEDULED
    assert stands.next is not None
    midnight = datetime(2026, 3, 2, tzinfo=NOW.tzinfo)
    assert midnight <= stands.next < midnight + timedelta(hours=12)


def test_a_new_account_is_rotated_within_the_first_period() -> None:
    """A first rotation needs no date of a former one; it has a place in the first thirty days."""
    monthly = replace(ADMINS, rotation=replace(DAILY, every=timedelta(days=30)))
    world = replace(DUE, records=(), policies=(monthly,))
    stands = world.record_of(ADMIN).rotation
    assert stands.enabled
    assert stands.since == NOW
    assert stands.next is not None
    assert NOW < stands.next < NOW + timedelta(days=30)


HOST_PROOF = entry(1, ADMIN.sam, host_proof=True)

REFUSED: dict[str, tuple[Reason, dict[str, Any]]] = {
    "no entry": (
        Reason.NO_ENTRY_FOR_PASSWORD,
        {"entries": (), "records": (replace(KNOWN, vault=NOT_LINKED),)},
    ),
    "host-proof entry": (
        Reason.NO_ENTRY_FOR_PASSWORD,
        {"entries": (HOST_PROOF,), "records": (replace(KNOWN, vault=link(None)),)},
    ),
    "entry gone": (Reason.NO_ENTRY_FOR_PASSWORD, {"entries": ()}),
    "vault unread": (Reason.SOURCE_INCOMPLETE, {"unread": (Source.VAULT,)}),
    "vault suspended": (Reason.SUSPENDED, {"vault": replace(VAULT, suspend=True)}),
    "observed only": (
        Reason.OBSERVE_ONLY,
        {"policies": (replace(ADMINS, mode=Mode.OBSERVE),)},
    ),
    "expired": (
        Reason.ACCOUNT_DISABLED,
        {
            "users": (replace(ADMIN, expires=NOW),),
            "policies": (replace(ADMINS, exclude=Exclude(disabled=False)),),
        },
    ),
    "kept after it left": (
        Reason.ACCOUNT_DISABLED,
        {
            "users": (user(ADMIN.sam, "OU=Elsewhere"),),
            "policies": (replace(ADMINS, on_leave=OnLeave(action=LeaveAction.RETAIN)),),
        },
    ),
    "no vault": (
        Reason.NO_ENTRY_FOR_PASSWORD,
        {"customer": replace(CUSTOMER, vault=None), "records": (replace(KNOWN, vault=NOT_LINKED),)},
    ),
    "switched off": (
        Reason.ROTATION_SWITCHED_OFF,
        {"overrides": (override(ADMIN, rotation=False),)},
    ),
    "service principal": (
        Reason.SERVICE_ACCOUNT,
        {"users": (replace(ADMIN, service_principal=True),)},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_password_that_must_not_be_set_is_not_and_status_says_why(case: str) -> None:
    """Each refusal has a reason of its own, and no date."""
    reason, fields = REFUSED[case]
    world = replace(DUE, **fields)
    assert rotations(world.plan()) == []
    stands = world.record_of(ADMIN).rotation
    assert (stands.reason, stands.next) == (reason, None)


@pytest.mark.parametrize("creates", [True, False])
def test_nobody_is_told_to_make_an_entry_that_this_run_makes(creates: bool) -> None:
    """Without `createWhenMissing` it is a finding; with it, the next run rotates."""
    vault = replace(ADMINS.options.vault, create_when_missing=creates)
    policy = replace(ADMINS, options=replace(ADMINS.options, vault=vault))
    world = replace(DUE, entries=(), records=(), policies=(policy,))
    told = [one.reason for one in world.plan().findings]
    assert (Reason.NO_ENTRY_FOR_PASSWORD in told) is not creates
    assert world.record_of(ADMIN).rotation.reason is Reason.NO_ENTRY_FOR_PASSWORD


def test_an_account_that_is_disabled_after_its_import_keeps_its_password() -> None:
    """It keeps its links, and is not rotated."""
    world = replace(DUE, users=(replace(ADMIN, enabled=False),))
    assert rotations(world.plan()) == []
    assert world.record_of(ADMIN).rotation.reason is Reason.ACCOUNT_DISABLED


@pytest.mark.parametrize(
    "name", ["svc-backup", "service.scan", "sql_agent", "print-svc", "scan.service"]
)
def test_a_service_account_is_rotated_only_when_nothing_depends_on_it(name: str) -> None:
    """Its name is a hint; `dependents: None` is a person's word."""
    admin = user(name, "OU=Admins")
    known = replace(KNOWN, identity=replace(KNOWN.identity, id=admin.id, sam=name, sid=admin.sid))
    world = replace(DUE, users=(admin,), entries=(entry(1, name),), records=(known,))
    assert rotations(world.plan()) == []
    assert world.record_of(admin).rotation.reason is Reason.SERVICE_ACCOUNT
    said = replace(ADMINS, rotation=replace(DAILY, without_dependents=True))
    assert len(rotations(replace(world, policies=(said,)).plan())) == 1


def test_a_suspended_policy_or_customer_begins_nothing() -> None:
    """Suspended accounts keep their records as they are."""
    for world in (
        replace(DUE, policies=(replace(ADMINS, suspend=True),)),
        replace(DUE, customer=replace(CUSTOMER, suspend=True)),
    ):
        assert rotations(world.plan()) == []


def test_a_password_underway_is_waited_for() -> None:
    """While a job of the account is open, no other one is planned."""
    plan = make_plan(DUE.desired, DUE.observed, replace(DUE.known, jobs=(job(),)), NOW)
    assert rotations(plan) == []
    (after,) = plan.records
    assert after.rotation.reason is Reason.PASSWORD_UNDERWAY


@pytest.mark.parametrize(
    ("waiting", "reason"), [(2, Reason.ROTATION_SCHEDULED), (3, Reason.PASSWORDS_NOT_KEPT)]
)
def test_no_password_is_set_while_the_vault_does_not_take_those_before(
    waiting: int, reason: Reason
) -> None:
    """One entry may be closed to us; three in a row are the vault, and a fourth would join them."""
    refused = replace(job().vault, failures=1, problem="The key may not write passwords.")
    jobs = tuple(
        replace(job(), id=f"job-{one}", account=AccountId(f"other-{one}"), vault=refused)
        for one in range(waiting)
    )
    plan = make_plan(DUE.desired, DUE.observed, replace(DUE.known, jobs=jobs), NOW)
    assert len(rotations(plan)) == (0 if waiting == 3 else 1)
    (after,) = (one for one in plan.records if one.identity.id == ADMIN.id)
    assert after.rotation.reason is reason
    told = [one for one in plan.findings if one.reason is Reason.PASSWORDS_NOT_KEPT]
    assert [one.account for one in told] == ([ADMIN.id] if waiting == 3 else [])


def job() -> PasswordJob:
    """Return an open job of the administrator."""
    target = Target(system=DirectoryKind.ACTIVE_DIRECTORY, account=ADMIN.id, proves_by=Proof.BIND)
    return PasswordJob(
        id="job",
        customer=CONTOSO,
        account=ADMIN.id,
        kind=JobKind.ROTATION,
        targets=(target,),
        vault=VaultTarget(place="itglue/100", entry=RemoteId("1")),
        sealed="x",
        opened_at=NOW,
        deadline=NOW + timedelta(days=3),
    )


def end(state: JobState, *, was_set: bool, **fields: Any) -> JobEnd:
    """Return the end of a rotation a moment ago."""
    filled: dict[str, Any] = {
        "id": f"job-{state}",
        "customer": CONTOSO,
        "account": ADMIN.id,
        "kind": JobKind.ROTATION,
        "slot": "2026-03-01T00:00:00+00:00",
        "ended_at": NOW - timedelta(minutes=1),
    }
    return JobEnd(**{**filled, **fields, "state": state, "was_set": was_set})


def stands_after(*ends: JobEnd, world: World = DUE) -> Rotation:
    """Return how the administrator stands once these ends are known."""
    known = replace(world.known, job_ends=ends)
    plan = make_plan(world.desired, world.observed, known, NOW)
    records = {one.identity.id: one for one in (*world.records, *plan.records)}
    return records[ADMIN.id].rotation


def test_the_end_of_a_job_is_told_once() -> None:
    """What the journal keeps is counted in the record, and the next plan changes nothing."""
    ends = (end(JobState.CONFIRMED, was_set=True, proof=Proof.BIND, revision="7"),)
    stands = stands_after(*ends)
    assert (stands.last, stands.proof) == (NOW - timedelta(minutes=1), Proof.BIND)
    assert stands.revision == "7"
    world = replace(DUE, records=(replace(KNOWN, rotation=stands),))
    assert stands_after(*ends, world=world) == stands


def test_a_failure_is_counted_once() -> None:
    """The journal tells of the last ends in each run."""
    bad = end(JobState.FAILED, was_set=False, problem="no right")
    world = replace(DUE, records=(replace(KNOWN, rotation=stands_after(bad)),))
    assert stands_after(bad, world=world).failures == 1


def test_ends_are_counted_in_the_order_of_time() -> None:
    """Whatever their ids and the order in which the journal names them."""
    good = end(JobState.CONFIRMED, was_set=True, id="b", ended_at=NOW - timedelta(minutes=2))
    bad = end(JobState.FAILED, was_set=False, id="a", ended_at=NOW - timedelta(minutes=1))
    for ends in ((good, bad), (bad, good)):
        stands = stands_after(*ends)
        assert (stands.last, stands.failures) == (good.ended_at, 1)


def test_a_reset_neither_serves_a_due_date_nor_fails_one() -> None:
    """What a person asked for has no due date: one that was served stays so."""
    served = replace(DUE, records=(replace(KNOWN, rotation=replace(OLD, slot="served")),))
    asked = {"kind": JobKind.RESET, "slot": ""}
    done = stands_after(end(JobState.CONFIRMED, was_set=True, **asked), world=served)
    assert (done.slot, done.last) == ("served", NOW - timedelta(minutes=1))
    failed = stands_after(end(JobState.REFUSED, was_set=False, **asked), world=served)
    assert (failed.failures, failed.last_error) == (0, "")


def test_failures_are_counted_shown_and_forgotten_after_a_success() -> None:
    """Two failures in a row, then one that went well."""
    first = stands_after(end(JobState.FAILED, was_set=False, problem="no right"))
    assert (first.failures, first.last_error) == (1, "no right")
    assert first.reason is Reason.ROTATION_FAILED
    assert first.next is not None
    world = replace(DUE, records=(replace(KNOWN, rotation=first),))
    later = end(JobState.REFUSED, was_set=False, problem="too short", ended_at=NOW)
    second = stands_after(later, world=world)
    assert (second.failures, second.last_error) == (2, "too short")
    world = replace(DUE, records=(replace(KNOWN, rotation=second),))
    good = end(JobState.CONFIRMED, was_set=True, ended_at=NOW + timedelta(seconds=1))
    third = stands_after(later, good, world=world)
    assert (third.failures, third.last_error, third.failed_at) == (0, "", None)


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        (timedelta(0), False),
        (timedelta(seconds=3), False),
        (timedelta(minutes=10), True),
        (-timedelta(minutes=10), False),
    ],
)
def test_a_password_that_somebody_else_set_later_is_noticed(
    changed: timedelta, stale: bool
) -> None:
    """The directory's date is compared with that of our own change."""
    ours = NOW - timedelta(hours=1)
    rotation = replace(OLD, last=ours, changed_at=ours)
    changer = replace(ADMIN, password_changed_at=ours + changed)
    world = replace(DUE, users=(changer,), records=(replace(KNOWN, rotation=rotation),))
    assert world.record_of(ADMIN).rotation.stale is stale
    told = [one for one in world.plan().findings if one.reason is Reason.PASSWORD_STALE]
    assert len(told) == stale


def test_a_password_that_is_being_set_is_not_somebody_elses() -> None:
    """While a job is open, the date that it has moved itself marks no entry as stale."""
    ours = NOW - timedelta(days=2)
    rotation = replace(OLD, last=ours, changed_at=ours)
    moved = replace(ADMIN, password_changed_at=NOW - timedelta(minutes=1))
    world = replace(DUE, users=(moved,), records=(replace(KNOWN, rotation=rotation),))
    plan = make_plan(world.desired, world.observed, replace(world.known, jobs=(job(),)), NOW)
    (after,) = plan.records
    assert (after.rotation.reason, after.rotation.stale) == (Reason.PASSWORD_UNDERWAY, False)
    assert Reason.PASSWORD_STALE not in [one.reason for one in plan.findings]


@pytest.mark.parametrize(
    ("authority", "changed", "stale"),
    [
        (PasswordAuthority.MUSTER, -timedelta(minutes=1), False),
        (PasswordAuthority.MUSTER, timedelta(minutes=1), False),
        (PasswordAuthority.MUSTER, timedelta(hours=1), True),
        (PasswordAuthority.SEPARATE, timedelta(hours=1), False),
    ],
)
def test_a_pair_that_parts_in_entra_is_noticed(
    authority: PasswordAuthority, changed: timedelta, stale: bool
) -> None:
    """Both have one password only with `Muster`; a later one in Entra alone is another."""
    ours = NOW - timedelta(hours=2)
    anna = person("Anna", "Smith")
    twin = synced(anna, synced=False, password_changed_at=ours + changed)
    known = record(
        anna, vault=link(1), rotation=replace(OLD, enabled=False, last=ours, changed_at=ours)
    )
    world = World(
        users=(anna,),
        cloud=(twin,),
        entries=(entry(1, anna.sam),),
        customer=replace(HYBRID_CUSTOMER, password_authority=authority),
        records=(replace(known, pair=replace(link(7), id=RemoteId(twin.id))),),
    )
    stands = world.record_of(anna)
    assert stands.pair.id == RemoteId(twin.id)
    assert stands.rotation.stale is stale


def test_a_new_password_of_ours_ends_staleness() -> None:
    """Once Muster has set another one, the entry is right again."""
    ours = NOW - timedelta(hours=1)
    stale = replace(OLD, last=ours, changed_at=ours, stale=True)
    world = replace(DUE, records=(replace(KNOWN, rotation=stale),))
    good = end(JobState.CONFIRMED, was_set=True, changed_at=NOW - timedelta(minutes=1))
    assert stands_after(good, world=world).stale is False


def test_the_guard_counts_rotations() -> None:
    """A plan with more of them than `limits.rotate` allows is refused whole."""
    narrow = replace(ADMINS, limits=Limits(rotate=Limit(percent=0, floor=0)))
    verdict = replace(DUE, policies=(narrow,)).verdict()
    assert isinstance(verdict, Refused)
    assert "spec.limits.rotate" in verdict.refusals[0].message


def test_a_demand_rotates_at_once_and_nothing_else_of_the_plan() -> None:
    """On demand the window does not count; creates and links wait for the next run."""
    young = replace(KNOWN, rotation=replace(OLD, last=NOW))
    other = user("adm-bert", "OU=Admins")
    world = replace(DUE, users=(ADMIN, other), records=(young,))
    demand = RotationDemand(id="ticket-1", accounts=frozenset({ADMIN.id}))
    plan = make_plan(replace(world.desired, demand=demand), world.observed, world.known, NOW)
    (change,) = rotations(plan)
    assert change.reason is Reason.ROTATION_REQUESTED
    alone = only_rotations(plan)
    assert alone.changes == (change,)
    assert [one.identity.id for one in alone.records] == [ADMIN.id]
    assert alone.records[0].rotation.slot == "ticket-1"


def test_a_refused_account_is_not_rotated_on_demand_either() -> None:
    """A person's decision about the account is stronger than a demand for all."""
    world = replace(DUE, overrides=(override(ADMIN, rotation=False),))
    demand = replace(world.desired, demand=RotationDemand(id="all"))
    assert rotations(make_plan(demand, world.observed, world.known, NOW)) == []


@pytest.mark.parametrize(
    ("authority", "kinds"),
    [
        (PasswordAuthority.SEPARATE, [DirectoryKind.ACTIVE_DIRECTORY]),
        (PasswordAuthority.ENTRA_CONNECT, [DirectoryKind.ACTIVE_DIRECTORY]),
        (PasswordAuthority.MUSTER, [DirectoryKind.ACTIVE_DIRECTORY, DirectoryKind.ENTRA]),
    ],
)
def test_who_keeps_two_passwords_alike_decides_which_directories_get_it(
    authority: PasswordAuthority, kinds: list[DirectoryKind]
) -> None:
    """Only with `Muster` are both set, Active Directory first."""
    paired = replace(KNOWN, pair=replace(link(7), id=RemoteId("cloud-id")))
    customer = replace(HYBRID_CUSTOMER, password_authority=authority)
    assert [kind for kind, _ in targets_of(paired, customer)] == kinds


IN_ENTRA = replace(ADMINS, select=Select(entra=SelectEntra(roles=("Global Administrator",))))
BOTH = {"customer": replace(HYBRID_CUSTOMER, password_authority=PasswordAuthority.MUSTER)}


@pytest.mark.parametrize(
    ("fields", "sets"),
    [
        ({}, False),
        ({"customer": HYBRID_CUSTOMER}, False),
        ({"customer": HYBRID_CUSTOMER, "policies": (IN_ENTRA,)}, True),
        (
            {
                "customer": HYBRID_CUSTOMER,
                "policies": (replace(IN_ENTRA, options=Options(rotation=False)),),
            },
            False,
        ),
        ({"customer": CUSTOMER, "policies": (IN_ENTRA,)}, False),
        (BOTH, True),
        ({"customer": replace(BOTH["customer"], active_directory=None)}, False),
    ],
)
def test_when_git_asks_for_passwords_in_the_tenant(fields: dict[str, Any], sets: bool) -> None:
    """Where a policy rotates in Entra, or Muster sets both sides of a pair; else a read is all."""
    assert sets_in_entra(replace(DUE, **fields).desired) is sets
