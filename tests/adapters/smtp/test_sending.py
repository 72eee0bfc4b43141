"""Mail over real sockets: what is sent, what each refusal means, and what is never in doubt."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster.adapters.clock import utc_now
from muster.adapters.smtp import SmtpMailer
from muster.adapters.smtp.message import pack
from muster.errors import AccessDenied, Rejected, RemoteError, Unavailable
from muster.lab.smtp import LabSmtp, SmtpKnobs
from muster.lab.smtp.lab import USER
from muster.model.connections import MailSecurity, SecretRef, Smtp
from muster.model.mail import MailMessage, MailSender
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

CA = trustme.CA()
CA_PEM = CA.cert_pem.bytes().decode()
QUICK = HttpOptions(
    connect_timeout_s=5, read_timeout_s=5, total_timeout_s=5, retry_budget_s=1, first_delay_s=0.01
)
MESSAGE = MailMessage(
    to=("john@contoso.example",),
    to_name="John Smith",
    subject="Welcome",
    text="Hello John\n.\n.dots stay\n",
    html="<p>Hello John</p>",
    key="welcome/contoso/1",
)
SENDER = MailSender(address="it@msp.example", name="Example IT", reply_to="help@msp.example")


def _mailer(
    lab: LabSmtp,
    *,
    security: MailSecurity = MailSecurity.START_TLS,
    password: str | None = None,
    ca_pem: str | None = CA_PEM,
    **changes: Any,
) -> SmtpMailer:
    where = Smtp(
        host="localhost",
        port=lab.port,
        security=security,
        user_name=USER,
        password=SecretRef(name="mail", key="password"),
        sender=SENDER,
    )
    return SmtpMailer(
        replace(where, **changes), Secret(password or lab.password), QUICK, ca_pem=ca_pem
    )


@contextmanager
def _running(**kind: bool) -> Iterator[LabSmtp]:
    lab = LabSmtp(CA, **kind)
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[LabSmtp]:
    """One mail server with STARTTLS and sign-in."""
    with _running() as lab:
        yield lab


@pytest.fixture
def lab(server: LabSmtp) -> LabSmtp:
    """The same server, empty and in order."""
    server.knobs = SmtpKnobs()
    server.received.clear()
    return server


def test_a_mail_arrives_with_both_parts_and_its_headers(lab: LabSmtp) -> None:
    """Sender, recipient, reply address, both texts and a repeatable id arrive as written."""
    _mailer(lab).send(MESSAGE)
    _mailer(lab).send(MESSAGE)
    first, second = lab.mails
    assert lab.received[0].rcpt_tos == ["john@contoso.example"]
    assert (first["From"], first["To"]) == (
        "Example IT <it@msp.example>",
        "John Smith <john@contoso.example>",
    )
    assert (first["Reply-To"], first["Auto-Submitted"]) == ("help@msp.example", "auto-generated")
    assert first["Message-ID"] == second["Message-ID"]
    plain, html = (part.get_content() for part in first.iter_parts())
    assert plain.splitlines() == MESSAGE.text.splitlines()
    assert html.strip() == MESSAGE.html


def test_a_mail_arrives_over_tls_from_the_first_byte() -> None:
    """Port 465's way works too."""
    with _running(tls=True) as lab:
        _mailer(lab, security=MailSecurity.TLS).send(MESSAGE)
        assert len(lab.mails) == 1


@pytest.mark.parametrize(
    ("spoil", "error", "again"),
    [
        (lambda knobs: knobs.unknown.add("john@contoso.example"), Rejected, False),
        (lambda knobs: setattr(knobs, "greylist", 9), Unavailable, True),
        (lambda knobs: setattr(knobs, "full", True), Unavailable, True),
        (lambda knobs: setattr(knobs, "spam", True), Rejected, False),
        (lambda knobs: setattr(knobs, "relay_denied", True), AccessDenied, True),
    ],
    ids=["no such user", "greylisted", "storage full", "spam", "may not send as"],
)
def test_each_refusal_means_what_it_says(
    lab: LabSmtp, spoil: Callable[[SmtpKnobs], object], error: type[RemoteError], again: bool
) -> None:
    """A refusal for now may be tried again, one of this mail not; none leaves it in doubt."""
    spoil(lab.knobs)
    with pytest.raises(RemoteError) as told:
        _mailer(lab).send(MESSAGE)
    assert type(told.value) is error
    assert not told.value.maybe_applied
    assert lab.received == []
    if again:
        lab.knobs = SmtpKnobs()
        _mailer(lab).send(MESSAGE)
        assert len(lab.received) == 1


