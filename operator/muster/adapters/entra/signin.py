"""Signs an application in to one tenant, and keeps its token.

msal decides when a token is too old. Decided here: when a token is asked for anew, and that a
refusal is not replayed. How msal reaches the network is left to `login_http`.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msal

from muster.adapters.entra.login_http import Application, LoginHttp, unreadable
from muster.adapters.json_values import text_or_none
from muster.errors import RemoteError
from muster.model.secret import Secret
from muster.ports import Clock
from muster.transport.options import HttpOptions

_YOUNG = timedelta(minutes=1)
"""A token of less than a minute knows of every consent that can be in effect."""


class SignIn:
    """The sign-in of one application to one tenant; safe to use from many threads."""

    def __init__(self, application: Application, options: HttpOptions, clock: Clock) -> None:
        self._application = application
        self._clock = clock
        self._http = LoginHttp(application, options)
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

    def principal_id(self) -> str | None:
        """Return the application's own id in the tenant; None when the token cannot be read.

        Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
        """
        claims = _claims(self.token(False))
        return text_or_none(claims.get("oid")) if claims is not None else None

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
            raise unreadable() from None
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
