"""What a made-up MSP consists of, as frozen plain data, with the outcome each oddity is for.

Places are relative to the customer's domain (`OU=Sales,OU=Staff`). Accounts and groups are
named by their sAMAccountName, which is unique within a customer. How the data is drawn is
`muster.lab.generate.msp`'s business, and how it gets into a simulator is `populate`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from muster.model.names import AccountType, LinkState
from muster.model.reasons import Reason


class Oddity(StrEnum):
    """What an account is there to show; `ORDINARY` shows that the plain case works."""

    ORDINARY = "Ordinary"

    # Entries of the vault
    ENTRY_MISSING = "EntryMissing"
    ENTRIES_BY_TWO_KEYS = "EntriesByTwoKeys"
    ENTRY_WITHOUT_CATEGORY = "EntryWithoutCategory"
    ENTRY_OF_OTHER_CATEGORY = "EntryOfOtherCategory"
    ENTRIES_OF_TWO_CATEGORIES = "EntriesOfTwoCategories"
    ENTRY_HOST_PROOF = "EntryHostProof"
    ENTRY_PERSONAL = "EntryPersonal"
    ENTRY_EMBEDDED = "EntryEmbedded"
    ENTRY_ARCHIVED = "EntryArchived"
    ENTRY_UPPER_CASE = "EntryUpperCase"
    """Upper case, and a space behind."""
    ENTRY_LOOK_ALIKE = "EntryLookAlike"
    """The username has a Cyrillic letter that looks like a Latin one; never the same."""
    ENTRY_DECOMPOSED = "EntryDecomposed"
    """The username writes its umlaut as two characters."""

    # Contacts of the PSA
    CONTACT_MISSING = "ContactMissing"
    CONTACTS_SHARE_EMAIL = "ContactsShareEmail"
    CONTACT_BY_NAME_ONLY = "ContactByNameOnly"
    CONTACT_EMAIL_DIFFERS = "ContactEmailDiffers"
    CONTACT_INACTIVE = "ContactInactive"
    CONTACT_ACTIVE_AND_INACTIVE = "ContactActiveAndInactive"
    CONTACT_SINGLE_NAME = "ContactSingleName"
    CONTACT_UPPER_CASE = "ContactUpperCase"
    CONTACT_SECOND_EMAIL = "ContactSecondEmail"

    # Accounts of the directory
    MAIL_MISSING = "MailMissing"
    MAIL_MISSING_AND_CONTACT_TOO = "MailMissingAndContactToo"
    MAIL_SHARED = "MailShared"
    """Two accounts have one address, and there is one contact."""
    MAIL_IN_PROXY_ADDRESSES = "MailInProxyAddresses"
    """`mail` is empty; the primary address stands in proxyAddresses alone."""
    SAME_NAME = "SameName"
    UPN_MISSING = "UpnMissing"
    LONG_SAM = "LongSam"
    """The name does not fit into the 20 characters of a sAMAccountName."""
    LONG_GIVEN_NAME = "LongGivenName"
    """The given name does not fit into the 30 characters of a ConnectWise first name."""
    SPECIAL_CHARACTERS = "SpecialCharacters"
    """Comma, plus sign and quotes in the name."""

    # Accounts that are left out
    DISABLED = "Disabled"
    EXPIRED = "Expired"
    IN_USERS_CONTAINER = "InUsersContainer"
    NESTED_ONLY = "NestedOnly"
    PRIVILEGED_STAFF = "PrivilegedStaff"
    PRIVILEGED_BY_PRIMARY_GROUP = "PrivilegedByPrimaryGroup"
    """Domain Admins is the primary group, which no member list shows."""
    HEALTH_MAILBOX = "HealthMailbox"
    CONTRACTOR = "Contractor"
    SHARED_MAILBOX = "SharedMailbox"
    SYNC_ACCOUNT = "SyncAccount"
    SERVICE_ACCOUNT = "ServiceAccount"

    # Administrators
    ADMINISTRATOR = "Administrator"
    ADMINISTRATOR_TWO_GROUPS_DEEP = "AdministratorTwoGroupsDeep"
    ADMINISTRATOR_ENTRY_MISSING = "AdministratorEntryMissing"
    ADMINISTRATOR_DISABLED = "AdministratorDisabled"


class EndUsersBy(StrEnum):
    """How a customer's end users are selected, which is also how its estate is written."""

    ORGANIZATIONAL_UNIT = "OrganizationalUnit"
    GROUP = "Group"
    OWN_IMPORTS = "OwnImports"
    """By organizational unit, in the customer's own `imports`; its directory speaks German."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a first Enforce run with the lab's estate comes to for one account.

    The link states are None where the account is left out; `reason` then says why.
    """

    reason: Reason
    account_type: AccountType | None = None
    vault: LinkState | None = None
    psa: LinkState | None = None

    @property
    def imported(self) -> bool:
        """Whether the account is imported."""
        return self.account_type is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAccount:
    """One user of a domain."""

    sam: str
    name: str
    """The value of its CN, not escaped."""
    parent: str
    domain: str
    """The domain's NetBIOS name."""
    upn: str | None
    given_name: str | None = None
    surname: str | None = None
    display_name: str | None = None
    mail: str | None = None
    primary_smtp: str | None = None
    enabled: bool = True
    expires: datetime | None = None
    primary_group_rid: int = 513
    oddity: Oddity = Oddity.ORDINARY
    expected: Expected = Expected(reason=Reason.NOT_SELECTED)

    @property
    def address(self) -> str | None:
        """The account's e-mail address."""
        return self.mail or self.primary_smtp


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGroup:
    """A group and its direct members; a group that holds others is listed after them.

    Without a parent it is a group that every domain has, named in English.
    """

    sam: str
    members: tuple[str, ...] = ()
    parent: str | None = None


