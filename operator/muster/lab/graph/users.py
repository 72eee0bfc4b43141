"""Users: lists, changes, passwords, sessions and mail.

Source: https://learn.microsoft.com/graph/api/resources/user and
https://learn.microsoft.com/graph/api/user-delta
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from muster.lab.graph.answers import Outcome, not_found, refuse
from muster.lab.graph.calls import Call
from muster.lab.graph.filters import parse_filter
from muster.lab.graph.lists import Lists, fields_of, shaped
from muster.lab.graph.records import USER, moment
from muster.lab.graph.state import Change, Cursor, Json, LabTenant

READ = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_LINK_LIVES = timedelta(days=7)

# microsoft-graph-docs-contrib, api-reference/v1.0/api/user-list.md
_DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
_PRIVILEGED_AUTHENTICATION, _GLOBAL = (
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "62e90394-69f5-4237-9190-012177145e10",
)
_USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"


class UserRoutes:
    """Answers `/users`."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    def list_users(self, call: Call) -> Outcome:
        """Return a page of users."""
        call.require(*READ)
        passes = parse_filter(call)
        fields = fields_of(call, _DEFAULT, USER)
        tenant = call.caller.tenant
        rows = [
            shaped(user, fields)
            for user in tenant.users.values()
            if user["id"] not in tenant.hidden and passes(user)
        ]
        return self._lists.page(call, rows)

    def show(self, call: Call, user: str) -> Outcome:
        """Return one user by id or name."""
        call.require(*READ)
        tenant = call.caller.tenant
        record = _find(tenant, user)
        former = tenant.former.get(record["id"])
        if self._lists.knobs.stale_dates and former:
            record = {**record, "lastPasswordChangeDateTime": former.changed_at}
        return Outcome(body=shaped(record, fields_of(call, _DEFAULT, USER)))

    def changes(self, call: Call) -> Outcome:
        """Return changes: all users at first, then what came after a link."""
        call.require(*READ)
        lists, tenant = self._lists, call.caller.tenant
        if token := call.parameters.get("$skiptoken"):
            cursor = lists.cursor(call, token)
            return self._changes(call, list(cursor.rows), cursor.position, cursor.fields)
        end = len(tenant.changes)
        token = call.parameters.get("$deltatoken")
        if token and token != "latest":  # noqa: S105 - a word of Graph's
            cursor = self._after(call, token)
            rows = _entries(tenant, cursor)
            return self._changes(call, rows, end, cursor.fields)
        fields = fields_of(call, _DEFAULT, USER)
        rows = [] if token else [shaped(user, fields) for user in tenant.users.values()]
        return self._changes(call, rows, end, fields)

    def update(self, call: Call, user: str) -> Outcome:
        """Set a password; nothing else can be changed here."""
        tenant = call.caller.tenant
        call.require("User-PasswordProfile.ReadWrite.All")
        record = _find(tenant, user)
        profile = call.body.get("passwordProfile") if isinstance(call.body, dict) else None
        if set(call.body or ()) != {"passwordProfile"} or not isinstance(profile, dict):
            text = "Unable to update the specified properties for on-premises mastered objects."
            raise refuse(400, "Request_BadRequest", text)
        if not self._may_reset(call, record["id"]):
            text = "Insufficient privileges to complete the operation."
            raise refuse(403, "Authorization_RequestDenied", text)
        _require_strong(str(profile.get("password")), record["userPrincipalName"])
        tenant.change_password(
            record["id"],
            str(profile["password"]),
            moment(self._lists.clock()),
            must_change=profile.get("forceChangePasswordNextSignIn") is True,
        )
        return Outcome(status=204)

    def send_mail(self, call: Call, user: str) -> Outcome:
        """Accept a mail of a user who has a mailbox."""
        call.require("Mail.Send")
        tenant = call.caller.tenant
        if not _find(tenant, user)["mail"]:
            text = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
            raise refuse(404, "MailboxNotEnabledForRESTAPI", text)
        tenant.mail.append(call.body)
        return Outcome(status=202)

    def _changes(self, call: Call, rows: list[Json], end: int, fields: tuple[str, ...]) -> Outcome:
        size = self._lists.knobs.delta_page
        body: Json = {"value": rows[:size]}
        if itself := self._lists.circle(call):
            return Outcome(body={**body, "@odata.nextLink": itself})
        if rest := rows[size:]:
            link = self._lists.link(call, "$skiptoken", rows=rest, position=end, fields=fields)
            return Outcome(body={**body, "@odata.nextLink": link})
        link = self._lists.link(call, "$deltatoken", position=end, fields=fields)
        return Outcome(body={**body, "@odata.deltaLink": link})

    def _after(self, call: Call, token: str) -> Cursor:
        if self._lists.knobs.reset_delta:
            refusal = refuse(410, "resyncRequired", "The state is gone; start anew.")
            location = ("Location", f"/v1.0{call.path}?$deltatoken=")
            raise type(refusal)(Outcome(status=410, body=refusal.outcome.body, headers=(location,)))
        cursor = self._lists.state.cursors.get(token)
        if cursor is None or self._lists.clock() - cursor.at > _LINK_LIVES:
            raise refuse(400, "syncStateNotFound", "The sync state generation is not found.")
        return cursor

    def _may_reset(self, call: Call, user: str) -> bool:
        """Whether an application's Entra roles let it reset a user's password.

        Source: https://learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions
        """
        own = call.caller.principal.roles
        if call.caller.tenant.roles_of(user):
            return bool(own & {_PRIVILEGED_AUTHENTICATION, _GLOBAL})
        accepted = {_USER_ADMINISTRATOR, _PRIVILEGED_AUTHENTICATION, _GLOBAL}
        return bool(own & accepted) or not self._lists.knobs.password_needs_role


def _entries(tenant: LabTenant, cursor: Cursor) -> list[Json]:
    """Return an entry for each change, repeated ones too, with what holds now."""
    return [_entry(tenant, one, cursor.fields) for one in tenant.changes[cursor.position :]]


def _entry(tenant: LabTenant, change: Change, fields: tuple[str, ...]) -> Json:
    user = tenant.users.get(change.user)
    if user is None:
        return {"id": change.user, "@removed": {"reason": change.removed or "changed"}}
    return shaped(user, fields)


def _find(tenant: LabTenant, wanted: str) -> dict[str, Any]:
    if wanted in tenant.users:
        return tenant.users[wanted]
    for user in tenant.users.values():
        if user["userPrincipalName"].casefold() == wanted.casefold():
            return user
    raise not_found("User", wanted)


def _require_strong(password: str, upn: str) -> None:
    """Refuse what Entra's password policy does: length, classes, and the name within it."""
    classes = sum(
        bool(re.search(pattern, password))
        for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]")
    )
    name = upn.partition("@")[0].casefold()
    if not 8 <= len(password) <= 256 or classes < 3 or name in password.casefold():
        raise refuse(
            400,
            "Request_BadRequest",
            "The specified password does not comply with password complexity requirements."
            " Please provide a different password.",
        )
