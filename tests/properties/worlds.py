"""Random small worlds in which names, addresses and usernames collide, so that conflicts happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from tests.plan.world import (
    AD_CATEGORY,
    CLOUD_CUSTOMER,
    CONTOSO,
    CUSTOMER,
    HYBRID_CUSTOMER,
    MICROSOFT_365,
    NOW,
    TENANT,
    WELCOME,
    World,
    account_id,
    anchor,
    by_cloud_groups,
    by_groups,
    cloud,
    cloud_group,
    contact,
    entry,
    forbid,
    group,
    intent,
    link,
    pin,
    record,
    role,
    settings,
    user,
)

from muster.model.accounts import AccountRecord, Intent, IntentState
from muster.model.directory import DirectoryGroup, DirectoryUser
from muster.model.entra import EntraGroup, EntraRole, EntraUser
from muster.model.names import (
    AccountType,
    ApplyTo,
    DriftRemediation,
    LeaveAction,
    LinkState,
    MatchKey,
    Mode,
    NameFallback,
    PasswordAuthority,
    RemoteId,
    Source,
    System,
    Uncategorized,
)
from muster.model.records import PsaContact, VaultEntry
from muster.model.settings import (
    AccountOverride,
    AccountSelector,
    BuiltInGroup,
    Exclude,
    ImportSettings,
    LinkOverride,
    OnLeave,
    Options,
    OrganizationalUnit,
    PsaOptions,
    Select,
    SelectActiveDirectory,
    SelectEntra,
    VaultOptions,
)
from muster.plan.pair_matching import STRENGTH

SAMS = ("anna", "bert", "carla", "dave")
NAMES = ("Anna Smith", "Bert Smith", "Anna", "")
EMAILS = ("a@example.test", "A@EXAMPLE.test", "b@example.test")
NUMBERS = st.integers(1, 4)
_STAFF = SelectActiveDirectory(organizational_units=(OrganizationalUnit(path="OU=Staff"),))
_TYPES = (
    *((AccountType.END_USER,), (AccountType.END_USER,), (AccountType.ADMINISTRATOR,)),
    *((AccountType.END_USER, AccountType.ADMINISTRATOR), ()),
)
_LINK_STATES = (
    LinkState.LINKED,
    LinkState.LINKED,
    LinkState.LINKED_BY_OVERRIDE,
    LinkState.CREATED,
    LinkState.MATCH_LOST,
    LinkState.SKIPPED,
    LinkState.UNUSABLE,
)


@st.composite
def users(draw: st.DrawFn) -> tuple[DirectoryUser, ...]:
    """Draw people who share names and addresses, in three places."""
    drawn = []
    for sam in draw(st.lists(st.sampled_from(SAMS), unique=True, min_size=1)):
        given, _, surname = draw(st.sampled_from(NAMES)).partition(" ")
        drawn.append(
            user(
                sam,
                draw(st.sampled_from(("OU=Staff", "OU=Staff", "CN=Users"))),
                given_name=given or None,
                surname=surname or None,
                mail=draw(st.none() | st.sampled_from(EMAILS)),
                enabled=draw(st.integers(0, 4)) > 0,
            )
        )
    return tuple(drawn)


@st.composite
def groups(draw: st.DrawFn, members: tuple[DirectoryUser, ...]) -> tuple[DirectoryGroup, ...]:
    """Draw a group of staff, one inside it, Domain Users and a privileged one."""
    some = st.lists(st.sampled_from(members), unique=True) if members else st.just([])
    inner = group("Inner", *draw(some))
    staff = group("Staff", *draw(some), inner)
    return (
        inner,
        staff,
        group("Domain Users", place="CN=Users", sid="513"),
        group("Domain Admins", *draw(some), place="CN=Users", sid="512"),
    )


@st.composite
def entries(draw: st.DrawFn) -> tuple[VaultEntry, ...]:
    """Draw entries whose usernames collide in every form."""
    forms = [f"{prefix}{sam}" for sam in SAMS for prefix in ("", "CORP\\")]
    username = st.sampled_from([*forms, *(f"{sam.upper()}@corp.example.test" for sam in SAMS)])
    return tuple(
        entry(
            number,
            draw(username),
            draw(st.sampled_from(("Active Directory", "Active Directory", "Office 365", None))),
            personal=draw(st.integers(0, 5)) == 0,
        )
        for number in draw(st.sets(NUMBERS))
    )


@st.composite
def contacts(draw: st.DrawFn) -> tuple[PsaContact, ...]:
    """Draw contacts whose names and addresses collide."""
    return tuple(
        contact(
            number,
            draw(st.sampled_from(NAMES)),
            *draw(st.lists(st.sampled_from(EMAILS), max_size=2)),
            active=draw(st.integers(0, 4)) > 0,
        )
        for number in draw(st.sets(NUMBERS))
    )


@st.composite
def policies(draw: st.DrawFn) -> tuple[ImportSettings, ...]:
    """Draw a policy for end users, for administrators, both or none."""
    drawn = []
    for account_type in draw(st.sampled_from(_TYPES)):
        select = draw(
            st.sampled_from(
                (
                    by_groups("Staff", exclude_privileged=account_type is AccountType.END_USER),
                    by_groups("Staff", nested=True),
                    by_groups("Missing"),
                    SelectActiveDirectory(built_in_groups=(BuiltInGroup.DOMAIN_USERS,)),
                    *(_STAFF, _STAFF, _STAFF),
                )
            )
        )
        drawn.append(
            settings(
                account_type,
                select=select,
                mode=draw(st.sampled_from((Mode.ENFORCE, Mode.ENFORCE, Mode.OBSERVE))),
                exclude=Exclude(hidden_containers=draw(st.booleans())),
                options=draw(options()),
                apply_to=draw(st.sampled_from(ApplyTo)),
                on_leave=draw(on_leave()),
                suspend=draw(st.integers(0, 9)) == 0,
                welcome=WELCOME,
            )
        )
    return tuple(drawn)


def options() -> st.SearchStrategy[Options]:
    """Draw options."""
    return st.builds(
        Options,
        vault=st.builds(
            VaultOptions,
            match=st.sampled_from((True, True, False)),
            create_when_missing=st.booleans(),
            uncategorized=st.sampled_from(Uncategorized),
        ),
        psa=st.builds(
            PsaOptions,
            match=st.sampled_from((True, True, False)),
            create_when_missing=st.booleans(),
            name_fallback=st.sampled_from(NameFallback),
        ),
        drift_remediation=st.sampled_from(DriftRemediation),
        welcome_email=st.booleans(),
        self_serve=st.booleans(),
    )


def on_leave() -> st.SearchStrategy[OnLeave]:
    """Draw what happens to those who leave."""
    graces = st.sampled_from((timedelta(0), timedelta(days=3)))
    return st.builds(OnLeave, action=st.sampled_from(LeaveAction), grace_period=graces)


@st.composite
def records(draw: st.DrawFn) -> tuple[AccountRecord, ...]:
    """Draw what earlier runs left, tombstones and lost links among it."""
    drawn = []
    for sam in draw(st.lists(st.sampled_from(SAMS), unique=True)):
        gone = draw(st.integers(0, 2)) == 0
        drawn.append(
            record(
                user(sam),
                account_type=draw(st.sampled_from(_TYPES[:-2]))[0],
                vault=link(
                    draw(st.none() | NUMBERS),
                    draw(st.sampled_from(_LINK_STATES)),
                    draw(st.sampled_from((MatchKey.SAM_ACCOUNT_NAME, MatchKey.MARK))),
                ),
                psa=link(
                    draw(st.none() | NUMBERS), draw(st.sampled_from(_LINK_STATES)), MatchKey.EMAIL
                ),
                released_at=NOW - timedelta(hours=1) if gone else None,
            )
        )
    return tuple(drawn)


@st.composite
def overrides(draw: st.DrawFn) -> tuple[AccountOverride, ...]:
    """Draw decisions of people, sometimes two about one account under two of its names."""
    decision: st.SearchStrategy[LinkOverride | None] = st.one_of(
        st.none(),
        st.just(LinkOverride(ignore=True)),
        st.builds(pin, NUMBERS),
        st.builds(forbid, NUMBERS),
    )
    drawn = []
    for number in range(draw(st.integers(0, 3))):
        sam = draw(st.sampled_from(SAMS))
        selector = draw(
            st.sampled_from(
                (
                    AccountSelector(sam_account_name=sam),
                    AccountSelector(user_principal_name=f"{sam}@corp.example.test"),
                )
            )
        )
        drawn.append(
            AccountOverride(
                name=f"decision-{number}",
                customer=CONTOSO,
                account=selector,
                vault=draw(decision),
                psa=draw(decision),
                email=draw(st.none() | st.sampled_from(EMAILS)),
                exclude=draw(st.integers(0, 5)) == 0,
            )
        )
    return tuple(drawn)


@st.composite
def intents(draw: st.DrawFn) -> tuple[Intent, ...]:
    """Draw creates that were not answered, or whose link is not in a record yet."""
    drawn = []
    for sam in draw(st.lists(st.sampled_from(SAMS), unique=True, max_size=2)):
        done = draw(st.booleans())
        drawn.append(
            intent(
                user(sam),
                draw(st.sampled_from((System.VAULT, System.PSA))),
                opened_at=NOW - draw(st.sampled_from((timedelta(0), timedelta(hours=1)))),
                state=IntentState.DONE if done else IntentState.OPEN,
                remote_id=RemoteId(str(draw(NUMBERS))) if done else None,
            )
        )
    return tuple(drawn)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world; some of its sources may not have been read whole."""
    people = draw(users())
    return World(
        users=people,
        groups=draw(groups(people)),
        places=("OU=Staff", "OU=Admins", "OU=Groups"),
        entries=draw(entries()),
        contacts=draw(contacts()),
        policies=draw(policies()),
        overrides=draw(overrides()),
        customer=CUSTOMER,
        records=draw(records()),
        intents=draw(intents()),
        unread=draw(st.sampled_from(((), (), (), *((source,) for source in Source)))),
    )


