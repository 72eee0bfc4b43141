"""How an end user of Active Directory is paired with its Entra user, and when it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.plan.world import (
    CUSTOMER,
    EVERYTHING,
    HYBRID_CUSTOMER,
    IGNORE,
    TENANT,
    World,
    account_id,
    actions,
    anchor,
    cloud,
    cloud_group,
    finding,
    imported,
    override,
    owners,
    person,
    reasons,
    record,
    role,
    settings,
    synced,
    user,
)

from muster.model.accounts import Link, PairedUser
from muster.model.directory import DirectoryUser
from muster.model.entra import EntraUser
from muster.model.limits import Limit, Limits
from muster.model.names import (
    AccountType,
    Action,
    LinkState,
    MatchKey,
    PasswordAuthority,
    RemoteId,
    System,
)
from muster.model.plans import Approved, Refused
from muster.model.reasons import Reason
from muster.model.settings import (
    Approval,
    LinkOverride,
    Options,
    OrganizationalUnit,
    Select,
    SelectActiveDirectory,
    SelectEntra,
)
from muster.plan.guard import guard

JOHN = person("John", "Smith")
MUSTER = replace(HYBRID_CUSTOMER, password_authority=PasswordAuthority.MUSTER)
HYBRID = World(users=(JOHN,), customer=HYBRID_CUSTOMER, tenant=replace(TENANT, synced=True))
OTHER_GUID = str(account_id("somebody else"))


def like_john(**fields: Any) -> EntraUser:
    """Return a cloud user that shares nothing with John but what is given."""
    return cloud("j.s", **{"display_name": "J. S.", **fields})


@pytest.mark.parametrize(
    ("john", "half", "key"),
    [
        (JOHN, like_john(immutable_id=anchor(JOHN.id)), MatchKey.IMMUTABLE_ID),
        (
            replace(JOHN, consistency_guid=OTHER_GUID),
            like_john(immutable_id=anchor(OTHER_GUID)),
            MatchKey.IMMUTABLE_ID,
        ),
        (
            replace(JOHN, consistency_guid=OTHER_GUID),
            like_john(immutable_id=anchor(JOHN.id)),
            MatchKey.IMMUTABLE_ID,
        ),
        (JOHN, like_john(on_premises_sid=JOHN.sid, synced=True), MatchKey.SID),
        (JOHN, like_john(upn="JSmith@CORP.example.test"), MatchKey.USER_PRINCIPAL_NAME),
        (JOHN, like_john(mail="John.Smith@example.test"), MatchKey.MAIL),
        (JOHN, like_john(primary_smtp="john.smith@example.test"), MatchKey.MAIL),
        (JOHN, like_john(aliases=("x@y.test", "john.smith@example.test")), MatchKey.MAIL),
        (
            replace(JOHN, mail=None, primary_smtp="js@example.test"),
            like_john(mail="js@example.test"),
            MatchKey.MAIL,
        ),
        (JOHN, like_john(display_name="JOHN SMITH"), None),
        (replace(JOHN, mail=None), like_john(mail=""), None),
        (JOHN, like_john(immutable_id="not base64"), None),
        (JOHN, like_john(immutable_id=anchor(JOHN.id).swapcase()), None),
        (JOHN, like_john(mail="john.smith@example.test", guest=True), None),
        (JOHN, like_john(immutable_id=anchor(JOHN.id), guest=True), None),
        (
            JOHN,
            like_john(mail="john.smith@example.test", synced=True, on_premises_sid="S-1-5-21-9"),
            None,
        ),
        (
            JOHN,
            like_john(mail="john.smith@example.test", synced=False, on_premises_sid="S-1-5-21-9"),
            MatchKey.MAIL,
        ),
    ],
)
def test_a_pair_is_found(john: DirectoryUser, half: EntraUser, key: MatchKey | None) -> None:
    """By each of the allowed keys; never a guest, nor somebody else's synchronized user."""
    link = replace(HYBRID, users=(john,), cloud=(half,)).pair_link(john)
    assert link.key is key
    assert link.state is (LinkState.LINKED if key else LinkState.UNMATCHED)
    assert link.id == (RemoteId(half.id) if key else None)


def test_the_preferred_anchor_goes_first() -> None:
    """Where both GUIDs find a user, Entra Connect's own choice counts, and nothing is ambiguous."""
    john = replace(JOHN, consistency_guid=OTHER_GUID)
    old, new = (
        like_john(immutable_id=anchor(JOHN.id)),
        synced(JOHN, immutable_id=anchor(OTHER_GUID)),
    )
    assert replace(HYBRID, users=(john,), cloud=(old, new)).pair_link(john).id == RemoteId(new.id)


