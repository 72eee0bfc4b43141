"""The simulated Entra and Graph as tests and the demo see them: fill it, start it, ask it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID, uuid4, uuid5

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from werkzeug.wrappers import Request

from muster.adapters.entra.privileged import PRIVILEGED
from muster.lab.faults import Faults, Struck
from muster.lab.graph.answers import failure, reply_of
from muster.lab.graph.knobs import GraphKnobs
from muster.lab.graph.lists import Lists
from muster.lab.graph.people_signin import PeopleSignIn
from muster.lab.graph.records import GROUP, USER, addresses, licences, moment
from muster.lab.graph.routes import GraphRoutes, is_write
from muster.lab.graph.signin import SignInRoutes
from muster.lab.graph.state import (
    READ_PERMISSIONS,
    Application,
    Change,
    GraphState,
    Json,
    LabTenant,
    ServicePrincipal,
)
from muster.lab.http import HttpLab, RateLimit
from muster.lab.http_server import Reply

_IDS = UUID("5f0c9c1e-3f0b-4d0e-9a55-6a1d3a1f7c11")
PASSWORD_PERMISSION = "User-PasswordProfile.ReadWrite.All"  # noqa: S105 - a permission's name
PRIVILEGED_AUTHENTICATION = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
"""The role that may set the passwords of administrators too."""
_OTHER_ROLES = {
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b": "Directory Readers",
    "b0f54661-2d74-4c50-afa3-1ec803f12efe": "Billing Administrator",
    "fdd7a751-b60b-444a-984c-02652fe8fa1c": "Groups Administrator",
}


class UserOptions(TypedDict, total=False):
    """What may be said about a user. `mailbox` and `licensed` are true when not given."""

    display_name: str | None
    given_name: str | None
    surname: str | None
    mail: str | None
    aliases: Sequence[str]
    enabled: bool
    guest: bool
    mailbox: bool
    licensed: bool
    synced: bool
    immutable_id: str | None
    sid: str | None
    sam: str | None
    attributes: Json
    """More properties, in Graph's names."""


