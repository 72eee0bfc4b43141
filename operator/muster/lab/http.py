"""What all HTTP simulators share: the life cycle, the request log, the order of faults.

A product's simulator supplies `answer` and its own error shape; it need not know about
sockets, threads or the log. One lock makes each request, and each seed call, atomic.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import unquote_plus

import trustme
from werkzeug.http import http_date
from werkzeug.wrappers import Request

from muster.lab.faults import (
    CutBody,
    Disconnect,
    Faults,
    HtmlError,
    LostReply,
    Meanwhile,
    ServerError,
    Slow,
    Struck,
    Throttle,
    find_fault,
)
from muster.lab.http_server import Delivery, LoopbackServer, Reply

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLog:
    """One request, without any value that could be a secret. Status 0: it got no answer."""

    method: str
    path: str
    query_keys: tuple[str, ...]
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `requests` within a window; a refused request does not count."""

    requests: int
    window_s: int
    throttle: Throttle = field(default_factory=Throttle)
    aligned: bool = False
    """The window begins at multiples of its length, and does not move with each request."""

    def last_forgotten(self, now: datetime) -> datetime:
        """Return the moment up to which requests count no longer."""
        if not self.aligned:
            return now - timedelta(seconds=self.window_s)
        into_s = now.timestamp() % self.window_s
        return now - timedelta(seconds=into_s, microseconds=1)


class HttpLab(ABC):
    """A stateful simulator of one product, behind TLS on a loopback socket."""

    def __init__(
        self,
        *,
        ca: trustme.CA | None = None,
        faults: Faults | None = None,
        clock: Callable[[], datetime] | None = None,
        rate_limit: RateLimit | None = None,
    ) -> None:
        self.ca = ca or trustme.CA()
        self.faults = faults or Faults()
        self.lock = threading.RLock()
        self.clock: Callable[[], datetime] = clock or _now
        self.witness: Callable[[Request, Reply], None] | None = None
        """Sees each request that was processed, and its answer, secrets included: for tests."""
        self._rate_limit = rate_limit
        self._recent: deque[datetime] = deque()
        self._requests: list[RequestLog] = []
        self._writes = 0
        self._crash: BaseException | None = None
        self._stopping = threading.Event()
        self._server: LoopbackServer | None = None

    @abstractmethod
    def answer(self, request: Request, struck: Struck) -> Reply:
        """Process one request; called with the lock held."""

    @abstractmethod
    def error(self, status: int, title: str) -> Reply:
        """Return an error in the vendor's shape."""

    def is_write(self, request: Request) -> bool:
        """Whether a request that is accepted changes something; some APIs read by POST."""
        return request.method not in _READS

    @property
    def endpoint(self) -> str:
        """The address to connect to, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("the simulator is not started; use it as a context manager")
        return f"https://localhost:{self._server.port}"

    def start(self) -> Self:
        """Listen on a free port."""
        self._stopping.clear()
        self._server = LoopbackServer(self._respond, self.ca)
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop listening; raises RuntimeError when the simulator itself broke meanwhile."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._crash is not None:
            crash, self._crash = self._crash, None
            raise RuntimeError("the simulator broke while it answered a request") from crash

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def requests(self) -> list[RequestLog]:
        """Every request since the start or the last `reset_log`, oldest first."""
        with self.lock:
            return list(self._requests)

    def writes(self) -> int:
        """Count the write requests that were accepted, also those whose reply was lost."""
        with self.lock:
            return self._writes

    def reset_log(self) -> None:
        """Forget the requests and the count of writes; the state and the rate stay."""
        with self.lock:
            self._requests.clear()
            self._writes = 0

    def _respond(self, request: Request) -> Delivery:
        target = request.path + "?" + unquote_plus(request.query_string.decode())
        struck = self.faults.claim(request.method, target)
        if slow := find_fault(struck, Slow):
            self._stopping.wait(slow.delay_s)
        with self.lock:
            delivery = self._deliver(request, struck)
            status = delivery.reply.status if delivery.reply else 0
            keys = tuple(request.args.keys())
            self._requests.append(
                RequestLog(method=request.method, path=request.path, query_keys=keys, status=status)
            )
        if meanwhile := find_fault(struck, Meanwhile):
            meanwhile.action()
        return delivery

    def _deliver(self, request: Request, struck: Struck) -> Delivery:
        if find_fault(struck, Disconnect):
            return Delivery(reply=None)
        if refusal := self._refuse(struck) or self._limit():
            return Delivery(reply=refusal)
        reply = self._answer_safely(request, struck)
        if self.is_write(request) and 200 <= reply.status < 300:
            self._writes += 1
        if self.witness:
            self.witness(request, reply)
        if find_fault(struck, LostReply):
            return Delivery(reply=None)
        return Delivery(reply=reply, cut=find_fault(struck, CutBody) is not None)

    def _answer_safely(self, request: Request, struck: Struck) -> Reply:
        try:
            return self.answer(request, struck)
        except Exception as error:  # noqa: BLE001 - kept, and raised again by stop()
            self._crash = self._crash or error
            return self.error(500, "Internal Server Error")

    def _refuse(self, struck: Struck) -> Reply | None:
        if throttle := find_fault(struck, Throttle):
            return self._throttled(throttle)
        if html := find_fault(struck, HtmlError):
            return html_page(html.status)
        if failure := find_fault(struck, ServerError):
            return self.error(failure.status, HTTPStatus(failure.status).phrase)
        return None

    def _limit(self) -> Reply | None:
        if self._rate_limit is None:
            return None
        now = self.clock()
        start = self._rate_limit.last_forgotten(now)
        while self._recent and self._recent[0] <= start:
            self._recent.popleft()
        if len(self._recent) >= self._rate_limit.requests:
            return self._throttled(self._rate_limit.throttle)
        self._recent.append(now)
        return None

    def _throttled(self, throttle: Throttle) -> Reply:
        reply = html_page(429) if throttle.html else self.error(429, "Too Many Requests")
        after = throttle.retry_after
        if after is None:
            return reply
        value = http_date(after) if isinstance(after, datetime) else str(after)
        return Reply(
            status=429,
            body=reply.body,
            content_type=reply.content_type,
            headers=(*reply.headers, ("Retry-After", value)),
        )


def html_page(status: int) -> Reply:
    """Return the kind of page that a gateway shows instead of an API's answer."""
    body = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return Reply(status=status, body=body.encode(), content_type="text/html")


def _now() -> datetime:
    return datetime.now(UTC)
