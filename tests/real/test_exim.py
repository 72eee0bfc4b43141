"""Mail to a real Exim: sign-in, encryption, and what each of its refusals means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.parser import BytesParser
from typing import Any

import pytest
from tests.real import exim
from tests.real.exim import Exim

from muster.adapters.smtp import SmtpMailer
from muster.errors import AccessDenied, Rejected, RemoteError, Unavailable
from muster.model.connections import MailSecurity, SecretRef, Smtp
from muster.model.mail import MailMessage, MailSender
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("exim")]

SENDER = MailSender(address="it@msp.example", name="Example IT")
MESSAGE = MailMessage(
    to=("john@contoso.example",),
    to_name="Jörg 山田",
    subject="Grüße aus Muster",
    text="Hello\n.\n.two dots\n" + "long " * 400 + "\n",
    html="<p>Hello</p>",
    key="welcome/1",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exim]:
    """Start a server once; skip where there is none, fail where real servers are required."""
    if reason := exim.missing():
        if os.environ.get("MUSTER_REQUIRE_REAL") == "1":
            pytest.fail(f"Exim: {reason}", pytrace=False)
        pytest.skip(f"Exim: {reason}")
    with exim.running(tmp_path_factory.mktemp("exim")) as running:
        yield running


def _mailer(server: Exim, password: str = exim.PASSWORD, **changes: Any) -> SmtpMailer:
    where = Smtp(
        host="localhost",
        port=server.start_tls,
        user_name=exim.USER,
        password=SecretRef(name="mail", key="password"),
        sender=SENDER,
    )
    options = HttpOptions(read_timeout_s=10, retry_budget_s=1, first_delay_s=0.05)
    trusted = changes.pop("ca_pem", server.ca_pem)
    return SmtpMailer(replace(where, **changes), Secret(password), options, ca_pem=trusted)


@pytest.mark.parametrize("security", MailSecurity)
def test_a_mail_is_delivered_as_it_was_written(server: Exim, security: MailSecurity) -> None:
    """Both ways of encryption, a password beyond ASCII, long lines and lone dots arrive whole."""
    port = server.tls if security is MailSecurity.TLS else server.start_tls
    before = len(server.mails())
    mailer = _mailer(server, security=security, port=port)
    (check,) = mailer.check()
    assert check.ok, check.detail
    mailer.send(MESSAGE)
    delivered = server.mails()
    assert len(delivered) == before + 1
    mail = BytesParser(policy=policy.default).parsebytes(delivered[-1])
    assert mail["Subject"] == MESSAGE.subject
    assert mail["To"] == "Jörg 山田 <john@contoso.example>"
    plain, _ = mail.iter_parts()
    assert plain.get_content().splitlines() == MESSAGE.text.splitlines()


def test_an_address_beyond_ascii_is_delivered(server: Exim) -> None:
    """Exim speaks SMTPUTF8, and so do we."""
    before = len(server.mails())
    _mailer(server).send(replace(MESSAGE, to=("jörg@contoso.example",)))
    assert len(server.mails()) == before + 1


@pytest.mark.parametrize(
    ("message", "sender", "error"),
    [
        ({"to": ("nobody@contoso.example",)}, SENDER.address, Rejected),
        ({"to": ("grey@contoso.example",)}, SENDER.address, Unavailable),
        ({"subject": "SPAM"}, SENDER.address, Rejected),
        ({}, "boss@contoso.example", AccessDenied),
    ],
    ids=["no such user", "greylisted", "refused after the data", "may not send as"],
)
def test_each_refusal_means_what_it_says(
    server: Exim, message: Any, sender: str, error: type[RemoteError]
) -> None:
    """A real server's answers are told apart, and leave nothing in doubt."""
    before = len(server.mails())
    with pytest.raises(RemoteError) as told:
        _mailer(server, sender=replace(SENDER, address=sender)).send(replace(MESSAGE, **message))
    assert isinstance(told.value, error)
    assert not told.value.maybe_applied
    assert len(server.mails()) == before


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"ca_pem": None}])
def test_without_trust_nothing_is_sent(server: Exim, changes: Any) -> None:
    """A wrong password and an unknown authority are a person's to mend."""
    before = len(server.mails())
    with pytest.raises(AccessDenied):
        _mailer(server, **changes).send(MESSAGE)
    assert len(server.mails()) == before
