"""The `Mailer` port on one mailbox of the MSP's own tenant, through Microsoft Graph.

Graph accepts a mail and returns no id, so that nobody can look afterwards whether it was sent.

Source: https://learn.microsoft.com/graph/api/user-sendmail
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from muster.adapters.clock import utc_now
from muster.adapters.entra.clouds import addresses_of
from muster.adapters.entra.credentials import Credential, read_credential
from muster.adapters.entra.graph import Graph, explain
from muster.adapters.entra.login_http import Application
from muster.adapters.entra.signin import SignIn
from muster.errors import AccessDenied, MusterError, Rejected, SpecError
from muster.model.connections import GraphMail, Integration
from muster.model.mail import MailMessage, is_address
from muster.ports import Check, Clock, Secrets
from muster.transport.budget import Usage
from muster.transport.options import HttpOptions

NEEDS = "Mail.Send"

_REFUSALS = frozenset({400, 403, 404})

_LIMIT_IT = (
    "grant the application Mail.Send (application permission), limited to the mailbox by RBAC for "
    "Applications in Exchange Online."
)
"""Source: https://learn.microsoft.com/exchange/permissions-exo/application-rbac"""


def open_graph_mail(
    integration: Integration, secrets: Secrets, options: HttpOptions | None = None
) -> GraphMailer:
    """Return the mailer of an integration; nothing is sent yet.

    Raises:
        SpecError: a secret is missing or cannot be used.
    """
    settings = integration.product
    if not isinstance(settings, GraphMail):
        raise SpecError((f"The integration `{integration.name}` is no mailbox.",))
    ca = settings.tenant.ca
    ca_pem = secrets.read(ca).reveal() if ca else None
    share = integration.budget_share
    return GraphMailer(
        settings,
        read_credential(settings.tenant, secrets),
        replace(options or HttpOptions(), ca_pem=ca_pem, budget_share=share),
    )


class GraphMailer:
    """Hands mails to one mailbox; safe to use from many threads."""

    def __init__(
        self,
        settings: GraphMail,
        credential: Credential,
        options: HttpOptions | None = None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        options = options or HttpOptions()
        application = Application(
            tenant_id=settings.tenant.tenant_id,
            client_id=settings.tenant.client_id,
            addresses=addresses_of(settings.tenant),
            credential=credential,
        )
        self._sender = settings.sender
        self._signin = SignIn(application, options, clock)
        self._graph = Graph(self._signin, options)

    def send(self, message: MailMessage) -> None:
        """Hand a mail over, once.

        Raises:
            Rejected: Graph refuses this mail.
            AccessDenied: the permission or the mailbox is missing.
            RemoteError: with `maybe_applied` when no answer came.
        """
        if not all(map(is_address, message.to)):
            raise Rejected("The mail was not sent: what it goes to is no e-mail address.")
        path = f"/users/{quote(self._sender.address, safe='@')}/sendMail"
        body = self._body(message)
        answer = self._graph.submit(path, body, _REFUSALS)
        if answer.status == 403 and self._graph.forget_token():
            answer = self._graph.submit(path, body, _REFUSALS)
        if answer.status == 403:
            raise AccessDenied(f"Microsoft Graph answered 403: {explain(answer.body)}; {_LIMIT_IT}")
        if answer.status == 404:
            raise AccessDenied(
                f"The tenant has no mailbox {self._sender.address}: {explain(answer.body)}. "
                "Give the user a mailbox, or correct `from`."
            )
        if answer.status == 400:
            raise Rejected(f"Microsoft Graph refused the mail: {explain(answer.body)}")

    def check(self) -> tuple[Check, ...]:
        """Try the sign-in, and look whether the token lists the permission."""
        try:
            permissions = self._signin.permissions()
        except MusterError as error:
            return (Check(name="mailbox", ok=False, detail=str(error)),)
        granted = permissions is not None and NEEDS in permissions
        # With RBAC for Applications the right lies in Exchange, and no token shows it.
        detail = (
            f"signed in; {NEEDS} is granted for every mailbox of the tenant"
            if granted
            else f"signed in; {NEEDS} is not in the token, so Exchange must grant it"
        )
        advice = _LIMIT_IT if granted else ""
        return (Check(name="mailbox", ok=True, detail=detail, advice=advice),)

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._graph.usage

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()
        self._signin.close()

    def _body(self, message: MailMessage) -> dict[str, Any]:
        """Return the request; Graph takes one form of the text and makes the other one itself."""
        form = ("HTML", message.html) if message.html else ("Text", message.text)
        mail: dict[str, Any] = {
            "subject": message.subject,
            "body": {"contentType": form[0], "content": form[1]},
            "toRecipients": [_recipient(one, message.to_name) for one in message.to],
            # Graph takes only headers of our own, which begin with x-.
            "internetMessageHeaders": [{"name": "x-auto-response-suppress", "value": "All"}],
        }
        if self._sender.reply_to:
            mail["replyTo"] = [_recipient(self._sender.reply_to, "")]
        return {"message": mail, "saveToSentItems": False}


def _recipient(address: str, name: str) -> dict[str, dict[str, str]]:
    named = {"address": address, "name": name} if name else {"address": address}
    return {"emailAddress": named}
