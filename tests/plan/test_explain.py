"""What `muster explain` says about accounts of a tenant, of pairs and of an outage."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan.world import (
    HYBRID_CUSTOMER,
    World,
    by_cloud_groups,
    cloud,
    cloud_group,
    group,
    person,
    record,
    role,
    settings,
    synced,
)

from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.names import AccountType, Source
from muster.model.settings import SelectActiveDirectory, SelectEntra
from muster.plan.explain import explain, find_accounts, near_accounts
from muster.plan.make import Workings, work_out

JOHN = person("John", "Smith")
INFO = cloud("info", mailbox_plan=False, licensed=False, enabled=False)
BOSS, HELPER = cloud("boss"), cloud("helper")
INNER = cloud_group("Inner", HELPER)
HYBRID = World(
    users=(JOHN,),
    cloud=(INFO, BOSS, HELPER, synced(JOHN, mail="j@cloud.test")),
    cloud_groups=(cloud_group("Staff", INFO, INNER), INNER),
    roles=(role("Global Administrator", BOSS),),
    groups=(group("Staff", JOHN),),
    customer=HYBRID_CUSTOMER,
    policies=(
        settings(select=SelectActiveDirectory(groups=("Staff",))),
        settings(AccountType.ADMINISTRATOR, select=SelectEntra(roles=("Global Administrator",))),
    ),
)
CLOUD = replace(HYBRID, policies=(settings(select=by_cloud_groups("Staff")),))


def workings(world: World) -> Workings:
    """Return everything between the observation and the plan."""
    found = work_out(world.desired, world.observed, world.known, world.now)
    assert found is not None
    return found


def said(world: World, account: DirectoryUser | EntraUser) -> dict[tuple[str, str], str]:
    """Return what is said, by section and rule: the answer and what it saw."""
    steps = explain(account.id, workings(world)).steps
    return {(one.section, one.rule): f"{one.answer} {one.detail}".strip() for one in steps}


STAFF = "AutomaticImportPolicy/staff"


@pytest.mark.parametrize(
    ("world", "account", "rule", "answer"),
    [
        (CLOUD, INFO, ("account", "in the directory"), "yes Entra tenant Contoso Cloud"),
        (CLOUD, INFO, (STAFF, "selected"), "yes InGroup Staff"),
        (CLOUD, INFO, (STAFF, "disabled"), "yes ExcludedDisabled"),
        (CLOUD, INFO, (STAFF, "unlicensed"), "yes ExcludedUnlicensed"),
        (CLOUD, INFO, (STAFF, "guest"), "no"),
        (CLOUD, INFO, ("decision", "EndUser"), "Excluded ExcludedDisabled"),
        (CLOUD, HELPER, (STAFF, "selected"), "no only through a nested group: Staff > Inner"),
        (CLOUD, BOSS, (STAFF, "selected"), "no not in Staff"),
        (CLOUD, BOSS, ("decision", "considered"), "no NotSelected"),
        (HYBRID, JOHN, ("account", "e-mail"), "yes j@cloud.test (Entra)"),
        (HYBRID, JOHN, ("entra", "link"), f"Linked Matched {synced(JOHN).id} John Smith"),
        (HYBRID, BOSS, ("entra", "link"), "Skipped NotPaired"),
        (
            HYBRID,
            JOHN,
            ("entra", "compared"),
            "yes ImmutableId then Sid then UserPrincipalName then Mail",
        ),
    ],
)
def test_every_rule_says_what_it_saw(
    world: World, account: DirectoryUser | EntraUser, rule: tuple[str, str], answer: str
) -> None:
    """Selection, each exclusion, the pair and the e-mail, for accounts of either directory."""
    assert said(world, account)[rule] == answer


def test_an_unread_account_is_explained() -> None:
    """It is not in the directory, because that was not read, and stays what it was."""
    world = replace(HYBRID, records=(record(BOSS),), unread=(Source.ENTRA,))
    seen = said(world, BOSS)
    assert "was not read whole" in seen["account", "in the directory"]
    assert seen["AutomaticImportPolicy/admins", "selected"] == "no Entra was not read"
    assert seen["decision", "EndUser"].startswith("Imported")


def test_an_account_is_found_by_its_names_in_either_directory() -> None:
    """By UPN, id or display name; a near name is offered."""
    found = workings(HYBRID)
    for name in (BOSS.upn, BOSS.id, "Boss"):
        assert find_accounts(name, found) == (BOSS.id,)
    assert find_accounts("jsmith", found) == (JOHN.id,)
    assert set(find_accounts(JOHN.upn or "", found)) == {JOHN.id, synced(JOHN).id}
    assert near_accounts("boss@contoso.tset", found)[0] == BOSS.upn
