"""Setting a cloud user's password: who may, who must not, and what may be said about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.adapters.entra.world import EntraWorld

from muster.errors import AccessDenied, NotFound, Rejected, Unavailable
from muster.lab.faults import FaultKind, HtmlError, LostReply, ServerError, Throttle
from muster.lab.graph import READ_PERMISSIONS
from muster.model.names import AccountId
from muster.model.secret import Secret
from muster.ports import PasswordDirectory

CANARY = Secret("Canary-Pass-77-änd")
ROTATE = READ_PERMISSIONS | {"User-PasswordProfile.ReadWrite.All"}
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
PRIVILEGED_AUTHENTICATION = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
NOBODY_THERE = AccountId("6f1c0000-0000-4000-8000-00000000dead")


@pytest.fixture
def rotating(world: EntraWorld) -> EntraWorld:
    """A tenant in which the application may reset users who are no administrators."""
    world.lab.consent(world.tenant, ROTATE, roles=[USER_ADMINISTRATOR])
    return world


def set_password(
    world: EntraWorld,
    user: AccountId,
    password: Secret = CANARY,
    *,
    must_change: bool = False,
) -> None:
    """Set a password through the port that jobs use."""
    directory: PasswordDirectory = world.open().passwords
    directory.set_password(user, password, must_change=must_change, unlock=False)


def test_a_password_is_set_and_its_time_moves(rotating: EntraWorld) -> None:
    """The user has the password, and when it changed can be read."""
    user = rotating.add_user("joan")
    moment = datetime(2026, 11, 22, 7, 8, 9, tzinfo=UTC)
    passwords = rotating.open().passwords
    before = passwords.read_password_state(user).changed_at
    assert before is not None
    set_password(rotating, user, CANARY, must_change=True)
    assert rotating.lab.password(rotating.tenant, user) == CANARY.reveal()
    rotating.lab.edit_user(rotating.tenant, user, lastPasswordChangeDateTime="2026-11-22T07:08:09Z")
    assert passwords.read_password_state(user).changed_at == moment


def test_a_synchronized_user_is_left_alone(rotating: EntraWorld) -> None:
    """Graph would take the password, and the two would part; so nothing is sent."""
    user = rotating.add_user("joan", synced=True)
    with pytest.raises(Rejected, match="synchronized"):
        set_password(rotating, user)
    assert rotating.lab.writes() == 0


@pytest.mark.parametrize("password", ["short", "alllowercaseletters", "xJoan-2026-x", "Aa1-" * 65])
def test_a_password_against_the_policy_is_rejected(rotating: EntraWorld, password: str) -> None:
    """The code is named; neither the password nor Graph's words about it are repeated."""
    user = rotating.add_user("joan")
    with pytest.raises(Rejected, match="Request_BadRequest") as caught:
        set_password(rotating, user, Secret(password))
    assert password not in str(caught.value)
    assert "complexity" not in str(caught.value)
    assert not caught.value.maybe_applied


@pytest.mark.parametrize("roles", [[], [USER_ADMINISTRATOR], [PRIVILEGED_AUTHENTICATION]])
@pytest.mark.parametrize("needs_role", [True, False])
def test_a_role_that_is_missing_is_named(
    world: EntraWorld, roles: list[str], needs_role: bool
) -> None:
    """An application without the role for its target gets both remedies, under each reading."""
    world.lab.knobs.password_needs_role = needs_role
    world.lab.consent(world.tenant, ROTATE, roles=roles)
    plain, admin = world.add_users(2)
    world.lab.add_role(world.tenant, "Global Administrator", [admin])
    for user, allowed in (
        (plain, bool(roles) or not needs_role),
        (admin, roles == [PRIVILEGED_AUTHENTICATION]),
    ):
        if allowed:
            set_password(world, user)
            continue
        with pytest.raises(AccessDenied, match="User Administrator") as caught:
            set_password(world, user)
        assert "User-PasswordProfile.ReadWrite.All" in str(caught.value)
        assert CANARY.reveal() not in str(caught.value)


def test_a_permission_that_is_missing_is_named(world: EntraWorld) -> None:
    """Reading alone is not enough for passwords."""
    (user,) = world.add_users(1)
    with pytest.raises(AccessDenied, match=r"User-PasswordProfile\.ReadWrite\.All"):
        set_password(world, user)
    assert world.lab.writes() == 0


def test_a_user_that_is_gone_is_named(rotating: EntraWorld) -> None:
    """Setting and looking both say that there is no such user."""
    passwords = rotating.open().passwords
    acts: tuple[Callable[[], object], ...] = (
        lambda: set_password(rotating, NOBODY_THERE),
        lambda: passwords.read_password_state(NOBODY_THERE),
        lambda: passwords.read_policy(NOBODY_THERE),
    )
    for act in acts:
        with pytest.raises(NotFound, match="no user"):
            act()


@pytest.mark.parametrize("fault", [LostReply(), ServerError(status=503), HtmlError()], ids=str)
def test_an_outcome_that_is_unknown_is_left_to_the_job(
    rotating: EntraWorld, fault: FaultKind
) -> None:
    """One request, and a word that it may have worked: whoever set another one later keeps it."""
    (user,) = rotating.add_users(1)
    rotating.faults.add(fault, method="PATCH")
    with pytest.raises(Unavailable) as caught:
        set_password(rotating, user)
    assert caught.value.maybe_applied
    assert sent(rotating) == 1
    assert CANARY.reveal() not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_password_that_was_certainly_not_taken_is_sent_again(rotating: EntraWorld) -> None:
    """A 429 says that nothing was processed."""
    (user,) = rotating.add_users(1)
    rotating.faults.add(Throttle(retry_after=0), method="PATCH")
    set_password(rotating, user)
    assert sent(rotating) == 2
    assert rotating.lab.password(rotating.tenant, user) == CANARY.reveal()


def sent(world: EntraWorld) -> int:
    """Count the passwords that were sent."""
    return sum(seen.method == "PATCH" for seen in world.lab.requests)
