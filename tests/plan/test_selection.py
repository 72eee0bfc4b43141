"""Whom a policy selects: places, groups, built-in groups and single accounts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.plan.world import (
    DOMAIN_SID,
    ROOT,
    World,
    actions,
    by_groups,
    domain_admins,
    finding,
    group,
    imported,
    reasons,
    record,
    settings,
    user,
)

from muster.model.directory import DirectoryGroup, DirectoryUser
from muster.model.names import AccountType, Action, DecisionState, Scope
from muster.model.reasons import Reason
from muster.model.settings import BuiltInGroup, Exclude, OrganizationalUnit, SelectActiveDirectory

ANNA, BERT, CARL = user("anna"), user("bert"), user("carl")
DEEP = user("deep", "OU=Toronto,OU=Staff")
ADMINISTRATOR = AccountType.ADMINISTRATOR


def units(*paths: str, scope: Scope = Scope.ONE_LEVEL) -> SelectActiveDirectory:
    """Return a selection by organizational units."""
    return SelectActiveDirectory(
        organizational_units=tuple(OrganizationalUnit(path=path, scope=scope) for path in paths)
    )


def built_in(*groups: BuiltInGroup, **fields: Any) -> SelectActiveDirectory:
    """Return a selection by built-in groups."""
    return SelectActiveDirectory(built_in_groups=groups, **fields)


PLACES = World(
    users=(ANNA, DEEP, user("away", "OU=Away")),
    places=("OU=Staff", "OU=Toronto,OU=Staff", "OU=Away", "OU=Empty"),
)


@pytest.mark.parametrize(
    ("select", "selected"),
    [
        (units("OU=Staff"), {"anna"}),
        (units("ou=staff"), {"anna"}),
        (units(f"OU=Staff,{ROOT}"), {"anna"}),
        (units("OU=Staff", scope=Scope.SUBTREE), {"anna", "deep"}),
        (units("OU=Toronto,OU=Staff"), {"deep"}),
        (units("OU=Staff", "OU=Away"), {"anna", "away"}),
        (units("OU=Empty"), set()),
    ],
)
def test_organizational_units(select: SelectActiveDirectory, selected: set[str]) -> None:
    """A unit selects the users in it, and with Subtree those below; paths ignore case."""
    world = replace(PLACES, policies=(settings(select=select),))
    assert imported(world.plan()) == selected


def test_the_unit_that_selects_is_named() -> None:
    """A decision says through which unit it came."""
    world = replace(PLACES, policies=(settings(select=units("OU=Staff", scope=Scope.SUBTREE)),))
    decision = world.decision(DEEP)
    assert (decision.reason, decision.via) == (Reason.IN_ORGANIZATIONAL_UNIT, "OU=Staff")


STAFF = group("Staff", ANNA, BERT)
GROUPS = World(users=(ANNA, BERT, CARL), groups=(STAFF, group("Sales", CARL)))


@pytest.mark.parametrize(
    "name", ["Staff", "STAFF", STAFF.sid, STAFF.sid.lower(), "CN=Staff,OU=Groups", STAFF.dn.lower()]
)
def test_a_group_by_name_dn_or_sid(name: str) -> None:
    """Each way of writing a group selects its direct members, and names it."""
    world = replace(GROUPS, policies=(settings(select=by_groups(name)),))
    assert imported(world.plan()) == {"anna", "bert"}
    assert (world.decision(ANNA).reason, world.decision(ANNA).via) == (Reason.IN_GROUP, "Staff")


@pytest.mark.parametrize(
    ("select", "groups", "reason"),
    [
        (by_groups("Nobody"), (STAFF,), Reason.SELECTOR_NOT_FOUND),
        (by_groups("S-1-5-21-9-9-9-1"), (STAFF,), Reason.SELECTOR_NOT_FOUND),
        (by_groups("CN=Staff,OU=Elsewhere"), (STAFF,), Reason.SELECTOR_NOT_FOUND),
        (by_groups("CN=Staff,OU=Groups,DC=other"), (STAFF,), Reason.SELECTOR_NOT_FOUND),
        (
            by_groups("Staff"),
            (STAFF, group("Staff", place="OU=Old", sid="9999", sam="Staff2")),
            Reason.SELECTOR_AMBIGUOUS,
        ),
        (by_groups("Secret"), (group("Secret", ANNA, place="CN=Users"),), Reason.SELECTOR_HIDDEN),
        (by_groups("Secret"), (group("Secret", ANNA, place="CN=Builtin"),), Reason.SELECTOR_HIDDEN),
        (units("OU=Gone"), (), Reason.SELECTOR_NOT_FOUND),
        (built_in(BuiltInGroup.DOMAIN_ADMINS), (), Reason.SELECTOR_NOT_FOUND),
    ],
)
def test_a_selector_that_cannot_be_resolved(
    select: SelectActiveDirectory, groups: tuple[DirectoryGroup, ...], reason: Reason
) -> None:
    """It is reported with what to do, selects nobody, and while it stands nobody is released."""
    world = World(
        users=(ANNA,),
        groups=groups,
        policies=(settings(select=select),),
        records=(record(ANNA),),
    )
    assert "nobody is released" in finding(world.plan(), reason).message
    assert world.decision(ANNA).state is DecisionState.RETAINED
    assert world.decision(ANNA).reason is Reason.RETAINED_SELECTOR_PROBLEM
    assert Action.RELEASE not in actions(world.plan())


def test_administrators_may_select_groups_in_default_containers() -> None:
    """The rule about CN=Users is for end users; administrators' groups live there."""
    select = by_groups("Secret", exclude_privileged=False)
    world = World(
        users=(ANNA,),
        groups=(group("Secret", ANNA, place="CN=Users"),),
        policies=(settings(ADMINISTRATOR, select=select),),
    )
    assert imported(world.plan()) == {"anna"}


