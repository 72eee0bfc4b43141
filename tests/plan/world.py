"""Small worlds to plan in: a table row says what is special about it, and nothing else.

Names become ids, SIDs and addresses by fixed rules, so that the same words always build the
same world. `World.plan` plans it, and `World.applied` is the world after the plan was carried
out without a failure.
"""

from __future__ import annotations

import base64
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from muster.model.accounts import (
    AccountRecord,
    Decision,
    ImportedWith,
    Intent,
    Known,
    Link,
)
from muster.model.connections import (
    ActiveDirectory,
    ConnectWise,
    Entra,
    Integration,
    ItGlue,
    SecretRef,
    Smtp,
)
from muster.model.directory import (
    DirectoryGroup,
    DirectorySnapshot,
    DirectoryUser,
    Domain,
    HiddenContainer,
)
from muster.model.entra import EntraGroup, EntraRole, EntraSnapshot, EntraUser, Tenant
from muster.model.mail import MailSender, WelcomeSettings
from muster.model.names import (
    LINKED_STATES,
    AccountId,
    AccountType,
    Action,
    CustomerName,
    DecisionState,
    LinkState,
    MatchKey,
    Mode,
    PasswordAuthority,
    RemoteId,
    Source,
    System,
)
from muster.model.observed import Observed, SourceRead
from muster.model.plans import (
    AccountDecision,
    Change,
    ChangeResult,
    CustomerPlan,
    Finding,
    Verdict,
)
from muster.model.reasons import Reason
from muster.model.records import (
    ContactChange,
    ContactDraft,
    ContactEmail,
    EntryChange,
    EntryDraft,
    Organization,
    PsaContact,
    VaultCategory,
    VaultEntry,
)
from muster.model.settings import (
    AccountOverride,
    AccountSelector,
    Customer,
    Desired,
    ImportSettings,
    ImportSource,
    LinkOverride,
    Options,
    OrganizationalUnit,
    Origin,
    PsaOptions,
    PsaRef,
    ResolvedFrom,
    Select,
    SelectActiveDirectory,
    SelectEntra,
    VaultOptions,
    VaultRef,
)
from muster.plan.directories import User
from muster.plan.guard import guard
from muster.plan.identity import account_name, identify
from muster.plan.make import make_plan
from muster.plan.settle import settle

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CONTOSO = CustomerName("contoso")
ROOT = "DC=corp,DC=example,DC=test"
DOMAIN_SID = "S-1-5-21-1-2-3"
DOMAIN = Domain(
    dn=ROOT,
    dns_name="corp.example.test",
    netbios_name="CORP",
    sid=DOMAIN_SID,
    hidden=tuple(
        HiddenContainer(dn=f"{relative},{ROOT}", name=name)
        for relative, name in (
            ("CN=Users", "Users"),
            ("CN=Builtin", "Builtin"),
            ("CN=Computers", "Computers"),
            ("OU=Domain Controllers", "Domain Controllers"),
            ("CN=System", "System"),
        )
    ),
)
AD_CATEGORY = VaultCategory(id=RemoteId("7"), name="Active Directory")
EVERYTHING = Options(
    vault=VaultOptions(create_when_missing=True), psa=PsaOptions(create_when_missing=True)
)

MAIL = Integration(
    name="mail",
    product=Smtp(
        host="smtp.msp.example",
        sender=MailSender(address="it@msp.example", name="Example IT"),
    ),
)
WELCOME = WelcomeSettings(integration="mail")

# ---------------------------------------------------------------- the directory


def account_id(name: str) -> AccountId:
    """Return the objectGUID of everything called so."""
    return AccountId(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))


def _dn(name: str, place: str) -> str:
    return f"CN={name},{place},{ROOT}" if "DC=" not in place else f"CN={name},{place}"


def user(sam: str, place: str = "OU=Staff", *, rid: int = 0, **fields: Any) -> DirectoryUser:
    """Return a user without an address; `fields` are those of `DirectoryUser`."""
    filled: dict[str, Any] = {
        "id": account_id(sam),
        "dn": _dn(sam, place),
        "sid": f"{DOMAIN_SID}-{rid or 1100 + zlib.crc32(sam.encode()) % 1_000_000}",
        "sam": sam,
        "upn": f"{sam}@corp.example.test",
        "display_name": sam.title(),
    }
    return DirectoryUser(**{**filled, **fields})


def person(given: str, surname: str, **fields: Any) -> DirectoryUser:
    """Return a user with a name and an address: `jsmith`, john.smith@example.test."""
    filled: dict[str, Any] = {
        "display_name": f"{given} {surname}",
        "given_name": given,
        "surname": surname,
        "mail": f"{given}.{surname}@example.test".lower(),
    }
    return user(f"{given[0]}{surname}".lower(), **{**filled, **fields})


