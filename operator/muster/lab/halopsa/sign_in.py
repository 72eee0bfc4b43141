"""Where the simulated HaloPSA gives out tokens.

Source: homotechsual/HaloAPI, Classes/HaloAuth.psm1, and the HaloPSA extension of
KelvinTegelaar/CIPP-API.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from werkzeug.wrappers import Request

from muster.lab.halopsa.answers import FailureError, answer, failure, oauth_failure
from muster.lab.halopsa.knobs import HaloPsaKnobs
from muster.lab.halopsa.state import HaloState
from muster.lab.http_server import Reply

CLIENT_ID = "5e1c7a52-0d5b-4f6f-9a7e-0a1b2c3d4e5f"
TOKEN_PATH = "/auth/token"  # noqa: S105 - a path
_ALL = frozenset({"all", "all:standard"})
_ALWAYS = ("openid", "profile")


class SignIn:
    """Answers `authinfo` and token requests, and says what a token allows."""

    def __init__(
        self, state: HaloState, knobs: HaloPsaKnobs, secret: str, base: Callable[[], str]
    ) -> None:
        self._state = state
        self._knobs = knobs
        self._secret = secret
        self._base = base

    def info(self) -> Reply:
        """Answer `authinfo`, which needs no token."""
        url = self._knobs.auth_url or f"{self._base()}/auth"
        return answer({"auth_url": url, "tenant_id": self._knobs.tenant or ""})

    def token(self, request: Request) -> Reply:
        """Answer a token request: a form, with the tenant in it or in the query."""
        sent = request.form
        if request.mimetype != "application/x-www-form-urlencoded":
            return oauth_failure("invalid_request", "The body is no form.")
        if sent.get("grant_type") != "client_credentials":
            return oauth_failure("unsupported_grant_type", "The grant type is not supported.")
        tenant = request.args.get("tenant") or sent.get("tenant")
        if self._knobs.tenant and tenant != self._knobs.tenant:
            return oauth_failure("invalid_request", "The tenant does not exist.")
        secret = sent.get("client_secret", "")
        if sent.get("client_id") != CLIENT_ID or not hmac.compare_digest(
            secret.encode(), self._secret.encode()
        ):
            return oauth_failure("invalid_client", "The client credentials are invalid.")
        return self._grant(frozenset(sent.get("scope", "").split()))

    def require(self, request: Request, scope: str) -> None:
        """Refuse a request without a good token, or with one that lacks a scope."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        issued = self._state.find_token(token) if kind == "Bearer" else None
        if issued is None:
            words = "Authorization has been denied for this request."
            raise FailureError(failure(401, words))
        if scope not in issued.scopes and not issued.scopes & _ALL:
            raise FailureError(failure(401, f"The scope {scope} is missing."))

    def _grant(self, wanted: frozenset[str]) -> Reply:
        granted = frozenset(self._knobs.granted)
        every = self._knobs.grants_unasked or bool(wanted & _ALL)
        scopes = granted if every else wanted if granted & _ALL else wanted & granted
        life_s = self._knobs.token_life_s
        body = {
            "access_token": self._state.issue(scopes, life_s),
            "token_type": "Bearer",
            "expires_in": life_s,
            "id_token": "lab-id-token",
        }
        if self._knobs.says_scope:
            body["scope"] = " ".join((*_ALWAYS, *sorted(scopes)))
        return answer(body)
