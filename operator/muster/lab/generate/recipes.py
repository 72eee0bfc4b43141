"""Every oddity of the customers' people as one row, with its share and its outcome.

A row says how the account differs from a plain one, what the vault and the PSA hold of it,
and what a first run comes to. What a row does not say is as it should be. How a row becomes a
person is `staff`'s business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto

from muster.lab.generate import records
from muster.lab.generate.draft import Draft
from muster.lab.generate.seeds import Oddity, PlannedAccount
from muster.model.names import LinkState
from muster.model.reasons import Reason

USERS = "CN=Users"
AGENCY = "OU=Agency"
CONTRACTORS = "OU=Contractors"

Shape = Callable[[PlannedAccount, Draft], PlannedAccount]


class Membership(Enum):
    """How an account belongs to the customer's staff group."""

    DIRECT = auto()
    NESTED = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one oddity is made; `permille` is its share of the people of a large customer."""

    oddity: Oddity
    permille: int = 5
    shape: Shape = lambda account, _draft: account
    entries: records.Entries = records.one_entry
    vault: LinkState = LinkState.LINKED
    contacts: records.Contacts = records.one_contact
    psa: LinkState = LinkState.LINKED
    place: str = ""
    """Empty: in the staff place or one of its departments."""
    membership: Membership = Membership.DIRECT
    left_out: Reason | None = None
    """Why the account is left out although it is selected."""


def _disabled(account: PlannedAccount, _draft: Draft) -> PlannedAccount:
    return replace(account, enabled=False)


def _expired(account: PlannedAccount, _draft: Draft) -> PlannedAccount:
    return replace(account, expires=datetime(2024, 6, 30, tzinfo=UTC))


def _operator(account: PlannedAccount, draft: Draft) -> PlannedAccount:
    draft.operators.append(account.sam)
    return account


def _primarily_domain_admin(account: PlannedAccount, _draft: Draft) -> PlannedAccount:
    return replace(account, primary_group_rid=512)


def _without_mail(account: PlannedAccount, _draft: Draft) -> PlannedAccount:
    return replace(account, mail=None)


def _mail_in_proxy_addresses(account: PlannedAccount, _draft: Draft) -> PlannedAccount:
    return replace(account, mail=None, primary_smtp=account.mail)


def _without_upn(account: PlannedAccount, _draft: Draft) -> PlannedAccount:
    return replace(account, upn=None)


def _long_sam(account: PlannedAccount, draft: Draft) -> PlannedAccount:
    long = f"maximiliana.{account.sam}-featherstone"
    return replace(account, sam=draft.free_sam(long), upn=f"{long}@{draft.facts.upn_suffix}")


def _long_given_name(account: PlannedAccount, _draft: Draft) -> PlannedAccount:
    given = f"{account.given_name} Magdalena Josephine Antoinette"
    return replace(account, given_name=given, display_name=f"{given} {account.surname}")


def _special_characters(account: PlannedAccount, draft: Draft) -> PlannedAccount:
    name = f'{account.surname}, {account.given_name} "Zed" + #1'
    return replace(account, name=draft.free_name(name), display_name=name)


def _umlaut_sam(account: PlannedAccount, draft: Draft) -> PlannedAccount:
    return replace(account, sam=draft.free_sam(f"zoë.{account.sam}"))


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        oddity=Oddity.ENTRY_MISSING,
        permille=30,
        entries=records.no_entry,
        vault=LinkState.CREATED,
    ),
    Recipe(oddity=Oddity.IN_USERS_CONTAINER, place=USERS),
    Recipe(
        oddity=Oddity.CONTACT_MISSING,
        permille=30,
        contacts=records.no_contact,
        psa=LinkState.CREATED,
    ),
    Recipe(
        oddity=Oddity.ENTRIES_BY_TWO_KEYS,
        permille=15,
        entries=records.by_two_keys,
        vault=LinkState.AMBIGUOUS,
    ),
    Recipe(
        oddity=Oddity.NESTED_ONLY,
        permille=15,
        place=AGENCY,
        membership=Membership.NESTED,
    ),
    Recipe(
        oddity=Oddity.CONTACTS_SHARE_EMAIL,
        contacts=records.sharing_an_email,
        psa=LinkState.AMBIGUOUS,
    ),
    Recipe(
        oddity=Oddity.ENTRY_WITHOUT_CATEGORY,
        permille=15,
        entries=records.without_category,
        vault=LinkState.UNCATEGORIZED_CANDIDATE,
    ),
    Recipe(
        oddity=Oddity.ENTRY_OF_OTHER_CATEGORY,
        entries=records.of_other_category,
        vault=LinkState.CREATED,
    ),
    Recipe(oddity=Oddity.ENTRIES_OF_TWO_CATEGORIES, permille=50, entries=records.of_two_categories),
    Recipe(oddity=Oddity.ENTRY_HOST_PROOF, entries=records.host_proof, vault=LinkState.UNUSABLE),
    Recipe(
        oddity=Oddity.ENTRY_PERSONAL,
        permille=2,
        entries=records.personal,
        vault=LinkState.UNUSABLE,
    ),
    Recipe(
        oddity=Oddity.ENTRY_EMBEDDED,
        permille=2,
        entries=records.embedded,
        vault=LinkState.UNUSABLE,
    ),
    Recipe(oddity=Oddity.ENTRY_ARCHIVED, entries=records.archived, vault=LinkState.CREATED),
    Recipe(oddity=Oddity.ENTRY_UPPER_CASE, permille=20, entries=records.upper_case),
    Recipe(
        oddity=Oddity.ENTRY_LOOK_ALIKE,
        permille=1,
        entries=records.look_alike,
        vault=LinkState.CREATED,
    ),
    Recipe(
        oddity=Oddity.ENTRY_DECOMPOSED,
        permille=1,
        shape=_umlaut_sam,
        entries=records.decomposed,
    ),
    Recipe(oddity=Oddity.CONTACT_BY_NAME_ONLY, permille=20, contacts=records.by_name_only),
    Recipe(
        oddity=Oddity.CONTACT_EMAIL_DIFFERS,
        permille=10,
        contacts=records.with_other_email,
        psa=LinkState.AMBIGUOUS,
    ),
    Recipe(
        oddity=Oddity.CONTACT_INACTIVE,
        permille=10,
        contacts=records.inactive,
        psa=LinkState.UNUSABLE,
    ),
    Recipe(oddity=Oddity.CONTACT_ACTIVE_AND_INACTIVE, contacts=records.active_and_inactive),
    Recipe(oddity=Oddity.CONTACT_SINGLE_NAME, permille=10, contacts=records.single_name),
    Recipe(oddity=Oddity.CONTACT_UPPER_CASE, permille=20, contacts=records.upper_case_email),
    Recipe(oddity=Oddity.CONTACT_SECOND_EMAIL, permille=10, contacts=records.with_second_email),
    Recipe(oddity=Oddity.MAIL_MISSING, shape=_without_mail, contacts=records.by_name_only),
    Recipe(
        oddity=Oddity.MAIL_MISSING_AND_CONTACT_TOO,
        permille=10,
        shape=_without_mail,
        contacts=records.no_contact,
        psa=LinkState.UNMATCHED,
    ),
    Recipe(oddity=Oddity.MAIL_IN_PROXY_ADDRESSES, permille=10, shape=_mail_in_proxy_addresses),
    Recipe(oddity=Oddity.UPN_MISSING, permille=2, shape=_without_upn),
    Recipe(oddity=Oddity.LONG_SAM, permille=2, shape=_long_sam),
    Recipe(
        oddity=Oddity.LONG_GIVEN_NAME,
        permille=1,
        shape=_long_given_name,
        contacts=records.no_contact,
        psa=LinkState.CREATED,
    ),
    Recipe(oddity=Oddity.SPECIAL_CHARACTERS, permille=2, shape=_special_characters),
    Recipe(
        oddity=Oddity.DISABLED,
        permille=60,
        shape=_disabled,
        contacts=records.inactive,
        left_out=Reason.EXCLUDED_DISABLED,
    ),
    Recipe(oddity=Oddity.EXPIRED, shape=_expired, left_out=Reason.EXCLUDED_EXPIRED),
    Recipe(
        oddity=Oddity.PRIVILEGED_STAFF,
        permille=2,
        shape=_operator,
        left_out=Reason.EXCLUDED_PRIVILEGED,
    ),
    Recipe(
        oddity=Oddity.PRIVILEGED_BY_PRIMARY_GROUP,
        permille=1,
        shape=_primarily_domain_admin,
        left_out=Reason.EXCLUDED_PRIVILEGED,
    ),
    Recipe(oddity=Oddity.CONTRACTOR, permille=20, place=CONTRACTORS, membership=Membership.NONE),
)

ORDINARY = Recipe(oddity=Oddity.ORDINARY)
