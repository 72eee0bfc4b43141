"""What is sent again, what is raised, and what never leaves or shows: the HTTP transport."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import trustme
from werkzeug.wrappers import Request

from muster.errors import (
    AccessDenied,
    NotFound,
    RateLimited,
    Rejected,
    RemoteError,
    SpecError,
    Unavailable,
    Unexpected,
)
from muster.lab.http_server import Delivery, LoopbackServer, Reply
from muster.model.secret import Secret
from muster.transport.budget import RequestBudget, RequestLimit
from muster.transport.http import Transport
from muster.transport.options import (
    BearerAuth,
    Connection,
    HeaderAuth,
    HttpOptions,
    Vendor,
    base_url,
)

KEY = Secret("ITG.very-secret-key")
VENDOR = Vendor(
    name="Acme",
    limit=RequestLimit(requests=1000, window_s=60),
    explain=lambda body: str(body.get("message", "")) if isinstance(body, dict) else "",
    access_advice="check the key.",
)
QUICK = HttpOptions(
    budget_share=100,
    read_timeout_s=0.2,
    total_timeout_s=1,
    retry_budget_s=1.5,
    first_delay_s=0.01,
)

OK = Delivery(reply=Reply(body=b'{"fine": true}'))
DROPPED = Delivery(reply=None)
CUT = Delivery(reply=Reply(body=b'{"fine": true}'), cut=True)


SAID = {"message": "no such field"}


def status(code: int, body: bytes = b"{}", **headers: str) -> Delivery:
    """Return an answer with a status; header names take underscores for hyphens."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Delivery(reply=Reply(status=code, body=body, headers=pairs))


def web_page(code: int) -> Delivery:
    """Return an answer as a gateway gives it."""
    page = Reply(status=code, body=b"<html>sign in</html>", content_type="text/html")
    return Delivery(reply=page)


@dataclass
class Script:
    """A server that answers from a list, and then always the same."""

    answers: list[Delivery | Callable[[], Delivery]] = field(default_factory=list)
    after: Delivery = OK
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(self, request: Request) -> Delivery:
        """Answer one request."""
        with self.lock:
            self.seen.append((request.method, request.full_path, dict(request.headers)))
            answer = self.answers.pop(0) if self.answers else self.after
        return answer() if callable(answer) else answer


Open = Callable[..., Transport]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def script() -> Script:
    """What the server will answer."""
    return Script()


@pytest.fixture
def endpoint(script: Script, ca: trustme.CA) -> Iterator[str]:
    """A running server."""
    server = LoopbackServer(script.respond, ca)
    server.start()
    yield f"https://localhost:{server.port}/api"
    server.stop()


@pytest.fixture
def connect(endpoint: str, ca: trustme.CA) -> Iterator[Open]:
    """Return a function that opens a transport, with other options where given."""
    with ExitStack() as stack:

        def open_transport(vendor: Vendor = VENDOR, **options: Any) -> Transport:
            pem = ca.cert_pem.bytes().decode()
            connection = Connection(
                endpoint=endpoint,
                vendor=vendor,
                auth=HeaderAuth("x-api-key", KEY),
                secrets=(KEY,),
                options=replace(QUICK, **{"ca_pem": pem, **options}),
            )
            transport = Transport(connection)
            stack.callback(transport.close)
            return transport

        yield open_transport


