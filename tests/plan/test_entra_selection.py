"""Who is imported from Entra, who is left out, and what a tenant is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.plan.world import (
    CLOUD_CUSTOMER,
    CONTOSO,
    EVERYTHING,
    HYBRID_CUSTOMER,
    MICROSOFT_365,
    NOW,
    World,
    account_id,
    actions,
    by_cloud_groups,
    cloud,
    cloud_group,
    entry,
    finding,
    group,
    imported,
    override,
    person,
    reasons,
    record,
    role,
    settings,
    synced,
    user,
)

from muster.model.accounts import Decision
from muster.model.entra import EntraQuestion, EntraUser
from muster.model.names import (
    AccountType,
    Action,
    DecisionState,
    DirectoryKind,
    Licensed,
    LinkState,
    MatchKey,
    System,
)
from muster.model.plans import Refused
from muster.model.reasons import Reason
from muster.model.records import EntryDraft, VaultCategory
from muster.model.settings import (
    Exclude,
    ImportSettings,
    Origin,
    Select,
    SelectActiveDirectory,
    SelectEntra,
)
from muster.plan.entra_selectors import entra_question

ANNA, BERT = cloud("anna"), cloud("bert")
STAFF = cloud_group("Staff", ANNA)
EVERYBODY = SelectEntra(all_users=True)
CLOUD = World(
    cloud=(ANNA, BERT),
    cloud_groups=(STAFF,),
    customer=CLOUD_CUSTOMER,
    categories=(MICROSOFT_365,),
    policies=(settings(select=by_cloud_groups("Staff")),),
)


def administrators(**fields: Any) -> ImportSettings:
    """Return settings that select administrators in the tenant."""
    return settings(AccountType.ADMINISTRATOR, select=SelectEntra(**fields))


def _with(select: SelectEntra, **fields: Any) -> World:
    return replace(CLOUD, policies=(settings(select=select),), **fields)


@pytest.mark.parametrize(
    ("select", "reason", "via"),
    [
        (by_cloud_groups("Staff"), Reason.IN_GROUP, "Staff"),
        (by_cloud_groups(" sTAFF "), Reason.IN_GROUP, "Staff"),
        (by_cloud_groups(STAFF.id.upper()), Reason.IN_GROUP, "Staff"),
        (EVERYBODY, Reason.ALL_USERS, "Contoso Cloud"),
        (SelectEntra(accounts=("Anna@Contoso.Test",)), Reason.LISTED, "Anna@Contoso.Test"),
        (SelectEntra(accounts=(ANNA.id,)), Reason.LISTED, ANNA.id),
    ],
)
def test_a_user_is_selected(select: SelectEntra, reason: Reason, via: str) -> None:
    """By group, by its name or id, by being there at all, or by name; the reason says which."""
    world = _with(select)
    assert world.decision(ANNA) == Decision(state=DecisionState.IMPORTED, reason=reason, via=via)
    kept = world.record_of(ANNA)
    assert kept.identity.source is DirectoryKind.ENTRA
    assert (kept.identity.sid, kept.identity.sam) == ("", "")
    assert kept.name.startswith("contoso-anna-")
    (change,) = (one for one in world.plan().changes if one.account == ANNA.id)
    assert change.because == "AutomaticImportPolicy/staff#/spec/select/entra"


def test_two_groups_of_one_name_select_nobody_and_release_nobody() -> None:
    """Names are not unique in Entra: both ids are named, and whoever was kept stays."""
    second = cloud_group("staff", BERT, id=account_id("another group"))
    world = replace(CLOUD, cloud_groups=(STAFF, second), records=(record(ANNA),))
    assert imported(world.plan()) == set()
    said = finding(world.plan(), Reason.SELECTOR_AMBIGUOUS).message
    assert STAFF.id in said
    assert second.id in said
    assert world.decision(ANNA).reason is Reason.RETAINED_SELECTOR_PROBLEM


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        (by_cloud_groups("Stuff"), Reason.SELECTOR_NOT_FOUND),
        (by_cloud_groups(account_id("no group")), Reason.SELECTOR_NOT_FOUND),
        (SelectEntra(roles=("Global Emperor",)), Reason.SELECTOR_NOT_FOUND),
    ],
)
def test_what_does_not_exist_selects_nobody_and_releases_nobody(
    select: SelectEntra, reason: Reason
) -> None:
    """A group or role that the tenant lacks is named, and whoever was kept stays."""
    world = _with(select, records=(record(ANNA),))
    assert reason in reasons(world.plan().findings)
    assert world.decision(ANNA).reason is Reason.RETAINED_SELECTOR_PROBLEM
    assert actions(world.plan()) == []


def test_a_listed_name_that_fits_nobody_holds_nothing() -> None:
    """A listed account that was deleted is told, and those who left are released."""
    world = _with(SelectEntra(accounts=("carla@contoso.test",)), records=(record(ANNA),))
    assert finding(world.plan(), Reason.LISTED_NOT_FOUND).message.startswith('"carla@')
    assert world.decision(ANNA).reason is Reason.LEFT_SELECTION


def test_members_of_nested_groups_count_only_where_asked() -> None:
    """Without `nested` the group within is named and its members are told why."""
    deepest = cloud_group("Deepest", BERT)
    inner = cloud_group("Inner", deepest)
    staff = cloud_group("Staff", ANNA, inner)
    world = replace(CLOUD, cloud_groups=(staff, inner, deepest))
    assert world.decision(BERT) == Decision(
        state=DecisionState.EXCLUDED,
        reason=Reason.ONLY_IN_NESTED_GROUP,
        via="Staff > Inner > Deepest",
    )
    assert '"Inner"' in finding(world.plan(), Reason.NESTED_GROUP_IGNORED).message
    nested = replace(world, policies=(settings(select=by_cloud_groups("Staff", nested=True)),))
    assert nested.decision(BERT).reason is Reason.IN_NESTED_GROUP
    assert imported(nested.plan()) == {"anna", "bert"}


def test_a_nested_group_that_was_not_read_releases_nobody() -> None:
    """Whom it holds is not known, so whoever was kept through it stays."""
    staff = cloud_group("Staff", ANNA, cloud_group("Hidden", BERT))
    policy = settings(select=by_cloud_groups("Staff", nested=True))
    world = replace(CLOUD, cloud_groups=(staff,), policies=(policy,), records=(record(BERT),))
    assert world.decision(BERT).reason is Reason.RETAINED_SELECTOR_PROBLEM


def test_groups_that_contain_each_other_end() -> None:
    """A circle of groups is walked once."""
    outer = cloud_group("Staff", ANNA, groups=(account_id("cloud group Inner"),))
    inner = cloud_group("Inner", BERT, outer)
    policy = settings(select=by_cloud_groups("Staff", nested=True))
    world = replace(CLOUD, cloud_groups=(outer, inner), policies=(policy,))
    assert imported(world.plan()) == {"anna", "bert"}


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (cloud("guest", guest=True), Reason.EXCLUDED_GUEST),
        (cloud("john", synced=True), Reason.EXCLUDED_SYNCED_FROM_ON_PREM),
        (cloud("Sync_DC01_0123456789ab"), Reason.EXCLUDED_WELL_KNOWN),
        (cloud("ADToAADSyncServiceAccount"), Reason.EXCLUDED_WELL_KNOWN),
        (
            cloud("x", display_name="On-Premises Directory Synchronization Service Account"),
            Reason.EXCLUDED_WELL_KNOWN,
        ),
        (cloud("boss"), Reason.EXCLUDED_PRIVILEGED),
        (cloud("off", enabled=False), Reason.EXCLUDED_DISABLED),
        (cloud("info", mailbox_plan=False, licensed=False), Reason.EXCLUDED_UNLICENSED),
        (cloud("power", mailbox_plan=False), Reason.EXCLUDED_UNLICENSED),
        (cloud("named"), Reason.EXCLUDED_EXPLICIT),
        (cloud("numbered"), Reason.EXCLUDED_EXPLICIT),
        (cloud("person"), Reason.EXCLUDED_BY_OVERRIDE),
    ],
    ids=lambda value: value.upn.partition("@")[0] if isinstance(value, EntraUser) else "",
)
def test_an_end_user_is_left_out(account: EntraUser, reason: Reason) -> None:
    """Each rule gives its one reason; nobody who is considered goes without a decision."""
    exclude = Exclude(accounts=("Named@contoso.test", cloud("numbered").id))
    world = replace(
        CLOUD,
        cloud=(ANNA, account),
        roles=(role("Helpdesk Administrator", cloud("boss")),),
        policies=(settings(select=EVERYBODY, exclude=exclude),),
        overrides=(override(cloud("person"), exclude=True),),
    )
    assert world.decision(account).reason is reason
    assert imported(world.plan()) == {"anna"}


@pytest.mark.parametrize("licensed", Licensed)
def test_a_shared_mailbox_is_imported_only_where_licences_do_not_matter(
    licensed: Licensed,
) -> None:
    """`licensed: Ignored` imports who has no plan with a mailbox."""
    info = cloud("info", mailbox_plan=False, licensed=False)
    world = _with(SelectEntra(all_users=True, licensed=licensed), cloud=(info,))
    assert (imported(world.plan()) == {"info"}) is (licensed is Licensed.IGNORED)


@pytest.mark.parametrize(
    "name", ["global administrator", str(account_id("role Global Administrator"))]
)
def test_administrators_are_selected_by_role(name: str) -> None:
    """By English name or template id; without a licence, and never a synchronized one."""
    boss = cloud("boss", mailbox_plan=False, licensed=False)
    carried = cloud("carried", synced=True)
    world = replace(
        CLOUD,
        cloud=(boss, carried, ANNA),
        roles=(role("Global Administrator", boss, carried),),
        policies=(administrators(roles=(name,)),),
    )
    assert world.decision(boss) == Decision(
        state=DecisionState.IMPORTED, reason=Reason.IN_ROLE, via="Global Administrator"
    )
    assert world.decision(carried).reason is Reason.EXCLUDED_SYNCED_FROM_ON_PREM
    assert imported(world.plan()) == {"boss"}


def test_an_administrator_is_no_end_user_too() -> None:
    """Who has a role is imported by the administrators' policy and by no other."""
    world = replace(
        CLOUD,
        roles=(role("Global Administrator", BERT),),
        policies=(
            settings(select=EVERYBODY),
            administrators(roles=("Global Administrator",)),
        ),
    )
    types = {one.user: one.account_type for one in world.plan().decisions}
    assert types[BERT.upn] is AccountType.ADMINISTRATOR
    assert imported(world.plan()) == {"anna", "bert"}