# ---------------------------------------------------------------- a tenant beside, or instead

_GUIDS = tuple(str(account_id(sam)) for sam in SAMS)


@st.composite
def cloud_users(draw: st.DrawFn) -> tuple[EntraUser, ...]:
    """Draw Entra users whose anchors, names and addresses collide with those of the domain."""
    return tuple(
        cloud(
            name,
            upn=draw(
                st.sampled_from((f"{name}@contoso.test", *(f"{s}@corp.example.test" for s in SAMS)))
            ),
            mail=draw(st.none() | st.sampled_from(EMAILS)),
            immutable_id=draw(st.none() | st.sampled_from(_GUIDS).map(anchor)),
            synced=draw(st.integers(0, 3)) == 0,
            guest=draw(st.integers(0, 5)) == 0,
            mailbox_plan=draw(st.integers(0, 3)) > 0,
        )
        for name in draw(st.lists(st.sampled_from(SAMS), unique=True))
    )


@st.composite
def cloud_groups(draw: st.DrawFn, members: tuple[EntraUser, ...]) -> tuple[EntraGroup, ...]:
    """Draw a group of staff with one inside it, and sometimes a second of its name."""
    some = st.lists(st.sampled_from(members), unique=True) if members else st.just([])
    inner = cloud_group("Inner", *draw(some))
    staff = cloud_group("Staff", *draw(some), inner)
    twin = cloud_group("staff", *draw(some), id=account_id("twin of Staff"))
    return draw(st.sampled_from(((inner, staff), (inner, staff), (staff,), (inner, staff, twin))))


