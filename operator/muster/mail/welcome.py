"""Writes an account's welcome e-mail. There is no variable that could hold a password."""

from __future__ import annotations

from collections.abc import Mapping

from muster.errors import SpecError
from muster.mail.shipped import WELCOMES
from muster.mail.templates import fill
from muster.model.accounts import AccountRecord
from muster.model.connections import GraphMail, Integration, Smtp
from muster.model.mail import MailMessage, MailSender, MailTemplate, WelcomeSettings, is_address
from muster.model.settings import Customer, Desired

VARIABLES: Mapping[str, str] = {
    "contact": "where to write to: the reply address, else the sender's",
    "customer": "the customer's display name",
    "display_name": "the person's display name, else the user name",
    "given_name": "the given name; may be empty",
    "mail": "the address that the mail goes to",
    "msp_name": "the sender's name, else its address",
    "surname": "the surname; may be empty",
    "user_name": "what the person signs in with",
}
"""All that a template may say, and what each is."""


def sender_of(integration: Integration) -> MailSender:
    """Return who the mails of an integration come from; raises SpecError when it is no mail."""
    if isinstance(integration.product, Smtp | GraphMail):
        return integration.product.sender
    raise SpecError((f"The integration `{integration.name}` sends no mail.",))


def mail_integration(desired: Desired, name: str) -> Integration:
    """Return one of the mail integrations of a customer's policies; raises SpecError."""
    found = next((one for one in desired.mail if one.name == name), None)
    if found is None:
        raise SpecError((f"No policy of {desired.customer.name} sends mail through `{name}`.",))
    return found


def template_of(settings: WelcomeSettings) -> MailTemplate:
    """Return the template of a policy, or the one that is shipped."""
    return settings.template or WELCOMES[settings.language]


def write_welcome(
    record: AccountRecord,
    customer: Customer,
    sender: MailSender,
    template: MailTemplate,
    *,
    again: str = "",
) -> MailMessage:
    """Return the welcome e-mail of an account; `again` tells a repeated one from the first.

    Raises:
        SpecError: the account has no address, or the template cannot be filled.
    """
    address = address_of(record)
    filled = fill(template, variables_of(record, customer, sender, address))
    return MailMessage(
        to=(address,),
        to_name=record.identity.display_name or "",
        subject=filled.subject,
        text=filled.text,
        html=filled.html,
        key="/".join(filter(None, ("welcome", customer.name, record.identity.id, again))),
    )


def address_of(record: AccountRecord) -> str:
    """Return where mail of an account goes; raises SpecError when it can go nowhere."""
    email = record.identity.email
    if email is None or not is_address(email.address):
        raise SpecError(
            (f"{record.identity.user} has no e-mail address that mail can be sent to.",)
        )
    return email.address


def variables_of(
    record: AccountRecord, customer: Customer, sender: MailSender, address: str
) -> dict[str, str]:
    """Return the values of `VARIABLES` for one account."""
    identity = record.identity
    return {
        "contact": sender.reply_to or sender.address,
        "customer": customer.display_name,
        "display_name": identity.display_name or identity.user,
        "given_name": identity.given_name or "",
        "mail": address,
        "msp_name": sender.name or sender.address,
        "surname": identity.surname or "",
        "user_name": identity.user,
    }