def test_whoever_leaves_is_released_and_keeps_the_links() -> None:
    """Leaving the group, or the tenant, releases; disabling after the import does not."""
    kept = replace(CLOUD, records=(record(BERT), record(cloud("gone"))))
    assert kept.decision(BERT).reason is Reason.LEFT_SELECTION
    assert kept.decision(cloud("gone")).reason is Reason.DELETED_IN_DIRECTORY
    off = replace(ANNA, enabled=False)
    assert replace(kept, cloud=(off,), records=(record(ANNA),)).decision(ANNA) == Decision(
        state=DecisionState.RETAINED, reason=Reason.DISABLED_AFTER_IMPORT
    )


# ---------------------------------------------------------------- what a tenant is asked for


@pytest.mark.parametrize(
    ("policies", "question"),
    [
        ((settings(),), EntraQuestion()),
        (
            (settings(select=by_cloud_groups("B", "A")),),
            EntraQuestion(groups=("A", "B"), nested=True, privileged=True),
        ),
        ((settings(select=EVERYBODY),), EntraQuestion(privileged=True)),
        ((administrators(roles=("R",)),), EntraQuestion(roles=("R",))),
        (
            (settings(select=by_cloud_groups("A")), administrators(groups=("A",), roles=("R",))),
            EntraQuestion(groups=("A",), nested=True, roles=("R",), privileged=True),
        ),
    ],
)
def test_a_tenant_is_asked_only_for_what_policies_need(
    policies: tuple[ImportSettings, ...], question: EntraQuestion
) -> None:
    """Groups, what is nested in them, roles, and who is privileged only beside end users."""
    assert entra_question(policies) == question
    assert entra_question(reversed(policies)) == question


