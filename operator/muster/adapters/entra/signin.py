"""Signs an application in to one tenant, and keeps its token.

msal decides when a token is too old. Decided here: how msal reaches the network, what a
refusal means, and that a refusal is not replayed.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import msal

from muster.adapters.entra.aadsts import CAUSES, Cause, Kind
from muster.adapters.entra.clouds import Addresses
from muster.adapters.entra.credentials import Credential
from muster.errors import AccessDenied, RateLimited, RemoteError, Unavailable, Unexpected
from muster.model.secret import Secret
from muster.ports import Clock
from muster.transport.answers import Answer
from muster.transport.budget import RequestLimit
from muster.transport.http import Transport
from muster.transport.options import Connection, HttpOptions, Vendor
from muster.transport.redaction import Redactor

_REFUSALS = frozenset({400, 401, 403, 404})
_LOOP_DELAY_S = 300.0
_YOUNG = timedelta(minutes=1)
"""A token of less than a minute knows of every consent that can be in effect."""


class SignInRefused(AccessDenied):
    """Entra gives the application no token; `code` is the number after AADSTS, 0 without one."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Which application signs in, and where."""

    tenant_id: str
    client_id: str
    addresses: Addresses
    credential: Credential = field(repr=False)

    @property
    def consent_link(self) -> str:
        """Where an administrator of the tenant grants what the registration asks for."""
        login, scope = self.addresses.login, self.addresses.scope
        return (
            f"{login}/{self.tenant_id}/v2.0/adminconsent?client_id={self.client_id}&scope={scope}"
        )


