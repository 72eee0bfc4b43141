"""Translates between ConnectWise's contacts and companies and ours."""

from __future__ import annotations

from typing import Any

from muster.adapters.connectwise.rest import ADVICE, Record
from muster.adapters.json_values import id_text, moment_or_none, text_or_none
from muster.errors import AccessDenied, Rejected, Unexpected
from muster.model.names import RemoteId
from muster.model.records import ContactDraft, ContactEmail, Organization, PsaContact
from muster.plan.keys import NAME_LIMIT

CONTACT_FIELDS = "id,firstName,lastName,inactiveFlag,company/id,communicationItems,_info"
COMPANY_FIELDS = "id,name,deletedFlag"

_EMAIL = "Email"
"""The channel. The type beside it is a label that each tenant names as it likes."""


def cut_name(text: str) -> str:
    """Return as much of a given name or surname as a contact can hold.

    Unconfirmed: whether the limit counts letters or UTF-16 units.
    """
    return text[:NAME_LIMIT].strip()


def company_of(record: Record) -> Organization:
    """Return a company. Its status is a word that the MSP chose; only deletion is read."""
    return Organization(
        id=RemoteId(id_text(record.get("id"))),
        name=text_or_none(record.get("name")) or "",
        active=record.get("deletedFlag") is not True,
    )


def require_company(record: Record, company: int) -> None:
    """Raise unless a contact is the company's.

    Raises:
        AccessDenied: the reference is blank, because the security role hides it
            (https://github.com/christaylorcodes/ConnectWiseManageAPI/issues/40).
        Unexpected: it is another company's contact.
    """
    reference = record.get("company")
    owner = id_text(reference.get("id")) if isinstance(reference, dict) else ""
    number = id_text(record.get("id"))
    if not owner:
        raise AccessDenied(
            f"ConnectWise shows contact {number} without its company, as it does when the security"
            f" role is too narrow; {ADVICE}"
        )
    if owner != str(company):
        raise Unexpected(
            f"ConnectWise: contact {number} was listed for company {company} but belongs to"
            f" {owner}; nothing of this answer is used."
        )


def contact_of(record: Record) -> PsaContact:
    """Return a contact; the key `communicationItems` is absent when there are none."""
    number = id_text(record.get("id"))
    if not number:
        raise Unexpected("ConnectWise answered a contact without an id.")
    info = record.get("_info")
    items = record.get("communicationItems") or ()
    return PsaContact(
        id=RemoteId(number),
        given_name=text_or_none(record.get("firstName")) or "",
        surname=text_or_none(record.get("lastName")) or "",
        emails=tuple(_email_of(item) for item in items if _is_email(item)),
        active=record.get("inactiveFlag") is not True,
        updated_at=moment_or_none(info.get("lastUpdated")) if isinstance(info, dict) else None,
    )


def draft_record(company: int, draft: ContactDraft, email_type: int) -> dict[str, Any]:
    """Return the body of a new contact.

    Raises:
        Rejected: there is no given name, the one field that ConnectWise insists on.
    """
    given_name, surname = cut_name(draft.given_name), cut_name(draft.surname)
    if not given_name:
        raise Rejected(
            "ConnectWise needs a given name to create a contact; fill it in in the directory."
        )
    record: dict[str, Any] = {
        "firstName": given_name,
        "company": {"id": company},
        "inactiveFlag": False,
        "communicationItems": [email_item(draft.email, email_type)],
    }
    return {**record, "lastName": surname} if surname else record


def email_item(address: str, email_type: int) -> dict[str, Any]:
    """Return a new default e-mail item."""
    return {
        "type": {"id": email_type},
        "value": address,
        "defaultFlag": True,
        "communicationType": _EMAIL,
    }


def _is_email(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and item.get("communicationType") == _EMAIL
        and bool(text_or_none(item.get("value")))
    )


def _email_of(item: Record) -> ContactEmail:
    return ContactEmail(
        id=RemoteId(id_text(item.get("id"))),
        address=text_or_none(item.get("value")) or "",
        default=item.get("defaultFlag") is True,
    )
