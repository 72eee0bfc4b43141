"""Reads Microsoft Graph v1.0: single records, whole lists, and several requests in one.

A list is read to its end or the reading fails. `nextLink` is followed as it stands, and never
to another host. Inside a batch each answer is judged by itself.

Source: https://learn.microsoft.com/graph/paging and https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from httpx import QueryParams

from muster.adapters.entra.signin import SignIn
from muster.errors import AccessDenied, RateLimited, Rejected, Unavailable, Unexpected
from muster.transport.answers import Answer, retry_after_s
from muster.transport.budget import RequestLimit, Usage
from muster.transport.http import Parameters, Transport
from muster.transport.options import BearerAuth, Connection, HttpOptions, Vendor
from muster.transport.redaction import Redactor

BATCH_SIZE = 20
PAGE_SIZE = 999

ADVANCED: Mapping[str, str] = {"ConsistencyLevel": "eventual"}
"""With `$count=true`: what Graph demands for casts of members, among others.
Source: https://learn.microsoft.com/graph/aad-advanced-queries"""

_VERSION = "/v1.0"
_FORBIDDEN, _NOT_FOUND = 403, 404
_MAX_PAGES = 10_000

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request of a batch: a path with its query, and the permission that it needs."""

    path: str
    parameters: Parameters = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""


class Graph:
    """Graph as one application in one tenant; safe to use from many threads."""

    def __init__(self, signin: SignIn, options: HttpOptions) -> None:
        self._signin = signin
        self._patience_s = options.retry_budget_s
        self._first_delay_s = options.first_delay_s
        self._transport = Transport(
            Connection(
                endpoint=signin.application.addresses.graph,
                vendor=_VENDOR,
                auth=BearerAuth(signin.token),
                secrets=signin.application.credential.secrets,
                options=options,
            )
        )

    def find(self, path: str, parameters: Parameters = (), *, needs: str) -> Record | None:
        """Return one record, or None when Graph says that it does not exist."""
        answer = self._permitted(
            lambda: self._transport.get(
                _VERSION + path, parameters, read_anyway=frozenset({_FORBIDDEN, _NOT_FOUND})
            ),
            needs,
        )
        if answer.status == _NOT_FOUND:
            self.require_gone(answer.body)
            return None
        return record_in(answer.body)

    def read_list(
        self,
        path: str,
        parameters: Parameters = (),
        *,
        headers: Mapping[str, str] | None = None,
        needs: str,
    ) -> tuple[tuple[Record, ...], int]:
        """Return every record of a list, in the order of arrival, and the number of pages."""
        answer = self._permitted(
            lambda: self._transport.get(
                _VERSION + path, parameters, headers=headers, read_anyway=frozenset({_FORBIDDEN})
            ),
            needs,
        )
        pages = list(self.pages(answer.body, headers))
        return tuple(record for page in pages for record in records_in(page)), len(pages)

    def pages(self, first: Any, headers: Mapping[str, str] | None = None) -> Iterator[Record]:
        """Yield a page that was read, and all that follow it.

        Raises:
            Unexpected: pages follow each other in a circle, or to another host.
        """
        page, followed = record_in(first), set[str]()
        yield page
        while link := next_link(page):
            note_page(link, followed)
            page = record_in(self._transport.follow(link, headers=headers).body)
            yield page

    def read_many(self, asks: Sequence[Ask]) -> tuple[Any, ...]:
        """Return the body of each request, None for what does not exist, in the order asked.

        Twenty go in one request.
        """
        bodies: dict[int, Any] = {}
        for start in range(0, len(asks), BATCH_SIZE):
            waiting = dict(enumerate(asks[start : start + BATCH_SIZE], start))
            bodies |= self._settle(waiting)
        return tuple(bodies[position] for position in range(len(asks)))

    def follow(self, link: str, read_anyway: frozenset[int]) -> Answer:
        """Read what an earlier answer links to; the caller reads the status."""
        return self._transport.follow(link, read_anyway=read_anyway)

    def change(self, path: str, body: Mapping[str, Any], read_anyway: frozenset[int]) -> Answer:
        """Change a record by its id, and not again if that may have worked.

        The caller reads the status.
        """
        return self._transport.patch_once(_VERSION + path, body, read_anyway=read_anyway)

    def submit(self, path: str, body: Mapping[str, Any], read_anyway: frozenset[int]) -> Answer:
        """Call an action that must not be repeated; the caller reads the status."""
        return self._transport.post(_VERSION + path, body, read_anyway=read_anyway)

    def forget_token(self) -> bool:
        """Drop a token that may be older than a consent; False when it is new."""
        return self._signin.drop_old()

    def require_gone(self, body: Any) -> None:
        """Raise unless a 404 is Graph's own word that a record does not exist."""
        if not error_code(body):
            raise Unexpected(
                "A 404 came that is not Microsoft Graph's own; check graphEndpoint, and whether"
                " a proxy answers in its place."
            )

    def denied(self, body: Any, needs: str) -> AccessDenied:
        """Return the error of a 403."""
        said = self._clean(explain(body))
        return AccessDenied(
            f"Microsoft Graph answered 403: {said}; grant the application {needs} (application"
            " permission) in its registration and let an administrator of the customer consent:"
            f" {self._signin.application.consent_link}"
        )

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now, a batch as one."""
        return self._transport.usage

    def rest(self) -> None:
        """Close idle connections; the next request connects anew."""
        self._transport.rest()
        self._signin.rest()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _clean(self, words: str) -> str:
        return Redactor(self._signin.secrets).clean(words)

    def _permitted(self, send: Callable[[], Answer], needs: str) -> Answer:
        """Send, and send again with a new token after a 403: consent may be newer than it."""
        answer = send()
        if answer.status == _FORBIDDEN and self._signin.drop_old():
            answer = send()
        if answer.status == _FORBIDDEN:
            raise self.denied(answer.body, needs)
        return answer

    def _settle(self, waiting: dict[int, Ask]) -> dict[int, Any]:
        """Ask until everything that was put off has been answered, or patience ends."""
        until = time.monotonic() + self._patience_s
        bodies: dict[int, Any] = {}
        backoff_s = self._first_delay_s
        while True:
            answers = self._send_batch(waiting)
            later = [one for one in answers.values() if _put_off(one.status)]
            for position, one in answers.items():
                if not _put_off(one.status):
                    ask = waiting.pop(position)
                    bodies[position] = self._body(ask, one)
            if not waiting:
                return bodies
            named_s = max(retry_after_s(one.headers) or 0.0 for one in later)
            delay_s = max(named_s, backoff_s)
            if time.monotonic() + delay_s > until:
                raise _gave_up(later, delay_s)
            self._transport.pause(delay_s)
            backoff_s *= 2

    def _send_batch(self, waiting: Mapping[int, Ask]) -> dict[int, _Inner]:
        answers = self._post_batch(waiting)
        refused = {at: waiting[at] for at, one in answers.items() if one.status == _FORBIDDEN}
        if refused and self._signin.drop_old():
            answers |= self._post_batch(refused)
        return answers

    def _post_batch(self, waiting: Mapping[int, Ask]) -> dict[int, _Inner]:
        """Send one batch; the answers come in any order, and each request has exactly one."""
        requests = [_request(str(position), ask) for position, ask in waiting.items()]
        body = self._transport.query(f"{_VERSION}/$batch", {"requests": requests}).body
        rows = body.get("responses") if isinstance(body, dict) else None
        answers = {
            row.get("id"): _inner(row)
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict)
        }
        if answers.keys() != {str(position) for position in waiting}:
            raise Unexpected("Microsoft Graph answered a batch with other requests than it got.")
        return {position: answers[str(position)] for position in waiting}

    def _body(self, ask: Ask, answer: _Inner) -> Any:
        if answer.status == 200:
            return answer.body
        if answer.status == _NOT_FOUND:
            self.require_gone(answer.body)
            return None
        if answer.status in (401, _FORBIDDEN):
            raise self.denied(answer.body, ask.needs)
        said = self._clean(explain(answer.body))
        raise Rejected(f"Microsoft Graph answered {answer.status} within a batch: {said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    """One answer within a batch."""

    status: int
    headers: Mapping[str, str]
    body: Any = field(repr=False)


def record_in(body: Any) -> Record:
    """Return a body that must be a JSON object."""
    if isinstance(body, dict):
        return body
    raise Unexpected("Microsoft Graph answered something that is no JSON object.")


def records_in(page: Record) -> tuple[Record, ...]:
    """Return the records of a page; it may hold none and still have a next one."""
    rows = page.get("value")
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return tuple(rows)
    raise Unexpected("Microsoft Graph answered a page without its records.")


def next_link(page: Record) -> str | None:
    """Return the link to the next page, or None on the last one."""
    link = page.get("@odata.nextLink")
    if link is None or (isinstance(link, str) and link):
        return link
    raise Unexpected("Microsoft Graph answered a page with a link that is none.")


def note_page(link: str, followed: set[str]) -> None:
    """Note a link before it is followed; raises Unexpected for pages that never end."""
    if link in followed or len(followed) > _MAX_PAGES:
        raise Unexpected("Microsoft Graph links its pages in a circle; nothing is used.")
    followed.add(link)


def literal(text: str) -> str:
    """Return a text as it stands in an OData filter; a quote in it is doubled."""
    return "'" + text.replace("'", "''") + "'"


def error_code(body: Any) -> str:
    """Return the code of an error body; empty when it is none of Graph's."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code") or "") if isinstance(error, dict) else ""


