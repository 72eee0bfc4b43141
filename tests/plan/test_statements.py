"""The product's rules, one test per testable statement that is about planning.

`s06` is the sixth statement of the behaviour specification; the ones that need running
systems are in tests/engine, those about resources in tests/resources.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.plan.world import (
    CONTOSO,
    CUSTOMER,
    EVERYTHING,
    NOW,
    World,
    actions,
    by_groups,
    contact,
    domain_admins,
    entry,
    finding,
    group,
    imported,
    link,
    override,
    person,
    pin,
    reasons,
    record,
    settings,
    user,
)

from muster.model.names import (
    AccountType,
    Action,
    ApplyTo,
    DecisionState,
    LinkState,
    MatchKey,
    Source,
    System,
    Uncategorized,
)
from muster.model.plans import Refused
from muster.model.reasons import Reason
from muster.model.records import VaultEntry
from muster.model.settings import BuiltInGroup, Options, SelectActiveDirectory, VaultOptions

JOHN = person("John", "Smith")
STAFF = World(users=(JOHN,), policies=(settings(options=EVERYTHING),))


def test_s01_nested_members_are_not_imported() -> None:
    """1: A user only in a nested group is not imported; a warning names the nested group."""
    inner = group("Inner", JOHN)
    world = World(
        users=(JOHN,),
        groups=(group("Outer", inner), inner),
        policies=(settings(select=by_groups("Outer")),),
    )
    assert imported(world.plan()) == set()
    assert '"Inner"' in finding(world.plan(), Reason.NESTED_GROUP_IGNORED).message


def test_s02_domain_users_without_administrators() -> None:
    """2: Primary-group members are imported; a Domain Admin two groups deep is not, with path."""
    boss = user("boss")
    deepest, deeper = group("Deepest", boss), group("Deeper", f"{group('Deepest').dn}")
    world = World(
        users=(JOHN, boss),
        groups=(
            group("Domain Users", place="CN=Users", sid="513"),
            domain_admins(deeper),
            deeper,
            deepest,
        ),
        policies=(
            settings(select=SelectActiveDirectory(built_in_groups=(BuiltInGroup.DOMAIN_USERS,))),
        ),
    )
    assert imported(world.plan()) == {"jsmith"}
    assert world.decision(boss).reason is Reason.EXCLUDED_PRIVILEGED
    assert world.decision(boss).via == "Domänen-Admins > Deeper > Deepest"


@pytest.mark.parametrize("place", ["CN=Users", "CN=Builtin"])
def test_s03_groups_in_default_containers(place: str) -> None:
    """3: A group in CN=Users or CN=Builtin is rejected as a custom selector of end users."""
    odd = group("Odd", JOHN, place=place)
    world = World(users=(JOHN,), groups=(odd,), policies=(settings(select=by_groups("Odd")),))
    assert imported(world.plan()) == set()
    assert "builtInGroups" in finding(world.plan(), Reason.SELECTOR_HIDDEN).message


@pytest.mark.parametrize(
    ("account_type", "state"),
    [
        (AccountType.END_USER, DecisionState.EXCLUDED),
        (AccountType.ADMINISTRATOR, DecisionState.IMPORTED),
    ],
)
def test_s04_hidden_containers(account_type: AccountType, state: DecisionState) -> None:
    """4: In a hidden container an end user is not imported and told so; an administrator is."""
    hidden = user("hidden", "CN=Users")
    policy = settings(account_type, select=by_groups("Team"))
    end_users = account_type is AccountType.END_USER
    exclude = replace(policy.exclude, hidden_containers=end_users)
    world = World(
        users=(hidden,),
        groups=(group("Team", hidden),),
        policies=(replace(policy, exclude=exclude),),
    )
    assert world.decision(hidden).state is state
    if end_users:
        assert world.decision(hidden).reason is Reason.EXCLUDED_CONTAINER


@pytest.mark.parametrize("username", ["JSmith", "jsmith@corp.example.test", "CORP\\jsmith"])
def test_s06_username_forms(username: str) -> None:
    """6: Each form matches in the category Active Directory, and none in Office 365."""
    assert replace(STAFF, entries=(entry(1, username),)).vault_link(JOHN).id == "1"
    elsewhere = replace(STAFF, entries=(entry(1, username, "Office 365"),))
    assert elsewhere.vault_link(JOHN).id is None


def test_s08_two_entries() -> None:
    """8: Two entries by two keys: ambiguous, nothing written; a pin or a deletion settles it."""
    two = replace(STAFF, entries=(entry(1, "jsmith"), entry(2, "CORP\\jsmith")))
    assert two.vault_link(JOHN).state is LinkState.AMBIGUOUS
    assert [one.id for one in two.vault_link(JOHN).candidates] == ["1", "2"]
    assert actions(two.plan(), System.VAULT) == []
    after = two.applied()
    pinned = replace(after, overrides=(override(JOHN, vault=pin(2)),))
    assert pinned.vault_link(JOHN).id == "2"
    assert replace(after, entries=(entry(1, "jsmith"),)).vault_link(JOHN).id == "1"


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        (Uncategorized.HOLD, LinkState.UNCATEGORIZED_CANDIDATE),
        (Uncategorized.CREATE_NEW, LinkState.CREATED),
        (Uncategorized.MATCH, LinkState.LINKED),
    ],
)
def test_s09_without_a_category(rule: Uncategorized, state: LinkState) -> None:
    """9: A hit without a category follows the policy, and is linked only where that says so."""
    options = Options(vault=VaultOptions(create_when_missing=True, uncategorized=rule))
    world = replace(
        STAFF, entries=(entry(1, "jsmith", None),), policies=(settings(options=options),)
    )
    assert world.vault_link(JOHN).state is state


@pytest.mark.parametrize(
    "unusable", [entry(1, "jsmith", host_proof=True), entry(1, "jsmith", personal=True)]
)
def test_s10_unusable_entries(unusable: VaultEntry) -> None:
    """10: A host-proof or personal entry is unusable, and never created over undecided."""
    world = replace(STAFF, entries=(unusable,))
    assert world.vault_link(JOHN).state is LinkState.UNUSABLE
    assert Action.CREATE not in actions(world.plan(), System.VAULT)


def test_s11_create_when_missing() -> None:
    """11: Off means unmatched and no write; on means one create, and none in the next run."""
    off = replace(STAFF, policies=(settings(),))
    assert off.vault_link(JOHN).reason is Reason.NO_MATCH
    assert [one for one in off.plan().changes if one.draft] == []
    assert actions(STAFF.plan(), System.VAULT) == [Action.CREATE]
    assert STAFF.applied().plan().changes == ()


def test_s12_an_unread_vault() -> None:
    """12: From a vault that was not read whole nothing is created, and nothing unmatched."""
    newcomer = person("Anna", "Jones")
    world = replace(
        STAFF,
        users=(JOHN, newcomer),
        records=(record(JOHN, vault=link(1)),),
        unread=(Source.VAULT,),
    )
    assert world.vault_link(JOHN) == link(1)
    assert world.vault_link(newcomer).state is LinkState.UNKNOWN
    assert actions(world.plan(), System.VAULT) == []


def test_s13_contacts() -> None:
    """13: One address wins over a name; two are ambiguous; a lone name is a match by name."""
    mail = "john.smith@example.test"
    namesake = contact(2, "John Smith")
    wins = replace(STAFF, contacts=(contact(1, "J", mail), namesake))
    assert wins.psa_link(JOHN).id == "1"
    two = replace(STAFF, contacts=(contact(1, "J", mail), contact(3, "K", mail), namesake))
    assert two.psa_link(JOHN).state is LinkState.AMBIGUOUS
    assert [one.id for one in two.psa_link(JOHN).candidates] == ["1", "3"]
    alone = replace(STAFF, contacts=(namesake,))
    assert (alone.psa_link(JOHN).id, alone.psa_link(JOHN).key) == ("2", MatchKey.NAME)


def test_s15_leaving_and_returning() -> None:
    """15: Who leaves is let go at once, nothing outside is touched, and returns to its entry."""
    world = replace(STAFF, groups=(group("Team", JOHN),))
    world = replace(world, policies=(settings(options=EVERYTHING, select=by_groups("Team")),))
    there = world.applied()
    left = replace(there, groups=(group("Team"),))
    assert actions(left.plan()) == [Action.RELEASE]
    gone = left.applied()
    assert (gone.entries, gone.contacts) == (there.entries, there.contacts)
    back = replace(gone, groups=(group("Team", JOHN),))
    assert actions(back.plan()) == [Action.READOPT]
    assert back.vault_link(JOHN) == there.vault_link(JOHN)
    assert back.psa_link(JOHN) == there.psa_link(JOHN)


def test_s16_a_deleted_group_releases_nobody() -> None:
    """16: Neither a group that is gone nor a directory that came back empty releases anybody."""
    crowd = tuple(person("John", f"Smith{number}") for number in range(12))
    kept = tuple(record(one) for one in crowd)
    world = World(users=crowd, records=kept, policies=(settings(select=by_groups("Gone")),))
    assert actions(world.plan()) == []
    assert Reason.SELECTOR_NOT_FOUND in reasons(world.plan().findings)
    empty = World(users=(), records=kept, sizes=((Source.DIRECTORY, 12),))
    assert isinstance(empty.verdict(), Refused)


def test_s17_new_only() -> None:
    """17: Options changed under NewOnly leave old accounts alone and show that they differ."""
    policy = settings(options=EVERYTHING, apply_to=ApplyTo.NEW_ONLY)
    world = World(users=(JOHN,), policies=(policy,), records=(record(JOHN),))
    assert world.plan().changes == ()
    assert finding(world.plan(), Reason.OPTIONS_DIFFER).account == JOHN.id


def test_s26_a_rename_changes_nothing() -> None:
    """26: Another display name of the customer is no change of any account."""
    before = STAFF.applied()
    after = replace(before, customer=replace(CUSTOMER, display_name="Contoso International"))
    assert (after.plan().changes, after.plan().records) == ((), ())
    assert after.plan().digest == before.plan().digest
    assert Reason.NAME_DIFFERS in reasons(after.plan().findings)


def test_s27_suspension() -> None:
    """27: Suspended, nothing is written; observing goes on, and says what waits."""
    world = replace(STAFF, customer=replace(CUSTOMER, suspend=True))
    assert (world.plan().changes, world.plan().records) == ((), ())
    assert world.decision(JOHN).state is DecisionState.IMPORTED
    assert Reason.SUSPENDED in reasons(world.plan().findings)
    assert CONTOSO in finding_of_customer(world)


def finding_of_customer(world: World) -> str:
    """Return what the first finding about the customer says."""
    return next(one.message for one in world.plan().findings if one.account is None)


def test_the_default_interval_is_three_hours() -> None:
    """27: Without a word in the policy a customer is read every three hours."""
    assert settings().interval.total_seconds() == 3 * 60 * 60
    assert NOW.tzinfo is not None