INNER = group("Inner", BERT)
OUTER = group("Outer", ANNA, INNER)
NESTED = World(users=(ANNA, BERT), groups=(OUTER, INNER))


def test_nested_members_are_named_and_ignored() -> None:
    """Direct membership selects; the nested group and who is only in it are reported."""
    world = replace(NESTED, policies=(settings(select=by_groups("Outer")),))
    assert imported(world.plan()) == {"anna"}
    assert '"Inner"' in finding(world.plan(), Reason.NESTED_GROUP_IGNORED).message
    decision = world.decision(BERT)
    assert (decision.reason, decision.via) == (Reason.ONLY_IN_NESTED_GROUP, "Outer > Inner")


def test_nested_members_are_selected_on_request() -> None:
    """With nested: true they are imported, with the path as evidence."""
    world = replace(NESTED, policies=(settings(select=by_groups("Outer", nested=True)),))
    assert imported(world.plan()) == {"anna", "bert"}
    decision = world.decision(BERT)
    assert (decision.reason, decision.via) == (Reason.IN_NESTED_GROUP, "Outer > Inner")
    assert Reason.NESTED_GROUP_IGNORED not in reasons(world.plan().findings)


def test_groups_in_a_circle_end() -> None:
    """A group that contains itself through another is read once."""
    one = group("One", ANNA, f"CN=Two,OU=Groups,{ROOT}")
    two = group("Two", BERT, one)
    world = World(
        users=(ANNA, BERT),
        groups=(one, two),
        policies=(settings(select=by_groups("One", nested=True)),),
    )
    assert imported(world.plan()) == {"anna", "bert"}


def test_members_that_are_no_users_are_told() -> None:
    """Computers, contacts and foreign members of a group are counted and named."""
    odd = group("Staff", ANNA, f"CN=PC-1,OU=Machines,{ROOT}")
    world = World(users=(ANNA,), groups=(odd,), policies=(settings(select=by_groups("Staff")),))
    assert "1 members" in finding(world.plan(), Reason.MEMBERS_NOT_USERS).message
    assert imported(world.plan()) == {"anna"}


def test_domain_users_includes_primary_members() -> None:
    """Who has Domain Users as primary group is in no member list, and is selected all the same."""
    guest = user("other", primary_group_rid=514)
    members = group("Domänen-Benutzer", CARL, place="CN=Users", sid="513")
    world = World(
        users=(ANNA, replace(CARL, primary_group_rid=9999), guest),
        groups=(members,),
        policies=(settings(select=built_in(BuiltInGroup.DOMAIN_USERS)),),
    )
    assert imported(world.plan()) == {"anna", "carl"}
    assert world.decision(ANNA).reason is Reason.IN_BUILT_IN_GROUP


