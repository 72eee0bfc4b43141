"""Who is left out in Entra although selected: one rule, one reason, one row in the list.

The rules stand in the order in which a person would ask. The first that answers decides;
`explain` shows them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from muster.model.entra import EntraUser
from muster.model.names import AccountId, AccountType, Licensed
from muster.model.reasons import Reason
from muster.model.settings import AccountOverride, ImportSettings
from muster.plan.entra_index import EntraIndex
from muster.plan.exclusions import Exclusion
from muster.plan.keys import fold

_CONNECT_NAMES = re.compile(r"(sync_|adtoaadsyncserviceaccount@)", re.IGNORECASE)
"""The accounts that Entra Connect and Entra Cloud Sync make for themselves in a tenant.

Source: learn.microsoft.com, Microsoft Entra Connect: accounts and permissions.
"""

_CONNECT_DISPLAY_NAME = "on-premises directory synchronization service account"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraSurroundings:
    """What the rules of one policy compare a user with; made once per policy."""

    settings: ImportSettings
    privileged: Mapping[AccountId, str] = field(default_factory=dict)
    """Who has a directory role, and which; empty for administrators."""
    names: frozenset[str] = frozenset()
    """Folded names of `exclude.accounts`."""


@dataclass(frozen=True, slots=True)
class EntraFacts:
    """One selected user and what the rules need to know about it."""

    user: EntraUser
    around: EntraSurroundings
    override: AccountOverride | None = None


EntraRule = Callable[[EntraFacts], Exclusion | None]


def excluded_by_override(facts: EntraFacts) -> Exclusion | None:
    """A person has excluded the account."""
    if facts.override and facts.override.exclude:
        return Reason.EXCLUDED_BY_OVERRIDE, facts.override.name
    return None


def excluded_explicitly(facts: EntraFacts) -> Exclusion | None:
    """The policy names the account under `exclude.accounts`, by its UPN or object id."""
    names = facts.around.names
    if names and (fold(facts.user.upn) in names or fold(facts.user.id) in names):
        return Reason.EXCLUDED_EXPLICIT, facts.user.upn
    return None


def well_known(facts: EntraFacts) -> Exclusion | None:
    """The account belongs to the synchronization of the tenant."""
    user = facts.user
    if _CONNECT_NAMES.match(user.upn) or fold(user.display_name) == _CONNECT_DISPLAY_NAME:
        return Reason.EXCLUDED_WELL_KNOWN, "synchronization account"
    return None


def guest(facts: EntraFacts) -> Exclusion | None:
    """The account is a guest: its password is another tenant's."""
    return (Reason.EXCLUDED_GUEST, "") if facts.user.guest else None


def synced(facts: EntraFacts) -> Exclusion | None:
    """The account and its password come from Active Directory; import it from there."""
    if facts.user.synced:
        return Reason.EXCLUDED_SYNCED_FROM_ON_PREM, facts.user.on_premises_sam or ""
    return None


def privileged(facts: EntraFacts) -> Exclusion | None:
    """The account has a directory role, directly or through a group."""
    role = facts.around.privileged.get(facts.user.id)
    return (Reason.EXCLUDED_PRIVILEGED, role) if role else None


def disabled(facts: EntraFacts) -> Exclusion | None:
    """The account is disabled."""
    if facts.around.settings.exclude.disabled and not facts.user.enabled:
        return Reason.EXCLUDED_DISABLED, ""
    return None


def unlicensed(facts: EntraFacts) -> Exclusion | None:
    """The account has no mailbox plan of its own, which end users need unless told otherwise."""
    settings = facts.around.settings
    needed = (
        settings.account_type is AccountType.END_USER
        and settings.select.entra.licensed is Licensed.REQUIRED
    )
    if not needed or facts.user.mailbox_plan:
        return None
    via = "licensed, but without a mailbox plan" if facts.user.licensed else ""
    return Reason.EXCLUDED_UNLICENSED, via


ENTRA_EXCLUSIONS: tuple[EntraRule, ...] = (
    excluded_by_override,
    excluded_explicitly,
    well_known,
    guest,
    synced,
    privileged,
    disabled,
    unlicensed,
)


def entra_surroundings(settings: ImportSettings, index: EntraIndex) -> EntraSurroundings:
    """Gather what the rules of one policy need, once."""
    end_users = settings.account_type is AccountType.END_USER
    return EntraSurroundings(
        settings=settings,
        privileged=index.privileged() if end_users else {},
        names=frozenset(map(fold, settings.exclude.accounts)),
    )