@pytest.mark.parametrize(
    "trouble",
    [status(500), status(503), status(429), status(408), web_page(502), CUT, DROPPED],
    ids=["500", "503", "429", "408", "gateway-page", "cut-body", "disconnect"],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_repeatable_requests_are_sent_again(
    script: Script, connect: Open, trouble: Delivery, method: str
) -> None:
    """A read, and a change by id even if it is a POST, survive any single failure."""
    script.answers = [trouble]
    transport = connect()
    send = {
        "GET": lambda: transport.get("/a"),
        "PATCH": lambda: transport.patch("/a", {}),
        "POST": lambda: transport.post_change("/a", [{"id": 1}]),
    }
    assert send[method]().body == {"fine": True}
    assert [seen[0] for seen in script.seen] == [method, method]
    assert transport.usage.retries == 1
    assert transport.usage.requests == 2


def test_json_that_ends_early_is_read_again(script: Script, connect: Open) -> None:
    """A body that is no whole JSON is an answer that was cut, not an empty one."""
    script.answers = [status(200, b'{"fine": tr')]
    assert connect().get("/a").body == {"fine": True}


@pytest.mark.parametrize(
    "trouble",
    [status(500), status(503), web_page(502), CUT, DROPPED, status(200, b"{")],
    ids=["500", "503", "gateway-page", "cut-body", "lost-reply", "cut-json"],
)
@pytest.mark.parametrize("method", ["post", "patch_once"])
def test_a_create_is_never_repeated_when_its_outcome_is_unknown(
    script: Script, connect: Open, trouble: Delivery, method: str
) -> None:
    """After an unclear failure of a create, or of a change whose caller looks first, there is
    one request and a warning to look.
    """
    script.answers = [trouble]
    with pytest.raises(Unavailable) as caught:
        getattr(connect(), method)("/a", {})
    assert caught.value.maybe_applied
    assert len(script.seen) == 1


@pytest.mark.parametrize("method", ["post", "patch_once"])
def test_a_create_that_was_not_processed_is_repeated(
    script: Script, connect: Open, method: str
) -> None:
    """429 says that nothing happened, so a create is sent again, and so is such a change."""
    script.answers = [status(429)]
    assert getattr(connect(), method)("/a", {}).body == {"fine": True}
    assert len(script.seen) == 2


def test_a_create_is_repeated_while_no_connection_comes_about(ca: trustme.CA) -> None:
    """Without a connection nothing was created, and the error says so."""
    connection = Connection(
        endpoint="https://127.0.0.1:9",
        vendor=VENDOR,
        auth=HeaderAuth("x-api-key", KEY),
        options=replace(QUICK, retry_budget_s=0.1),
    )
    transport = Transport(connection)
    with pytest.raises(Unavailable) as caught:
        transport.post("/a", {})
    assert not caught.value.maybe_applied
    assert transport.usage.retries >= 1
    transport.close()


def test_a_change_that_never_gets_an_answer_is_unknown(script: Script, connect: Open) -> None:
    """A change by id that fails to the end says that it may have been applied."""
    script.after = DROPPED
    with pytest.raises(Unavailable) as caught:
        connect(retry_budget_s=0.1).patch("/a", {})
    assert caught.value.maybe_applied


def test_an_unknown_outcome_outweighs_a_later_refusal(script: Script, connect: Open) -> None:
    """A change that was lost and then throttled is unknown, not merely late."""
    script.answers = [DROPPED, status(429, Retry_After="900")]
    with pytest.raises(Unavailable) as caught:
        connect().patch("/a", {})
    assert caught.value.maybe_applied


def test_a_slow_answer_is_a_time_out(script: Script, connect: Open) -> None:
    """A system that does not answer in time is unavailable, and a create then unknown."""
    gone = threading.Event()

    def slow() -> Delivery:
        gone.wait(0.6)
        return OK

    script.answers = [slow]
    with pytest.raises(Unavailable) as caught:
        connect().post("/a", {})
    gone.set()
    assert caught.value.maybe_applied


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(script: Script, connect: Open, form: str) -> None:
    """The next request waits as long as the system asked, in seconds or until a date."""
    moment = datetime.now(UTC) + timedelta(seconds=2)
    value = "1" if form == "seconds" else format_datetime(moment, usegmt=True)
    script.answers = [status(429, Retry_After=value)]
    started = time.monotonic()
    connect(retry_budget_s=5).get("/a")
    assert time.monotonic() - started > 0.9


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "nan",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 +9999999999999999999",
    ],
)
def test_a_useless_retry_after_falls_back_to_our_own_delay(
    script: Script, connect: Open, value: str
) -> None:
    """An unreadable or past delay neither stops the retry nor makes it a busy loop."""
    script.answers = [status(429, Retry_After=value)]
    assert connect().get("/a").body == {"fine": True}


def test_an_empty_answer_to_a_read_is_none(script: Script, connect: Open) -> None:
    """A write may be answered by nothing; where data is due, nothing is an answer that was cut."""
    script.after = status(200, b" ")
    assert connect().patch("/a", {}).body is None
    with pytest.raises(Unavailable, match="cut"):
        connect(retry_budget_s=0.1).get("/a")


def test_a_share_is_never_nothing() -> None:
    """One percent of ten requests is one, and not none for ever."""
    assert RequestLimit(requests=10, window_s=60).share(1).requests == 1


def test_a_short_pause_does_not_end_a_long_one() -> None:
    """Of two that the vendor asked for, the later end counts."""
    budget = RequestBudget(RequestLimit(requests=10, window_s=60))
    budget.hold(900)
    budget.hold(1)
    assert budget.held_s > 800


def test_a_delay_beyond_the_budget_is_handed_to_the_caller(script: Script, connect: Open) -> None:
    """The caller learns the delay, and no other request bothers the system meanwhile."""
    script.answers = [status(429, Retry_After="900")]
    transport = connect()
    with pytest.raises(RateLimited) as first:
        transport.get("/a")
    with pytest.raises(RateLimited) as second:
        transport.get("/b")
    assert first.value.delay_s == 900
    assert 890 < second.value.delay_s <= 900
    assert len(script.seen) == 1


