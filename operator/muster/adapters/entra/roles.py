"""Reads who holds directory roles, directly and through groups.

Only active assignments count: who could activate a role for a while (Privileged Identity
Management) does not hold it. An assignment counts whatever its scope.

Source: https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muster.adapters.entra.graph import Ask, Graph, Record, literal, record_in, records_in
from muster.adapters.entra.groups import members
from muster.adapters.entra.privileged import PRIVILEGED
from muster.adapters.entra.users import id_of
from muster.adapters.json_values import text_or_none
from muster.errors import Unexpected
from muster.model.entra import EntraQuestion, EntraRole
from muster.model.names import AccountId

NEEDS = "RoleManagement.Read.Directory"

_ROLES = "/roleManagement/directory/roleDefinitions"
_ASSIGNMENTS = "/roleManagement/directory/roleAssignments"
_USER, _GROUP = "#microsoft.graph.user", "#microsoft.graph.group"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Role:
    id: str
    template_id: str
    name: str


def read_roles(graph: Graph, question: EntraQuestion) -> tuple[EntraRole, ...]:
    """Return the roles that are asked for, in the order of names, also those nobody holds.

    A name or template id that no role of the tenant has is answered by no role.
    """
    if not question.roles and not question.privileged:
        return ()
    rows, _ = graph.read_list(
        _ROLES, (("$select", "id,displayName,templateId,isBuiltIn"),), needs=NEEDS
    )
    wanted = [role for role in map(_role, rows) if _is_wanted(role, question)]
    holders = _holders(graph, [role.id for role in wanted])
    return tuple(
        EntraRole(
            template_id=role.template_id,
            name=role.name,
            users=tuple(map(AccountId, sorted(holders[role.id]))),
        )
        for role in sorted(wanted, key=lambda role: (role.name, role.template_id))
    )


def roles_of(graph: Graph, principal: str) -> frozenset[str]:
    """Return the template ids of the roles that a principal itself holds, not through groups."""
    by_principal = ("$filter", f"principalId eq {literal(principal)}")
    rows, _ = graph.read_list(_ASSIGNMENTS, (by_principal,), needs=NEEDS)
    held = (text_or_none(row.get("roleDefinitionId")) for row in rows)
    # The id of a built-in role's definition is its template id.
    return frozenset(one.lower() for one in held if one)


def _role(record: Record) -> _Role:
    own = id_of(record)
    template = text_or_none(record.get("templateId")) or own
    return _Role(
        id=own, template_id=template.lower(), name=text_or_none(record.get("displayName")) or ""
    )


def _is_wanted(role: _Role, question: EntraQuestion) -> bool:
    if question.privileged and role.template_id in PRIVILEGED:
        return True
    asked = {one.casefold() for one in question.roles}
    return role.template_id in asked or role.name.casefold() in asked


def _holders(graph: Graph, roles: Sequence[str]) -> Mapping[str, set[str]]:
    """Return the users that hold each role. Assignments are asked for by role, as Graph wants."""
    bodies = graph.read_many([_assignments_of(role) for role in roles])
    users: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    for role, body in zip(roles, bodies, strict=True):
        rows = [row for page in graph.pages(record_in(body)) for row in records_in(page)]
        principals = [_principal(row) for row in rows]
        users[role] = {one for kind, one in principals if kind == _USER}
        groups[role] = {one for kind, one in principals if kind == _GROUP}
    every = sorted(set[str]().union(*groups.values()))
    within = members(graph, every, "user", transitive=True)
    for role, found in groups.items():
        users[role] |= {id_of(row) for group in found for row in within[group]}
    return users


def _assignments_of(role: str) -> Ask:
    by_role = ("$filter", f"roleDefinitionId eq {literal(role)}")
    return Ask(path=_ASSIGNMENTS, parameters=(by_role, ("$expand", "principal")), needs=NEEDS)


def _principal(assignment: Record) -> tuple[str, str]:
    """Return type and id of an assignment's principal; service principals are no users.

    Raises:
        Unexpected: it is neither named nor typed, so that a holder could be missed.
    """
    principal = assignment.get("principal")
    kind = principal.get("@odata.type") if isinstance(principal, dict) else None
    if isinstance(principal, dict) and isinstance(kind, str):
        return kind, id_of(principal)
    # A principal that was deleted, or that the application may not see.
    own = text_or_none(assignment.get("principalId"))
    if own is None:
        raise Unexpected("Microsoft Graph shows the assignment of a role without its holder.")
    return _USER, own.lower()