def test_a_stronger_key_goes_first() -> None:
    """A user with John's mail loses to the one with his anchor."""
    world = replace(HYBRID, cloud=(like_john(mail=JOHN.mail), synced(JOHN, mail=None)))
    link = world.pair_link(JOHN)
    assert (link.id, link.key) == (RemoteId(synced(JOHN).id), MatchKey.IMMUTABLE_ID)


def test_whom_somebody_elses_anchor_names_is_not_taken_by_name() -> None:
    """An Entra user that is anchored to another account, imported or not, is only shown."""
    other = user("other", "OU=Elsewhere")
    half = like_john(upn=JOHN.upn, immutable_id=anchor(other.id))
    link = replace(HYBRID, users=(JOHN, other), cloud=(half,)).pair_link(JOHN)
    assert link.state is LinkState.UNMATCHED
    (candidate,) = link.candidates
    assert candidate.evidence == "UserPrincipalName, of another account of Active Directory"


def test_an_anchor_of_two_accounts_names_the_same_one_in_any_order() -> None:
    """Whose user it is does not depend on the order in which the directory lists them."""
    first, second = sorted((user("one"), user("two")), key=lambda one: one.id)
    twins = tuple(
        replace(one, mail="twins@example.test", consistency_guid=OTHER_GUID)
        for one in (first, second)
    )
    half = like_john(mail="twins@example.test", immutable_id=anchor(OTHER_GUID))
    by_mail = (settings(options=Options(pairing=(MatchKey.MAIL,))),)
    for users in (twins, twins[::-1]):
        world = replace(HYBRID, users=users, cloud=(half,), policies=by_mail)
        assert world.pair_link(first).state is LinkState.LINKED
        assert world.pair_link(second).state is LinkState.UNMATCHED


def test_a_display_name_is_a_suggestion_unless_the_policy_names_it() -> None:
    """The candidate is there for a person; the policy may let it link."""
    world = replace(HYBRID, cloud=(like_john(display_name="john smith", enabled=False),))
    (candidate,) = world.pair_link(JOHN).candidates
    assert (candidate.id, candidate.evidence) == (RemoteId(like_john().id), "DisplayName")
    assert candidate.detail == "j.s@contoso.test · cloud · disabled"
    allowed = Options(pairing=(MatchKey.MAIL, MatchKey.DISPLAY_NAME))
    link = replace(world, policies=(settings(options=allowed),)).pair_link(JOHN)
    assert (link.state, link.key) == (LinkState.LINKED, MatchKey.DISPLAY_NAME)


def test_a_key_that_the_policy_leaves_out_links_nobody() -> None:
    """Only the keys of `options.pairing` link, however strong the others are."""
    policy = settings(options=Options(pairing=(MatchKey.SID,)))
    half = like_john(immutable_id=anchor(JOHN.id))
    link = replace(HYBRID, cloud=(half,), policies=(policy,)).pair_link(JOHN)
    assert link.state is LinkState.UNMATCHED
    assert [one.evidence for one in link.candidates] == ["ImmutableId"]


def test_two_users_of_one_tier_are_a_question() -> None:
    """Nothing is guessed: both are shown, and a pin settles it."""
    one, two = like_john(mail=JOHN.mail), cloud("john", aliases=(JOHN.mail,))
    world = replace(HYBRID, cloud=(one, two))
    link = world.pair_link(JOHN)
    assert (link.state, {str(c.id) for c in link.candidates}) == (
        LinkState.AMBIGUOUS,
        {one.id, two.id},
    )
    assert finding(world.plan(), Reason.SEVERAL_MATCHES).system is System.ENTRA
    assert world.plan().counts.ambiguous == 1
    pinned = replace(world, overrides=(override(JOHN, entra=LinkOverride(pin=RemoteId(two.id))),))
    assert pinned.pair_link(JOHN).state is LinkState.LINKED_BY_OVERRIDE


def test_two_accounts_that_reach_one_user_are_a_conflict() -> None:
    """A shared mailbox address in two accounts pairs neither of them."""
    jane = person("Anna", "Smith", mail=JOHN.mail)
    world = replace(HYBRID, users=(JOHN, jane), cloud=(like_john(mail=JOHN.mail),))
    assert {world.pair_link(one).state for one in (JOHN, jane)} == {LinkState.CONFLICT}
    assert owners(world, System.ENTRA) == {}


def test_a_pair_holds_by_id() -> None:
    """Whatever the Entra user is called later, and whoever else fits then, the pair stays."""
    first = replace(HYBRID, cloud=(synced(JOHN),)).applied()
    half = like_john(id=synced(JOHN).id)
    later = replace(first, cloud=(half, cloud("other", mail=JOHN.mail)))
    link = later.pair_link(JOHN)
    assert (link.id, link.state, link.name) == (RemoteId(half.id), LinkState.LINKED, "J. S.")
    assert later.plan().changes == ()