@pytest.mark.parametrize(
    ("name", "sid"),
    [
        (BuiltInGroup.DOMAIN_ADMINS, f"{DOMAIN_SID}-512"),
        (BuiltInGroup.ENTERPRISE_ADMINS, f"{DOMAIN_SID}-519"),
        (BuiltInGroup.SCHEMA_ADMINS, f"{DOMAIN_SID}-518"),
        (BuiltInGroup.ADMINISTRATORS, "S-1-5-32-544"),
        (BuiltInGroup.ACCOUNT_OPERATORS, "S-1-5-32-548"),
        (BuiltInGroup.SERVER_OPERATORS, "S-1-5-32-549"),
        (BuiltInGroup.PRINT_OPERATORS, "S-1-5-32-550"),
        (BuiltInGroup.BACKUP_OPERATORS, "S-1-5-32-551"),
    ],
)
def test_built_in_groups_are_found_by_sid(name: BuiltInGroup, sid: str) -> None:
    """The language of the domain does not matter."""
    localized = group("Wie auch immer", ANNA, place="CN=Builtin", sid=sid)
    select = built_in(name, exclude_privileged=False)
    world = World(
        users=(ANNA,), groups=(localized,), policies=(settings(ADMINISTRATOR, select=select),)
    )
    assert imported(world.plan()) == {"anna"}


@pytest.mark.parametrize("name", ["anna", "ANNA", "anna@corp.example.test"])
def test_single_accounts_are_selected_by_name(name: str) -> None:
    """An account that a policy lists is selected wherever it lies."""
    world = World(
        users=(ANNA, BERT), policies=(settings(select=SelectActiveDirectory(accounts=(name,))),)
    )
    assert imported(world.plan()) == {"anna"}
    assert world.decision(ANNA).reason is Reason.LISTED


def test_a_listed_name_that_fits_nobody_is_told() -> None:
    """It is reported once, with what to do, and those who left are released all the same."""
    select = SelectActiveDirectory(accounts=("ANNA", "anna@corp.example.test", "Gone"))
    world = World(users=(ANNA, BERT), policies=(settings(select=select),), records=(record(BERT),))
    (told,) = [one for one in world.plan().findings if one.reason is Reason.LISTED_NOT_FOUND]
    assert '"Gone" in AutomaticImportPolicy/staff#/spec/select' in told.message
    assert world.decision(BERT).state is DecisionState.RELEASED


def hidden(sam: str, **fields: Any) -> DirectoryUser:
    """Return a user in CN=Users."""
    return user(sam, "CN=Users", **fields)


@pytest.mark.parametrize(
    ("who", "exclude", "reason", "via"),
    [
        (user("anna", rid=501), Exclude(), Reason.EXCLUDED_WELL_KNOWN, "built-in account"),
        (user("anna", rid=502), Exclude(), Reason.EXCLUDED_WELL_KNOWN, "built-in account"),
        (user("anna", rid=503), Exclude(), Reason.EXCLUDED_WELL_KNOWN, "built-in account"),
        (user("anna", rid=504), Exclude(), Reason.EXCLUDED_WELL_KNOWN, "built-in account"),
        (user("anna", rid=500), Exclude(), Reason.EXCLUDED_WELL_KNOWN, "built-in Administrator"),
        (user("anna", critical=True), Exclude(), Reason.EXCLUDED_WELL_KNOWN, "built-in account"),
        (
            user("MSOL_0123456789ab"),
            Exclude(),
            Reason.EXCLUDED_WELL_KNOWN,
            "synchronization or mailbox-system account",
        ),
        (
            user("HealthMailbox0a1b2c"),
            Exclude(),
            Reason.EXCLUDED_WELL_KNOWN,
            "synchronization or mailbox-system account",
        ),
        (ANNA, Exclude(accounts=("ANNA",)), Reason.EXCLUDED_EXPLICIT, "anna"),
        (ANNA, Exclude(accounts=("anna@corp.example.test",)), Reason.EXCLUDED_EXPLICIT, "anna"),
        (ANNA, Exclude(containers=("OU=Staff",)), Reason.EXCLUDED_CONTAINER, "OU=Staff"),
        (hidden("anna"), Exclude(), Reason.EXCLUDED_CONTAINER, f"CN=Users,{ROOT}"),
        (
            user("anna", "OU=Deep,CN=System"),
            Exclude(),
            Reason.EXCLUDED_CONTAINER,
            f"CN=System,{ROOT}",
        ),
        (user("anna", enabled=False), Exclude(), Reason.EXCLUDED_DISABLED, ""),
        (
            user("anna", expires=World().now),
            Exclude(),
            Reason.EXCLUDED_EXPIRED,
            World().now.date().isoformat(),
        ),
    ],
)
def test_who_is_left_out(who: DirectoryUser, exclude: Exclude, reason: Reason, via: str) -> None:
    """One row per rule: left out although selected, with the reason and what decided."""
    world = World(
        users=(who,),
        groups=(group("Staff", who),),
        policies=(settings(select=by_groups("Staff"), exclude=exclude),),
    )
    decision = world.decision(who)
    assert (decision.state, decision.reason) == (DecisionState.EXCLUDED, reason)
    assert decision.via == via
    assert world.plan().changes == ()


