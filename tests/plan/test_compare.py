"""What a change in git does: told apart from what is pending, and the same in every order."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plan.world import (
    CONTOSO,
    CUSTOMER,
    EVERYTHING,
    World,
    contact,
    entry,
    override,
    person,
    pin,
    record,
    settings,
    user,
)

from muster.cli.conclusions import of_comparison
from muster.cli.exit_codes import ExitCode
from muster.model.limits import Limit, Limits
from muster.model.names import AccountType, CustomerName, Source
from muster.model.plans import Approved, Refused
from muster.model.reasons import Reason
from muster.model.settings import Exclude, Options, OrganizationalUnit, SelectActiveDirectory
from muster.plan.compare import BlastRadius, Difference, Side, Standing, compare

ANNA, BEN = person("Anna", "Berg"), person("Ben", "Roth", place="OU=Sales")
STAFF = World(users=(ANNA, BEN), places=("OU=Staff", "OU=Sales", "OU=Admins"))
"""Anna is selected, Ben is not."""

BOTH = SelectActiveDirectory(
    organizational_units=(OrganizationalUnit(path="OU=Staff"), OrganizationalUnit(path="OU=Sales"))
)
NOBODY_NEW = Limits(create=Limit(percent=0, floor=0))


def under(world: World = STAFF, **fields: Any) -> World:
    """Return a world under one policy of end users."""
    return replace(world, policies=(settings(**fields),))


def side(world: World, name: str = CONTOSO) -> Side:
    """Plan a world as one side."""
    verdict = world.verdict()
    plan = replace(verdict.plan, customer=CustomerName(name))
    kept = Refused(plan, verdict.refusals) if isinstance(verdict, Refused) else Approved(plan)
    connections = frozenset({(Source.VAULT, world.vault.name)})
    return Side(verdict=kept, covered=bool(world.policies), connections=connections)


def between(base: World | None, head: World | None) -> Difference:
    """Return what leads from one world to the other."""
    before, after = ({CONTOSO: side(one)} if one else {} for one in (base, head))
    (found,) = compare(before, after).differences
    return found


def told(one: Difference) -> dict[str, Any]:
    """Return what a difference says, without its empty parts."""
    rows: dict[str, Any] = {
        "standing": "" if one.standing is Standing.SAME else one.standing,
        "gained": [shift.either.user.partition("@")[0] for shift in one.gained],
        "lost": [shift.either.user.partition("@")[0] for shift in one.lost],
        "otherwise": [str(shift.after.decision.reason) for shift in one.otherwise if shift.after],
        "added": [f"{change.action} {change.system}" for change in one.added],
        "dropped": [f"{change.action} {change.system}" for change in one.dropped],
        "questions": [str(finding.reason) for finding in one.questions],
        "refused": [str(refusal.reason) for refusal in one.refusals],
    }
    return {key: value for key, value in rows.items() if value}


ONE_KEPT = replace(STAFF, records=(record(ANNA),))
KEPT = replace(STAFF, records=(record(ANNA), record(BEN)))
FOUND = replace(STAFF, records=(record(ANNA),), entries=(entry(1, "aberg"), entry(2, "aberg")))
PSA_ONLY = Options(psa=EVERYTHING.psa)


@pytest.mark.parametrize(
    ("base", "head", "says"),
    [
        pytest.param(STAFF, STAFF, {}, id="the same"),
        pytest.param(
            STAFF, under(policy="people"), {}, id="another line asks for what is done anyway"
        ),
        pytest.param(
            STAFF,
            under(select=BOTH),
            {"gained": ["broth"], "added": ["Import registry"]},
            id="one more is selected",
        ),
        pytest.param(
            under(KEPT, select=BOTH),
            KEPT,
            {"lost": ["broth"], "added": ["Release registry"]},
            id="one leaves",
        ),
        pytest.param(
            under(select=BOTH),
            under(select=BOTH, exclude=Exclude(accounts=("broth",))),
            {"lost": ["broth"], "dropped": ["Import registry"]},
            id="one that was about to come is left out",
        ),
        pytest.param(
            under(select=BOTH, exclude=Exclude(accounts=("broth",))),
            replace(
                under(select=BOTH, exclude=Exclude(accounts=("broth",))),
                overrides=(override(BEN, exclude=True),),
            ),
            {"otherwise": ["ExcludedByOverride"]},
            id="left out for another reason",
        ),
        pytest.param(
            ONE_KEPT,
            under(ONE_KEPT, options=PSA_ONLY),
            {"added": ["Create psa"]},
            id="a contact is made",
        ),
        pytest.param(
            under(ONE_KEPT, options=EVERYTHING),
            ONE_KEPT,
            {"dropped": ["Create psa", "Create vault"]},
            id="what was pending is called off",
        ),
        pytest.param(
            FOUND,
            replace(FOUND, overrides=(override(ANNA, vault=pin(1)),)),
            {"added": ["Link vault"]},
            id="a question is answered",
        ),
        pytest.param(
            replace(ONE_KEPT, policies=()),
            ONE_KEPT,
            {"standing": "Covered", "gained": ["aberg"], "dropped": ["Release registry"]},
            id="a policy covers the customer",
        ),
        pytest.param(
            None,
            STAFF,
            {"standing": "New", "gained": ["aberg"], "added": ["Import registry"]},
            id="a new customer",
        ),
        pytest.param(
            STAFF,
            None,
            {"standing": "Removed", "dropped": ["Import registry"]},
            id="a customer that git no longer names",
        ),
    ],
)
def test_what_a_change_does(base: World | None, head: World | None, says: dict[str, Any]) -> None:
    """Only what differs because of the files is told."""
    difference = between(base, head)
    found = told(difference)
    found.pop("questions", None)
    found.pop("refused", None)
    assert found == says


def test_what_is_due_anyway_is_only_counted() -> None:
    """A contact that would be made without the change as well is pending, not its effect."""
    one = between(under(options=PSA_ONLY), under(options=PSA_ONLY, select=BOTH))
    assert one.pending == 2
    assert {change.user.partition("@")[0] for change in one.added} == {"broth"}


def test_a_new_question_is_told_with_its_state() -> None:
    """Two entries that fit a newly selected account are a finding that only the head has."""
    entries = (entry(1, "broth"), entry(2, "broth"))
    world = replace(STAFF, entries=entries)
    one = between(world, under(world, select=BOTH))
    assert Reason.SEVERAL_MATCHES in {finding.reason for finding in one.questions}
    assert between(under(world, select=BOTH), world).answered == len(one.questions)


def test_a_refusal_is_new_only_once() -> None:
    """What the guard refuses on both sides is not because of the change; the digest is told."""
    fine = under(options=PSA_ONLY)
    limited = under(options=PSA_ONLY, limits=NOBODY_NEW)
    new = between(fine, limited)
    assert told(new)["refused"] == ["LimitExceeded"]
    assert new.needs_approval
    assert new.digest == limited.verdict().plan.digest
    old = between(limited, under(options=PSA_ONLY, limits=NOBODY_NEW, select=BOTH))
    assert old.refusals == ()
    assert old.needs_approval


def test_a_policy_line_says_what_it_demands() -> None:
    """The effects of a change are counted per field that asks for them."""
    world = ONE_KEPT
    radius = compare({CONTOSO: side(world)}, {CONTOSO: side(under(world, options=PSA_ONLY))})
    (line,) = radius.lines
    assert line.because.endswith("/spec/options/psa/createWhenMissing")
    assert [(system.value, action.value, count) for system, action, count in line.effects] == [
        ("psa", "Create", 1)
    ]


def test_another_connection_is_named() -> None:
    """Where the change leads to another vault, the difference says which source that is."""
    moved = replace(STAFF, vault=replace(STAFF.vault, name="other"))
    assert between(STAFF, moved).elsewhere == (Source.VAULT,)
    assert between(STAFF, STAFF).elsewhere == ()


def test_what_stays_behind_is_counted() -> None:
    """Of a customer that is gone from git, the accounts in the registry stay."""
    gone = between(ONE_KEPT, None)
    assert gone.left_behind == 1
    assert gone.whole


@pytest.mark.parametrize(
    ("base", "head", "code"),
    [
        (STAFF, STAFF, ExitCode.OK),
        (STAFF, under(options=PSA_ONLY), ExitCode.CHANGES),
        (under(options=PSA_ONLY), under(options=PSA_ONLY), ExitCode.OK),
        (under(options=PSA_ONLY), under(options=PSA_ONLY, limits=NOBODY_NEW), ExitCode.REFUSED),
        (
            under(options=PSA_ONLY, limits=NOBODY_NEW),
            under(options=PSA_ONLY, limits=NOBODY_NEW),
            ExitCode.OK,
        ),
        (replace(STAFF, unread=(Source.VAULT,)), STAFF, ExitCode.ERROR),
    ],
)
def test_the_exit_code_is_about_the_change(base: World, head: World, code: ExitCode) -> None:
    """What would be so without the change as well does not count; an unread system does."""
    radius = compare({CONTOSO: side(base)}, {CONTOSO: side(head)})
    assert of_comparison(radius, detailed=True) == code
    plain = ExitCode.OK if code is ExitCode.CHANGES else code
    assert of_comparison(radius, detailed=False) == plain


def test_only_new_questions_wait_for_a_person() -> None:
    """A change that brings nothing but an ambiguous match ends with 3."""
    silent = Options(vault=replace(Options().vault, match=False))
    base, head = under(FOUND, options=silent), under(FOUND, options=Options())
    before, after = side(base), side(head)
    both = compare({CONTOSO: before}, {CONTOSO: after})
    assert of_comparison(both, detailed=True) == ExitCode.AMBIGUOUS


# ---------------------------------------------------------------- whatever the order

PEOPLE = tuple(person("Kim", f"Lang{number}") for number in range(4))
ADMIN = user("root", place="OU=Admins")
CONTACTS = tuple(contact(n, "", f"kim.lang{n}@example.test") for n in range(2))
WORLDS = tuple(
    replace(
        World(users=(*PEOPLE, ADMIN), contacts=CONTACTS, entries=(entry(1, "klang1"),)),
        policies=policies,
        records=records,
        customer=CUSTOMER,
    )
    for policies in (
        (),
        (settings(),),
        (settings(options=EVERYTHING), settings(AccountType.ADMINISTRATOR)),
        (settings(exclude=Exclude(accounts=("klang2",))),),
    )
    for records in ((), tuple(record(one) for one in PEOPLE[:2]))
)
SIDES = tuple(side(world) for world in WORLDS)
NAMES = tuple(map(CustomerName, ("ada", "bob", "cyd")))
_SOME = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(SIDES))


def _shuffled(sides: Mapping[CustomerName, Side], seed: int) -> dict[CustomerName, Side]:
    """Return the same in another order, down to the rows of each plan."""
    draw = random.Random(seed)

    def mix(one: Side) -> Side:
        plan = one.plan
        mixed = replace(
            plan,
            decisions=tuple(draw.sample(plan.decisions, len(plan.decisions))),
            changes=tuple(draw.sample(plan.changes, len(plan.changes))),
            findings=tuple(draw.sample(plan.findings, len(plan.findings))),
        )
        return replace(one, verdict=replace(one.verdict, plan=mixed))

    names = list(sides)
    draw.shuffle(names)
    return {name: mix(sides[name]) for name in names}


def _shown(radius: BlastRadius) -> list[tuple[Any, ...]]:
    return [
        (one.name, one.standing, one.shifts, one.added, one.dropped, one.pending, one.questions)
        for one in radius.differences
    ]


@given(base=_SOME, head=_SOME, seed=st.integers(0, 99))
def test_order_does_not_matter(
    base: dict[CustomerName, Side], head: dict[CustomerName, Side], seed: int
) -> None:
    """The same sides in any order give the same comparison."""
    radius = compare(base, head)
    again = compare(_shuffled(base, seed), _shuffled(head, seed + 1))
    assert _shown(again) == _shown(radius)
    assert again.lines == radius.lines
    assert again.digest == radius.digest


@given(base=_SOME, head=_SOME)
def test_back_is_the_mirror_of_forth(
    base: dict[CustomerName, Side], head: dict[CustomerName, Side]
) -> None:
    """What one way adds the other way drops, and a side compared with itself says nothing."""
    for forth, back in zip(
        compare(base, head).differences, compare(head, base).differences, strict=True
    ):
        assert (forth.added, forth.dropped, forth.pending) == (
            back.dropped,
            back.added,
            back.pending,
        )
        if forth.head and forth.base:
            assert [one.either.account for one in forth.gained] == [
                one.either.account for one in back.lost
            ]
    assert not any(one.touched for one in compare(head, head).differences)
