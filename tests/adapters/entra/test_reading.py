"""What of a tenant becomes a snapshot: users, licences, groups and roles, whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
from tests.adapters.entra.world import NOBODY, NOTHING, EntraWorld, ids, one
from werkzeug.wrappers import Request

from muster.adapters.entra.users import id_of
from muster.errors import AccessDenied, RateLimited, RemoteError, Unavailable, Unexpected
from muster.lab.faults import (
    CircularNextLink,
    CutBody,
    FaultKind,
    ForeignNextLink,
    HtmlError,
    Meanwhile,
    ServerError,
    Struck,
    Throttle,
)
from muster.lab.graph import GraphLab
from muster.lab.graph.records import plan
from muster.lab.http_server import Reply
from muster.model.entra import EntraGroup, EntraQuestion, EntraRole, EntraSnapshot
from muster.model.names import AccountId

STANDARD, FOUNDATION = (
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "113feb6c-3fe4-4440-bddc-54d774bf0318",
)


def test_a_user_arrives_with_all_that_policies_need(world: EntraWorld) -> None:
    """Names, addresses, the ties to Active Directory and the password's age are translated."""
    joan = world.add_user(
        "joan",
        display_name="Joan O'Neill",
        given_name="Joan",
        surname="O'Neill",
        mail="joan@contoso.example",
        aliases=("jo@contoso.example",),
        synced=True,
        immutable_id="xr/kOZLv/kGTcWnIvhYPlQ==",
        sid="S-1-5-21-1-2-3-1103",
        sam="joneill",
        attributes={"lastPasswordChangeDateTime": "2026-11-20T07:08:09Z"},
    )
    user = one(world.open().read(NOTHING, NOBODY), joan)
    assert (user.upn, user.display_name) == ("joan@contoso.example", "Joan O'Neill")
    assert (user.given_name, user.surname) == ("Joan", "O'Neill")
    assert (user.mail, user.primary_smtp) == ("joan@contoso.example", "joan@contoso.example")
    assert user.aliases == ("jo@contoso.example",)
    assert (user.synced, user.enabled, user.guest) == (True, True, False)
    assert user.immutable_id == "xr/kOZLv/kGTcWnIvhYPlQ=="
    assert (user.on_premises_sid, user.on_premises_sam) == ("S-1-5-21-1-2-3-1103", "joneill")
    assert (user.licensed, user.mailbox_plan) == (True, True)
    assert user.password_changed_at == datetime(2026, 11, 20, 7, 8, 9, tzinfo=UTC)


def test_what_a_user_lacks_is_none(world: EntraWorld) -> None:
    """Null is None and never a text, and a cloud user is not synchronized."""
    bare = world.add_user(
        "bare", display_name=None, licensed=False, attributes={"lastPasswordChangeDateTime": None}
    )
    user = one(world.open().read(NOTHING, NOBODY), bare)
    assert {user.display_name, user.given_name, user.surname, user.mail} == {None}
    assert {user.primary_smtp, user.immutable_id, user.on_premises_sid} == {None}
    assert user.password_changed_at is None
    assert (user.synced, user.licensed, user.mailbox_plan, user.aliases) == (
        False,
        False,
        False,
        (),
    )


def test_an_id_is_one_in_any_letters() -> None:
    """Records, members and links are compared by it."""
    assert id_of({"id": "6F1C0000-0000-4000-8000-00000000DEAD"}).endswith("dead")


@pytest.mark.parametrize(
    ("name", "kind", "guest"),
    [
        ("old", None, False),
        ("auditor_partner.example#EXT#", None, True),
        ("auditor_partner.example#ext#", None, True),
        ("auditor_partner.example#EXT#", "Guest", True),
        ("colleague_partner.example#EXT#", "Member", False),
    ],
)
def test_who_is_a_guest(world: EntraWorld, name: str, kind: str | None, guest: bool) -> None:
    """UserType says it; the name says it for accounts from before there was a userType."""
    user = world.add_user(name, attributes={"userType": kind})
    assert one(world.open().read(NOTHING, NOBODY), user).guest is guest


