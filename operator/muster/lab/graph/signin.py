"""The token endpoint of each tenant, and the tokens that Graph accepts.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import jwt
from werkzeug.wrappers import Request

from muster.lab.graph.answers import refuse
from muster.lab.graph.people_signin import PeopleSignIn, PersonRefusedError
from muster.lab.graph.state import Application, GraphState, LabTenant, ServicePrincipal
from muster.lab.http_server import Reply

LIFETIME_S = 3599
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLACE = re.compile(r"/([^/]+)/(v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token)")
_REALM = re.compile(r"/common/userrealm/([^/]+)")
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls Graph: an application in a tenant, with the rights of its token."""

    tenant: LabTenant
    principal: ServicePrincipal
    permissions: frozenset[str]


class _RefusalError(Exception):
    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(code)
        self.reply = _refusal(status, error, code, text)


class SignInRoutes:
    """Answers what begins with a tenant's id."""

    def __init__(
        self,
        state: GraphState,
        people: PeopleSignIn,
        base: Callable[[], str],
        clock: Callable[[], datetime],
    ) -> None:
        self.refresh_tokens = 0
        """How many were given to people."""
        self._state = state
        self._people = people
        self._base = base
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def serves(self, path: str) -> bool:
        """Whether a path belongs to the login and not to Graph."""
        return (_PLACE.fullmatch(path) or _REALM.fullmatch(path)) is not None

    def answer(self, request: Request) -> Reply:
        """Answer the discovery document or a token."""
        if named := _REALM.fullmatch(request.path):
            return _json(self._people.realm(named[1]))
        found = _PLACE.fullmatch(request.path)
        assert found is not None  # noqa: S101 - `serves` said so
        try:
            tenant = self._tenant(found[1])
            if request.method == "GET":
                return _json(self._discovery(tenant))
            return _json(self._issue(tenant, request.form))
        except _RefusalError as error:
            return error.reply

    def caller(self, authorization: str) -> Caller:
        """Return who a request's token names; raises 401."""
        token = authorization.removeprefix("Bearer ")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=self._base(),
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            claims = {"exp": 0}
        if claims["exp"] <= self._clock().timestamp():
            raise refuse(401, "InvalidAuthenticationToken", "Access token validation failure.")
        tenant = self._state.tenants[claims["tid"]]
        return Caller(
            tenant=tenant,
            principal=tenant.service_principals[claims["appid"]],
            permissions=frozenset(claims["roles"]),
        )

    def drop_tokens(self) -> None:
        """Make every token that was issued until now worthless."""
        self._key = secrets.token_bytes(32)

    def _tenant(self, name: str) -> LabTenant:
        for tenant in self._state.tenants.values():
            if name.lower() in {tenant.id, *tenant.domains}:
                return tenant
        if _GUID.fullmatch(name.lower()) or "." in name:
            raise _RefusalError(400, "invalid_tenant", 90002, f"Tenant '{name}' not found.")
        text = f"Specified tenant identifier '{name}' is neither a valid DNS name, nor a GUID."
        raise _RefusalError(400, "invalid_request", 900023, text)

    def _discovery(self, tenant: LabTenant) -> Mapping[str, object]:
        base = self._base()
        return {
            "issuer": f"{base}/{tenant.id}/v2.0",
            "token_endpoint": self._token_endpoint(tenant),
            "authorization_endpoint": f"{base}/{tenant.id}/oauth2/v2.0/authorize",
            "jwks_uri": f"{base}/{tenant.id}/discovery/v2.0/keys",
        }

    def _token_endpoint(self, tenant: LabTenant) -> str:
        return f"{self._base()}/{tenant.id}/oauth2/v2.0/token"

    def _issue(self, tenant: LabTenant, form: Mapping[str, str]) -> Mapping[str, object]:
        client_id = form.get("client_id", "")
        application = self._state.applications.get(client_id)
        principal = tenant.service_principals.get(client_id)
        if application is None or principal is None:
            text = f"Application with identifier '{client_id}' was not found in the directory."
            raise _RefusalError(400, "unauthorized_client", 700016, text)
        self._verify(tenant, application, form)
        if not principal.enabled:
            text = f"Application '{client_id}' is disabled."
            raise _RefusalError(401, "unauthorized_client", 7000112, text)
        if form.get("grant_type") == "password":
            return self._issue_to_person(tenant, client_id, form)
        resource = form.get("scope", "").removesuffix("/.default")
        if resource == form.get("scope"):
            text = f"The provided value for scope {resource} is not valid."
            raise _RefusalError(400, "invalid_scope", 1002012, text)
        if resource != self._base():
            text = f"The resource principal named {resource} was not found in the tenant."
            raise _RefusalError(400, "invalid_resource", 500011, text)
        claims = {
            "aud": resource,
            "iss": f"{self._base()}/{tenant.id}/",
            "appid": client_id,
            "oid": principal.id,
            "tid": tenant.id,
            "roles": sorted(principal.permissions),
            "exp": int(self._clock().timestamp()) + LIFETIME_S,
            "jti": str(uuid4()),
        }
        token = jwt.encode(claims, self._key, algorithm="HS256")
        return {
            "token_type": "Bearer",
            "expires_in": LIFETIME_S,
            "ext_expires_in": LIFETIME_S,
            "access_token": token,
        }

    def _issue_to_person(
        self, tenant: LabTenant, client_id: str, form: Mapping[str, str]
    ) -> Mapping[str, object]:
        """Return what a person gets for a name and a password.

        Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc
        """
        try:
            record = self._people.judge(tenant, form)
        except PersonRefusedError as error:
            raise _RefusalError(400, "invalid_grant", error.code, error.text) from None
        scopes = form.get("scope", "").split()
        claims = {
            "aud": client_id,
            "iss": f"{self._base()}/{tenant.id}/v2.0",
            "tid": tenant.id,
            "oid": record["id"],
            "sub": record["id"],
            "preferred_username": record["userPrincipalName"],
            "exp": int(self._clock().timestamp()) + LIFETIME_S,
        }
        # Neither is one that Graph takes here: the keys are others.
        answer = {
            "token_type": "Bearer",
            "scope": " ".join(one for one in scopes if one != "offline_access"),
            "expires_in": LIFETIME_S,
            "access_token": jwt.encode({**claims, "aud": self._base()}, secrets.token_bytes(32)),
            "id_token": jwt.encode(claims, secrets.token_bytes(32)),
        }
        if "offline_access" in scopes:
            self.refresh_tokens += 1
            answer["refresh_token"] = secrets.token_urlsafe(30)
        return answer

    def _verify(self, tenant: LabTenant, application: Application, form: Mapping[str, str]) -> None:
        if form.get("client_assertion_type") == _ASSERTION:
            self._verify_assertion(tenant, application, form.get("client_assertion", ""))
            return
        if form.get("client_secret") != application.secret:
            raise _RefusalError(401, "invalid_client", 7000215, "Invalid client secret provided.")
        if application.secret_expired:
            raise _RefusalError(
                401, "invalid_client", 7000222, "The provided client secret keys are expired."
            )

    def _verify_assertion(
        self, tenant: LabTenant, application: Application, assertion: str
    ) -> None:
        """Check an assertion that a certificate signs: key, audience, issuer and life."""
        try:
            thumbprint = jwt.get_unverified_header(assertion).get("x5t#S256", "")
            certificate = application.certificates.get(thumbprint.rstrip("="))
            if certificate is None:
                raise jwt.InvalidKeyError
            claims = jwt.decode(
                assertion,
                certificate.public_key(),  # type: ignore[arg-type]
                algorithms=["PS256", "ES256"],
                audience=self._token_endpoint(tenant),
                issuer=application.client_id,
            )
            if claims.get("sub") != application.client_id:
                raise jwt.InvalidTokenError
        except jwt.PyJWTError:
            text = "The certificate with identifier used to sign the client assertion is unknown."
            raise _RefusalError(401, "invalid_client", 700027, text) from None


def _refusal(status: int, error: str, code: int, text: str) -> Reply:
    trace, correlation = str(uuid4()), str(uuid4())
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: {text} Trace ID: {trace}"
        f" Correlation ID: {correlation}",
        "error_codes": [code],
        "trace_id": trace,
        "correlation_id": correlation,
    }
    return _json(body, status=status)


def _json(body: Mapping[str, object], *, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(body).encode())