@st.composite
def roles(draw: st.DrawFn, members: tuple[EntraUser, ...]) -> tuple[EntraRole, ...]:
    """Draw a role that some have."""
    some = st.lists(st.sampled_from(members), unique=True) if members else st.just([])
    return (role("Global Administrator", *draw(some)),)


@st.composite
def hybrid_policies(draw: st.DrawFn) -> tuple[ImportSettings, ...]:
    """Draw end users of either directory, and administrators of both."""
    end_users: tuple[SelectActiveDirectory | SelectEntra, ...] = (
        *(_STAFF, _STAFF),
        *(by_cloud_groups("Staff"), by_cloud_groups("Staff", nested=True)),
        SelectEntra(all_users=True),
    )
    administrators = Select(
        active_directory=by_groups("Staff", exclude_privileged=False),
        entra=SelectEntra(roles=("Global Administrator",)),
    )
    drawn = []
    for account_type in draw(st.sampled_from(_TYPES)):
        end_user = account_type is AccountType.END_USER
        chosen = draw(options())
        pairing = tuple(draw(st.sets(st.sampled_from(STRENGTH), min_size=1)))
        drawn.append(
            settings(
                account_type,
                select=draw(st.sampled_from(end_users)) if end_user else administrators,
                options=replace(chosen, pairing=pairing),
                apply_to=draw(st.sampled_from(ApplyTo)),
                on_leave=draw(on_leave()),
            )
        )
    return tuple(drawn)


