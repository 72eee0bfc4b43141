"""Who is sent a welcome e-mail: decided once, at import."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.plan.world import (
    CLOUD_CUSTOMER,
    CUSTOMER,
    HYBRID_CUSTOMER,
    MAIL,
    NOW,
    WELCOME,
    World,
    account_id,
    actions,
    cloud,
    finding,
    override,
    person,
    reasons,
    settings,
    user,
)

from muster.model.mail import WelcomeState
from muster.model.names import Action, Mode, Source, System
from muster.model.plans import ChangeResult, CustomerPlan
from muster.model.reasons import Reason
from muster.model.settings import Options, SelectEntra
from muster.plan.settle import settle

ON = Options(welcome_email=True)
JOHN = person("John", "Smith")
ANNA = person("Anna", "Jones")


def _policy(**fields: Any) -> Any:
    return settings(**{"options": ON, "welcome": WELCOME, **fields})


WORLD = World(users=(JOHN,), policies=(_policy(),))


def _sent(plan: CustomerPlan) -> list[str]:
    return [one.target for one in plan.changes if one.action is Action.SEND]


def _welcome(world: World) -> tuple[WelcomeState, Reason]:
    welcome = world.record_of(JOHN).welcome
    return welcome.state, welcome.reason


def test_a_new_account_is_welcomed_once() -> None:
    """The mail is planned with the import, says which line wants it, and is never planned again."""
    plan = WORLD.plan()
    assert actions(plan, System.MAIL) == [Action.SEND]
    (change,) = (one for one in plan.changes if one.system is System.MAIL)
    assert change.because == "AutomaticImportPolicy/staff#/spec/options/welcomeEmail"
    later = WORLD.applied()
    assert _welcome(later) == (WelcomeState.SENT, Reason.WELCOME_EMAIL_SENT)
    assert later.plan().changes == ()


def test_switching_it_on_mails_nobody_who_is_there() -> None:
    """Statement 18: off, then on: no mail to existing accounts; one to the next new one."""
    before = replace(WORLD, policies=(_policy(options=Options()),)).applied()
    after = replace(before, policies=(_policy(),))
    assert _sent(after.plan()) == []
    assert _sent(replace(after, users=(JOHN, ANNA)).plan()) == ["anna.jones@example.test"]


@pytest.mark.parametrize("cloud_only", [True, False])
def test_who_was_there_is_no_newcomer(*, cloud_only: bool) -> None:
    """A person whose account is made anew, or moves to the tenant, is not welcomed again."""
    before = WORLD.applied()
    if cloud_only:
        known = cloud("jsmith", mail=(JOHN.mail or "").upper())
        policy = _policy(select=SelectEntra(all_users=True))
        again = replace(
            before, users=(), cloud=(known,), customer=CLOUD_CUSTOMER, policies=(policy,)
        )
    else:
        again = replace(before, users=(replace(JOHN, id=account_id("anew")),))
    plan = again.plan()
    assert _sent(plan) == []
    assert "AddressKnown" in finding(plan, Reason.WELCOME_EMAIL_SKIPPED).message


def test_an_address_is_free_again_when_its_account_was_released() -> None:
    """Somebody new who gets it is a newcomer, and is welcomed."""
    left = replace(WORLD.applied(), users=(ANNA,)).applied()
    heir = replace(JOHN, id=account_id("anew"))
    assert _sent(replace(left, users=(ANNA, heir)).plan()) == [JOHN.mail]


def test_without_an_address_it_is_skipped_and_reported() -> None:
    """Statement 18: `WelcomeEmailSkipped`, `NoEmail`; a later address changes nothing."""
    plan = (world := replace(WORLD, users=(replace(JOHN, mail=None),))).plan()
    assert _sent(plan) == []
    told = finding(plan, Reason.WELCOME_EMAIL_SKIPPED)
    assert told.message.startswith("NoEmail")
    later = world.applied()
    assert _welcome(later) == (WelcomeState.SKIPPED, Reason.NO_EMAIL)
    assert _sent(replace(later, users=(JOHN,)).plan()) == []


@pytest.mark.parametrize(
    "mail", ["john smith@example.test", "john@a\r\nBcc: x@evil.example", "john", "a@b@c", "<x>@y"]
)
def test_what_is_no_address_gets_no_mail(mail: str) -> None:
    """Directories take anything for an address; mail is sent to addresses."""
    world = replace(WORLD, users=(replace(JOHN, mail=mail),))
    assert _sent(world.plan()) == []
    assert _welcome(world.applied()) == (WelcomeState.SKIPPED, Reason.EMAIL_INVALID)


def test_an_override_supplies_the_address() -> None:
    """The address that a person gives is the one that is written to."""
    bare = replace(JOHN, mail=None)
    decision = override(bare, email="john@contoso.example")
    world = replace(WORLD, users=(bare,), overrides=(decision,))
    assert _sent(world.plan()) == ["john@contoso.example"]


@pytest.mark.parametrize(
    ("quiet", "reason"),
    [
        ({"policies": (_policy(mode=Mode.OBSERVE),)}, Reason.OBSERVE_ONLY),
        ({"mail": replace(MAIL, suspend=True)}, Reason.SUSPENDED),
    ],
    ids=["observe", "integration suspended"],
)
def test_who_was_imported_in_silence_is_never_mailed(quiet: Any, reason: Reason) -> None:
    """Accounts that were imported while nothing is sent are not mailed when that ends."""
    silent = replace(WORLD, **quiet)
    assert _sent(silent.plan()) == []
    later = silent.applied()
    assert _welcome(later) == (WelcomeState.SKIPPED, reason)
    assert _sent(replace(later, policies=WORLD.policies, mail=MAIL).plan()) == []


@pytest.mark.parametrize(
    "suspended",
    [{"policies": (_policy(suspend=True),)}, {"customer": replace(CUSTOMER, suspend=True)}],
    ids=["policy", "customer"],
)
def test_while_suspended_nobody_is_imported_or_mailed(suspended: Any) -> None:
    """What is suspended plans no mail."""
    assert replace(WORLD, **suspended).plan().changes == ()


def test_a_run_sends_no_more_than_it_may() -> None:
    """The rest waits, is counted, and is sent in later runs, each once."""
    people = tuple(person(name, "Smith") for name in ("Ada", "Bea", "Cy", "Dan", "Eve"))
    policy = _policy(welcome=replace(WELCOME, max_per_run=2))
    world = World(users=people, policies=(policy,))
    told = finding(world.plan(), Reason.WELCOME_EMAIL_WAITS)
    assert told.message.startswith("3 welcome e-mails of AutomaticImportPolicy/staff wait")
    sent = []
    for _ in range(4):
        sent.append(_sent(world.plan()))
        world = world.applied()
    assert [len(run) for run in sent] == [2, 2, 1, 0]
    assert len({address for run in sent for address in run}) == 5


@pytest.mark.parametrize(
    ("result", "state", "again"),
    [
        ({}, WelcomeState.PENDING, True),
        ({"unsettled": True}, WelcomeState.UNKNOWN, False),
        ({"refused": True}, WelcomeState.SKIPPED, False),
    ],
    ids=["not taken", "no answer", "refused"],
)
def test_only_a_mail_that_did_not_leave_is_repeated(
    result: Any, state: WelcomeState, again: bool
) -> None:
    """What may have been sent, and what was refused, is reported and not sent again."""
    plan = WORLD.plan()
    (change,) = (one for one in plan.changes if one.action is Action.SEND)
    failed = ChangeResult(change=change, done=False, problem="It failed.", **result)
    (record,) = (settle(one, [failed]) for one in plan.records)
    assert record.welcome.state is state
    later = replace(WORLD.applied(), records=(record,))
    assert bool(_sent(later.plan())) is again
    if not again:
        told = finding(
            later.plan(),
            Reason.WELCOME_EMAIL_SKIPPED if result.get("refused") else Reason.WELCOME_EMAIL_UNKNOWN,
        )
        assert "It failed." in told.message
        past = replace(later, now=NOW + timedelta(days=8)).plan()
        assert told.reason not in reasons(past.findings)


def test_what_waits_is_dropped_when_the_option_goes() -> None:
    """Switching it off ends what waits; switching it on again does not bring it back."""
    people = (JOHN, ANNA)
    policy = _policy(welcome=replace(WELCOME, max_per_run=1))
    world = World(users=people, policies=(policy,)).applied()
    off = replace(world, policies=(_policy(options=Options()),)).applied()
    assert _sent(replace(off, policies=(policy,)).plan()) == []


def test_nobody_who_is_disabled_is_mailed() -> None:
    """An account that was disabled while its mail waits is not written to."""
    people = (ANNA, JOHN)
    policy = _policy(welcome=replace(WELCOME, max_per_run=1))
    world = World(users=people, policies=(policy,)).applied()
    gone = replace(world, users=(ANNA, replace(JOHN, enabled=False)))
    assert _sent(gone.plan()) == []


@pytest.mark.parametrize(
    "dark",
    [
        {"policies": (_policy(mode=Mode.OBSERVE),)},
        {"customer": HYBRID_CUSTOMER, "unread": (Source.DIRECTORY,)},
    ],
    ids=["observe", "unread"],
)
def test_a_mail_that_waits_goes_on_waiting_while_nothing_may_be_done(dark: Any) -> None:
    """Under Observe, or while the account cannot be seen, nothing is sent and nothing forgotten."""
    one_each = _policy(welcome=replace(WELCOME, max_per_run=1))
    world = World(users=(ANNA, JOHN), policies=(one_each,)).applied()
    assert _sent(world.plan()) == [JOHN.mail]
    waiting = replace(world, **dark)
    assert _sent(waiting.plan()) == []
    assert _welcome(waiting)[0] is WelcomeState.PENDING
    light = replace(waiting.applied(), policies=world.policies, unread=())
    assert _sent(light.plan()) == [JOHN.mail]


@pytest.mark.parametrize(
    ("self_serve", "kept"), [(True, "+1 555 0100"), (False, None)], ids=["on", "off"]
)
def test_a_mobile_number_is_kept_only_where_it_is_needed(
    self_serve: bool, kept: str | None
) -> None:
    """Without self-serve the number is not recorded."""
    options = Options(self_serve=self_serve)
    world = World(
        users=(user("jsmith", mobile="+1 555 0100"),), policies=(_policy(options=options),)
    )
    (record,) = world.plan().records
    assert record.identity.mobile == kept