# ---------------------------------------------------------------- both directories


def test_one_administrator_policy_selects_in_both() -> None:
    """25: One plan holds the administrators of the domain and those of the tenant."""
    admin, boss = user("admin", "OU=Admins"), cloud("boss")
    select = Select(
        active_directory=SelectActiveDirectory(groups=("Admins",), exclude_privileged=False),
        entra=SelectEntra(roles=("Global Administrator",)),
    )
    world = World(
        users=(admin,),
        groups=(group("Admins", admin),),
        cloud=(boss,),
        roles=(role("Global Administrator", boss),),
        customer=HYBRID_CUSTOMER,
        policies=(settings(AccountType.ADMINISTRATOR, select=select),),
    )
    assert imported(world.plan()) == {"admin", "boss"}
    assert [one.selected for one in world.plan().policies] == [2]


def test_s25_two_administrator_sources_leave_each_other_alone() -> None:
    """25: What cannot be resolved in one source holds nobody of the other."""
    admin, boss = user("admin"), cloud("boss")
    domain = SelectActiveDirectory(groups=("Admins",), exclude_privileged=False)
    world = World(
        users=(admin,),
        groups=(group("Admins"),),
        cloud=(boss,),
        customer=HYBRID_CUSTOMER,
        policies=(
            settings(AccountType.ADMINISTRATOR, select=domain, policy="admins"),
            replace(
                administrators(roles=("Global Emperor",)),
                origin=Origin(kind="AutomaticImportPolicy", name="bosses"),
            ),
        ),
        records=tuple(
            record(
                one,
                account_type=AccountType.ADMINISTRATOR,
                imported_with=replace(
                    record(one).imported_with, policy=f"AutomaticImportPolicy/{name}"
                ),
            )
            for one, name in ((admin, "admins"), (boss, "bosses"))
        ),
    )
    assert world.decision(admin).reason is Reason.LEFT_SELECTION
    assert world.decision(boss).reason is Reason.RETAINED_SELECTOR_PROBLEM
    (change,) = world.plan().changes
    assert change.policy == "AutomaticImportPolicy/admins"
    assert {one.origin: one.registered for one in world.plan().policies} == {
        "AutomaticImportPolicy/admins": 1,
        "AutomaticImportPolicy/bosses": 1,
    }


