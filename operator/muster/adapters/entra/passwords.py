"""Sets passwords of cloud users, as an application.

Nothing that Graph says about a password is repeated but its code: a message might quote it.

Source: https://learn.microsoft.com/graph/api/user-update and
https://learn.microsoft.com/graph/api/resources/passwordprofile
"""

from __future__ import annotations

from muster.adapters.entra.graph import Graph, Record, error_code
from muster.adapters.entra.users import NEEDS
from muster.errors import AccessDenied, NotFound, PasswordRefused, Rejected
from muster.model.names import AccountId
from muster.model.secret import Secret
from muster.transport.answers import Answer

PERMISSION = "User-PasswordProfile.ReadWrite.All"

_REFUSALS = frozenset({400, 403, 404, 409})


def set_password(graph: Graph, user: AccountId, password: Secret, *, must_change: bool) -> None:
    """Set a password, unless the user is synchronized.

    For a synchronized user Graph may accept it, and the two passwords part without a sign
    (https://learn.microsoft.com/entra/identity/hybrid/connect/how-to-connect-password-hash-synchronization).
    """
    if require(graph, user, "id,onPremisesSyncEnabled").get("onPremisesSyncEnabled") is True:
        raise Rejected(
            f"Entra user {user} is synchronized from Active Directory, where its password belongs;"
            " set it there."
        )
    profile = {"password": password, "forceChangePasswordNextSignIn": must_change}
    answer = graph.change(f"/users/{user}", {"passwordProfile": profile}, _REFUSALS)
    if answer.status == 403 and graph.forget_token():
        answer = graph.change(f"/users/{user}", {"passwordProfile": profile}, _REFUSALS)
    if answer.status in _REFUSALS:
        raise _refused(user, answer)


def require(graph: Graph, user: AccountId, fields: str) -> Record:
    """Return fields of a user; raises NotFound."""
    record = graph.find(f"/users/{user}", (("$select", fields),), needs=NEEDS)
    if record is None:
        raise _no_such_user(user)
    return record


def _no_such_user(user: AccountId) -> NotFound:
    return NotFound(f"Entra has no user {user} any more; read the tenant again.")


def _refused(user: AccountId, answer: Answer) -> Rejected | AccessDenied:
    code = error_code(answer.body) or str(answer.status)
    if answer.status == 404:
        return _no_such_user(user)
    if answer.status == 403:
        return AccessDenied(
            f"Entra refused the password of user {user} ({code}). Two things may be missing: the"
            f" application permission {PERMISSION}, and an Entra role of the application in this"
            " tenant: User Administrator, or for administrators Privileged Authentication"
            " Administrator."
        )
    problem = (
        f"Entra refused the password of user {user} ({code}): it breaks the tenant's password"
        " policy or its list of banned passwords, or the user's domain is federated. Nothing"
        " changed."
    )
    return PasswordRefused(problem, code=code) if answer.status == 400 else Rejected(problem)