@pytest.mark.parametrize(
    ("decision", "cloud_users", "state", "reason"),
    [
        (LinkOverride(pin=RemoteId(like_john().id)), (like_john(),), "LinkedByOverride", "Pinned"),
        (
            LinkOverride(pin=RemoteId(like_john().id)),
            (like_john(guest=True),),
            *("Unusable", "OverrideInvalid"),
        ),
        (LinkOverride(pin=RemoteId(OTHER_GUID)), (like_john(),), "Unmatched", "OverrideInvalid"),
        (
            LinkOverride(forbid=(RemoteId(synced(JOHN).id),)),
            (synced(JOHN),),
            "Unmatched",
            "NoMatch",
        ),
        (IGNORE, (synced(JOHN),), "Unmatched", "Ignored"),
    ],
)
def test_a_person_decides(
    decision: LinkOverride, cloud_users: tuple[EntraUser, ...], state: str, reason: str
) -> None:
    """Any account may be pinned to any user but a guest; a pair may be forbidden or left out."""
    world = replace(HYBRID, cloud=cloud_users, overrides=(override(JOHN, entra=decision),))
    link = world.pair_link(JOHN)
    assert (link.state, link.reason) == (state, reason)


def test_what_becomes_of_a_pair_whose_user_is_gone() -> None:
    """The link is lost and says so; it is a re-link that the limits count."""
    first = replace(HYBRID, cloud=(synced(JOHN),)).applied()
    gone = replace(first, cloud=())
    assert gone.pair_link(JOHN).state is LinkState.MATCH_LOST
    assert gone.record_of(JOHN).paired_user is None
    anew = replace(first, cloud=(like_john(mail=JOHN.mail),))
    (change,) = anew.plan().changes
    assert (change.action, change.system) == (Action.RELINK, System.ENTRA)
    assert change.because == "AutomaticImportPolicy/staff#/spec/options/pairing"


@pytest.mark.parametrize(
    ("account_type", "fields", "reason"),
    [
        (AccountType.END_USER, {"customer": CUSTOMER}, Reason.NO_ENTRA),
        (
            AccountType.END_USER,
            {"customer": replace(HYBRID_CUSTOMER, password_authority=PasswordAuthority.SEPARATE)},
            Reason.PASSWORDS_SEPARATE,
        ),
        (AccountType.ADMINISTRATOR, {}, Reason.NOT_PAIRED),
        (
            # Another passwordAuthority would not pair it either.
            AccountType.ADMINISTRATOR,
            {"customer": replace(HYBRID_CUSTOMER, password_authority=PasswordAuthority.SEPARATE)},
            Reason.NOT_PAIRED,
        ),
    ],
)
def test_who_is_not_paired(
    account_type: AccountType, fields: dict[str, Any], reason: Reason
) -> None:
    """Without a tenant, with separate passwords, or as an administrator: skipped, and why."""
    unit = SelectActiveDirectory(
        organizational_units=(OrganizationalUnit(path="OU=Staff"),), exclude_privileged=False
    )
    policy = settings(account_type, select=unit)
    world = replace(HYBRID, cloud=(synced(JOHN),), policies=(policy,), **fields)
    assert world.pair_link(JOHN) == Link(state=LinkState.SKIPPED, reason=reason)
    told = replace(world, overrides=(override(JOHN, entra=IGNORE),))
    assert reason in finding(told.plan(), Reason.OVERRIDE_INVALID).message
    counts = world.plan().counts
    assert counts.add_up
    assert counts.pair.skipped == counts.selected == 1


def test_an_account_of_entra_is_not_paired_and_nobody_is_paired_with_it() -> None:
    """An Entra user that is imported itself has its own entry, and is nobody's other half."""
    boss = like_john(mail=JOHN.mail)
    admins = settings(
        AccountType.ADMINISTRATOR, select=Select(entra=SelectEntra(roles=("Global Administrator",)))
    )
    world = replace(
        HYBRID,
        cloud=(boss,),
        roles=(role("Global Administrator", boss),),
        policies=(settings(), admins),
    )
    assert imported(world.plan()) == {"jsmith", "j.s"}
    assert world.pair_link(boss).reason is Reason.NOT_PAIRED
    link = world.pair_link(JOHN)
    assert link.state is LinkState.UNMATCHED
    assert link.candidates[0].evidence == "Mail, imported as an account of its own"


def test_both_sides_are_seen() -> None:
    """The record shows the Entra user as it is: its name, whether it is enabled, who has it."""
    half = synced(JOHN, enabled=False, upn="john@contoso.test")
    world = replace(HYBRID, cloud=(half,))
    after = world.record_of(JOHN)
    assert after.paired_user == PairedUser(upn="john@contoso.test", enabled=False, synced=True)
    assert after.pair.place == f"entra/{TENANT.id}"
    changes = {(one.system, one.action, one.target) for one in world.plan().changes}
    assert (System.ENTRA, Action.LINK, half.id) in changes


