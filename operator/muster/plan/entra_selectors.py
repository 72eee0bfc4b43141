"""Which users a policy's selectors reach in an Entra tenant, before anybody is left out.

Names of groups are not unique in Entra: one that fits several selects nobody. A selector that
cannot be resolved is a finding, and while there is one nobody is released for having left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from muster.model.entra import EntraGroup, EntraQuestion
from muster.model.names import AccountId, AccountType
from muster.model.plans import Finding
from muster.model.reasons import Reason
from muster.model.settings import ImportSettings
from muster.plan.entra_index import EntraIndex
from muster.plan.keys import fold
from muster.plan.selectors import UNRESOLVED, Hit, Selection

_UNTIL_THEN = "Until then nobody is released for having left."


def entra_question(policies: Iterable[ImportSettings]) -> EntraQuestion:
    """Return what of a tenant the policies of one customer need beside its users.

    Groups within groups are always asked for, so that a person who is only in a nested one can
    be told so.
    """
    selecting = [policy for policy in policies if policy.select.entra.selects]
    groups = {name for policy in selecting for name in policy.select.entra.groups}
    roles = {name for policy in selecting for name in policy.select.entra.roles}
    return EntraQuestion(
        groups=tuple(sorted(groups)),
        nested=bool(groups),
        roles=tuple(sorted(roles)),
        privileged=any(policy.account_type is AccountType.END_USER for policy in selecting),
    )


def select_entra(settings: ImportSettings, index: EntraIndex) -> Selection:
    """Resolve the selectors of one policy in one tenant."""
    hits: dict[AccountId, Hit] = {}
    findings: list[Finding] = []
    roots = list(_groups(settings, index, findings))
    for account, hit in (
        *_listed(settings, index, findings),
        *_direct(roots, index, findings),
        *_by_role(settings, index, findings),
    ):
        hits.setdefault(account, hit)
    nested_only = _through_nesting(settings, index, roots, hits, findings)
    if settings.select.entra.all_users:
        for account in index.by_id:
            hits.setdefault(account, (Reason.ALL_USERS, index.tenant.name))
    whole = not any(finding.reason in UNRESOLVED for finding in findings)
    return Selection(hits=hits, nested_only=nested_only, findings=tuple(findings), whole=whole)


def _listed(
    settings: ImportSettings, index: EntraIndex, findings: list[Finding]
) -> Iterator[tuple[AccountId, Hit]]:
    wanted = {fold(name): name for name in settings.select.entra.accounts}
    found: set[str] = set()
    for user in index.by_id.values() if wanted else ():
        names = [name for name in (fold(user.upn), fold(user.id)) if name in wanted]
        found.update(names)
        if names:
            yield user.id, (Reason.LISTED, wanted[names[0]])
    for name in sorted(wanted.keys() - found):
        where = settings.origin.at("select/entra/accounts")
        findings.append(
            Finding(
                reason=Reason.LISTED_NOT_FOUND,
                message=f'"{wanted[name]}" in {where} is no account of the tenant '
                f'"{index.tenant.name}". Correct it, or remove it.',
            )
        )


def _groups(
    settings: ImportSettings, index: EntraIndex, findings: list[Finding]
) -> Iterator[EntraGroup]:
    for name in settings.select.entra.groups:
        found = index.find_groups(name)
        if len(found) == 1:
            yield found[0]
        elif found:
            ids = ", ".join(group.id for group in found)
            what = f"fits several groups of {{tenant}} ({ids}). Write the object id of one"
            findings.append(_unresolved(Reason.SELECTOR_AMBIGUOUS, settings, name, what, index))
        else:
            what = (
                "does not exist in {tenant}. Correct the policy, or give this customer its own "
                "spec.imports"
            )
            findings.append(_unresolved(Reason.SELECTOR_NOT_FOUND, settings, name, what, index))


def _unresolved(
    reason: Reason, settings: ImportSettings, name: str, what: str, index: EntraIndex
) -> Finding:
    tenant = f'the tenant "{index.tenant.name}"'
    return Finding(
        reason=reason,
        message=f'"{name}" in {settings.origin.at("select/entra")} {what.format(tenant=tenant)}. '
        f"{_UNTIL_THEN}",
    )


def _direct(
    roots: list[EntraGroup], index: EntraIndex, findings: list[Finding]
) -> Iterator[tuple[AccountId, Hit]]:
    for group in roots:
        odd = sorted(account for account in group.users if account not in index.by_id)
        if odd:
            findings.append(
                Finding(
                    reason=Reason.MEMBERS_NOT_USERS,
                    message=f'The group "{group.name}" has {len(odd)} members that are not among '
                    f"the users of the tenant: {', '.join(odd[:5])}.",
                )
            )
        for account in sorted(group.users):
            if account in index.by_id:
                yield account, (Reason.IN_GROUP, group.name)


def _by_role(
    settings: ImportSettings, index: EntraIndex, findings: list[Finding]
) -> Iterator[tuple[AccountId, Hit]]:
    for name in settings.select.entra.roles:
        found = index.find_roles(name)
        if not found:
            what = (
                "is no directory role that {tenant} has. Write its English name or its template id"
            )
            findings.append(_unresolved(Reason.SELECTOR_NOT_FOUND, settings, name, what, index))
        for role in found:
            for account in sorted(role.users):
                if account in index.by_id:
                    yield account, (Reason.IN_ROLE, role.name)


@dataclass(frozen=True, slots=True)
class _Nesting:
    """Who is in the groups within a group, by which path, and which groups were not read."""

    paths: dict[AccountId, str]
    unread: tuple[AccountId, ...]


def _within(root: EntraGroup, index: EntraIndex) -> _Nesting:
    """Walk the groups within a group; the shortest path counts, then the first by name."""
    paths: dict[AccountId, str] = {}
    unread: set[AccountId] = set()
    waiting = deque([(root, root.name)])
    seen = {root.id}
    while waiting:
        group, path = waiting.popleft()
        unread.update(one for one in group.groups if one not in index.groups)
        if group is not root:
            for account in group.users:
                if account in index.by_id:
                    paths.setdefault(account, path)
        for nested in index.nested_groups(group):
            if nested.id not in seen:
                seen.add(nested.id)
                waiting.append((nested, f"{path} > {nested.name}"))
    return _Nesting(paths, tuple(sorted(unread)))


def _through_nesting(
    settings: ImportSettings,
    index: EntraIndex,
    roots: list[EntraGroup],
    hits: dict[AccountId, Hit],
    findings: list[Finding],
) -> dict[AccountId, str]:
    """Select nested members where the policy says so; otherwise name the groups ignored."""
    nested_only: dict[AccountId, str] = {}
    for group in roots:
        if not group.groups:
            continue
        nesting = _within(group, index)
        if not settings.select.entra.nested:
            findings.append(_ignored(group, index))
            for account, path in nesting.paths.items():
                if account not in hits:
                    nested_only.setdefault(account, path)
            continue
        for account, path in nesting.paths.items():
            hits.setdefault(account, (Reason.IN_NESTED_GROUP, path))
        if nesting.unread:
            findings.append(_hidden(group, nesting.unread))
    return {account: path for account, path in nested_only.items() if account not in hits}


def _ignored(group: EntraGroup, index: EntraIndex) -> Finding:
    read = [f'"{one.name}"' for one in index.nested_groups(group)]
    names = ", ".join([*read, *sorted(one for one in group.groups if one not in index.groups)])
    return Finding(
        reason=Reason.NESTED_GROUP_IGNORED,
        message=f'The group "{group.name}" contains {names}, whose members do not count. '
        "Add them directly, or set select.entra.nested: true.",
    )


def _hidden(group: EntraGroup, unread: tuple[AccountId, ...]) -> Finding:
    return Finding(
        reason=Reason.SELECTOR_NOT_FOUND,
        message=f'The group "{group.name}" contains groups that could not be read: '
        f"{', '.join(unread[:5])}. Let the application read them. {_UNTIL_THEN}",
    )