def group(
    name: str,
    *members: DirectoryUser | DirectoryGroup | str,
    place: str = "OU=Groups",
    sid: str = "",
    **fields: Any,
) -> DirectoryGroup:
    """Return a group; a `sid` that is only a number is a RID of the domain."""
    number = sid or str(1_200_000 + zlib.crc32(name.encode()) % 1_000_000)
    filled: dict[str, Any] = {
        "id": account_id(f"group {name}"),
        "dn": _dn(name, place),
        "sid": number if number.startswith("S-") else f"{DOMAIN_SID}-{number}",
        "sam": name,
        "name": name,
        "members": tuple(one if isinstance(one, str) else one.dn for one in members),
    }
    return DirectoryGroup(**{**filled, **fields})


def domain_admins(*members: DirectoryUser | DirectoryGroup) -> DirectoryGroup:
    """Return the privileged group of every domain, under a localized name."""
    return group("Domänen-Admins", *members, place="CN=Users", sid="512")


# ---------------------------------------------------------------- the tenant

TENANT = Tenant(id="6f1c0d52-7a31-4f1e-9f0f-0f5f3a1c2d3e", name="Contoso Cloud")


def cloud(name: str, **fields: Any) -> EntraUser:
    """Return a user of the cloud alone, with a mailbox plan and without an address."""
    filled: dict[str, Any] = {
        "id": account_id(f"cloud {name}"),
        "upn": f"{name}@contoso.test",
        "display_name": name.title(),
        "mailbox_plan": True,
        "licensed": True,
    }
    return EntraUser(**{**filled, **fields})


def anchor(guid: str) -> str:
    """Return the immutable id that Entra Connect makes of a GUID."""
    return base64.b64encode(uuid.UUID(guid).bytes_le).decode()


def synced(account: DirectoryUser, **fields: Any) -> EntraUser:
    """Return the Entra user that Entra Connect made of an account of Active Directory."""
    filled: dict[str, Any] = {
        "upn": account.upn,
        "display_name": account.display_name,
        "synced": True,
        "immutable_id": anchor(account.id),
        "on_premises_sid": account.sid,
        "on_premises_sam": account.sam,
    }
    return cloud(account.sam, **{**filled, **fields})


def cloud_group(name: str, *members: EntraUser | EntraGroup, **fields: Any) -> EntraGroup:
    """Return a group of the tenant with its direct members."""
    filled: dict[str, Any] = {
        "id": account_id(f"cloud group {name}"),
        "name": name,
        "users": tuple(one.id for one in members if isinstance(one, EntraUser)),
        "groups": tuple(one.id for one in members if isinstance(one, EntraGroup)),
    }
    return EntraGroup(**{**filled, **fields})


def role(name: str, *holders: EntraUser) -> EntraRole:
    """Return a directory role and who has it."""
    template = str(account_id(f"role {name}"))
    return EntraRole(template_id=template, name=name, users=tuple(one.id for one in holders))


# ---------------------------------------------------------------- vault and PSA


def entry(
    number: int, username: str | None, category: str | None = "Active Directory", **fields: Any
) -> VaultEntry:
    """Return a usable entry."""
    filled: dict[str, Any] = {
        "id": RemoteId(str(number)),
        "name": f"entry {number}",
        "username": username,
        "category": category,
    }
    return VaultEntry(**{**filled, **fields})


def contact(number: int, name: str = "", *emails: str, active: bool = True) -> PsaContact:
    """Return a contact; `name` is given name and surname."""
    given, _, surname = name.partition(" ")
    addresses = (
        ContactEmail(id=RemoteId(f"{number}{place}"), address=address, default=place == 0)
        for place, address in enumerate(emails)
    )
    return PsaContact(
        id=RemoteId(str(number)),
        given_name=given,
        surname=surname,
        emails=tuple(addresses),
        active=active,
    )


# ---------------------------------------------------------------- git


def settings(
    account_type: AccountType = AccountType.END_USER, *, policy: str = "", **fields: Any
) -> ImportSettings:
    """Return settings under Enforce that select OU=Staff, or OU=Admins for administrators."""
    end_users = account_type is AccountType.END_USER
    default = "OU=Staff" if end_users else "OU=Admins"
    fields.setdefault(
        "select",
        SelectActiveDirectory(
            organizational_units=(OrganizationalUnit(path=default),), exclude_privileged=end_users
        ),
    )
    if isinstance(fields["select"], SelectActiveDirectory):
        fields["select"] = Select(active_directory=fields["select"])
    if isinstance(fields["select"], SelectEntra):
        fields["select"] = Select(entra=fields["select"])
    fields.setdefault("mode", Mode.ENFORCE)
    name = policy or ("staff" if end_users else "admins")
    origin = Origin(kind="AutomaticImportPolicy", name=name)
    return ImportSettings(origin=origin, account_type=account_type, **fields)