@pytest.mark.parametrize(
    ("customer", "select", "reason"),
    [
        (replace(HYBRID_CUSTOMER, entra=None), by_cloud_groups("Staff"), Reason.NO_ENTRA),
        (
            CLOUD_CUSTOMER,
            SelectActiveDirectory(groups=("Staff",)),
            Reason.NO_ACTIVE_DIRECTORY,
        ),
    ],
    ids=["no tenant", "no domain"],
)
def test_a_policy_for_a_directory_that_is_not_there_selects_and_releases_nobody(
    customer: Any, select: Any, reason: Reason
) -> None:
    """The finding says so, and accounts of either directory stay."""
    john = person("John", "Smith")
    world = World(
        users=(john,),
        cloud=(ANNA,),
        customer=customer,
        policies=(settings(select=select),),
        records=(record(john), record(ANNA)),
    )
    assert finding(world.plan(), reason).message.endswith("Nobody is released because of it.")
    assert actions(world.plan()) == []
    assert {one.decision.state for one in world.plan().decisions} == {DecisionState.RETAINED}


def test_a_directory_that_is_gone_from_git_and_from_the_policies_is_left() -> None:
    """Moving a customer to the cloud releases the accounts of its domain, within the limits."""
    john = person("John", "Smith")
    world = replace(CLOUD, records=(record(john),))
    assert world.decision(john) == Decision(
        state=DecisionState.RELEASED, reason=Reason.LEFT_SELECTION
    )
    many = tuple(record(user(f"user{number}")) for number in range(9))
    assert isinstance(replace(world, records=many).verdict(), Refused)


