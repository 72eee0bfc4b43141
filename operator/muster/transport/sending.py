"""Sends one request until there is an answer, or until nothing more may be tried.

Decides what is sent again and when: reads always; a create only when it provably was not
processed; a change by id also when it may have been, unless its caller looks first. Where a
request may go is `muster.transport.http`'s, what an answer means `muster.transport.answers`'.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import stamina

from muster.errors import AccessDenied, RateLimited, RemoteError, Unavailable, Unexpected
from muster.model.secret import Secret
from muster.transport.answers import Answer, Judge, TryAgain
from muster.transport.budget import RequestBudget, Usage
from muster.transport.connections import Connections, client_of
from muster.transport.options import Connection
from muster.transport.redaction import Redactor, revealed, secrets_in

_log = logging.getLogger(__name__)

_MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A page of 1000 entries with long notes takes a few megabytes."""

_LONGEST_DELAY_S = 20.0

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""After these the request provably did not reach the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, and what is known of sending it twice."""

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
        """Whether it changes something."""
        return self.method != "GET" and not self.reads

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again although it may have taken effect."""
        return not self.once and (self.method != "POST" or self.reads or self.by_id)


class Sender:
    """Sends what a `Transport` asks for; safe to use from many threads."""

    def __init__(self, connection: Connection, redactor: Redactor) -> None:
        self._vendor = connection.vendor
        self._options = connection.options
        self._redactor = redactor
        self._budget = RequestBudget(self._vendor.limit.share(self._options.budget_share))
        self._connections = Connections(client_of(connection))

    def send(self, request: Request) -> Answer:
        """Return the answer; raises as every method of `Transport` does."""
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

    def _once(self, request: Request) -> Answer:
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

    def _exchange(self, request: Request, started: float) -> tuple[httpx.Response, bytes]:
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

    def _failure(self, request: Request, error: httpx.RequestError) -> RemoteError | TryAgain:
        why = self._redactor.clean(str(error)) or type(error).__name__
        host = request.url.host
        if _is_certificate_error(error):
            return AccessDenied(
                f"{self._vendor.name}: the certificate of {host} is not trusted ({why});"
                " check the endpoint, and name the CA if it is a private one."
            )
        text = f"{self._vendor.name} at {host} does not answer ({why})."
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


def _is_certificate_error(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