@pytest.mark.parametrize(
    ("plans", "mailbox"),
    [
        ([plan(STANDARD)], True),
        ([plan(STANDARD, status="Warning")], True),
        ([plan(STANDARD.upper())], True),
        ([plan(STANDARD, status="Suspended")], False),
        ([plan(STANDARD, status="Deleted")], False),
        ([plan(FOUNDATION)], False),
        ([plan(STANDARD, service="teamspace")], False),
        ([], False),
    ],
)
def test_a_licence_is_a_mailbox_only_by_its_plan(
    world: EntraWorld, plans: list[dict[str, Any]], mailbox: bool
) -> None:
    """A plan that works and is one of Exchange's mailboxes counts; a licence alone does not."""
    user = world.add_user("joan", attributes={"assignedPlans": plans})
    found = one(world.open().read(NOTHING, NOBODY), user)
    assert (found.licensed, found.mailbox_plan) == (True, mailbox)


def test_the_tenant_is_named(world: EntraWorld) -> None:
    """Id, name, domains and whether Entra Connect is at work."""
    tenant = world.open().read(NOTHING, NOBODY).tenant
    assert (tenant.id, tenant.name, tenant.synced) == (world.tenant, "Contoso", False)
    assert tenant.domains == ("contoso.example",)
    synced = world.lab.add_tenant("Fabrikam", ("fabrikam.example",), synced=True)
    assert (
        world.open(settings=world.elsewhere(tenant_id=synced)).read(NOTHING, NOBODY).tenant.synced
    )


@pytest.mark.parametrize("empty_pages", [False, True])
def test_every_page_is_followed(world: EntraWorld, empty_pages: bool) -> None:
    """All users are read, each once and in order, also behind an empty page."""
    users = world.add_users(7)
    world.lab.knobs.max_page, world.lab.knobs.empty_pages = 3, empty_pages
    assert ids(world.open().read(NOTHING, NOBODY)) == users
    assert world.paths().count("/users") == 3 + empty_pages


def test_large_pages_are_asked_for(world: EntraWorld) -> None:
    """A tenant of 999 users is one page, and nothing else is asked for than was in question."""
    world.add_users(150)
    world.open().read(NOTHING, NOBODY)
    assert world.paths() == ["/organization", "/users"]


def _group(world: EntraWorld) -> EntraQuestion:
    group = world.lab.add_group(world.tenant, "Staff", world.add_users(7))
    return EntraQuestion(groups=(group,))


def _role(world: EntraWorld) -> EntraQuestion:
    role = world.lab.add_role(world.tenant, "Global Administrator", world.add_users(7))
    return EntraQuestion(roles=(role,))


_TROUBLE: tuple[FaultKind, ...] = (
    CutBody(),
    ServerError(status=500),
    ServerError(status=503),
    Throttle(),
    HtmlError(status=502),
)


@pytest.mark.parametrize("page", [r"users\?.*skiptoken", "members", r"roleAssignments"])
@pytest.mark.parametrize("fault", _TROUBLE, ids=str)
def test_trouble_on_a_page_loses_nobody(world: EntraWorld, fault: FaultKind, page: str) -> None:
    """A failure within users, members or assignments is survived, or the read fails as a whole."""
    question = _role(world) if page == "roleAssignments" else _group(world)
    world.lab.knobs.max_page = 3
    world.faults.add(fault, path=page)
    snapshot = world.open().read(question, NOBODY)
    assert len(snapshot.users) == 7
    groups = [len(group.users) for group in snapshot.groups]
    assert groups + [len(role.users) for role in snapshot.roles] == [7]
    world.faults.add(fault, path=page, times=-1)
    with pytest.raises((Unavailable, RateLimited)):
        world.open(patience_s=0.1).read(question, NOBODY)


def test_a_link_to_another_host_is_not_followed(world: EntraWorld) -> None:
    """The token goes nowhere else, and the list is not taken for complete."""
    world.add_users(5)
    world.lab.knobs.max_page = 3
    world.faults.add(ForeignNextLink(), path="/users", times=-1)
    with pytest.raises(Unexpected, match="another place"):
        world.open().read(NOTHING, NOBODY)


def test_a_list_that_never_ends_is_an_error(world: EntraWorld) -> None:
    """A page that links to itself is asked for twice at most, and nothing of it is used."""
    world.add_users(5)
    world.faults.add(CircularNextLink(), path=r"/users\?", times=20)
    with pytest.raises(Unexpected, match="in a circle"):
        world.open().read(NOTHING, NOBODY)
    assert world.paths().count("/users") == 2


