"""Which accounts a policy's selectors reach at one customer, before anybody is left out.

Selectors are resolved against the customer's own domain: a path is relative to it or a full
DN, a group is a name, DN or SID that must fit exactly one group. A selector that cannot be
resolved is a finding, and while there is one nobody is released for having left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from muster.model.dn import dn_key, first_value, in_domain, parent_key
from muster.model.names import AccountId, AccountType, Scope
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import BuiltInGroup, ImportSettings, OrganizationalUnit
from muster.plan.directory_index import DirectoryIndex, IndexedGroup
from muster.plan.keys import fold
from muster.plan.privilege import direct_members, membership_paths, nested_groups

BUILT_IN_SIDS = {
    BuiltInGroup.DOMAIN_USERS: "{domain}-513",
    BuiltInGroup.DOMAIN_ADMINS: "{domain}-512",
    BuiltInGroup.ENTERPRISE_ADMINS: "{domain}-519",
    BuiltInGroup.SCHEMA_ADMINS: "{domain}-518",
    BuiltInGroup.ADMINISTRATORS: "S-1-5-32-544",
    BuiltInGroup.ACCOUNT_OPERATORS: "S-1-5-32-548",
    BuiltInGroup.SERVER_OPERATORS: "S-1-5-32-549",
    BuiltInGroup.PRINT_OPERATORS: "S-1-5-32-550",
    BuiltInGroup.BACKUP_OPERATORS: "S-1-5-32-551",
}
"""Source: MS-DTYP 2.4.2.4, well-known SIDs."""

Hit = tuple[Reason, str]
"""Why an account is selected, and through what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Who the selectors reach, who they reach only through nesting, and what went wrong."""

    hits: dict[AccountId, Hit] = field(default_factory=dict)
    nested_only: dict[AccountId, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    whole: bool = True
    """False when a selector could not be resolved."""


def select(settings: ImportSettings, index: DirectoryIndex) -> Selection:
    """Resolve the selectors of one policy in one domain."""
    hits: dict[AccountId, Hit] = {}
    findings: list[Finding] = []
    for account, hit in _listed(settings, index, findings):
        hits.setdefault(account, hit)
    for account, hit in _in_organizational_units(settings, index, findings):
        hits.setdefault(account, hit)
    roots = [*_built_in(settings, index, findings), *_custom(settings, index, findings)]
    for group, reason in roots:
        for account in sorted(direct_members(group, index)):
            hits.setdefault(account, (reason, group.group.name))
    nested_only = _through_nesting(settings, index, roots, hits, findings)
    whole = not any(finding.reason in UNRESOLVED for finding in findings)
    return Selection(hits=hits, nested_only=nested_only, findings=tuple(findings), whole=whole)


UNRESOLVED = frozenset(
    {Reason.SELECTOR_NOT_FOUND, Reason.SELECTOR_AMBIGUOUS, Reason.SELECTOR_HIDDEN}
)
"""What leaves open whom a policy means."""


def _listed(
    settings: ImportSettings, index: DirectoryIndex, findings: list[Finding]
) -> Iterator[tuple[AccountId, Hit]]:
    wanted = {fold(name): name for name in settings.select.active_directory.accounts}
    found: set[str] = set()
    for user in index.by_id.values() if wanted else ():
        names = [name for name in (fold(user.sam), fold(user.upn)) if name in wanted]
        found.update(names)
        if names:
            yield user.id, (Reason.LISTED, wanted[names[0]])
    for name in sorted(wanted.keys() - found):
        findings.append(_not_listed(settings, wanted[name], index))


def _not_listed(settings: ImportSettings, name: str, index: DirectoryIndex) -> Finding:
    """Return that a listed name fits nobody; an account that was deleted is the usual cause."""
    return Finding(
        reason=Reason.LISTED_NOT_FOUND,
        message=f'"{name}" in {settings.origin.at("select/activeDirectory/accounts")} is no '
        f"account of {index.domain.dn}. Correct it, or remove it.",
    )


def _in_organizational_units(
    settings: ImportSettings, index: DirectoryIndex, findings: list[Finding]
) -> Iterator[tuple[AccountId, Hit]]:
    units: dict[str, OrganizationalUnit] = {}
    for unit in settings.select.active_directory.organizational_units:
        key = in_domain(unit.path, index.domain.dn)
        if key not in index.places:
            findings.append(_unresolved(Reason.SELECTOR_NOT_FOUND, settings, unit.path, index))
        if key not in units or unit.scope is Scope.SUBTREE:
            units[key] = unit
    hit_of: dict[str, Hit | None] = {}
    for account, place in index.parents.items() if units else ():
        if place not in hit_of:
            via = _selecting_unit(place, units)
            hit_of[place] = None if via is None else (Reason.IN_ORGANIZATIONAL_UNIT, via)
        hit = hit_of[place]
        if hit is not None:
            yield account, hit


def _selecting_unit(place: str, units: dict[str, OrganizationalUnit]) -> str | None:
    """Return the path of the unit that selects a place: its own, or a subtree above it."""
    if place in units:
        return units[place].path
    above = parent_key(place)
    while above:
        unit = units.get(above)
        if unit and unit.scope is Scope.SUBTREE:
            return unit.path
        above = parent_key(above)
    return None


def _built_in(
    settings: ImportSettings, index: DirectoryIndex, findings: list[Finding]
) -> Iterator[tuple[IndexedGroup, Reason]]:
    by_sid = {group.group.sid: group for group in index.groups.values()}
    for built_in in settings.select.active_directory.built_in_groups:
        sid = BUILT_IN_SIDS[built_in].format(domain=index.domain.sid)
        if sid in by_sid:
            yield by_sid[sid], Reason.IN_BUILT_IN_GROUP
        else:
            findings.append(_unresolved(Reason.SELECTOR_NOT_FOUND, settings, built_in, index))


def _custom(
    settings: ImportSettings, index: DirectoryIndex, findings: list[Finding]
) -> Iterator[tuple[IndexedGroup, Reason]]:
    for name in settings.select.active_directory.groups:
        found = find_groups(name, index)
        if len(found) != 1:
            reason = Reason.SELECTOR_AMBIGUOUS if found else Reason.SELECTOR_NOT_FOUND
            findings.append(_unresolved(reason, settings, name, index))
        elif settings.account_type is AccountType.END_USER and _in_default_container(
            found[0], index
        ):
            findings.append(_unresolved(Reason.SELECTOR_HIDDEN, settings, name, index))
        else:
            yield found[0], Reason.IN_GROUP


def find_groups(name: str, index: DirectoryIndex) -> tuple[IndexedGroup, ...]:
    """Return the groups that a name, DN (full or relative) or SID fits."""
    if name.upper().startswith("S-1-"):
        return tuple(g for g in index.groups.values() if g.group.sid == name.upper())
    if "=" in name:
        found = index.groups.get(in_domain(name, index.domain.dn))
        return (found,) if found else ()
    wanted = fold(name)
    return tuple(
        indexed
        for indexed in index.groups.values()
        if wanted in (fold(indexed.group.sam), fold(indexed.group.name))
    )


def _in_default_container(indexed: IndexedGroup, index: DirectoryIndex) -> bool:
    """Say whether a group lies in CN=Users or CN=Builtin, where default groups live."""
    place = parent_key(indexed.key)
    return any(
        dn_key(hidden.dn) == place and hidden.name in ("Users", "Builtin")
        for hidden in index.domain.hidden
    )


def _through_nesting(
    settings: ImportSettings,
    index: DirectoryIndex,
    roots: list[tuple[IndexedGroup, Reason]],
    hits: dict[AccountId, Hit],
    findings: list[Finding],
) -> dict[AccountId, str]:
    """Select nested members where the policy says so; otherwise name the groups ignored."""
    nested_only: dict[AccountId, str] = {}
    for group, _ in roots:
        nested = nested_groups(group, index)
        findings.extend(_odd_members(group, nested, index))
        if not nested:
            continue
        for account, path in membership_paths([group], index).items():
            if settings.select.active_directory.nested:
                hits.setdefault(account, (Reason.IN_NESTED_GROUP, path))
            elif account not in hits:
                nested_only.setdefault(account, path)
        if not settings.select.active_directory.nested:
            findings.append(_nesting_ignored(group, nested))
    return nested_only


def _nesting_ignored(group: IndexedGroup, nested: tuple[IndexedGroup, ...]) -> Finding:
    names = ", ".join(f'"{inner.group.name}"' for inner in nested)
    return Finding(
        reason=Reason.NESTED_GROUP_IGNORED,
        message=f'The group "{group.group.name}" contains {names}, whose members do not count. '
        "Add them directly, or set select.activeDirectory.nested: true.",
    )


def _odd_members(
    group: IndexedGroup, nested: tuple[IndexedGroup, ...], index: DirectoryIndex
) -> Iterator[Finding]:
    inner = {one.key for one in nested}
    odd = [key for key in group.members if key not in index.users and key not in inner]
    if odd:
        shown = ", ".join(first_value(key) for key in odd[:5])
        yield Finding(
            reason=Reason.MEMBERS_NOT_USERS,
            message=f'The group "{group.group.name}" has {len(odd)} members that are not users '
            f"of this domain (computers, contacts, service or foreign accounts): {shown}.",
        )


_WHAT_TO_DO = {
    Reason.SELECTOR_NOT_FOUND: "does not exist in {domain}. Correct the policy, or give this "
    "customer its own spec.imports",
    Reason.SELECTOR_AMBIGUOUS: "fits several groups in {domain}. Write its DN or its SID",
    Reason.SELECTOR_HIDDEN: "lies in a default container of {domain}, where privileged groups "
    "live. Use a group of your own, or name a built-in one under builtInGroups",
}


def _unresolved(
    reason: Reason, settings: ImportSettings, name: str, index: DirectoryIndex
) -> Finding:
    what = _WHAT_TO_DO[reason].format(domain=index.domain.dn)
    return Finding(
        reason=reason,
        message=f'"{name}" in {settings.origin.at("select/activeDirectory")} {what}. '
        "Until then nobody is released for having left.",
    )