def test_a_lost_reply_leaves_the_mail_in_doubt_and_sends_it_once(lab: LabSmtp) -> None:
    """When the server takes the mail and breaks off, nobody sends it a second time."""
    lab.knobs.lose_replies = 1
    with pytest.raises(Unavailable) as told:
        _mailer(lab).send(MESSAGE)
    assert told.value.maybe_applied
    assert len(lab.received) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca_pem": None}, "certificate that is not trusted"),
        ({"password": "wrong-password"}, "refused the sign-in"),
        ({"password": "Pässwörd 密"}, "refused the sign-in"),
    ],
    ids=["unknown authority", "wrong password", "password beyond ASCII"],
)
def test_without_trust_nothing_is_sent(lab: LabSmtp, changes: Any, words: str) -> None:
    """A certificate or a password that does not fit ends it before a mail; neither is shown."""
    mailer = _mailer(lab, **changes)
    with pytest.raises(RemoteError, match=words) as told:
        mailer.send(MESSAGE)
    assert "wrong-password" not in str(told.value)
    assert lab.received == []
    (check,) = mailer.check()
    assert not check.ok


def test_without_encryption_nothing_is_said() -> None:
    """A server that offers no STARTTLS gets neither password nor mail."""
    with _running(start_tls=False, sign_in=False) as lab:
        with pytest.raises(AccessDenied, match="offers no STARTTLS"):
            _mailer(lab).send(MESSAGE)
        assert lab.received == []


def test_a_server_that_breaks_off_at_once_is_tried_again() -> None:
    """Connecting is repeated, because nothing of the mail was said."""
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                calls.append(1)
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        where = Smtp(host="127.0.0.1", port=listener.getsockname()[1], sender=SENDER)
        with pytest.raises(Unavailable, match="cannot be reached, or breaks off") as told:
            SmtpMailer(where, None, QUICK, ca_pem=CA_PEM).send(MESSAGE)
        listener.shutdown(socket.SHUT_RDWR)
    assert not told.value.maybe_applied
    assert len(calls) > 1


def test_names_and_addresses_of_every_script_arrive(lab: LabSmtp) -> None:
    """A local part beyond ASCII travels as SMTPUTF8, a domain in its ASCII form."""
    message = replace(MESSAGE, to=("jörg@bücher.example",), to_name="Jörg 山田", subject="Grüße 🎉")
    _mailer(lab).send(message)
    (mail,) = lab.mails
    assert lab.received[0].rcpt_tos == ["jörg@xn--bcher-kva.example"]
    assert mail["Subject"] == "Grüße 🎉"
    assert "To: Jörg 山田 <jörg@".encode() in lab.contents[0]


@pytest.mark.parametrize("address", ["it@bücher.example", "jörg@msp.example", "no address"])
def test_a_sender_of_every_script_is_checked_as_it_is_sent(lab: LabSmtp, address: str) -> None:
    """The doctor says of a sender what a mail would: it goes through, or is no address."""
    mailer = _mailer(lab, sender=MailSender(address=address))
    (check,) = mailer.check()
    assert check.ok is ("@" in address)
    if check.ok:
        mailer.send(MESSAGE)
    assert len(lab.received) == check.ok


def test_a_server_without_smtputf8_refuses_only_those_who_need_it() -> None:
    """Such an address is refused for good, and nobody else's mail waits for it."""
    with _running(international=False) as lab:
        mailer = _mailer(lab)
        with pytest.raises(Rejected, match="SMTPUTF8"):
            mailer.send(replace(MESSAGE, to=("jörg@contoso.example",)))
        mailer.send(replace(MESSAGE, to_name="Jörg"))
        assert len(lab.received) == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.text(max_size=80), address=st.text(max_size=40), subject=st.text(max_size=400))
def test_nothing_from_a_directory_begins_another_header(
    name: str, address: str, subject: str
) -> None:
    """Whatever stands in a name, an address or a subject, the mail has the headers it should."""
    subject = " ".join("".join(one if one.isprintable() else " " for one in subject).split())
    message = replace(MESSAGE, to_name=name, subject=subject, to=("a@b.example",))
    lines = pack(message, SENDER, utc_now()).content.split(b"\r\n\r\n")[0].split(b"\r\n")
    names = {line.split(b":")[0] for line in lines if not line.startswith((b" ", b"\t"))}
    assert names == {
        *(b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"Auto-Submitted"),
        *(b"MIME-Version", b"Content-Type"),
    }
    hostile = f"{address}\r\nBcc: x@evil.example"
    with pytest.raises(Rejected):
        pack(replace(MESSAGE, to=(hostile,)), SENDER, utc_now())