@pytest.mark.parametrize(
    ("who", "exclude"),
    [
        (hidden("anna"), Exclude(hidden_containers=False)),
        (user("anna", enabled=False), Exclude(disabled=False)),
        (user("anna", expires=World().now), Exclude(disabled=False)),
        (user("anna", "OU=Users"), Exclude()),
    ],
)
def test_what_a_policy_lets_pass(who: DirectoryUser, exclude: Exclude) -> None:
    """Each rule can be turned off, and none reaches further than it says."""
    world = World(
        users=(who,),
        groups=(group("Staff", who),),
        policies=(settings(select=by_groups("Staff"), exclude=exclude),),
    )
    assert world.decision(who).state is DecisionState.IMPORTED


@pytest.mark.parametrize(
    ("account_type", "select", "state"),
    [
        (ADMINISTRATOR, SelectActiveDirectory(accounts=("boss",)), DecisionState.IMPORTED),
        (ADMINISTRATOR, units("OU=Staff"), DecisionState.EXCLUDED),
        (AccountType.END_USER, SelectActiveDirectory(accounts=("boss",)), DecisionState.EXCLUDED),
    ],
)
def test_the_built_in_administrator_is_imported_only_when_listed(
    account_type: AccountType, select: SelectActiveDirectory, state: DecisionState
) -> None:
    """RID 500 is an administrator's account that a policy has to name."""
    boss = user("boss", rid=500)
    select = replace(select, exclude_privileged=False)
    world = World(users=(boss,), policies=(settings(account_type, select=select),))
    assert world.decision(boss).state is state


@pytest.mark.parametrize(
    ("groups", "path"),
    [
        ((domain_admins(ANNA),), "Domänen-Admins"),
        ((domain_admins(group("T0", ANNA)), group("T0", ANNA)), "Domänen-Admins > T0"),
        (
            (
                domain_admins(group("T0")),
                group("T0", group("T1")),
                group("T1", ANNA),
            ),
            "Domänen-Admins > T0 > T1",
        ),
        ((group("Ops", ANNA, place="CN=Builtin", sid="S-1-5-32-551"),), "Ops"),
        ((group("DnsAdmins", ANNA, place="CN=Users"),), "DnsAdmins"),
    ],
)
def test_privilege_excludes_however_deep(groups: tuple[DirectoryGroup, ...], path: str) -> None:
    """A privileged end user is left out, and the path of groups is named."""
    world = World(users=(ANNA,), groups=groups)
    decision = world.decision(ANNA)
    assert (decision.reason, decision.via) == (Reason.EXCLUDED_PRIVILEGED, path)


def test_privilege_by_primary_group() -> None:
    """Who has Domain Admins as primary group is privileged without being in its member list."""
    boss = user("boss", primary_group_rid=512)
    world = World(users=(boss,), groups=(domain_admins(),))
    assert world.decision(boss).reason is Reason.EXCLUDED_PRIVILEGED


def test_more_groups_can_count_as_privileged() -> None:
    """A policy adds its own groups to the privileged ones, and may switch the rule off."""
    helpdesk = group("Helpdesk", ANNA)
    select = units("OU=Staff")
    strict = settings(select=replace(select, privileged_groups=("Helpdesk",)))
    world = World(users=(ANNA,), groups=(helpdesk,), policies=(strict,))
    assert world.decision(ANNA).reason is Reason.EXCLUDED_PRIVILEGED
    loose = settings(select=replace(select, exclude_privileged=False))
    world = World(users=(ANNA,), groups=(domain_admins(ANNA),), policies=(loose,))
    assert world.decision(ANNA).state is DecisionState.IMPORTED