@pytest.mark.parametrize("value", ["999999999", "Fri, 31 Dec 2999 23:59:59 GMT"])
def test_a_pause_of_years_is_an_hour(script: Script, connect: Open, value: str) -> None:
    """A nonsensical delay does not silence an integration for good."""
    script.answers = [status(429, Retry_After=value)]
    with pytest.raises(RateLimited) as caught:
        connect().get("/a")
    assert caught.value.delay_s == 3600


def test_endless_throttling_without_a_named_delay_is_rate_limited(
    script: Script, connect: Open
) -> None:
    """When the budget is spent on bare 429s, the error still names a delay."""
    script.after = status(429)
    with pytest.raises(RateLimited) as caught:
        connect(retry_budget_s=0.1).get("/a")
    assert caught.value.delay_s == 60


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(401), AccessDenied),
        (status(403), AccessDenied),
        (status(400), Rejected),
        (status(404), NotFound),
        (status(410), NotFound),
        (status(422), Rejected),
        (status(302, Location="https://elsewhere.invalid/"), Unexpected),
        (web_page(200), Unexpected),
    ],
    ids=["401", "403", "400", "404", "410", "422", "redirect", "page"],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_refusals_are_raised_at_once(
    script: Script, connect: Open, answer: Delivery, error: type[RemoteError], method: str
) -> None:
    """What another try cannot change is raised after one request."""
    script.answers = [answer]
    transport = connect()
    with pytest.raises(error) as caught:
        transport.get("/a") if method == "get" else transport.post("/a", {})
    assert type(caught.value) is error
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("code", "kind", "sent"),
    [(500, Rejected, 1), (401, Unexpected, 1), (400, RateLimited, 2), (500, None, 2)],
)
def test_a_vendors_verdict_outweighs_the_status(
    script: Script, connect: Open, code: int, kind: type[RemoteError] | None, sent: int
) -> None:
    """A refusal in an outage's clothes is raised at once and in no doubt, and the reverse."""
    script.after = status(code, b'{"message": "no such field"}')
    vendor = replace(
        VENDOR, verdict=lambda seen, body: kind if (seen, body) == (code, SAID) else Unavailable
    )
    with pytest.raises(kind or Unavailable) as caught:
        connect(vendor, first_delay_s=0.2, retry_budget_s=0.35).patch("/a", {})
    assert caught.value.maybe_applied is (kind is None)
    assert len(script.seen) == sent


def test_the_vendors_words_are_shown_short_and_clean(script: Script, connect: Open) -> None:
    """A message is one line of bounded length, without the key even when the vendor echoes it."""
    words = f"bad key {KEY.reveal()}\\n" + "x" * 500
    script.answers = [status(422, f'{{"message": "{words}"}}'.encode())]
    with pytest.raises(Rejected) as caught:
        connect().get("/a")
    text = str(caught.value)
    assert text.startswith("Acme answered 422: bad key *** xxx")
    assert len(text) < 250
    assert "\n" not in text


def test_a_token_that_the_vendor_echoes_is_not_shown(
    script: Script, endpoint: str, ca: trustme.CA
) -> None:
    """Not even one that the connection was not opened with, because tokens change."""
    script.answers = [status(422, b'{"message": "bad token young-token"}')]
    options = replace(QUICK, ca_pem=ca.cert_pem.bytes().decode())
    auth = BearerAuth(lambda _: Secret("young-token"))
    transport = Transport(Connection(endpoint=endpoint, vendor=VENDOR, auth=auth, options=options))
    with pytest.raises(Rejected, match=r"bad token \*\*\*"):
        transport.get("/a")
    transport.close()


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.invalid/api/a?page=2",
        "http://localhost/api/a",
        "https://localhost:1/api/a",
        "//elsewhere.invalid/a",
        "https://user:pass@localhost/api",
        "https://[::bad",
    ],
)
def test_a_link_to_another_place_is_never_requested(
    script: Script, connect: Open, link: str
) -> None:
    """Another scheme, host or port gets neither a request nor the credentials."""
    with pytest.raises(Unexpected):
        connect().follow(link)
    assert script.seen == []


def test_a_link_to_the_same_place_is_followed(script: Script, connect: Open, endpoint: str) -> None:
    """A next page at the endpoint is read with the credentials."""
    connect().follow(f"{endpoint}/a?page=2")
    method, path, headers = script.seen[0]
    assert (method, path) == ("GET", "/api/a?page=2")
    assert headers["X-Api-Key"] == KEY.reveal()