class GraphLab(HttpLab):
    """Entra's login and Microsoft Graph v1.0 over TLS on one loopback port.

    One application of the MSP's exists; `add_tenant` consents to it. Ids are the same for the
    same calls.
    """

    client_id = "0a1b2c3d-0000-4000-8000-00000000c11e"

    def __init__(
        self,
        *,
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        knobs: GraphKnobs | None = None,
        clock: Callable[[], datetime] | None = None,
        rate_limit: RateLimit | None = None,
    ) -> None:
        super().__init__(ca=ca, faults=faults, clock=clock, rate_limit=rate_limit)
        self.knobs = knobs or GraphKnobs()
        self.client_secret = secrets.token_urlsafe(30)
        self._state = GraphState()
        self._state.applications[self.client_id] = Application(
            client_id=self.client_id, secret=self.client_secret
        )
        now = self._now
        lists = Lists(self._state, self.knobs, lambda: self.endpoint, now)
        self._people = PeopleSignIn(self.knobs, now)
        self._signin = SignInRoutes(self._state, self._people, lambda: self.endpoint, now)
        self._routes = GraphRoutes(self._state, self.knobs, self.faults, self._signin, lists)

    @property
    def login_endpoint(self) -> str:
        """Where applications sign in."""
        return self.endpoint

    @property
    def graph_endpoint(self) -> str:
        """Where Graph is."""
        return self.endpoint

    def add_tenant(
        self, name: str, domains: Sequence[str], synced: bool = False, *, id: str | None = None
    ) -> str:
        """Add a tenant whose administrator has consented to reading; return its id."""
        with self.lock:
            tenant = LabTenant(
                id=id or str(uuid5(_IDS, name)), name=name, domains=tuple(domains), synced=synced
            )
            tenant.role_names = {**PRIVILEGED, **_OTHER_ROLES}
            self._state.tenants[tenant.id] = tenant
            self.consent(tenant.id)
            return tenant.id

    def consent(
        self,
        tenant: str,
        permissions: Iterable[str] = READ_PERMISSIONS,
        *,
        roles: Iterable[str] = (),
        enabled: bool = True,
    ) -> None:
        """Grant exactly these permissions, and these Entra roles by template id."""
        with self.lock:
            self._tenant(tenant).service_principals[self.client_id] = ServicePrincipal(
                id=str(uuid5(_IDS, f"{tenant}/{self.client_id}")),
                permissions=set(permissions),
                roles=set(roles),
                enabled=enabled,
            )

    def delegate_passwords(self, tenant: str) -> None:
        """Let the application set everybody's password, as a customer does who has them rotated.

        Source: https://learn.microsoft.com/entra/identity/role-based-access-control/
        privileged-roles-permissions (who can reset passwords).
        """
        permissions = {*READ_PERMISSIONS, PASSWORD_PERMISSION}
        self.consent(tenant, permissions, roles=[PRIVILEGED_AUTHENTICATION])

    def withdraw_consent(self, tenant: str) -> None:
        """Take the application out of a tenant; tokens that are out stay valid."""
        with self.lock:
            self._tenant(tenant).service_principals.pop(self.client_id, None)

    def expire_secret(self, expired: bool = True) -> None:
        """Let the client secret be out of date, or again valid."""
        with self.lock:
            self._application.secret_expired = expired

    def change_secret(self, secret: str) -> None:
        """Replace the client secret."""
        with self.lock:
            self._application.secret = self.client_secret = secret

    def register_certificate(self, pem: str) -> None:
        """Let the application prove itself with a certificate."""
        certificate = x509.load_pem_x509_certificate(pem.encode())
        digest = base64.urlsafe_b64encode(certificate.fingerprint(SHA256())).decode().rstrip("=")
        with self.lock:
            self._application.certificates[digest] = certificate

    def drop_tokens(self) -> None:
        """Make every token worthless that was issued until now."""
        with self.lock:
            self._signin.drop_tokens()

    def add_user(self, tenant: str, upn: str, **options: Unpack[UserOptions]) -> str:
        """Add a user and return its id."""
        with self.lock:
            place = self._tenant(tenant)
            one = str(uuid5(UUID(place.id), f"{upn}/{len(place.changes)}"))
            record = {**USER, "id": one, "userPrincipalName": upn}
            born = moment(self.clock())
            record |= {"createdDateTime": born, "lastPasswordChangeDateTime": born}
            place.users[one] = record | self._properties(upn, options)
            place.changes.append(Change(one))
            return one

    def edit_user(self, tenant: str, user: str, **properties: Any) -> None:
        """Change properties of a user, in Graph's names."""
        with self.lock:
            place = self._tenant(tenant)
            place.users[user] = {**place.users[user], **properties}
            place.changes.append(Change(user))

    def unsynchronize(self, tenant: str) -> None:
        """Turn synchronization off for good: every user becomes one of the cloud."""
        with self.lock:
            self._tenant(tenant).synced = False
        for user in self.users(tenant):
            if user.get("onPremisesSyncEnabled"):
                self.edit_user(tenant, user["id"], onPremisesSyncEnabled=False)

    def delete_user(self, tenant: str, user: str, *, reason: str = "changed") -> None:
        """Delete a user; `changed` can be restored, `deleted` is gone for good."""
        with self.lock:
            place = self._tenant(tenant)
            del place.users[user]
            place.changes.append(Change(user, reason))
            for members in place.members.values():
                if user in members:
                    members.remove(user)

    def hide_user(self, tenant: str, user: str, *, hidden: bool = True) -> None:
        """Let lists not show a user, as they lag behind for some seconds."""
        with self.lock:
            place = self._tenant(tenant).hidden
            (place.add if hidden else place.discard)(user)

    def add_group(
        self,
        tenant: str,
        name: str,
        members: Iterable[str] = (),
        security: bool = True,
        **properties: Any,
    ) -> str:
        """Add a group and return its id; members are ids of users, groups or devices."""
        with self.lock:
            place = self._tenant(tenant)
            one = str(uuid5(UUID(place.id), f"group/{name}/{len(place.groups)}"))
            kind = {} if security else {"mailEnabled": True, "groupTypes": ["Unified"]}
            record = {**GROUP, "id": one, "displayName": name, "securityEnabled": security}
            place.groups[one] = {**record, **kind, **properties}
            place.members[one] = list(members)
            return one

    def group(self, tenant: str, name: str) -> str:
        """Return the id of the group that has a name."""
        with self.lock:
            groups = self._tenant(tenant).groups
            return next(one for one, record in groups.items() if record["displayName"] == name)

    def set_members(self, tenant: str, group: str, members: Iterable[str]) -> None:
        """Replace the members of a group."""
        with self.lock:
            self._tenant(tenant).members[group] = list(members)

    def delete_group(self, tenant: str, group: str) -> None:
        """Delete a group."""
        with self.lock:
            place = self._tenant(tenant)
            del place.groups[group], place.members[group]

    def add_device(self, tenant: str) -> str:
        """Add a device and return its id."""
        with self.lock:
            one = str(uuid4())
            self._tenant(tenant).devices.add(one)
            return one

    def add_role(self, tenant: str, role: str, members: Iterable[str]) -> str:
        """Assign a role, by template id or English name; return its template id.

        An id that is neither user nor group is a service principal's.
        """
        with self.lock:
            place = self._tenant(tenant)
            names = {name: one for one, name in place.role_names.items()}
            template = names.get(role, role)
            place.role_names.setdefault(template, role)
            place.assignments += [(template, member) for member in members]
            return template

    def user(self, tenant: str, user: str) -> Json:
        """Return a user's record."""
        with self.lock:
            return dict(self._tenant(tenant).users[user])

    def users(self, tenant: str) -> list[Json]:
        """Return all users' records."""
        with self.lock:
            return [dict(user) for user in self._tenant(tenant).users.values()]

    def groups(self, tenant: str) -> dict[str, str]:
        """Return the ids of a tenant's groups with their names."""
        with self.lock:
            groups = self._tenant(tenant).groups
            return {one: record["displayName"] for one, record in groups.items()}

    def members(self, tenant: str, group: str) -> list[str]:
        """Return the ids of a group's direct members."""
        with self.lock:
            return list(self._tenant(tenant).members[group])

    def assignments(self, tenant: str) -> list[tuple[str, str]]:
        """Return who is assigned which role: template id and principal."""
        with self.lock:
            return list(self._tenant(tenant).assignments)

    def password(self, tenant: str, user: str) -> str | None:
        """Return the password that a user signs in with; None before one was set."""
        with self.lock:
            return self._tenant(tenant).passwords.get(user)

    def set_password(self, tenant: str, user: str, password: str) -> None:
        """Let a person have a password, as somebody else than Muster sets it."""
        with self.lock:
            self._tenant(tenant).change_password(user, password, moment(self.clock()))

    def wrong_attempts(self, user: str) -> int:
        """Return how many wrong passwords count against a user's lockout."""
        with self.lock:
            return self._people.wrong_attempts(user)

    @property
    def refresh_tokens(self) -> int:
        """How many tokens people were given that could act for them later."""
        with self.lock:
            return self._signin.refresh_tokens

    def sent_mail(self, tenant: str) -> list[Json]:
        """Return the bodies of the mails that were accepted."""
        with self.lock:
            return list(self._tenant(tenant).mail)

    def is_write(self, request: Request) -> bool:
        """Whether a request changes something."""
        return is_write(request.method, request.path)

    def answer(self, request: Request, struck: Struck) -> Reply:
        """Process one request; called with the lock held."""
        if self._signin.serves(request.path):
            return self._signin.answer(request)
        return self._routes.answer(request, struck)

    def error(self, status: int, title: str) -> Reply:
        """Return an error in Graph's envelope."""
        return reply_of(failure(status, title.replace(" ", ""), title))

    @property
    def _application(self) -> Application:
        return self._state.applications[self.client_id]

    def _now(self) -> datetime:
        return self.clock()

    def _tenant(self, tenant: str) -> LabTenant:
        return self._state.tenants[tenant]

    def _properties(self, upn: str, options: UserOptions) -> Json:
        mail, synced = options.get("mail"), options.get("synced", False)
        return {
            "displayName": options.get("display_name", upn.partition("@")[0]),
            "givenName": options.get("given_name"),
            "surname": options.get("surname"),
            "mail": mail,
            "proxyAddresses": addresses(mail, tuple(options.get("aliases", ()))),
            "accountEnabled": options.get("enabled", True),
            "userType": "Guest" if options.get("guest") else "Member",
            "onPremisesSyncEnabled": True if synced else None,
            "onPremisesImmutableId": options.get("immutable_id"),
            "onPremisesSecurityIdentifier": options.get("sid"),
            "onPremisesSamAccountName": options.get("sam"),
            **licences(
                licensed=options.get("licensed", True), mailbox=options.get("mailbox", True)
            ),
            **options.get("attributes", {}),
        }