def test_another_tenants_answer_is_not_used(world: EntraWorld) -> None:
    """The tenant that answers must be the one that is named, so its name is not enough."""
    settings = world.elsewhere(tenant_id="contoso.example")
    with pytest.raises(Unexpected, match="another tenant"):
        world.open(settings=settings).read(NOTHING, NOBODY)


def test_a_known_user_that_lists_do_not_show_yet_is_looked_up(world: EntraWorld) -> None:
    """Lists lag behind; an id that exists is found, and one that does not is no error."""
    shown, hidden, gone = world.add_users(3)
    world.lab.hide_user(world.tenant, hidden)
    world.lab.delete_user(world.tenant, gone)
    adapter = world.open()
    assert ids(adapter.read(NOTHING, NOBODY)) == [shown]
    assert ids(adapter.read(NOTHING, frozenset({shown, hidden, gone}))) == [shown, hidden]


def test_many_known_users_take_one_request_for_twenty(world: EntraWorld) -> None:
    """Look-ups are batched, and one of the batch that is put off is sent again alone."""
    known = [AccountId(f"6f1c0000-0000-4000-8000-{number:012}") for number in range(44)]
    adapter = world.open()
    world.faults.add(Throttle(retry_after=1), path="000000000007")
    world.faults.add(ServerError(status=424), path="000000000030")
    assert ids(adapter.read(NOTHING, frozenset(known))) == []
    assert world.paths().count("/$batch") == 5
    assert adapter.usage.retries == 2


def test_a_batch_that_stays_put_off_is_an_error(world: EntraWorld) -> None:
    """An answer that never comes within a batch is no absence."""
    known = frozenset({AccountId("6f1c0000-0000-4000-8000-000000000007")})
    world.faults.add(ServerError(status=504), path="000000000007", times=-1)
    with pytest.raises(Unavailable, match="504"):
        world.open(patience_s=0.2).read(NOTHING, known)
    both = known | {AccountId("6f1c0000-0000-4000-8000-000000000008")}
    world.faults.add(Throttle(retry_after=30), path="000000000008", times=-1)
    with pytest.raises(Unavailable, match="429, 504"):
        world.open(patience_s=0.2).read(NOTHING, both)
    world.faults.clear()
    world.faults.add(Throttle(retry_after=30), path="000000000007", times=-1)
    with pytest.raises(RateLimited) as caught:
        world.open(patience_s=0.2).read(NOTHING, known)
    assert caught.value.delay_s == 30


@pytest.mark.parametrize(("age", "sign_ins"), [(timedelta(seconds=5), 1), (timedelta(hours=1), 2)])
def test_a_right_that_is_newer_than_the_token_counts_within_a_batch(
    world: EntraWorld, age: timedelta, sign_ins: int
) -> None:
    """A 403 is asked again with a new token, unless the one that was refused is new."""
    now = [datetime.now(UTC)]
    adapter = world.open(clock=lambda: now[0])
    hidden = world.add_user("hidden")
    world.lab.hide_user(world.tenant, hidden)
    adapter.read(NOTHING, NOBODY)
    now[0] += age
    world.faults.add(ServerError(status=403), path=f"/users/{hidden}")
    if sign_ins == 1:
        with pytest.raises(AccessDenied, match=r"User\.Read\.All"):
            adapter.read(NOTHING, frozenset({hidden}))
    else:
        assert ids(adapter.read(NOTHING, frozenset({hidden}))) == [hidden]
    assert world.sign_ins() == sign_ins


def names_of(snapshot: EntraSnapshot) -> list[str]:
    """Return the names of the groups of a snapshot."""
    return sorted(group.name for group in snapshot.groups)


def test_groups_are_found_by_id_and_by_name(world: EntraWorld) -> None:
    """A name that two groups have is answered by both; what nobody has is answered by none."""
    lab, tenant = world.lab, world.tenant
    first = lab.add_group(tenant, "Jane's Team")
    second = lab.add_group(tenant, "Jane's Team", security=False)
    other = lab.add_group(tenant, "Other")
    lab.add_group(tenant, "Not asked for")
    wanted = ("Jane's Team", other, "nobody's", "6f1c0000-0000-4000-8000-00000000dead", first)
    snapshot = world.open().read(EntraQuestion(groups=wanted), NOBODY)
    assert names_of(snapshot) == ["Jane's Team", "Jane's Team", "Other"]
    security = {group.id: group.security for group in snapshot.groups}
    assert security == {first: True, second: False, other: True}