def by_groups(*names: str, **fields: Any) -> SelectActiveDirectory:
    """Return a selection by groups."""
    return SelectActiveDirectory(groups=names, **fields)


def by_cloud_groups(*names: str, **fields: Any) -> SelectEntra:
    """Return a selection by groups of the tenant."""
    return SelectEntra(groups=names, **fields)


def override(account: User, name: str = "decision", **fields: Any) -> AccountOverride:
    """Return an override that names an account by its UPN."""
    selector = AccountSelector(user_principal_name=account.upn)
    return AccountOverride(name=name, customer=CONTOSO, account=selector, **fields)


def pin(number: int) -> LinkOverride:
    """Return the decision that one record belongs to the account."""
    return LinkOverride(pin=RemoteId(str(number)))


def forbid(*numbers: int) -> LinkOverride:
    """Return the decision that these records do not belong to the account."""
    return LinkOverride(forbid=tuple(RemoteId(str(number)) for number in numbers))


IGNORE = LinkOverride(ignore=True)
VAULT = Integration(
    name="itglue",
    product=ItGlue(
        endpoint="https://itglue.example.test", api_key=SecretRef(name="itglue", key="apiKey")
    ),
)
PSA = Integration(
    name="connectwise",
    product=ConnectWise(
        endpoint="https://psa.example.test",
        company_id="msp",
        client_id="client",
        public_key=SecretRef(name="psa", key="publicKey"),
        private_key=SecretRef(name="psa", key="privateKey"),
    ),
)
CUSTOMER = Customer(
    name=CONTOSO,
    display_name="Contoso",
    active_directory=ActiveDirectory(
        servers=("ldaps://dc.corp.example.test",),
        user_name="reader@corp.example.test",
        password=SecretRef(name="contoso", key="password"),
    ),
    vault=VaultRef(integration="itglue", organization_id=RemoteId("100")),
    psa=PsaRef(integration="connectwise", company_id=RemoteId("200")),
)

ENTRA = Entra(
    tenant_id=TENANT.id,
    client_id="0a1b2c3d-0000-4000-8000-000000000000",
    client_secret=SecretRef(name="contoso", key="clientSecret"),
)
CLOUD_CUSTOMER = replace(CUSTOMER, active_directory=None, entra=ENTRA)
HYBRID_CUSTOMER = replace(CUSTOMER, entra=ENTRA, password_authority=PasswordAuthority.ENTRA_CONNECT)
MICROSOFT_365 = VaultCategory(id=RemoteId("8"), name="Microsoft 365")

# ---------------------------------------------------------------- the registry


def link(
    number: int | None = None,
    state: LinkState = LinkState.LINKED,
    key: MatchKey | None = MatchKey.SAM_ACCOUNT_NAME,
    reason: Reason = Reason.MATCHED,
) -> Link:
    """Return a link as an earlier run left it."""
    remote = None if number is None else RemoteId(str(number))
    return Link(state=state, reason=reason, id=remote, key=key, name=f"entry {number}")


NOT_LINKED = Link(state=LinkState.UNMATCHED, reason=Reason.NO_MATCH)


def record(account: User, **fields: Any) -> AccountRecord:
    """Return the record of an account that was imported a day ago and linked to nothing."""
    identity = identify(account, None)
    filled: dict[str, Any] = {
        "name": account_name(CONTOSO, identity),
        "customer": CONTOSO,
        "account_type": AccountType.END_USER,
        "identity": identity,
        "imported_with": ImportedWith(
            policy="AutomaticImportPolicy/staff", options=Options(), at=NOW - timedelta(days=1)
        ),
        "decision": Decision(
            state=DecisionState.IMPORTED, reason=Reason.IN_ORGANIZATIONAL_UNIT, via="OU=Staff"
        ),
        "vault": NOT_LINKED,
        "psa": NOT_LINKED,
    }
    return AccountRecord(**{**filled, **fields})


def intent(account: User, system: System = System.VAULT, **fields: Any) -> Intent:
    """Return an open create, opened now."""
    filled: dict[str, Any] = {
        "id": f"contoso/{account.id}/{system}",
        "customer": CONTOSO,
        "account": account.id,
        "system": system,
        "action": Action.CREATE,
        "mark": f"contoso/{account.id}",
        "opened_at": NOW,
    }
    return Intent(**{**filled, **fields})


