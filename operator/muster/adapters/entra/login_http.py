"""msal's way to the network: which application asks, how, and what a refusal means.

msal makes the requests. Decided here: that they take the transport of every other request of
ours, that no credential leaves for another host, and what a person is told of a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from muster.adapters.entra.aadsts import CAUSES, Cause, Kind
from muster.adapters.entra.clouds import Addresses
from muster.adapters.entra.credentials import Credential
from muster.errors import AccessDenied, RateLimited, RemoteError, Unavailable, Unexpected
from muster.model.secret import Secret
from muster.transport.answers import Answer
from muster.transport.budget import RequestLimit
from muster.transport.http import Transport
from muster.transport.options import Connection, HttpOptions, Vendor
from muster.transport.redaction import Redactor

_REFUSALS = frozenset({400, 401, 403, 404})
_LOOP_DELAY_S = 300.0


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


@dataclass(frozen=True, slots=True)
class Response:
    """What msal expects of an answer."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        """Do nothing: whatever is no answer for msal was raised before."""


class LoginHttp:
    """msal's HTTP client: the transport that every other request of ours takes too."""

    def __init__(
        self, application: Application, options: HttpOptions, secrets: tuple[Secret, ...] = ()
    ) -> None:
        self._application = application
        self.login = application.addresses.login
        """Where this leads to; no request goes anywhere else."""
        secrets = (*application.credential.secrets, *secrets)
        self._redactor = Redactor(secrets)
        self._transport = Transport(
            Connection(
                endpoint=application.addresses.login,
                vendor=_VENDOR,
                auth=httpx.Auth(),
                secrets=secrets,
                options=options,
            )
        )

    def get(self, url: str, **_: Any) -> Response:
        """Read a discovery document; a tenant that does not exist shows itself here."""
        answer = self.ask(url)
        if answer.status != 200:
            raise self.refusal(answer.body)
        return response_of(answer)

    def ask(self, url: str) -> Answer:
        """Read what the login says of a tenant or a name, refusals too."""
        return self._transport.follow(self._own(url), read_anyway=_REFUSALS)

    def post(self, url: str, data: Any = None, **_: Any) -> Response:
        """Ask for a token; msal gives some of the fields as bytes."""
        form = {
            name: value.decode() if isinstance(value, bytes) else str(value)
            for name, value in data.items()
        }
        return response_of(self._transport.submit(self._own(url), form, read_anyway=_REFUSALS))

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


def response_of(answer: Answer) -> Response:
    """Return an answer for msal, which trusts that it is a JSON object."""
    if not isinstance(answer.body, dict):
        raise unreadable()
    return Response(answer.status, json.dumps(answer.body))


def unreadable() -> Unexpected:
    """Return the error for an answer that is none of Entra's."""
    return Unexpected(
        "Entra answered the sign-in with something that cannot be read; check loginEndpoint, and"
        " whether a proxy answers in its place."
    )


def _explain(body: Any) -> str:
    return str(body.get("error", "")) if isinstance(body, dict) else ""


_VENDOR = Vendor(
    name="Entra",
    # Unconfirmed: no number is published. A token serves for an hour.
    limit=RequestLimit(requests=200, window_s=10),
    explain=_explain,
    access_advice="check tenantId, clientId and the credential.",
)
