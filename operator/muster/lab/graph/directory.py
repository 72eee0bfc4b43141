"""The tenant itself, its groups with their members, and its roles.

Source: https://learn.microsoft.com/graph/api/group-list-members and
https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments
"""

from __future__ import annotations

from muster.lab.graph.answers import Outcome, not_found, refuse
from muster.lab.graph.calls import Call
from muster.lab.graph.filters import parse_filter
from muster.lab.graph.lists import Lists, fields_of, shaped
from muster.lab.graph.records import GROUP, USER
from muster.lab.graph.state import Json, LabTenant
from muster.lab.graph.users import READ as READ_USERS

_BROAD = ("Directory.Read.All", "Directory.ReadWrite.All")
_READ_GROUPS = ("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", *_BROAD)
_READ_ROLES = (
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    *_BROAD,
)
_READ_ORGANIZATION = ("Organization.Read.All", "Organization.ReadWrite.All", *_BROAD, READ_USERS[0])
_HIDDEN = "HiddenMembership"


class DirectoryRoutes:
    """Answers `/organization`, `/groups` and `/roleManagement/directory`."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    def organization(self, call: Call) -> Outcome:
        """Return the tenant."""
        call.require(*_READ_ORGANIZATION)
        tenant = call.caller.tenant
        domains = [
            {"name": domain, "isDefault": position == 0, "isInitial": False, "type": "Managed"}
            for position, domain in enumerate(tenant.domains)
        ]
        record: Json = {
            "id": tenant.id,
            "displayName": tenant.name,
            "verifiedDomains": domains,
            "onPremisesSyncEnabled": True if tenant.synced else None,
        }
        fields = fields_of(call, tuple(record), record)
        return Outcome(body={"value": [shaped(record, fields)]})

    def list_groups(self, call: Call) -> Outcome:
        """Return a page of groups."""
        call.require(*_READ_GROUPS)
        passes, fields = parse_filter(call), fields_of(call, tuple(GROUP), GROUP)
        groups = call.caller.tenant.groups.values()
        return self._lists.page(call, [shaped(one, fields) for one in groups if passes(one)])

    def show_group(self, call: Call, group: str) -> Outcome:
        """Return one group."""
        call.require(*_READ_GROUPS)
        fields = fields_of(call, tuple(GROUP), GROUP)
        return Outcome(body=shaped(_group(call.caller.tenant, group), fields))

    def list_members(
        self, call: Call, group: str, kind: str | None = None, *, transitive: bool = False
    ) -> Outcome:
        """Return a page of members; a cast needs an advanced query and filters by type."""
        call.require(*_READ_GROUPS)
        tenant = call.caller.tenant
        record = _group(tenant, group)
        if kind is not None:
            call.require_advanced("The cast of members")
        members = tenant.transitive(group) if transitive else tenant.members.get(group, [])
        if record["visibility"] == _HIDDEN and "Member.Read.Hidden" not in call.caller.permissions:
            members = []
        rows = [
            _member(call, tenant, one)
            for one in members
            if kind is None or tenant.kind_of(one) == f"#microsoft.graph.{kind}"
        ]
        return self._lists.page(call, rows)

    def list_all_members(self, call: Call, group: str, kind: str | None = None) -> Outcome:
        """Return a page of the members of a group and of the groups within it."""
        return self.list_members(call, group, kind, transitive=True)

    def list_roles(self, call: Call) -> Outcome:
        """Return the definitions of all roles."""
        call.require(*_READ_ROLES)
        records: list[Json] = [
            {"id": one, "templateId": one, "displayName": name, "isBuiltIn": True}
            for one, name in call.caller.tenant.role_names.items()
        ]
        fields = fields_of(call, tuple(records[0]), records[0])
        return self._lists.page(call, [shaped(record, fields) for record in records])

    def list_assignments(self, call: Call) -> Outcome:
        """Return active assignments; who is only eligible is not among them.

        Unconfirmed: that a list without a filter is refused; every documented request has one.
        """
        call.require(*_READ_ROLES)
        if not {"$filter", "$skiptoken"} & call.parameters.keys():
            raise refuse(400, "Request_UnsupportedQuery", "A filter is required.")
        tenant, passes = call.caller.tenant, parse_filter(call)
        expanded = call.parameters.get("$expand") == "principal"
        rows = []
        applications = [
            (role, one.id) for one in tenant.service_principals.values() for role in one.roles
        ]
        for number, (role, principal) in enumerate([*tenant.assignments, *sorted(applications)]):
            row: Json = {
                "id": f"assignment-{number}",
                "roleDefinitionId": role,
                "principalId": principal,
                "directoryScopeId": "/",
            }
            if expanded:
                row["principal"] = {"@odata.type": tenant.kind_of(principal), "id": principal}
            if passes(row):
                rows.append(row)
        return self._lists.page(call, rows)


def _group(tenant: LabTenant, group: str) -> Json:
    record = tenant.groups.get(group)
    if record is None:
        raise not_found("Group", group)
    return record


def _member(call: Call, tenant: LabTenant, one: str) -> Json:
    """Return a member; one whose type the application may not read is bare."""
    kind = tenant.kind_of(one)
    bare: Json = {"@odata.type": kind, "id": one}
    record, default = tenant.users.get(one), USER
    readable = bool(call.caller.permissions.intersection(READ_USERS))
    if record is None:
        record, default, readable = tenant.groups.get(one), GROUP, True
    if record is None:
        return bare
    names = call.parameters.get("$select")
    if names and not set(names.split(",")) <= default.keys():
        raise refuse(400, "BadRequest", "Could not find a property that was selected.")
    fields = tuple(names.split(",")) if names else tuple(default)
    values = shaped(record, fields) if readable else dict.fromkeys(fields)
    return {**values, **bare}
