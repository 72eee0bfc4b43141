"""Translates between Autotask's contacts and companies and ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.adapters.autotask.reading import Record
from muster.adapters.json_values import id_text, moment_or_none, text_or_none
from muster.errors import Rejected, Unexpected
from muster.model.names import RemoteId
from muster.model.records import ContactChange, ContactDraft, ContactEmail, Organization, PsaContact

EMAIL_SLOTS = ("emailAddress", "emailAddress2", "emailAddress3")
"""An address has no id of its own, so its slot's name serves as one. The first is the default."""

CONTACT_FIELDS = (
    "id",
    "companyID",
    "firstName",
    "lastName",
    *EMAIL_SLOTS,
    "isActive",
    "lastModifiedDate",  # lastActivityDate moves with every ticket
)
COMPANY_FIELDS = ("id", "companyName", "isActive")

NAME_LENGTH = 20
"""Where the field information names no length. Unconfirmed: tenants with another one."""

_EMAIL_LENGTH = 254
"""What is enforced; the field information says less. Unconfirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameLengths:
    """How many UTF-16 units given name and surname may take."""

    given_name: int = NAME_LENGTH
    surname: int = NAME_LENGTH


def clip(text: str, length: int) -> str:
    """Return as much of a name as fits, never half of a letter.

    Unconfirmed: that UTF-16 units are counted, as .NET and SQL Server do.
    """
    units, end = 0, 0
    for letter in text.strip():
        units += 2 if ord(letter) > 0xFFFF else 1
        if units > length:
            break
        end += 1
    return text.strip()[:end].strip()


def company_of(record: Record) -> Organization:
    """Return a company; its classification and type are the MSP's own and not read."""
    return Organization(
        id=RemoteId(id_text(record.get("id"))),
        name=text_or_none(record.get("companyName")) or "",
        active=_is_active(record),
    )


def require_company(record: Record, company: int) -> None:
    """Raise unless a contact is the company's.

    Raises:
        Unexpected: it is not; nothing of the answer can be used.
    """
    owner = record.get("companyID")
    if isinstance(owner, bool) or owner != company:
        raise Unexpected(
            f"Autotask: contact {id_text(record.get('id'))} was listed for company {company} but"
            f" belongs to {id_text(owner) or 'none'}; nothing of this answer is used."
        )


def contact_of(record: Record) -> PsaContact:
    """Return a contact."""
    addresses = ((slot, text_or_none(record.get(slot))) for slot in EMAIL_SLOTS)
    return PsaContact(
        id=RemoteId(id_text(record.get("id"))),
        given_name=text_or_none(record.get("firstName")) or "",
        surname=text_or_none(record.get("lastName")) or "",
        emails=tuple(
            ContactEmail(id=RemoteId(slot), address=address, default=slot == EMAIL_SLOTS[0])
            for slot, address in addresses
            if address
        ),
        active=_is_active(record),
        updated_at=moment_or_none(record.get("lastModifiedDate")),
    )


def draft_record(draft: ContactDraft, lengths: NameLengths) -> dict[str, Any]:
    """Return the body of a new contact; the company is named by the path.

    Raises:
        Rejected: there is no given name or no surname, both of which Autotask insists on, or the
            address is longer than it can hold.
    """
    given_name = clip(draft.given_name, lengths.given_name)
    surname = clip(draft.surname, lengths.surname)
    if not given_name or not surname:
        missing = "surname" if given_name else "given name"
        raise Rejected(
            f"Autotask needs a {missing} to create a contact; fill it in in the directory."
        )
    return {
        "firstName": given_name,
        "lastName": surname,
        EMAIL_SLOTS[0]: _fitting(draft.email),
        "isActive": 1,  # a number here, and a boolean for companies (the OpenAPI file)
    }


def changed_fields(change: ContactChange, lengths: NameLengths) -> dict[str, Any]:
    """Return the fields that a change names, as Autotask calls them.

    Raises:
        Rejected: a name becomes empty, or the address is longer than Autotask can hold.
    """
    fields: dict[str, Any] = {}
    if change.given_name is not None:
        fields["firstName"] = clip(change.given_name, lengths.given_name)
    if change.surname is not None:
        fields["lastName"] = clip(change.surname, lengths.surname)
    if "" in fields.values():
        raise Rejected("Autotask's contacts need both names; fill them in in the directory.")
    if change.email is not None:
        fields[EMAIL_SLOTS[0]] = _fitting(change.email)
    return fields


def _fitting(address: str) -> str:
    # A name may be cut and still be one; an address may not.
    if len(address) > _EMAIL_LENGTH:
        raise Rejected(f"Autotask holds addresses of at most {_EMAIL_LENGTH} characters.")
    return address


def _is_active(record: Record) -> bool:
    """Return the flag, which is 1 or 0 for contacts and a boolean for companies."""
    flag = record.get("isActive")
    if flag in (0, 1):
        return bool(flag)
    raise Unexpected(f"Autotask answered record {id_text(record.get('id'))} without isActive.")