def test_members_are_direct_unless_nested_ones_are_asked_for(world: EntraWorld) -> None:
    """Devices are no users; groups within are read only on demand, all the way down and once."""
    lab, tenant = world.lab, world.tenant
    direct, deep = world.add_users(2)
    bottom = lab.add_group(tenant, "Bottom", [deep])
    middle = lab.add_group(tenant, "Middle", [bottom])
    top = lab.add_group(tenant, "Top", [direct, middle, lab.add_device(tenant)])
    lab.set_members(tenant, bottom, [deep, top])
    snapshot = world.open().read(EntraQuestion(groups=("Top",)), NOBODY)
    assert snapshot.groups == (EntraGroup(id=AccountId(top), name="Top", users=(direct,)),)
    nested = world.open().read(EntraQuestion(groups=("Top",), nested=True), NOBODY)
    found = {group.name: (group.users, group.groups) for group in nested.groups}
    assert found == {
        "Top": ((direct,), (middle,)),
        "Middle": ((), (bottom,)),
        "Bottom": ((deep,), (top,)),
    }


def test_members_of_many_pages_and_groups_are_whole(world: EntraWorld) -> None:
    """25 groups with more members than a page holds are read to the last member."""
    users = world.add_users(5)
    world.lab.knobs.max_page = 2
    groups = [world.lab.add_group(world.tenant, f"G{number}", users) for number in range(25)]
    snapshot = world.open().read(EntraQuestion(groups=tuple(groups)), NOBODY)
    assert [set(group.users) for group in snapshot.groups] == [set(users)] * 25


def test_a_member_that_is_not_listed_is_looked_up(world: EntraWorld) -> None:
    """A user whom only the group shows yet is in the snapshot too."""
    (user,) = world.add_users(1)
    world.lab.hide_user(world.tenant, user)
    world.lab.add_group(world.tenant, "Staff", [user])
    snapshot = world.open().read(EntraQuestion(groups=("Staff",)), NOBODY)
    assert ids(snapshot) == [user]


def test_hidden_members_are_an_error_and_not_none(world: EntraWorld) -> None:
    """A group whose members need another permission would look empty."""
    world.lab.add_group(
        world.tenant, "Secret", world.add_users(1), security=False, visibility="HiddenMembership"
    )
    question = EntraQuestion(groups=("Secret",))
    with pytest.raises(AccessDenied, match=r"Member\.Read\.Hidden"):
        world.open().read(question, NOBODY)


def test_a_group_that_vanishes_meanwhile_is_an_error(world: EntraWorld) -> None:
    """Between finding a group and reading its members it may go; nobody is released for that."""
    group = world.lab.add_group(world.tenant, "Staff", world.add_users(1))
    world.faults.add(
        Meanwhile(action=lambda: world.lab.delete_group(world.tenant, group)), path="batch"
    )
    with pytest.raises(Unavailable, match="vanished"):
        world.open().read(EntraQuestion(groups=(group,)), NOBODY)


def held(snapshot: EntraSnapshot) -> dict[str, tuple[AccountId, ...]]:
    """Return who holds the roles of a snapshot that somebody holds."""
    return {role.name: role.users for role in snapshot.roles if role.users}


def test_roles_are_held_directly_and_through_groups(world: EntraWorld) -> None:
    """Groups are expanded all the way down; service principals hold roles and are no users."""
    lab, tenant = world.lab, world.tenant
    direct, through, deep = sorted(world.add_users(3))
    inner = lab.add_group(tenant, "Inner", [deep])
    admins = lab.add_group(tenant, "Admins", [through, inner], isAssignableToRole=True)
    lab.add_role(tenant, "Exchange Administrator", [direct, admins, "a-service-principal"])
    snapshot = world.open().read(EntraQuestion(roles=("exchange administrator",)), NOBODY)
    assert snapshot.roles == (
        EntraRole(
            template_id="29232cdf-9323-42fd-ade2-1d097af3e4de",
            name="Exchange Administrator",
            users=(direct, through, deep),
        ),
    )


