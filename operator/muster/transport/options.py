"""The settings of one HTTP connection, and the checks that they must pass."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from muster.errors import RemoteError, SpecError
from muster.model.secret import Secret
from muster.transport.budget import RequestLimit

BeforeWrite = Callable[[], None]
"""Called right before each write leaves; raises when this process may no longer write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How patient a connection is, whom it trusts and how much of the vendor's limit it takes."""

    budget_share: int = 50
    """Percent of the vendor's limit."""
    ca_pem: str | None = None
    """Certificates to trust instead of the system's store."""
    before_write: BeforeWrite | None = None
    connect_timeout_s: float = 10
    read_timeout_s: float = 60
    write_timeout_s: float = 30
    total_timeout_s: float = 180
    """For one answer, so that one which trickles in does end."""
    retry_budget_s: float = 60
    first_delay_s: float = 0.5
    """Before the first retry; doubles from there, with jitter, up to 20 seconds."""

    @property
    def timeout(self) -> httpx.Timeout:
        """The time-outs of each phase."""
        return httpx.Timeout(
            connect=self.connect_timeout_s,
            read=self.read_timeout_s,
            write=self.write_timeout_s,
            # Waiting for one of our own connections is waiting for other threads' answers.
            pool=self.total_timeout_s,
        )


Verdict = Callable[[int, Any], type[RemoteError] | None]
"""Returns what an error answer of this status and JSON body means; None: what HTTP says."""


def as_http_says(_status: int, _body: Any) -> type[RemoteError] | None:
    """Return None: the status alone says what an answer means."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What the transport must know about a product."""

    name: str
    """As messages say it."""
    limit: RequestLimit
    explain: Callable[[Any], str]
    """Returns the vendor's own words from the JSON body of an error; empty when there are none."""
    access_advice: str
    """What a person should look at when access is denied."""
    secret_keys: frozenset[str] = frozenset()
    """Members of JSON objects that hold secrets. They are dropped while an answer is parsed,
    at any depth; a request that asks `with_secrets` gets their texts as `Secret`."""
    pause_s: Callable[[], float] | None = None
    """Returns how long to wait after a 429 that names no delay. None: back off by ourselves."""
    verdict: Verdict = as_http_says
    """For a vendor who answers refusals with the status of an outage, or the reverse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where to connect and what to present there."""

    endpoint: str
    vendor: Vendor
    auth: httpx.Auth = field(repr=False)
    secrets: tuple[Secret, ...] = ()
    """Everything that must not appear in a message."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: HttpOptions = HttpOptions()


class HeaderAuth(httpx.Auth):
    """Presents a key in one header."""

    def __init__(self, header: str, key: Secret) -> None:
        self._header = header
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Any:
        """Add the header; one request, no dialogue."""
        request.headers[self._header] = self._key.reveal()
        yield request


TokenSource = Callable[[bool], Secret]
"""Returns an access token; with True a new one, because the last one was refused.

Raises the `RemoteError` family when none is given.
"""


class BearerAuth(httpx.Auth):
    """Presents a token that expires; one that is refused is replaced and tried once more."""

    def __init__(self, token: TokenSource) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        """Add the token; after a 401, which nothing was processed with, a new one."""
        request.headers["Authorization"] = f"Bearer {self._token(False).reveal()}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._token(True).reveal()}"
            yield request


def base_url(endpoint: str, vendor: str) -> httpx.URL:
    """Return the endpoint as a base URL.

    Raises:
        SpecError: not https, or with user name, query or fragment, or without a host.
    """
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme == "https" and url.host and not (url.userinfo or url.query or url.fragment):
        return url
    shown = f'"{url.scheme}://{url.host}"' if url.host else "what is set"
    raise SpecError(
        (
            f"{vendor}: the endpoint {shown} cannot be used, because credentials travel to it;"
            " set an https:// address without user name, query and fragment.",
        )
    )


def tls_context(ca_pem: str | None, vendor: str) -> ssl.SSLContext:
    """Return a context that verifies certificates, with the given CA or the system's store.

    Raises:
        SpecError: the CA is no certificate in PEM form.
    """
    try:
        return _context(ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise SpecError(
            (f"{vendor}: the CA is no certificate in PEM form; supply the CA's certificate.",)
        ) from error


@functools.lru_cache(maxsize=64)
def _context(ca_pem: str | None) -> ssl.SSLContext:
    """Return one context for all connections that trust the same.

    The system's store takes half a megabyte and some milliseconds to load, and an MSP has many
    tenants.
    """
    return ssl.create_default_context(cadata=ca_pem)