# ---------------------------------------------------------------- the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that one plan is made from. Unless said otherwise all of it was read whole."""

    users: tuple[DirectoryUser, ...] = ()
    groups: tuple[DirectoryGroup, ...] = ()
    places: tuple[str, ...] = ("OU=Staff", "OU=Admins", "OU=Groups")
    cloud: tuple[EntraUser, ...] = ()
    cloud_groups: tuple[EntraGroup, ...] = ()
    roles: tuple[EntraRole, ...] = ()
    tenant: Tenant = TENANT
    entries: tuple[VaultEntry, ...] = ()
    categories: tuple[VaultCategory, ...] = (AD_CATEGORY,)
    contacts: tuple[PsaContact, ...] = ()
    policies: tuple[ImportSettings, ...] = (settings(),)
    overrides: tuple[AccountOverride, ...] = ()
    customer: Customer = CUSTOMER
    vault: Integration = VAULT
    psa: Integration = PSA
    mail: Integration = MAIL
    records: tuple[AccountRecord, ...] = ()
    intents: tuple[Intent, ...] = ()
    sizes: tuple[tuple[Source, int], ...] = ()
    unread: tuple[Source, ...] = ()
    resolved_from: ResolvedFrom = ResolvedFrom.POLICY
    now: datetime = NOW

    @property
    def desired(self) -> Desired:
        """What git says."""
        return Desired(
            customer=self.customer,
            sources=tuple(
                ImportSource(settings=one, resolved_from=self.resolved_from)
                for one in self.policies
            ),
            overrides=self.overrides,
            vault=self.vault,
            psa=self.psa,
            mail=(self.mail,),
        )

    @property
    def observed(self) -> Observed:
        """What the systems answered."""
        read = {source: source not in self.unread for source in Source}
        vault = read[Source.VAULT] and self.customer.vault is not None
        psa = read[Source.PSA] and self.customer.psa is not None
        domain, tenant = self.customer.active_directory, self.customer.entra
        sources = [one for one in Source if one is not Source.ENTRA or tenant]
        return Observed(
            directory=self.snapshot if read[Source.DIRECTORY] and domain else None,
            entra=self.cloud_snapshot if read[Source.ENTRA] and tenant else None,
            entries=self.entries if vault else (),
            categories=self.categories if vault else (),
            organization=Organization(id=RemoteId("100"), name="Contoso") if vault else None,
            contacts=self.contacts if psa else (),
            company=Organization(id=RemoteId("200"), name="Contoso") if psa else None,
            reads=tuple(map(self._read, sources)),
        )

    def _read(self, source: Source) -> SourceRead:
        connected, suspended, size = {
            Source.DIRECTORY: (bool(self.customer.active_directory), False, len(self.users)),
            Source.ENTRA: (bool(self.customer.entra), False, len(self.cloud)),
            Source.VAULT: (self.customer.vault is not None, self.vault.suspend, len(self.entries)),
            Source.PSA: (self.customer.psa is not None, self.psa.suspend, len(self.contacts)),
        }[source]
        whole = source not in self.unread
        return SourceRead(
            source=source,
            connected=connected,
            complete=whole or not connected,
            problem="" if whole else f"The {source} did not answer.",
            suspended=suspended,
            size=size if whole else 0,
        )

    @property
    def snapshot(self) -> DirectorySnapshot:
        """The whole directory; every place that is mentioned exists."""
        places = tuple(one if "DC=" in one else f"{one},{ROOT}" for one in self.places)
        return DirectorySnapshot(
            domain=DOMAIN, users=self.users, groups=self.groups, organizational_units=places
        )

    @property
    def cloud_snapshot(self) -> EntraSnapshot:
        """The whole tenant."""
        return EntraSnapshot(
            tenant=self.tenant, users=self.cloud, groups=self.cloud_groups, roles=self.roles
        )

    @property
    def known(self) -> Known:
        """What the registry knows."""
        return Known(records=self.records, intents=self.intents, sizes=self.sizes)

    def plan(self) -> CustomerPlan:
        """Plan this world."""
        return make_plan(self.desired, self.observed, self.known, self.now)

    def verdict(self) -> Verdict:
        """Plan this world and let the guard judge."""
        return guard(self.plan(), self.desired, self.known, self.now)

    def record_of(self, account: User) -> AccountRecord:
        """Return an account's record as it will be, changed by the plan or not."""
        records = {one.identity.id: one for one in (*self.records, *self.plan().records)}
        return records[account.id]

    def vault_link(self, account: User) -> Link:
        """Return how an account will stand to the vault."""
        return self.record_of(account).vault

    def psa_link(self, account: User) -> Link:
        """Return how an account will stand to the PSA."""
        return self.record_of(account).psa

    def pair_link(self, account: User) -> Link:
        """Return how an account will stand to its Entra user."""
        return self.record_of(account).pair

    def decision(self, account: User) -> Decision:
        """Return the one decision about an account."""
        (one,) = (one for one in self.plan().decisions if one.account == account.id)
        return one.decision

    def applied(self) -> World:
        """Return the world after the plan was carried out: the same one, a moment later."""
        plan = self.plan()
        entries = {one.id: one for one in self.entries}
        contacts = {one.id: one for one in self.contacts}
        results: list[ChangeResult] = []
        for number, change in enumerate(plan.changes):
            made = RemoteId(str(90_000 + len(entries) + len(contacts) + number))
            target = made if change.action is Action.CREATE else RemoteId(change.target)
            _write(change, target, entries, contacts)
            if change.draft is not None:
                results.append(ChangeResult(change=change, done=True, remote_id=target))
        records = {one.identity.id: one for one in self.records}
        for after in plan.records:
            own = [one for one in results if one.change.account == after.identity.id]
            records[after.identity.id] = settle(after, own)
        return replace(
            self,
            entries=tuple(entries.values()),
            contacts=tuple(contacts.values()),
            records=tuple(records.values()),
            sizes=tuple({**dict(self.sizes), **dict(plan.sizes)}.items()),
        )