@st.composite
def hybrid_records(draw: st.DrawFn) -> tuple[AccountRecord, ...]:
    """Draw what earlier runs left of the tenant's accounts, and pairs of the domain's."""
    domain = [
        replace(
            one,
            pair=replace(
                link(None, draw(st.sampled_from(_LINK_STATES)), MatchKey.MAIL),
                id=draw(st.none() | st.sampled_from(SAMS).map(lambda sam: RemoteId(cloud(sam).id))),
                place=draw(st.sampled_from(("", f"entra/{TENANT.id}", "entra/another"))),
            ),
        )
        for one in draw(records())
    ]
    tenant = [
        record(
            cloud(sam),
            account_type=draw(st.sampled_from(_TYPES[:-2]))[0],
            vault=link(draw(st.none() | NUMBERS), draw(st.sampled_from(_LINK_STATES))),
            psa=link(draw(st.none() | NUMBERS), draw(st.sampled_from(_LINK_STATES))),
            released_at=NOW - timedelta(hours=1) if draw(st.integers(0, 2)) == 0 else None,
        )
        for sam in draw(st.lists(st.sampled_from(SAMS), unique=True))
    ]
    return (*domain, *tenant)


@st.composite
def pair_decisions(draw: st.DrawFn) -> tuple[AccountOverride, ...]:
    """Draw decisions about pairs, and about UPNs that both directories may hold."""
    some_user = st.sampled_from(SAMS).map(lambda sam: RemoteId(cloud(sam).id))
    decision = st.one_of(
        st.just(LinkOverride(ignore=True)),
        st.builds(lambda one: LinkOverride(pin=one), some_user),
        st.builds(lambda one: LinkOverride(forbid=(one,)), some_user),
    )
    return tuple(
        AccountOverride(
            name=f"pair-{number}",
            customer=CONTOSO,
            account=AccountSelector(
                user_principal_name=f"{draw(st.sampled_from(SAMS))}@corp.example.test"
            ),
            entra=draw(st.none() | decision),
            vault=draw(st.none() | st.builds(pin, NUMBERS)),
        )
        for number in range(draw(st.integers(0, 2)))
    )


@st.composite
def hybrid_worlds(draw: st.DrawFn) -> World:
    """Draw a customer with a tenant, and mostly a domain; one of them may be unread."""
    people, tenants = draw(users()), draw(cloud_users())
    authority = draw(st.sampled_from(PasswordAuthority))
    customer = replace(HYBRID_CUSTOMER, password_authority=authority)
    unread = ((), (), (Source.ENTRA,), (Source.DIRECTORY,), (Source.VAULT,), (Source.PSA,))
    return World(
        users=people,
        groups=draw(groups(people)),
        cloud=tenants,
        cloud_groups=draw(cloud_groups(tenants)),
        roles=draw(roles(tenants)),
        entries=draw(entries()),
        categories=(AD_CATEGORY, MICROSOFT_365),
        contacts=draw(contacts()),
        policies=draw(hybrid_policies()),
        overrides=(*draw(overrides()), *draw(pair_decisions())),
        customer=draw(st.sampled_from((customer, customer, customer, CLOUD_CUSTOMER))),
        records=draw(hybrid_records()),
        intents=draw(intents()),
        unread=draw(st.sampled_from(unread)),
    )