@pytest.mark.parametrize(
    "endpoint",
    ["http://acme.example", "acme.example", "https://u:p@acme.example", "https://acme.example?a=1"],
)
def test_an_endpoint_that_is_no_plain_https_address_is_refused(endpoint: str) -> None:
    """Credentials only ever travel over TLS, and an address carries none itself."""
    with pytest.raises(SpecError) as caught:
        base_url(endpoint, "Acme")
    assert "u:p" not in str(caught.value)


def test_an_untrusted_certificate_is_access_denied(script: Script, connect: Open) -> None:
    """A certificate of an unknown CA stops the request, at once and with advice."""
    with pytest.raises(AccessDenied, match="certificate"):
        connect(ca_pem=None).get("/a")
    assert script.seen == []


def test_a_ca_that_is_no_certificate_is_a_spec_error(connect: Open) -> None:
    """A wrong CA value is named before anything is sent."""
    with pytest.raises(SpecError, match="PEM"):
        connect(ca_pem="not a certificate")


def test_the_guard_is_asked_before_each_write_and_only_then(script: Script, connect: Open) -> None:
    """A process that lost its right to write sends no write, and may still read."""

    def refuse() -> None:
        raise PermissionError("the lease is gone")

    transport = connect(before_write=refuse)
    transport.get("/a")
    with pytest.raises(PermissionError):
        transport.post("/a", {})
    with pytest.raises(PermissionError):
        transport.patch("/a", {})
    assert [seen[0] for seen in script.seen] == ["GET"]


def test_the_guard_is_asked_again_before_a_retry(script: Script, connect: Open) -> None:
    """Each attempt of a write is checked, because a delay may outlive the lease."""
    asked: list[int] = []
    script.answers = [status(500)]
    connect(before_write=lambda: asked.append(1)).patch("/a", {})
    assert len(asked) == 2


def test_nothing_personal_is_logged(
    script: Script, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG there is method, path and status; no query, body, header or key."""
    caplog.set_level(logging.DEBUG, logger="muster")
    script.answers = [status(500)]
    transport = connect()
    transport.get("/a", (("filter[name]", "joan@contoso.example"),))
    transport.post("/b", {"notes": "joan's notes"})
    assert "GET /api/a: 200 in" in caplog.text
    for hidden in ("joan", KEY.reveal(), "filter", "fine"):
        assert hidden not in caplog.text


def test_errors_and_settings_do_not_show_the_key(script: Script, connect: Open) -> None:
    """Neither an error's text nor any representation holds the key."""
    script.answers = [DROPPED]
    transport = connect(retry_budget_s=0)
    with pytest.raises(Unavailable) as caught:
        transport.post("/a", {"password": "p4ss"})
    shown = repr(caught.value) + repr(caught.value.__cause__) + repr(vars(transport))
    assert KEY.reveal() not in shown
    assert "p4ss" not in shown


def test_a_pause_that_grows_while_waiting_is_not_waited_for() -> None:
    """Who waits out a short pause is told when another thread is asked for an hour."""
    budget = RequestBudget(RequestLimit(requests=10, window_s=1))
    budget.hold(0.2)
    answers: list[float] = []
    waiting = threading.Thread(target=lambda: answers.append(budget.acquire(1.0)))
    waiting.start()
    budget.hold(3600)
    waiting.join(5)
    assert [answer > 3000 for answer in answers] == [True]


def test_the_budget_slows_requests_down(connect: Open) -> None:
    """Beyond its share of the limit, a request waits until the window has moved on."""
    vendor = replace(VENDOR, limit=RequestLimit(requests=6, window_s=1))
    transport = connect(vendor=vendor, budget_share=50)
    started = time.monotonic()
    threads = [threading.Thread(target=transport.get, args=("/a",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started > 0.9
    assert transport.usage.requests == 4
    assert transport.usage.throttled_s > 0.5


def test_a_form_is_a_read_that_stays_at_its_endpoint(script: Script, connect: Open) -> None:
    """A token endpoint is asked by a form, again after an outage, and nowhere else."""
    script.answers = [status(503)]
    transport = connect()
    assert transport.submit("/token", {"grant_type": "x y"}).body == {"fine": True}
    assert [(method, path) for method, path, _ in script.seen] == [("POST", "/token?")] * 2
    assert script.seen[-1][2]["Content-Type"] == "application/x-www-form-urlencoded"
    with pytest.raises(Unexpected, match="another place"):
        transport.submit("https://elsewhere.example/token", {})


def test_a_pause_holds_every_request(connect: Open) -> None:
    """What a vendor asks for within an answer counts as if it came with a 429."""
    transport = connect()
    transport.pause(600)
    with pytest.raises(RateLimited) as caught:
        transport.get("/things")
    assert caught.value.delay_s > 590
    assert transport.usage.retries == 1