def test_only_roles_in_question_are_answered(world: EntraWorld) -> None:
    """By name or template id, also those nobody holds; the privileged ones when asked for."""
    user, reader = world.add_users(2)
    world.lab.add_role(world.tenant, "Global Administrator", [user])
    world.lab.add_role(world.tenant, "Directory Readers", [reader])
    world.lab.add_role(world.tenant, "Our own role", [user])
    adapter = world.open()
    readers = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
    asked = adapter.read(
        EntraQuestion(roles=(readers.upper(), "Helpdesk Administrator", "none")), NOBODY
    )
    assert [role.name for role in asked.roles] == ["Directory Readers", "Helpdesk Administrator"]
    assert held(asked) == {"Directory Readers": (reader,)}
    privileged = adapter.read(EntraQuestion(privileged=True), NOBODY)
    assert held(privileged) == {"Global Administrator": (user,)}
    assert len(privileged.roles) > 20
    own = adapter.read(EntraQuestion(roles=("Our own role",)), NOBODY)
    assert held(own) == {"Our own role": (user,)}


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        (NOTHING, "Organization.Read.All"),
        (NOTHING, "User.Read.All"),
        (EntraQuestion(groups=("Staff",)), "GroupMember.Read.All"),
        (EntraQuestion(privileged=True), "RoleManagement.Read.Directory"),
    ],
)
def test_a_missing_permission_is_named(
    world: EntraWorld, question: EntraQuestion, missing: str
) -> None:
    """The error says which permission to grant and where to consent; nothing is half read."""
    granted = {
        "Organization.Read.All",
        "User.Read.All",
        "GroupMember.Read.All",
        "RoleManagement.Read.Directory",
    } - {missing}
    # User.Read.All shows a part of the organization, too.
    world.lab.consent(world.tenant, granted - {"User.Read.All"} if "Org" in missing else granted)
    with pytest.raises(AccessDenied, match=f"(?s){missing}.*adminconsent"):
        world.open().read(question, NOBODY)


def test_no_secret_is_in_any_error(world: EntraWorld) -> None:
    """Whatever fails, neither the client secret nor a token is in the message or in its cause."""
    world.add_users(5)
    world.lab.knobs.max_page = 3
    for fault in (*_TROUBLE, ForeignNextLink()):
        world.faults.clear()
        world.faults.add(fault, path="/users", times=-1)
        with pytest.raises(RemoteError) as caught:
            world.open(patience_s=0).read(NOTHING, NOBODY)
        said = f"{caught.value!r} {caught.value.__cause__!r}"
        assert world.lab.client_secret not in said
        assert "eyJ" not in said


def test_one_user_without_its_state_counts_as_disabled(world: EntraWorld) -> None:
    """An odd record leaves the others readable; where all lack it, a right is missing."""
    odd, plain = world.add_user("odd"), world.add_user("plain")
    world.lab.edit_user(world.tenant, odd, accountEnabled=None)
    snapshot = world.open().read(NOTHING, NOBODY)
    assert (one(snapshot, odd).enabled, one(snapshot, plain).enabled) == (False, True)
    world.lab.edit_user(world.tenant, plain, accountEnabled=None)
    with pytest.raises(AccessDenied, match=r"grant the application User\.Read\.All"):
        world.open().read(NOTHING, NOBODY)


class EchoingLab(GraphLab):
    """Repeats in each error the token that it was shown, as a gateway might."""

    token = ""

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Remember the token."""
        self.token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return super().answer(request, struck)

    def error(self, status: int, title: str) -> Reply:
        """Put the token first, because long messages are cut."""
        return super().error(status, f"{self.token} {title}")


def test_a_token_that_graph_echoes_is_not_shown(ca: trustme.CA) -> None:
    """A refusal is told without it, also one that names the missing permission."""
    with ExitStack() as stack:
        lab = EchoingLab(ca=ca)
        world = EntraWorld(stack.enter_context(lab), stack)
        world.faults.add(ServerError(status=403), path="/v1.0/users", times=-1)
        with pytest.raises(AccessDenied, match=r"User\.Read\.All") as caught:
            world.open().read(NOTHING, NOBODY)
        assert lab.token
        assert lab.token[:20] not in str(caught.value)
