"""The one HTTP transport: every request of every product leaves here.

Decides what is sent again and when: reads always; a create only when it provably was not
processed; a change by id also when it may have been, unless its caller looks first. Decides
that nothing goes to another host. What an answer means is `muster.transport.answers`'.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import stamina

from muster.errors import AccessDenied, RateLimited, RemoteError, Unavailable, Unexpected
from muster.model.secret import Secret
from muster.transport.answers import Answer, Judge, TryAgain
from muster.transport.budget import RequestBudget, Usage
from muster.transport.connections import Connections, client_of
from muster.transport.options import Connection, base_url
from muster.transport.redaction import Redactor, quiet_libraries, revealed, secrets_in

_log = logging.getLogger(__name__)

_MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A page of 1000 entries with long notes takes a few megabytes."""

_LONGEST_DELAY_S = 20.0

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""After these the request provably did not reach the system."""

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    url: httpx.URL
    body: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_anyway: frozenset[int] = frozenset()
    reads: bool = False
    """Whether a POST only asks for something."""
    with_secrets: bool = False
    by_id: bool = False
    """Whether a POST sets fields of a record that it names."""
    once: bool = False
    """Whether the caller looks before a change is sent again that may have taken effect."""

    @property
    def is_write(self) -> bool:
        return self.method != "GET" and not self.reads

    @property
    def repeatable(self) -> bool:
        return not self.once and (self.method != "POST" or self.reads or self.by_id)


class Transport:
    """Sends requests to one product at one endpoint; safe to use from many threads.

    Every method raises the `RemoteError` family: `Unavailable` when the retry budget is
    spent (`maybe_applied` on a write whose outcome is unknown), `RateLimited` when the
    vendor asks for more patience than the budget has, `AccessDenied` for 401, 403 and a
    certificate that is not trusted, `Rejected` for any other 4xx, `Unexpected` otherwise.

    A `Secret` in a body is sent as its text, and taken out of whatever the vendor says about it.
    """

    def __init__(self, connection: Connection) -> None:
        quiet_libraries()
        self._vendor = connection.vendor
        self._options = connection.options
        self._base = base_url(connection.endpoint, self._vendor.name)
        self._redactor = Redactor(connection.secrets)
        self._budget = RequestBudget(self._vendor.limit.share(self._options.budget_share))
        self._connections = Connections(client_of(connection))

    def get(
        self,
        path: str,
        parameters: Parameters = (),
        *,
        headers: Mapping[str, str] | None = None,
        read_anyway: frozenset[int] = frozenset(),
        with_secrets: bool = False,
    ) -> Answer:
        """Read. Answers with a status of `read_anyway` are returned instead of raised.

        Without `with_secrets` the vendor's secret keys are missing from the answer.
        """
        return self._send(
            _Request(
                method="GET",
                url=self._url(path, parameters),
                headers=headers or {},
                read_anyway=read_anyway,
                with_secrets=with_secrets,
            )
        )

    def follow(
        self,
        link: str,
        *,
        headers: Mapping[str, str] | None = None,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Read the page that an answer links to.

        Raises:
            Unexpected: the link leaves the endpoint's scheme, host or port; it is not requested.
        """
        url = self.own_url(link)
        return self._send(
            _Request(method="GET", url=url, headers=headers or {}, read_anyway=read_anyway)
        )

    def post(
        self,
        path: str,
        body: Any,
        parameters: Parameters = (),
        *,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Create. Sent again only after 429 and when no connection came about."""
        url = self._url(path, parameters)
        return self._send(_Request(method="POST", url=url, body=body, read_anyway=read_anyway))

    def post_change(self, path: str, body: Any, parameters: Parameters = ()) -> Answer:
        """Set fields of a record that the body names by its id; sent again like a read."""
        url = self._url(path, parameters)
        return self._send(_Request(method="POST", url=url, body=body, by_id=True))

    def query(
        self,
        path: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Read by POST, as some APIs want it; sent again like any read."""
        return self._send(
            _Request(
                method="POST",
                url=self._url(path, ()),
                body=body,
                headers=headers or {},
                read_anyway=read_anyway,
                reads=True,
            )
        )

    def submit(
        self,
        link: str,
        form: Mapping[str, str],
        *,
        read_anyway: frozenset[int] = frozenset(),
        with_secrets: bool = False,
    ) -> Answer:
        """Ask by a form, as OAuth's token endpoints want it; sent again like any read.

        Raises:
            Unexpected: the link leaves the endpoint's scheme, host or port; it is not requested.
        """
        return self._send(
            _Request(
                method="POST",
                url=self.own_url(link),
                form=form,
                read_anyway=read_anyway,
                reads=True,
                with_secrets=with_secrets,
            )
        )

    def put(
        self,
        path: str,
        body: Any,
        parameters: Parameters = (),
        *,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Set fields of a record by its id; sent again like a read."""
        url = self._url(path, parameters)
        return self._send(_Request(method="PUT", url=url, body=body, read_anyway=read_anyway))

    def patch(
        self,
        path: str,
        body: Any,
        parameters: Parameters = (),
        *,
        read_anyway: frozenset[int] = frozenset(),
    ) -> Answer:
        """Change a record by its id; sent again like a read, because that changes no more."""
        url = self._url(path, parameters)
        return self._send(_Request(method="PATCH", url=url, body=body, read_anyway=read_anyway))

    def patch_once(
        self, path: str, body: Any, *, read_anyway: frozenset[int] = frozenset()
    ) -> Answer:
        """Change a record by its id; sent again like a create, so only if nothing happened."""
        request = _Request(method="PATCH", url=self._url(path, ()), body=body, once=True)
        return self._send(replace(request, read_anyway=read_anyway))

    def own_url(self, link: str) -> httpx.URL:
        """Return a link's absolute URL; raises Unexpected when it leaves the endpoint."""
        try:
            url = self._base.join(link)
        except httpx.InvalidURL:
            url = httpx.URL()
        if _origin(url) == _origin(self._base) and not url.userinfo:
            return url
        raise Unexpected(
            f"{self._vendor.name} linked its next page to another place"
            f' ("{self._redactor.clean(f"{url.scheme}://{url.host}")}"), which gets no credentials;'
            " check that the endpoint is the API's own address."
        )

    def pause(self, delay_s: float) -> None:
        """Let no request leave for a while: the vendor asked for it within an answer."""
        self._budget.count_retry()
        self._budget.hold(delay_s)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._budget.usage

    def rest(self) -> None:
        """Close idle connections; the next request connects anew."""
        self._connections.rest()

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _url(self, path: str, parameters: Parameters) -> httpx.URL:
        url = self._base.copy_with(raw_path=(self._base.path.rstrip("/") + path).encode())
        return url.copy_with(params=parameters) if parameters else url

    def _send(self, request: _Request) -> Answer:
        """Send until there is an answer, the retry budget is spent or a retry would be unsafe."""
        self._admit()
        unknown = False
        patience = _Patience(self._options.retry_budget_s, self._options.first_delay_s)
        try:
            for attempt in self._attempts(patience):
                with attempt:
                    if attempt.num > 1:
                        self._budget.count_retry()
                        self._admit()
                    try:
                        return self._once(request)
                    except TryAgain as again:
                        unknown = unknown or again.unknown
                        patience.repeatable = request.repeatable or not again.unknown
                        self._heed(again)
                        raise
        except TryAgain as again:
            raise _with_outcome(again.error, unknown) from again.__cause__
        except RemoteError as error:
            error.maybe_applied = error.maybe_applied or unknown
            raise
        raise AssertionError("the retry loop ends by an answer or an error")

    def _attempts(self, patience: _Patience) -> Any:
        return stamina.retry_context(
            on=patience.delay,
            attempts=None,
            timeout=None,
            wait_initial=self._options.first_delay_s,
            wait_max=_LONGEST_DELAY_S,
            wait_jitter=self._options.first_delay_s,
        )

    def _admit(self) -> None:
        """Wait for the request budget, unless the vendor asked for more patience than we have."""
        held_s = self._budget.acquire(self._options.retry_budget_s)
        if held_s > 0:
            raise RateLimited(
                f"{self._vendor.name} refuses more requests for {held_s:.0f} s; lower the budget.",
                delay_s=held_s,
            )

    def _heed(self, again: TryAgain) -> None:
        if isinstance(again.error, RateLimited) and again.delay_s is not None:
            self._budget.hold(again.delay_s)

    def _once(self, request: _Request) -> Answer:
        if request.is_write and self._options.before_write:
            self._options.before_write()
        started = time.monotonic()
        status: object = "no answer"
        try:
            response, content = self._exchange(request, started)
            status = response.status_code
        except httpx.RequestError as error:
            raise self._failure(request, error) from error
        finally:
            took_s = time.monotonic() - started
            _log.debug("%s %s: %s in %.3f s", request.method, request.url.path, status, took_s)
        redactor = self._redactor.also((*secrets_in(request.body), *_presented(response.request)))
        judge = Judge(self._vendor, redactor, with_secrets=request.with_secrets)
        if response.status_code in request.read_anyway:
            return judge.read_any(response, content)
        return judge.read(response, content, write=request.is_write)

    def _exchange(self, request: _Request, started: float) -> tuple[httpx.Response, bytes]:
        """Send one request and read the whole answer, within its size and time."""
        content = bytearray()
        with (
            self._connections.lend() as client,
            client.stream(
                request.method,
                request.url,
                json=revealed(request.body),
                data=request.form,
                headers=request.headers,
            ) as response,
        ):
            for piece in response.iter_bytes():
                content += piece
                if len(content) > _MAX_ANSWER_BYTES:
                    raise Unexpected(
                        f"{self._vendor.name} sent an answer beyond {_MAX_ANSWER_BYTES} bytes.",
                        maybe_applied=request.is_write,
                    )
                if time.monotonic() - started > self._options.total_timeout_s:
                    raise httpx.ReadTimeout("the answer takes too long", request=response.request)
        return response, bytes(content)

    def _failure(self, request: _Request, error: httpx.RequestError) -> RemoteError | TryAgain:
        why = self._redactor.clean(str(error)) or type(error).__name__
        if _is_certificate_error(error):
            return AccessDenied(
                f"{self._vendor.name}: the certificate of {self._base.host} is not trusted ({why});"
                " check the endpoint, and name the CA if it is a private one."
            )
        text = f"{self._vendor.name} at {self._base.host} does not answer ({why})."
        unknown = request.is_write and not isinstance(error, _NOT_SENT)
        return TryAgain(Unavailable(text), unknown=unknown)


@dataclass(slots=True)
class _Patience:
    """Decides whether a failed attempt is followed by another, and after what delay."""

    budget_s: float
    first_delay_s: float
    repeatable: bool = True
    started: float = field(default_factory=time.monotonic)

    def delay(self, error: Exception) -> bool | float:
        """Return the vendor's delay, True for our own, or False to give up."""
        if not isinstance(error, TryAgain) or not self.repeatable:
            return False
        named_s = error.delay_s or 0.0
        if time.monotonic() - self.started + max(named_s, self.first_delay_s) > self.budget_s:
            return False
        return named_s if named_s > self.first_delay_s else True


def _with_outcome(error: RemoteError, unknown: bool) -> RemoteError:
    """Return the error to raise; an unknown outcome weighs more than a named delay."""
    if unknown and isinstance(error, RateLimited):
        return Unavailable(str(error), maybe_applied=True)
    error.maybe_applied = unknown
    return error


def _presented(request: httpx.Request) -> tuple[Secret, ...]:
    """Return the token that a request carried; it may be younger than the connection."""
    token = request.headers.get("authorization", "").partition(" ")[2]
    return (Secret(token),) if token else ()


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or 443


def _is_certificate_error(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
