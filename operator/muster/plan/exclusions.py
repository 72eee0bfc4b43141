"""Who is left out although selected: one rule, one reason, one row in `EXCLUSIONS`.

The rules stand in the order in which a person would ask. The first that answers decides;
`explain` shows them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from muster.model.directory import DirectoryUser
from muster.model.dn import dn_key, in_domain, is_below
from muster.model.names import AccountId, AccountType
from muster.model.reasons import Reason
from muster.model.settings import AccountOverride, ImportSettings
from muster.plan.directory_index import DirectoryIndex, IndexedGroup
from muster.plan.keys import fold
from muster.plan.privilege import membership_paths, privileged_groups
from muster.plan.selectors import find_groups

_SYSTEM_NAMES = re.compile(r"(msol_|aad_|adsync|healthmailbox|sm_[0-9a-f]{12}|\$)", re.IGNORECASE)
"""Accounts that Entra Connect and Exchange make for themselves.

Source: learn.microsoft.com, Entra Connect: accounts and permissions; Exchange: health mailboxes.
"""

_NEVER_IMPORTED_RIDS = frozenset({501, 502, 503, 504})
"""Guest, krbtgt, DefaultAccount, WDAGUtilityAccount. Source: MS-DTYP 2.4.2.4."""

_ADMINISTRATOR_RID = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the rules of one policy compare a user with; made once per policy."""

    settings: ImportSettings
    parents: Mapping[AccountId, str]
    now: datetime
    privileged: Mapping[AccountId, str] = field(default_factory=dict)
    containers: tuple[tuple[str, str], ...] = ()
    """Canonical DN and display name of every container that is hidden or excluded."""
    names: frozenset[str] = frozenset()
    """Folded names of `exclude.accounts`."""
    listed: frozenset[str] = frozenset()
    """Folded names of `select.activeDirectory.accounts`."""
    hidden_place: dict[str, str | None] = field(default_factory=dict)
    """Remembered answers of `in_hidden_container`, by place."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One selected user and what the rules need to know about it."""

    user: DirectoryUser
    around: Surroundings
    override: AccountOverride | None = None


Exclusion = tuple[Reason, str]
Rule = Callable[[Facts], Exclusion | None]


def excluded_by_override(facts: Facts) -> Exclusion | None:
    """A person has excluded the account."""
    if facts.override and facts.override.exclude:
        return Reason.EXCLUDED_BY_OVERRIDE, facts.override.name
    return None


def excluded_explicitly(facts: Facts) -> Exclusion | None:
    """The policy names the account under `exclude.accounts`."""
    names = facts.around.names
    if names and (fold(facts.user.sam) in names or fold(facts.user.upn) in names):
        return Reason.EXCLUDED_EXPLICIT, facts.user.sam
    return None


def well_known(facts: Facts) -> Exclusion | None:
    """The account belongs to the system; the built-in Administrator only passes when listed."""
    user, around = facts.user, facts.around
    rid = user.rid
    if rid == _ADMINISTRATOR_RID:
        administrators = around.settings.account_type is AccountType.ADMINISTRATOR
        if administrators and fold(user.sam) in around.listed:
            return None
        return Reason.EXCLUDED_WELL_KNOWN, "built-in Administrator"
    if rid in _NEVER_IMPORTED_RIDS or user.critical:
        return Reason.EXCLUDED_WELL_KNOWN, "built-in account"
    if _SYSTEM_NAMES.match(user.sam):
        return Reason.EXCLUDED_WELL_KNOWN, "synchronization or mailbox-system account"
    return None


def privileged(facts: Facts) -> Exclusion | None:
    """The account is privileged, however deep the groups are nested."""
    path = facts.around.privileged.get(facts.user.id)
    return (Reason.EXCLUDED_PRIVILEGED, path) if path else None


def in_hidden_container(facts: Facts) -> Exclusion | None:
    """The account lies in a container that is hidden by default or that the policy excludes."""
    if not facts.around.containers:
        return None
    place, known = facts.around.parents[facts.user.id], facts.around.hidden_place
    if place not in known:
        known[place] = _hiding_container(place, facts.around.containers)
    name = known[place]
    return (Reason.EXCLUDED_CONTAINER, name) if name else None


def disabled(facts: Facts) -> Exclusion | None:
    """The account is disabled."""
    if facts.around.settings.exclude.disabled and not facts.user.enabled:
        return Reason.EXCLUDED_DISABLED, ""
    return None


def expired(facts: Facts) -> Exclusion | None:
    """The account has expired; `exclude.disabled` governs both."""
    expires = facts.user.expires
    if facts.around.settings.exclude.disabled and expires and expires <= facts.around.now:
        return Reason.EXCLUDED_EXPIRED, expires.date().isoformat()
    return None


EXCLUSIONS: tuple[Rule, ...] = (
    excluded_by_override,
    excluded_explicitly,
    well_known,
    privileged,
    in_hidden_container,
    disabled,
    expired,
)


def surroundings(settings: ImportSettings, index: DirectoryIndex, now: datetime) -> Surroundings:
    """Gather what the rules of one policy need, once."""
    return Surroundings(
        settings=settings,
        parents=index.parents,
        now=now,
        privileged=_privileged(settings, index),
        containers=_containers(settings, index),
        names=frozenset(map(fold, settings.exclude.accounts)),
        listed=frozenset(map(fold, settings.select.active_directory.accounts)),
    )


def _privileged(settings: ImportSettings, index: DirectoryIndex) -> dict[AccountId, str]:
    if not settings.select.active_directory.exclude_privileged:
        return {}
    extra: list[IndexedGroup] = []
    for name in settings.select.active_directory.privileged_groups:
        extra.extend(find_groups(name, index))
    return membership_paths([*privileged_groups(index), *extra], index)


def _containers(settings: ImportSettings, index: DirectoryIndex) -> tuple[tuple[str, str], ...]:
    domain = index.domain
    hidden = domain.hidden if settings.exclude.hidden_containers else ()
    chosen = [(in_domain(path, domain.dn), path) for path in settings.exclude.containers]
    return (*((dn_key(one.dn), one.dn) for one in hidden), *chosen)


def _hiding_container(place: str, containers: tuple[tuple[str, str], ...]) -> str | None:
    for key, name in containers:
        if place == key or is_below(place, key):
            return name
    return None
