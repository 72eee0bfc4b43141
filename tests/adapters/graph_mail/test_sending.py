"""Mail through a mailbox of Microsoft 365, against the simulated Graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
import trustme
from tests.adapters.entra.world import EntraWorld

from muster.adapters.graph_mail import GraphMailer
from muster.errors import AccessDenied, Rejected, RemoteError
from muster.lab.faults import LostReply
from muster.lab.graph import GraphLab
from muster.model.connections import GraphMail
from muster.model.mail import MailMessage, MailSender
from muster.transport.options import HttpOptions

SENDER = MailSender(address="it@contoso.example", reply_to="help@contoso.example")
MESSAGE = MailMessage(
    to=("john@fabrikam.example",),
    to_name="John <b>",
    subject="Welcome",
    text="Hello",
    html="<p>Hello</p>",
    key="welcome/1",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[GraphLab]:
    """A running Graph."""
    with GraphLab(ca=trustme.CA()) as running:
        yield running


@pytest.fixture
def world(lab: GraphLab) -> Iterator[EntraWorld]:
    """The MSP's tenant, where one mailbox may send."""
    with ExitStack() as stack:
        world = EntraWorld(lab, stack)
        lab.consent(world.tenant, frozenset({"Mail.Send"}))
        world.add_user("it", mail=SENDER.address)
        yield world
        world.faults.clear()


Open = Callable[..., GraphMailer]


@pytest.fixture
def open_mailer(world: EntraWorld) -> Iterator[Open]:
    """Opens mailers of the tenant, by default the one that may send."""
    with ExitStack() as stack:

        def open_it(sender: MailSender = SENDER) -> GraphMailer:
            options = HttpOptions(
                ca_pem=world.lab.ca.cert_pem.bytes().decode(), read_timeout_s=2, retry_budget_s=1
            )
            settings = GraphMail(tenant=world.settings, sender=sender)
            mailer = GraphMailer(settings, world.secret(), options)
            stack.callback(mailer.close)
            return mailer

        yield open_it


def test_a_mail_is_handed_over(world: EntraWorld, open_mailer: Open) -> None:
    """Recipient, both addresses and the HTML part arrive, and no copy is kept."""
    open_mailer().send(MESSAGE)
    (sent,) = world.lab.sent_mail(world.tenant)
    message = sent["message"]
    assert message["toRecipients"] == [
        {"emailAddress": {"address": "john@fabrikam.example", "name": "John <b>"}}
    ]
    assert message["body"] == {"contentType": "HTML", "content": "<p>Hello</p>"}
    assert message["replyTo"][0]["emailAddress"]["address"] == "help@contoso.example"
    assert sent["saveToSentItems"] is False


def test_without_html_the_text_is_sent(world: EntraWorld, open_mailer: Open) -> None:
    """Graph takes one form; a plain template stays plain."""
    open_mailer().send(replace(MESSAGE, html=""))
    (sent,) = world.lab.sent_mail(world.tenant)
    assert sent["message"]["body"] == {"contentType": "Text", "content": "Hello"}


def test_a_missing_permission_names_what_to_grant(world: EntraWorld, open_mailer: Open) -> None:
    """The advice says to limit the right to the mailbox."""
    world.lab.consent(world.tenant, frozenset({"User.Read.All"}))
    mailer = open_mailer()
    with pytest.raises(AccessDenied, match=r"Mail\.Send .* limited to the mailbox"):
        mailer.send(MESSAGE)
    (check,) = mailer.check()
    assert "not in the token" in check.detail


def test_a_missing_mailbox_concerns_every_mail(world: EntraWorld, open_mailer: Open) -> None:
    """A sender without a mailbox is a person's to mend; no single mail is given up for it."""
    world.add_user("nobody", mail=None)
    with pytest.raises(AccessDenied, match="has no mailbox"):
        open_mailer(MailSender(address="nobody@contoso.example")).send(MESSAGE)


def test_a_lost_reply_is_in_doubt_and_not_repeated(world: EntraWorld, open_mailer: Open) -> None:
    """Graph gives no id, so nobody can look: it is sent once."""
    world.faults.add(LostReply(), path="sendMail")
    with pytest.raises(RemoteError) as told:
        open_mailer().send(MESSAGE)
    assert told.value.maybe_applied
    assert len(world.lab.sent_mail(world.tenant)) == 1


def test_what_is_no_address_is_not_sent(world: EntraWorld, open_mailer: Open) -> None:
    """It is refused before anything is said."""
    with pytest.raises(Rejected, match="no e-mail address"):
        open_mailer().send(replace(MESSAGE, to=("a@b.example, c@d.example",)))
    assert world.lab.sent_mail(world.tenant) == []