def test_an_upn_in_both_directories_means_the_account_that_is_selected() -> None:
    """An override finds the one that is imported; where both are, it must name the object id."""
    john = person("John", "Smith")
    twin = synced(john, synced=False, immutable_id=None, on_premises_sid=None)
    world = World(
        users=(john,),
        cloud=(twin,),
        customer=HYBRID_CUSTOMER,
        overrides=(override(john, email="j@example.test"),),
    )
    address = world.record_of(john).identity.email
    assert address
    assert address.address == "j@example.test"
    both = replace(
        world,
        roles=(role("Global Administrator", twin),),
        policies=(settings(), administrators(roles=("Global Administrator",))),
    )
    said = finding(both.plan(), Reason.OVERRIDE_INVALID).message
    assert john.id in said
    assert twin.id in said


# ---------------------------------------------------------------- their entries


@pytest.mark.parametrize(
    "category", ["Office 365", "microsoft 365", "Azure AD", "Azure Active Directory"]
)
def test_s07_an_entra_user_matches_by_upn_in_each_category(category: str) -> None:
    """7: Entra user matches on UPN only, with each of the four category names."""
    world = replace(CLOUD, entries=(entry(1, "ANNA@contoso.test", category),))
    link = world.vault_link(ANNA)
    assert (link.state, link.id, link.key) == (
        *(LinkState.LINKED, "1", MatchKey.USER_PRINCIPAL_NAME),
    )
    for username in ("anna", "CORP\\anna"):
        other = replace(CLOUD, entries=(entry(1, username, category),))
        assert other.vault_link(ANNA).state is LinkState.UNMATCHED


@pytest.mark.parametrize("category", ["Active Directory", "Local Account"])
def test_an_entry_of_a_foreign_category_is_no_candidate(category: str) -> None:
    """An Entra user links no entry of the domain, and a domain user none of the cloud."""
    world = replace(CLOUD, entries=(entry(1, ANNA.upn, category),))
    assert world.vault_link(ANNA).state is LinkState.UNMATCHED
    john = person("John", "Smith")
    domain = World(users=(john,), entries=(entry(1, john.upn, "Microsoft 365"),))
    assert domain.vault_link(john).state is LinkState.UNMATCHED


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (("Azure AD", "Office 365", "Microsoft 365"), "Microsoft 365"),
        (("Azure Active Directory", "Azure AD", "Office 365"), "Office 365"),
        (("Azure Active Directory", "azure ad"), "azure ad"),
        (("Active Directory", "Azure Active Directory"), "Azure Active Directory"),
        (("Active Directory",), None),
    ],
)
def test_the_first_category_that_exists_is_written(
    names: tuple[str, ...], written: str | None
) -> None:
    """An entry for an Entra user holds the UPN; without a fitting category there is none."""
    world = replace(
        CLOUD,
        policies=(settings(select=by_cloud_groups("Staff"), options=EVERYTHING),),
        categories=tuple(
            VaultCategory(id=entry(n, "").id, name=one) for n, one in enumerate(names)
        ),
    )
    drafts = [one.draft for one in world.plan().changes if one.system is System.VAULT]
    if written is None:
        assert drafts == []
        assert world.vault_link(ANNA).reason is Reason.CATEGORY_MISSING
        assert '"Microsoft 365" or "Office 365"' in world.vault_link(ANNA).message
        return
    (draft,) = drafts
    assert isinstance(draft, EntryDraft)
    assert draft.category.name == written
    assert draft.username == ANNA.upn
    assert draft.name == "Anna (Microsoft 365)"
    assert draft.mark == f"{CONTOSO}/{ANNA.id}"


def test_a_linked_entry_drifts_by_the_rules_of_its_source() -> None:
    """The sAMAccountName is no username in the cloud, and each of its categories is right."""
    linked = replace(CLOUD, entries=(entry(1, ANNA.upn, "Azure AD"),), sizes=(), now=NOW).applied()
    assert linked.plan().counts.drift == 0
    moved = replace(linked, entries=(entry(1, "anna", "Active Directory"),))
    drift = {(one.field, one.desired) for one in moved.record_of(ANNA).drift}
    assert drift == {("username", ANNA.upn), ("category", "Microsoft 365")}
    assert Action.RELINK not in actions(moved.plan())