def explain(body: Any) -> str:
    """Return code, message and request id of an error body."""
    code = error_code(body)
    if not code:
        return ""
    error = body["error"]
    inner = error.get("innerError")
    request = inner.get("request-id") if isinstance(inner, dict) else None
    said = f"{code}: {error.get('message') or 'no message'}"
    return f"{said.rstrip('.')} (request {request})" if request else said


def _request(number: str, ask: Ask) -> dict[str, Any]:
    query = f"?{QueryParams(ask.parameters)}" if ask.parameters else ""
    request: dict[str, Any] = {"id": number, "method": "GET", "url": f"{ask.path}{query}"}
    return {**request, "headers": dict(ask.headers)} if ask.headers else request


def _inner(row: Record) -> _Inner:
    status, headers = row.get("status"), row.get("headers")
    named = headers if isinstance(headers, dict) else {}
    return _Inner(
        status=status if isinstance(status, int) else 0,
        headers={str(name).lower(): str(value) for name, value in named.items()},
        body=row.get("body"),
    )


def _put_off(status: int) -> bool:
    """Whether a request within a batch is to be sent again; 424 because another one failed."""
    return status in (408, 424, 429) or status >= 500


def _gave_up(later: Sequence[_Inner], delay_s: float) -> Unavailable | RateLimited:
    statuses = ", ".join(sorted({str(one.status) for one in later}))
    text = f"Microsoft Graph puts requests within a batch off ({statuses}); try again later."
    if all(one.status == 429 for one in later):
        return RateLimited(text, delay_s=delay_s)
    return Unavailable(text)


_VENDOR = Vendor(
    name="Microsoft Graph",
    # A tenant of fewer than 50 users gives an application 3,500 units in 10 seconds, and the
    # dearest request of ours takes 5 (https://learn.microsoft.com/graph/throttling-limits).
    limit=RequestLimit(requests=700, window_s=10),
    explain=explain,
    access_advice="run `muster doctor` to see which permission is missing.",
)
