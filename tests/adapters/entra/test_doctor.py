"""What `muster doctor` says of a tenant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.adapters.entra.world import NOBODY, NOTHING, EntraWorld

from muster.errors import AccessDenied
from muster.lab.faults import Disconnect, HtmlError, ServerError
from muster.lab.graph import READ_PERMISSIONS


def test_a_tenant_with_the_least_permissions_is_well(world: EntraWorld) -> None:
    """One line for sign-in, one per permission, one for the tenant, and no advice."""
    checks = world.open().check()
    assert [check.name for check in checks] == [
        "Entra sign-in",
        "Entra User.Read.All",
        "Entra GroupMember.Read.All",
        "Entra RoleManagement.Read.Directory",
        "Entra Organization.Read.All",
        "Entra tenant",
    ]
    assert all(check.ok and not check.advice for check in checks)
    assert checks[-1].detail == "Contoso (contoso.example), cloud only"


@pytest.mark.parametrize("missing", sorted(READ_PERMISSIONS))
def test_a_missing_permission_has_its_line(world: EntraWorld, missing: str) -> None:
    """The line fails with the consent link, and the others do not."""
    world.lab.consent(world.tenant, READ_PERMISSIONS - {missing})
    failed = [check for check in world.open().check() if not check.ok]
    assert [check.name for check in failed] == [f"Entra {missing}"]
    assert "/v2.0/adminconsent?client_id=" in failed[0].advice


def test_too_much_is_named_and_is_no_failure(world: EntraWorld) -> None:
    """A broad permission covers what is needed, and has a line of its own that says so."""
    world.lab.consent(world.tenant, {"Directory.ReadWrite.All", "RoleManagement.Read.Directory"})
    checks = {check.name: check for check in world.open().check()}
    assert all(check.ok for check in checks.values())
    assert checks["Entra User.Read.All"].detail == "covered by Directory.ReadWrite.All"
    assert checks["Entra Directory.ReadWrite.All"].detail == "more than Muster needs"
    assert checks["Entra Directory.ReadWrite.All"].advice


@pytest.mark.parametrize("unused", ["User.RevokeSessions.All", "MailboxSettings.Read"])
def test_what_nothing_uses_is_too_much(world: EntraWorld, unused: str) -> None:
    """Whatever else Microsoft recommends, only what Muster calls for is passed over in silence."""
    world.lab.consent(world.tenant, READ_PERMISSIONS | {unused})
    (line,) = (one for one in world.open().check() if one.name == f"Entra {unused}")
    assert line.detail == "more than Muster needs"


PASSWORDS = "User-PasswordProfile.ReadWrite.All"


@pytest.mark.parametrize(
    ("granted", "wanted", "said"),
    [
        (False, False, None),
        (False, True, (False, "missing", "/v2.0/adminconsent?client_id=")),
        (True, True, (True, "granted", "")),
        (True, False, (True, "no policy sets passwords here", "Take it away")),
    ],
)
def test_the_permission_that_writes_is_needed_only_where_git_sets_passwords(
    world: EntraWorld, granted: bool, wanted: bool, said: tuple[bool, str, str] | None
) -> None:
    """It is missing where it is needed, too much where it is not, and else no line at all."""
    world.lab.consent(world.tenant, READ_PERMISSIONS | ({PASSWORDS} if granted else set()))
    checks = world.open().check(sets_passwords=wanted)
    found = [one for one in checks if one.name == f"Entra {PASSWORDS}"]
    if said is None:
        assert not found
        return
    ok, detail, advice = said
    assert [one.ok for one in found] == [ok]
    assert detail in found[0].detail
    assert advice in found[0].advice
    assert bool(advice) == bool(found[0].advice)


ROLES = {
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
}


@pytest.mark.parametrize(
    ("held", "detail", "advice"),
    [
        ((), "none of its own", "User Administrator, itself or through a group"),
        (("User Administrator",), "User Administrator", "administrators' passwords"),
        (
            ("User Administrator", "Privileged Authentication Administrator"),
            "Privileged Authentication Administrator, User Administrator",
            "",
        ),
    ],
)
def test_the_applications_own_roles_are_shown_where_passwords_are_set(
    world: EntraWorld, held: tuple[str, ...], detail: str, advice: str
) -> None:
    """Which it holds, and what for administrators is still needed; somebody else's do not count."""
    world.lab.add_role(world.tenant, "Privileged Authentication Administrator", world.add_users(1))
    granted = READ_PERMISSIONS | {PASSWORDS}
    world.lab.consent(world.tenant, granted, roles=[ROLES[one] for one in held])
    checks = {one.name: one for one in world.open().check(sets_passwords=True)}
    line = checks["Entra role of the application"]
    assert (line.ok, line.detail) == (True, detail)
    assert advice in line.advice
    assert bool(advice) == bool(line.advice)
    assert "Entra role of the application" not in {one.name for one in world.open().check()}


@pytest.mark.parametrize("path", ["token", "openid", "organization"])
@pytest.mark.parametrize("fault", [ServerError(), Disconnect(), HtmlError(status=403)], ids=str)
def test_whatever_happens_doctor_raises_nothing(
    world: EntraWorld, path: str, fault: ServerError | Disconnect | HtmlError
) -> None:
    """Trouble is a line that is not well."""
    world.faults.add(fault, path=path, times=-1)
    assert not world.open(patience_s=0).check()[-1].ok


def test_a_permission_that_was_just_granted_is_not_waited_for(world: EntraWorld) -> None:
    """A token of this minute is right; a 403 with an older one is asked again with a new one."""
    world.lab.consent(world.tenant, {"Organization.Read.All"})
    now = [datetime.now(UTC)]
    adapter = world.open(clock=lambda: now[0])
    with pytest.raises(AccessDenied):
        adapter.read(NOTHING, NOBODY)
    world.lab.consent(world.tenant)
    with pytest.raises(AccessDenied):
        adapter.read(NOTHING, NOBODY)
    now[0] += timedelta(minutes=2)
    adapter.read(NOTHING, NOBODY)
    assert world.sign_ins() == 2
