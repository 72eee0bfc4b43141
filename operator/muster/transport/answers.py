"""What an HTTP answer means: usable, worth another try, or one of our errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from muster.errors import (
    AccessDenied,
    NotFound,
    RateLimited,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)
from muster.transport.options import Vendor
from muster.transport.redaction import Redactor, read_json

_NO_DELAY_NAMED_S = 60.0
"""What to wait when a vendor says "too many requests" and no more."""

_LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that was read to its end. `body` is parsed JSON, or None where there is none."""

    status: int
    body: Any = field(default=None, repr=False)
    next_url: str | None = field(default=None, repr=False)
    """The `Link` header's `rel="next"`."""
    is_json: bool = True


class TryAgain(Exception):
    """Carries an error to the retry loop; never leaves the transport."""

    def __init__(
        self, error: RemoteError, *, delay_s: float | None = None, unknown: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.delay_s = delay_s
        self.unknown = unknown
        """Whether the request may have taken effect all the same."""


class Judge:
    """Reads answers of one vendor to one request."""

    def __init__(self, vendor: Vendor, redactor: Redactor, *, with_secrets: bool = False) -> None:
        self._vendor = vendor
        self._redactor = redactor
        self._with_secrets = with_secrets

    def read(self, response: httpx.Response, content: bytes, *, write: bool) -> Answer:
        """Return a usable answer.

        Raises:
            TryAgain: 429, 408, 5xx, or a body that was cut; or what the vendor's verdict
                says is one of them.
            RemoteError: everything else that is no success.
        """
        if response.is_success:
            return self._success(response, content, write=write)
        verdict = self._vendor.verdict(response.status_code, self._body_or_none(content))
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or verdict is RateLimited:
            raise self._too_many(response.headers)
        if verdict is not None:
            raise self._refusal(response, content, verdict)
        if response.is_server_error or response.status_code == httpx.codes.REQUEST_TIMEOUT:
            text = f"{self._vendor.name} answered {response.status_code}; it has an outage."
            raise TryAgain(
                Unavailable(text), delay_s=retry_after_s(response.headers), unknown=write
            )
        kind = _KINDS.get(response.status_code, Rejected)
        raise self._refusal(response, content, kind)

    def read_any(self, response: httpx.Response, content: bytes) -> Answer:
        """Return an answer whose status the caller knows how to read."""
        try:
            return _answer(response, self._parsed(content))
        except ValueError:
            return Answer(status=response.status_code, is_json=False)

    def _success(self, response: httpx.Response, content: bytes, *, write: bool) -> Answer:
        if write and not content.strip():
            return Answer(status=response.status_code)
        if "html" in response.headers.get("content-type", ""):
            raise Unexpected(
                f"{self._vendor.name} answered a web page where data is due;"
                " check the endpoint, and whether a proxy answers in its place.",
                maybe_applied=write,
            )
        try:
            return _answer(response, self._parsed(content))
        except ValueError:
            pass
        # Outside the handler: the JSON error carries the whole body.
        text = f"{self._vendor.name} sent an answer that was cut or is no JSON."
        raise TryAgain(Unavailable(text), unknown=write)

    def _too_many(self, headers: Mapping[str, str]) -> TryAgain:
        named_s = retry_after_s(headers)
        if named_s is None and self._vendor.pause_s:
            named_s = self._vendor.pause_s()
        delay_s = _NO_DELAY_NAMED_S if named_s is None else named_s
        text = f"{self._vendor.name} refuses more requests for {delay_s:.0f} s; lower the budget."
        return TryAgain(RateLimited(text, delay_s=delay_s), delay_s=named_s)

    def _refusal(
        self, response: httpx.Response, content: bytes, kind: type[RemoteError]
    ) -> RemoteError:
        status = response.status_code
        words = self.words_of(content)
        said = f"{self._vendor.name} answered {status}" + (f": {words}" if words else "")
        if response.is_redirect:
            return Unexpected(f"{said}, a redirect, which is never followed; check the endpoint.")
        if issubclass(kind, AccessDenied):
            return kind(f"{said}; {self._vendor.access_advice}")
        return kind(said)

    def words_of(self, content: bytes) -> str:
        """Return the vendor's own words from an error body, fit for a message."""
        body = self._body_or_none(content)
        return "" if body is None else self._redactor.clean(self._vendor.explain(body))

    def _parsed(self, content: bytes) -> Any:
        return read_json(content, self._vendor.secret_keys, with_secrets=self._with_secrets)

    def _body_or_none(self, content: bytes) -> Any:
        try:
            return read_json(content, self._vendor.secret_keys)
        except ValueError:
            return None


_KINDS: Mapping[int, type[RemoteError]] = {
    httpx.codes.UNAUTHORIZED: AccessDenied,
    httpx.codes.FORBIDDEN: AccessDenied,
    httpx.codes.NOT_FOUND: NotFound,
    httpx.codes.GONE: NotFound,
}


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` names, as a number or as a date; None without one.

    At most an hour: a nonsensical value must not silence an integration for years.

    Source: RFC 9110, section 10.2.3.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return min(float(text), _LONGEST_PAUSE_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.now(UTC)).total_seconds()), _LONGEST_PAUSE_S)


def _answer(response: httpx.Response, body: Any) -> Answer:
    link = response.links.get("next", {}).get("url")
    return Answer(status=response.status_code, body=body, next_url=link)
