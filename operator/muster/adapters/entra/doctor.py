"""Try what a read needs of a tenant, and say what is missing: the lines of `muster doctor`.

Decides nothing by the permissions that a token lists; they are shown to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from muster.adapters.entra import groups, passwords, roles, tenant, users
from muster.adapters.entra.graph import Graph
from muster.adapters.entra.privileged import PRIVILEGED
from muster.adapters.entra.signin import SignIn
from muster.errors import MusterError
from muster.model.passwords import Proof
from muster.ports import Check, Clock

_SOON = timedelta(days=30)
_GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
_PRIVILEGED_AUTHENTICATION = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"

NEEDED: Mapping[str, tuple[str, ...]] = {
    users.NEEDS: ("Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"),
    groups.NEEDS: (
        "Group.Read.All",
        "Directory.Read.All",
        "GroupMember.ReadWrite.All",
        "Group.ReadWrite.All",
        "Directory.ReadWrite.All",
    ),
    roles.NEEDS: (
        "Directory.Read.All",
        "RoleManagement.ReadWrite.Directory",
        "Directory.ReadWrite.All",
    ),
    tenant.NEEDS: (
        "Directory.Read.All",
        "Organization.ReadWrite.All",
        "Directory.ReadWrite.All",
    ),
}
"""Each permission of a read, and the broader ones that do as well.

Source: the permission tables of https://learn.microsoft.com/graph/api/user-list,
group-list-members, rbacapplication-list-roleassignments and organization-list.
"""

_ALLOWED = {*NEEDED, groups.HIDDEN_NEEDS, passwords.PERMISSION}


def check(
    signin: SignIn, graph: Graph, clock: Clock, *, sets_passwords: bool, proof: Proof
) -> tuple[Check, ...]:
    """Return one line for each thing that is needed; one alone when nobody can sign in.

    `sets_passwords` says whether git asks for passwords to be set in the tenant.
    """
    expiry = tuple(_expiry(signin.application.credential.expires, clock()))
    try:
        # A consent of this hour may be missing in the token that is kept.
        signin.drop_old()
        granted = signin.permissions()
    except MusterError as error:
        return (*expiry, Check(name="Entra sign-in", ok=False, detail=str(error)))
    signed_in = Check(
        name="Entra sign-in", ok=True, detail=f"application {signin.application.client_id}"
    )
    return (
        *expiry,
        signed_in,
        *_permissions(granted, signin.application.consent_link, sets_passwords=sets_passwords),
        *(_own_roles(signin, graph) if sets_passwords else ()),
        _tenant(graph, signin.application.tenant_id),
        *_proof(proof),
    )


def _proof(proof: Proof) -> Iterator[Check]:
    """Yield a line where passwords are proved by a token request, which is not tried here."""
    if proof is Proof.TOKEN_REQUEST:
        yield Check(
            name="Entra password proof",
            ok=True,
            detail="TokenRequest; first tried when a password is set",
            advice="It needs consent to the delegated permissions openid and profile, and shows in"
            " the customer's sign-in logs. status.rotation.proof says whether it told anything.",
        )


def _expiry(expires: datetime | None, now: datetime) -> Iterator[Check]:
    if expires is None:
        return
    ok = expires > now
    advice = "Make a new one and upload it to the registration." if expires < now + _SOON else ""
    detail = f"{'expires' if ok else 'expired'} on {expires.date().isoformat()}"
    yield Check(name="Entra certificate", ok=ok, detail=detail, advice=advice)


def _permissions(
    granted: frozenset[str] | None, consent_link: str, *, sets_passwords: bool
) -> Iterator[Check]:
    if granted is None:
        yield Check(name="Entra permissions", ok=True, detail="not shown: the token cannot be read")
        return
    add = f"Add it to the registration and consent again: {consent_link}"
    for needed, broader in NEEDED.items():
        found = [one for one in (needed, *broader) if one in granted]
        detail = "granted" if needed in found else f"covered by {found[0]}" if found else "missing"
        yield Check(
            name=f"Entra {needed}", ok=bool(found), detail=detail, advice="" if found else add
        )
    yield from _password_permission(granted, add, sets_passwords=sets_passwords)
    for extra in sorted(granted - _ALLOWED):
        yield Check(
            name=f"Entra {extra}",
            ok=True,
            detail="more than Muster needs",
            advice="Take it away if nothing else of yours uses the application.",
        )


def _password_permission(
    granted: frozenset[str], add: str, *, sets_passwords: bool
) -> Iterator[Check]:
    """Yield how the one permission that writes stands; nothing where it is neither had nor needed.

    No broader one covers it: source in `passwords`.
    """
    name = f"Entra {passwords.PERMISSION}"
    if passwords.PERMISSION not in granted:
        if sets_passwords:
            yield Check(name=name, ok=False, detail="missing; passwords are set here", advice=add)
    elif sets_passwords:
        yield Check(name=name, ok=True, detail="granted")
    else:
        yield Check(
            name=name,
            ok=True,
            detail="granted, and no policy sets passwords here",
            advice="Take it away, unless people reset passwords of this tenant with muster reset.",
        )


def _own_roles(signin: SignIn, graph: Graph) -> Iterator[Check]:
    """Yield which roles the application holds; to have none is no failure, as a group may give one.

    Which roles may set whose password: https://learn.microsoft.com/entra/identity/
    role-based-access-control/privileged-roles-permissions
    """
    name = "Entra role of the application"
    try:
        principal = signin.principal_id()
        if principal is None:
            yield Check(name=name, ok=True, detail="not shown: the token cannot be read")
            return
        held = roles.roles_of(graph, principal)
    except MusterError as error:
        yield Check(name=name, ok=False, detail=str(error))
        return
    names = sorted(PRIVILEGED[one] for one in held if one in PRIVILEGED)
    advice = ""
    if not held & {_PRIVILEGED_AUTHENTICATION, _GLOBAL}:
        advice = "For administrators' passwords it needs Privileged Authentication Administrator"
        advice += "." if names else ", for others User Administrator, itself or through a group."
    yield Check(name=name, ok=True, detail=", ".join(names) or "none of its own", advice=advice)


def _tenant(graph: Graph, tenant_id: str) -> Check:
    try:
        found = tenant.read_tenant(graph, tenant_id)
    except MusterError as error:
        return Check(name="Entra tenant", ok=False, detail=str(error))
    synced = "synchronized by Entra Connect" if found.synced else "cloud only"
    domains = ", ".join(found.domains) or "no domain"
    return Check(name="Entra tenant", ok=True, detail=f"{found.name} ({domains}), {synced}")