class SignIn:
    """The sign-in of one application to one tenant; safe to use from many threads."""

    def __init__(self, application: Application, options: HttpOptions, clock: Clock) -> None:
        self._application = application
        self._clock = clock
        self._http = _LoginHttp(application, options)
        self._lock = threading.Lock()
        self._app: Any = None
        self._token: Secret | None = None
        self._since = clock()

    def token(self, renew: bool) -> Secret:
        """Return a token that is valid for some minutes more; with `renew` a new one.

        Raises:
            SignInRefused: credential, consent or tenant; a person must act.
            Unavailable, RateLimited: later.
        """
        with self._lock:
            if renew and self._app is not None:
                self._app.remove_tokens_for_client()
            value = self._acquire()
            if self._token is None or self._token.reveal() != value:
                self._token, self._since = Secret(value), self._clock()
            return self._token

    def drop_old(self) -> bool:
        """Forget a token of more than a minute; False when it is younger.

        A token lists the permissions of the moment when it was issued, for up to an hour.
        """
        with self._lock:
            if self._app is None or self._clock() - self._since < _YOUNG:
                return False
            self._app.remove_tokens_for_client()
            return True

    def permissions(self) -> frozenset[str] | None:
        """Return the application permissions that a token lists; None when it cannot be read.

        Nothing is decided by them but what `muster doctor` prints: a token is Graph's to read.
        """
        claims = _claims(self.token(False))
        roles = claims.get("roles", []) if claims is not None else None
        return frozenset(map(str, roles)) if isinstance(roles, list) else None

    @property
    def application(self) -> Application:
        """Which application signs in, and where."""
        return self._application

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The credential and the present token: what no message may repeat."""
        token = self._token
        return (*self._application.credential.secrets, *((token,) if token else ()))

    def rest(self) -> None:
        """Close idle connections: a token serves for an hour."""
        self._http.rest()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _acquire(self) -> str:
        try:
            if self._app is None:
                self._app = self._new_app()
            result = self._app.acquire_token_for_client([self._application.addresses.scope])
        except (RemoteError, ValueError, KeyError) as error:
            self._app = None
            if isinstance(error, RemoteError):
                raise
            raise _unreadable() from None
        token = result.get("access_token")
        if isinstance(token, str):
            return token
        # msal would answer the same request with the same refusal for a minute more, although
        # somebody may have consented meanwhile (its throttled_http_client.py).
        self._app = None
        raise self._http.refusal(result)

    def _new_app(self) -> Any:
        application = self._application
        return msal.ConfidentialClientApplication(
            application.client_id,
            authority=f"{application.addresses.login}/{application.tenant_id}",
            client_credential=application.credential.for_msal(),
            http_client=self._http,
            # Every address is one of ours or the settings', so nobody needs to vouch for it.
            instance_discovery=False,
        )


@dataclass(frozen=True, slots=True)
class _Response:
    """What msal expects of an answer."""

    status_code: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        """Do nothing: whatever is no answer for msal was raised before."""


class _LoginHttp:
    """msal's HTTP client: the transport that every other request of ours takes too."""

    def __init__(self, application: Application, options: HttpOptions) -> None:
        self._application = application
        self._redactor = Redactor(application.credential.secrets)
        self._transport = Transport(
            Connection(
                endpoint=application.addresses.login,
                vendor=_VENDOR,
                auth=httpx.Auth(),
                secrets=application.credential.secrets,
                options=options,
            )
        )

    def get(self, url: str, **_: Any) -> _Response:
        """Read a discovery document; a tenant that does not exist shows itself here."""
        answer = self._transport.follow(self._own(url), read_anyway=_REFUSALS)
        response = _response(answer)
        if answer.status != 200:
            raise self.refusal(answer.body)
        return response

    def post(self, url: str, data: Any = None, **_: Any) -> _Response:
        """Ask for a token; msal gives some of the fields as bytes."""
        form = {
            name: value.decode() if isinstance(value, bytes) else str(value)
            for name, value in data.items()
        }
        return _response(self._transport.submit(self._own(url), form, read_anyway=_REFUSALS))

    def rest(self) -> None:
        """Close idle connections."""
        self._transport.rest()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def refusal(self, body: Any) -> RemoteError:
        """Return the error for an answer that holds no token."""
        said = body if isinstance(body, dict) else {}
        codes = said.get("error_codes")
        code = next((one for one in codes or () if isinstance(one, int)), 0)
        cause = CAUSES.get(code) or self._unknown(said)
        number = f"AADSTS{code}" if code else self._redactor.clean(str(said.get("error", "?")))
        text = (
            f"Entra refused the sign-in of application {self._application.client_id} to tenant"
            f" {self._application.tenant_id}: {cause.meaning} ({number}). {cause.advice}."
        )
        if cause.kind is Kind.CONSENT:
            text += f" Consent link: {self._application.consent_link}"
        if cause.kind is not Kind.LATER:
            return SignInRefused(text, code=code)
        return RateLimited(text, delay_s=_LOOP_DELAY_S) if code == 50196 else Unavailable(text)

    def _unknown(self, said: Mapping[str, Any]) -> Cause:
        first = str(said.get("error_description") or "it gave no reason").partition("\r\n")[0]
        return Cause(
            kind=Kind.OTHER,
            meaning=self._redactor.clean(first).rstrip("."),
            advice="Check tenantId, clientId and the credential",
        )

    def _own(self, url: str) -> str:
        try:
            self._transport.own_url(url)
        except Unexpected:
            raise SignInRefused(
                f"Entra sends the sign-in to tenant {self._application.tenant_id} to another host,"
                " which gets no credentials; the tenant may be of another cloud: check `cloud`.",
                code=0,
            ) from None
        return url


def _response(answer: Answer) -> _Response:
    """Return an answer for msal, which trusts that it is a JSON object."""
    if not isinstance(answer.body, dict):
        raise _unreadable()
    return _Response(answer.status, json.dumps(answer.body))


def _unreadable() -> Unexpected:
    return Unexpected(
        "Entra answered the sign-in with something that cannot be read; check loginEndpoint, and"
        " whether a proxy answers in its place."
    )


def _claims(token: Secret) -> Mapping[str, Any] | None:
    """Return what a token says of itself, unverified."""
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return None
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error):
        return None
    return claims if isinstance(claims, dict) else None


def _explain(body: Any) -> str:
    return str(body.get("error", "")) if isinstance(body, dict) else ""


_VENDOR = Vendor(
    name="Entra",
    # Unconfirmed: no number is published. A token serves for an hour.
    limit=RequestLimit(requests=200, window_s=10),
    explain=_explain,
    access_advice="check tenantId, clientId and the credential.",
)
