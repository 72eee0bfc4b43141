"""Signs in to HaloPSA: finds its authorization server, gets tokens, says what they allow.

It decides when a token is renewed. HaloPSA leaves scopes that an application was not granted
out of the token without a word, so what came is compared with what a request needs.

Source: homotechsual/HaloAPI, Classes/HaloAuth.psm1 and Private, and the HaloPSA extension of
KelvinTegelaar/CIPP-API.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from muster.adapters.halopsa.endpoint import (
    authorization_root,
    rest_root,
    trusted_authorization,
)
from muster.adapters.halopsa.rest import ADVICE, VENDOR
from muster.adapters.json_values import text_or_none
from muster.errors import AccessDenied, Rejected, SpecError, Unexpected
from muster.model.connections import HaloPsa
from muster.model.secret import Secret
from muster.transport.http import Transport
from muster.transport.options import Connection, HttpOptions
from muster.transport.redaction import header_value

READ, EDIT = "read:customers", "edit:customers"
"""The right to read clients, sites and users, and to write them. Unconfirmed for writing."""

_EVERYTHING = frozenset({"all", "all:standard"})

_SIGN_IN_SCOPES = frozenset({"openid", "profile", "email", "roles", "offline_access", "address"})
"""They say who signs in and allow nothing (OpenID Connect Core 1.0, section 5.4)."""

_EARLY_S = 90.0
"""Before its end a token is replaced, so that none expires under way."""

_UNSAID_LIFE_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A token, and what it allows."""

    token: Secret
    renew_at: float
    """On the clock of `Tokens`."""
    scopes: frozenset[str] | None
    """None: HaloPSA did not say."""

    def allows(self, scope: str) -> bool | None:
        """Whether a scope was granted; None when it is not known."""
        if self.scopes is None:
            return None
        return scope in self.scopes or bool(self.scopes & _EVERYTHING)

    @property
    def excess(self) -> tuple[str, ...]:
        """Scopes that were granted and that Muster does not need."""
        return tuple(sorted((self.scopes or frozenset()) - {READ, EDIT} - _SIGN_IN_SCOPES))


class Tokens:
    """The tokens of one application; safe to use from many threads, which share one request."""

    def __init__(
        self,
        settings: HaloPsa,
        client_secret: Secret,
        options: HttpOptions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._secret = client_secret
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._handed = _Handed()
        self._grant: Grant | None = None
        self._tenant = settings.tenant
        self._api = self._open(rest_root(settings.endpoint))
        self._door: _Door | None = None
        if settings.authorization_endpoint:
            self._door = self._open_door(authorization_root(settings.authorization_endpoint))

    def token(self, refused: bool) -> Secret:
        """Return a token; when the one that this thread had last was refused, another one."""
        return self._current(refused=refused).token

    def grant(self) -> Grant:
        """Return the present grant."""
        return self._current(refused=False)

    def require(self, scope: str) -> None:
        """Raise AccessDenied when it is known that a scope was not granted."""
        if self.grant().allows(scope) is False:
            raise AccessDenied(f"HaloPSA did not grant {scope} to the API application; {ADVICE}")

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        if self._door is not None:
            self._door.transport.close()

    def _current(self, *, refused: bool) -> Grant:
        with self._lock:
            grant = self._grant
            if grant is None or self._clock() >= grant.renew_at:
                grant = self._fetch()
            elif refused and self._handed.grant is grant:
                # Another thread may have replaced the refused one already.
                grant = self._fetch()
            self._grant = self._handed.grant = grant
            return grant

    def _fetch(self) -> Grant:
        if self._door is None:
            self._door = self._find_door()
        door = self._door
        fields = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._secret.reveal(),
            "scope": f"{READ} {EDIT}",
        }
        tenant = {"tenant": self._tenant} if self._tenant else None
        link = str(httpx.URL(f"{door.root}/token", params=tenant))
        try:
            body = door.transport.submit(link, fields, with_secrets=True).body
        except Rejected as error:
            raise AccessDenied(f"{error}; no token was given: {ADVICE}") from error
        return self._read(body)

    def _read(self, body: Any) -> Grant:
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, Secret):
            raise Unexpected("HaloPSA answered a sign-in without a token; check the endpoints.")
        try:
            header_value(token, "HaloPSA: the token")
        except SpecError as error:
            raise Unexpected("HaloPSA answered a token that cannot be sent.") from error
        scope = text_or_none(body.get("scope"))
        return Grant(
            token=token,
            renew_at=self._clock() + _useful_s(body.get("expires_in")),
            scopes=frozenset(scope.split()) if scope else None,
        )

    def _find_door(self) -> _Door:
        """Open the authorization server that the tenant names, if it may see the secret.

        Source: homotechsual/HaloAPI: `authinfo` needs no token and has `auth_url` and `tenant_id`.
        """
        try:
            info = self._api.get("/authinfo").body
        except Rejected as error:
            raise AccessDenied(f"{error} for /api/authinfo; {ADVICE}") from error
        found = text_or_none(info.get("auth_url")) if isinstance(info, dict) else None
        if found is None:
            raise Unexpected(
                "HaloPSA does not name its authorization server; set authorizationEndpoint."
            )
        door = self._open_door(trusted_authorization(found, self._settings.endpoint))
        self._tenant = self._tenant or text_or_none(info.get("tenant_id"))
        return door

    def _open_door(self, root: str) -> _Door:
        return _Door(root=root.rstrip("/"), transport=self._open(root))

    def _open(self, endpoint: str) -> Transport:
        return Transport(
            Connection(
                endpoint=endpoint,
                vendor=VENDOR,
                auth=httpx.Auth(),
                secrets=(self._secret,),
                options=self._options,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """The authorization server."""

    root: str
    transport: Transport


class _Handed(threading.local):
    """What each thread was given last, so that it is known which token was refused."""

    def __init__(self) -> None:
        self.grant: Grant | None = None


def _useful_s(life: Any) -> float:
    """Return for how long a token is used, given how long it lives."""
    known = isinstance(life, int | float) and not isinstance(life, bool) and life >= 0
    life_s = float(life) if known else _UNSAID_LIFE_S
    return max(life_s - _EARLY_S, life_s / 2)