def _write(
    change: Change,
    target: RemoteId,
    entries: dict[RemoteId, VaultEntry],
    contacts: dict[RemoteId, PsaContact],
) -> None:
    """Do to the records what the change says."""
    match change.draft:
        case EntryDraft() as draft:
            entries[target] = VaultEntry(
                id=target,
                name=draft.name,
                username=draft.username,
                category=draft.category.name,
                mark=draft.mark,
            )
        case EntryChange() as wanted:
            old = entries[target]
            entries[target] = replace(
                old,
                name=wanted.name or old.name,
                username=wanted.username or old.username,
                category=wanted.category.name if wanted.category else old.category,
            )
        case ContactDraft() as wanted_contact:
            address = ContactEmail(
                id=RemoteId(f"{target}0"), address=wanted_contact.email, default=True
            )
            contacts[target] = PsaContact(
                id=target,
                given_name=wanted_contact.given_name,
                surname=wanted_contact.surname,
                emails=(address,),
            )
        case ContactChange() as correction:
            contacts[target] = _corrected(contacts[target], correction)
        case None:
            pass


def _corrected(old: PsaContact, change: ContactChange) -> PsaContact:
    emails = old.emails
    if change.email is not None:
        address = ContactEmail(id=RemoteId(f"{old.id}0"), address=change.email, default=True)
        emails = (address, *(one for one in emails if not one.default))
    return replace(
        old,
        given_name=old.given_name if change.given_name is None else change.given_name,
        surname=old.surname if change.surname is None else change.surname,
        emails=emails,
    )


# ---------------------------------------------------------------- reading a plan


def actions(plan: CustomerPlan, system: System | None = None) -> list[Action]:
    """Return the actions of a plan, in its order."""
    return [one.action for one in plan.changes if system in (None, one.system)]


def reasons(findings: Iterable[Finding]) -> set[Reason]:
    """Return the reasons of findings."""
    return {finding.reason for finding in findings}


def finding(plan: CustomerPlan, reason: Reason) -> Finding:
    """Return the one finding with a reason."""
    (found,) = (one for one in plan.findings if one.reason is reason)
    return found


def imported(plan: CustomerPlan) -> set[str]:
    """Return the sAMAccountNames that a plan imports."""
    return {_sam(one) for one in plan.decisions if one.decision.state is DecisionState.IMPORTED}


def _sam(decision: AccountDecision) -> str:
    return decision.user.partition("@")[0]


def owners(world: World, system: System) -> dict[RemoteId, list[AccountId]]:
    """Return, after the plan, which live accounts are linked to each record."""
    records = {one.identity.id: one for one in world.records}
    records.update((one.identity.id, one) for one in world.plan().records)
    found: dict[RemoteId, list[AccountId]] = {}
    for account, one in records.items():
        held = one.link(system)
        if one.live and held.id is not None and held.state in LINKED_STATES:
            found.setdefault(held.id, []).append(account)
    return found