class ObjectKind(StrEnum):
    """A directory object that is not a person, although some look like one."""

    COMPUTER = "Computer"
    CONTACT = "Contact"
    MANAGED_SERVICE_ACCOUNT = "ManagedServiceAccount"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObject:
    """A directory object that must never be taken for an account."""

    kind: ObjectKind
    name: str
    parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEntry:
    """One password entry of the customer's organization."""

    name: str
    username: str | None = None
    category: str | None = None
    notes: str | None = None
    vault_id: int | None = None
    personal: bool = False
    resource_id: int | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedContact:
    """One contact of the customer's company."""

    given_name: str
    surname: str = ""
    emails: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFacts:
    """Who a customer is, apart from its people."""

    name: str
    display_name: str
    dns_name: str
    netbios_name: str
    upn_suffix: str
    mail_domain: str
    end_users_by: EndUsersBy
    staff_place: str
    staff_group: str
    admins_place: str

    @property
    def dn(self) -> str:
        """The domain's distinguished name."""
        return ",".join(f"DC={label}" for label in self.dns_name.split("."))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCustomer:
    """One customer of the MSP with all that its systems hold."""

    facts: CustomerFacts
    organizational_units: tuple[str, ...]
    """Parents before their children."""
    accounts: tuple[PlannedAccount, ...]
    groups: tuple[PlannedGroup, ...]
    objects: tuple[PlannedObject, ...]
    entries: tuple[PlannedEntry, ...]
    contacts: tuple[PlannedContact, ...]

    def showing(self, oddity: Oddity) -> tuple[PlannedAccount, ...]:
        """Return the accounts that show an oddity."""
        return tuple(account for account in self.accounts if account.oddity is oddity)


@dataclass(frozen=True, slots=True, kw_only=True)
class MspPlan:
    """A whole made-up MSP."""

    seed: int
    categories: tuple[str, ...]
    """The vault's password categories."""
    customers: tuple[PlannedCustomer, ...]

    def customer(self, name: str) -> PlannedCustomer:
        """Return a customer by its name."""
        return next(one for one in self.customers if one.facts.name == name)