def test_another_tenant_is_another_match() -> None:
    """A pair with a user of another tenant is no pair here, whatever its id."""
    first = replace(HYBRID, cloud=(synced(JOHN),)).applied()
    assert HYBRID_CUSTOMER.entra
    tenant = replace(HYBRID_CUSTOMER.entra, tenant_id=OTHER_GUID)
    moved = replace(first, customer=replace(HYBRID_CUSTOMER, entra=tenant))
    assert actions(moved.plan()) == [Action.RELINK]
    assert "1 of 1 links found again" in finding(moved.plan(), Reason.PLACE_CHANGED).message


# ---------------------------------------------------------------- who sets the passwords


@pytest.mark.parametrize(
    ("half", "tenant", "refused"),
    [
        (synced(JOHN, synced=False), TENANT, ""),
        (synced(JOHN, synced=False), replace(TENANT, synced=True), 'the tenant "Contoso Cloud"'),
        (synced(JOHN), TENANT, JOHN.upn),
        (cloud("stranger", synced=True), TENANT, ""),
    ],
)
def test_s20_muster_sets_no_passwords_where_entra_connect_does(
    half: EntraUser, tenant: Any, refused: str
) -> None:
    """20: `passwordSync: on` with `onPremisesSyncEnabled` is refused; no approval lifts it."""
    world = replace(HYBRID, customer=MUSTER, cloud=(half,), tenant=tenant)
    verdict = world.verdict()
    if not refused:
        assert isinstance(verdict, Approved)
        return
    assert isinstance(verdict, Refused)
    (refusal,) = verdict.refusals
    assert refusal.reason is Reason.SYNC_MODE_CONFLICT
    assert refused in refusal.message
    assert "EntraConnect" in refusal.message
    approval = Approval(
        plan=verdict.plan.digest, until=world.now.replace(year=2030), reason="never mind"
    )
    approved = replace(world.desired, customer=replace(MUSTER, approvals=(approval,)))
    assert isinstance(guard(verdict.plan, approved, world.known, world.now), Refused)


def test_s20_a_pair_of_former_times_is_no_contradiction() -> None:
    """An administrator's link to a synchronized user rests; nobody sets two passwords by it."""
    policy = settings(AccountType.ADMINISTRATOR)
    admin = person("John", "Smith", dn=user("jsmith", "OU=Admins").dn)
    half = synced(admin)
    resting = Link(
        state=LinkState.LINKED,
        reason=Reason.MATCHED,
        id=RemoteId(half.id),
        key=MatchKey.SID,
    )
    known = record(admin, account_type=AccountType.ADMINISTRATOR, pair=resting)
    world = World(
        users=(admin,), cloud=(half,), customer=MUSTER, policies=(policy,), records=(known,)
    )
    assert world.pair_link(admin).id == RemoteId(half.id)
    assert isinstance(world.verdict(), Approved)


@pytest.mark.parametrize("carried", [True, False])
def test_entra_connect_that_is_not_there_is_told(carried: bool) -> None:
    """The finding informs, and nothing else follows."""
    world = replace(HYBRID, cloud=(synced(JOHN),), tenant=replace(TENANT, synced=carried))
    assert (Reason.TENANT_NOT_SYNCED in reasons(world.plan().findings)) is not carried
    assert isinstance(world.verdict(), Approved)


def test_the_limit_on_relinks_counts_pairs() -> None:
    """Many pairs that move at once are refused, like links to entries."""
    people = tuple(user(f"user{number}") for number in range(5))
    world = replace(
        HYBRID,
        users=people,
        cloud=tuple(map(synced, people)),
        policies=(settings(limits=Limits(relink=Limit(percent=2, floor=2))),),
    ).applied()
    assert {one.pair.state for one in world.records} == {LinkState.LINKED}
    again = replace(
        world, cloud=tuple(synced(one, id=account_id(f"new {one.sam}")) for one in people)
    )
    verdict = again.verdict()
    assert isinstance(verdict, Refused)
    assert verdict.refusals[0].reason is Reason.LIMIT_EXCEEDED


def test_a_pair_changes_nothing_outside() -> None:
    """A hybrid customer converges: the second plan is empty, and its counts add up."""
    world = replace(
        HYBRID,
        cloud=(synced(JOHN), cloud("extra")),
        cloud_groups=(cloud_group("Staff"),),
        policies=(settings(options=EVERYTHING),),
    )
    assert world.plan().counts.add_up
    after = world.applied()
    assert after.plan().changes == ()
    assert after.applied().plan().records == ()
    assert record(JOHN).pair.state is LinkState.SKIPPED
