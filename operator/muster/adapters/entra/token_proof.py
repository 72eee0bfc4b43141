"""Proves a cloud user's password: asks once for a token with it, and throws the token away.

Microsoft advises against this flow (https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc),
so a customer must ask for it. Decided here: who can be asked for at all, that nothing is sent
twice, and that nothing of the person outlives the question. What a number means stands in
`proof_codes`; how often may be asked is the password protocol's to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msal

from muster.adapters.entra.login_http import Application, LoginHttp, Response, response_of
from muster.adapters.entra.proof_codes import RIGHT, WRONG, reason_of
from muster.errors import AccessDenied, Unavailable, Untold
from muster.model.names import AccountId
from muster.model.secret import Secret
from muster.transport.options import HttpOptions


class TokenProof:
    """Asks for tokens as people of one tenant; threads may share an instance."""

    def __init__(self, application: Application, options: HttpOptions) -> None:
        self._application = application
        # Whether to ask again is for the protocol to say: it counts the attempts.
        self._options = replace(options, retry_budget_s=0)

    def ask(self, user: AccountId, name: str, password: Secret) -> bool:
        """Say whether this is the live password of the user who signs in by that name.

        Raises:
            Untold: Entra does not say; the flow has limits, and tenants have policies.
            RemoteError: no answer; with `maybe_applied` when the attempt may have been counted.
        """
        _require_answerable(user, name, password)
        http = _ProofHttp(self._application, self._options, (password,))
        try:
            result = self._new_app(http).acquire_token_by_username_password(
                name, password.reveal(), []
            )
        except AccessDenied as error:
            raise _left_open(user, str(error).rstrip(".")) from None
        except (ValueError, KeyError, RuntimeError):
            raise _left_open(user, "its answer cannot be read") from None
        finally:
            http.close()
        return _verdict(user, result)

    def _new_app(self, http: LoginHttp) -> Any:
        """Return msal's client with a cache of its own, which goes with it."""
        application = self._application
        return msal.ConfidentialClientApplication(
            application.client_id,
            authority=f"{application.addresses.login}/{application.tenant_id}",
            client_credential=application.credential.for_msal(),
            http_client=http,
            instance_discovery=False,
            # No refresh token: nothing is to be done in the person's name.
            exclude_scopes=["offline_access"],
        )


class _ProofHttp(LoginHttp):
    """Keeps a password from another login, and says when an attempt may have been counted."""

    def get(self, url: str, **more: Any) -> Response:
        """Read a document; stop before msal would give the password to a federated login."""
        _, realm, name = url.partition("/common/userrealm/")
        if not realm:
            return super().get(url, **more)
        # msal leaves the port of the login out (its authority.py).
        answer = self.ask(f"{self.login}{realm}{name}")
        if answer.status == 404:
            return Response(404, "{}")
        response = response_of(answer)
        if answer.body.get("account_type") == "Federated":
            raise AccessDenied("the domain is federated, and another login holds its passwords")
        return response

    def post(self, url: str, data: Any = None, **more: Any) -> Response:
        """Ask for the token."""
        try:
            return super().post(url, data, **more)
        except Unavailable as error:
            error.maybe_applied = True
            raise


def _require_answerable(user: AccountId, name: str, password: Secret) -> None:
    """Raise Untold where the flow is known not to work.

    Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc
    """
    text = password.reveal()
    if text != text.strip():
        raise _left_open(user, "a password with a blank at an end cannot be asked about")
    if not name or "#" in name:
        raise _left_open(user, "guests sign in to their own tenant")


def _verdict(user: AccountId, result: Mapping[str, Any]) -> bool:
    if "access_token" in result:
        claims = result.get("id_token_claims") or {}
        if str(claims.get("oid", user)).lower() != user.lower():
            raise _left_open(user, "the name is another user's by now")
        return True
    codes = frozenset(one for one in result.get("error_codes") or () if isinstance(one, int))
    if codes and codes <= RIGHT.keys():
        return True
    if codes == {WRONG}:
        return False
    raise _left_open(user, reason_of(codes))


def _left_open(user: AccountId, why: str) -> Untold:
    return Untold(f"Entra does not say whether the password of user {user} is the live one: {why}.")
