"""Translates between HaloPSA's users and clients and our contacts and companies.

Source: the vendor's OpenAPI, "Halo API v2", schemas Area, Users and Users_List.
"""

from __future__ import annotations

from typing import Any

from muster.adapters.halopsa.rest import ADVICE, Record, whole_number
from muster.adapters.json_values import moment_or_none, text_or_none
from muster.errors import AccessDenied, Rejected, Unexpected
from muster.model.names import RemoteId
from muster.model.records import (
    ContactChange,
    ContactDraft,
    ContactEmail,
    Organization,
    PsaContact,
)
from muster.plan.keys import fold

_EMAILS = ("emailaddress", "email2", "email3")
"""The first is the primary address. Lists show the other two only in some tenants."""

_GENERAL_USER = "general user"
"""The nobody that every site has, for tickets without a person."""


def company_of(record: Record) -> Organization:
    """Return a client; an inactive one is how HaloPSA deletes softly."""
    number = whole_number(record.get("id"))
    if number is None:
        raise Unexpected("HaloPSA answered a client without an id.")
    return Organization(
        id=RemoteId(str(number)),
        name=text_or_none(record.get("name")) or "",
        active=record.get("inactive") is not True,
    )


def require_client(record: Record, client: int) -> None:
    """Raise unless a user is the client's.

    A parameter that HaloPSA does not know is ignored without a word, and then every client's
    users come (https://github.com/homotechsual/HaloAPI/issues/58).

    Raises:
        AccessDenied: the client is not shown.
        Unexpected: it is another client's user.
    """
    owner, number = whole_number(record.get("client_id")), record.get("id")
    if owner is None:
        raise AccessDenied(f"HaloPSA shows user {number} without its client; {ADVICE}")
    if owner != client:
        raise Unexpected(
            f"HaloPSA: user {number} was listed for client {client} but belongs to {owner};"
            " nothing of this answer is used."
        )


def is_person(record: Record) -> bool:
    """Whether a user may be a person: neither a service account nor a site's general user."""
    if record.get("isserviceaccount") is True:
        return False
    return fold(text_or_none(record.get("name"))) != _GENERAL_USER


def contact_of(record: Record) -> PsaContact:
    """Return a contact.

    A user who has only a display name keeps it whole, as the given name: which part of it is
    the surname is not known.
    """
    number = whole_number(record.get("id"))
    if number is None:
        raise Unexpected("HaloPSA answered a user without an id.")
    given, surname = names_of(record)
    return PsaContact(
        id=RemoteId(str(number)),
        given_name=given if given or surname else text_or_none(record.get("name")) or "",
        surname=surname,
        emails=emails_of(record),
        active=record.get("inactive") is not True,
        updated_at=moment_or_none(record.get("ulastupdate")),
    )


def names_of(record: Record) -> tuple[str, str]:
    """Return given name and surname; empty where there is none."""
    return (
        text_or_none(record.get("firstname")) or "",
        text_or_none(record.get("surname")) or "",
    )


def emails_of(record: Record) -> tuple[ContactEmail, ...]:
    """Return the addresses that a record shows, the primary one first."""
    return tuple(
        ContactEmail(id=RemoteId(field), address=address, default=field == _EMAILS[0])
        for field in _EMAILS
        if (address := text_or_none(record.get(field)))
    )


def shows_every_address(record: Record) -> bool:
    """Whether a record tells of all three addresses."""
    return all(field in record for field in _EMAILS)


def draft_record(client: int, site: int, draft: ContactDraft) -> dict[str, Any]:
    """Return a new user; creating one must not send a welcome e-mail.

    Raises:
        Rejected: there is no name at all.
    """
    given, surname = draft.given_name.strip(), draft.surname.strip()
    name = f"{given} {surname}".strip()
    if not name:
        raise Rejected("HaloPSA needs a name to create a user; fill it in in the directory.")
    return {
        "name": name,
        "firstname": given,
        "surname": surname,
        "emailaddress": draft.email,
        "client_id": client,
        "site_id": site,
        "inactive": False,
        "sendwelcomeemail": False,
    }


def change_record(record: Record, change: ContactChange) -> dict[str, Any]:
    """Return what to send of a user: its id and the fields that change, and no others.

    The display name follows a given name or surname where it consists of them.
    Unconfirmed: whether HaloPSA would do so by itself.
    """
    wanted = {
        "firstname": change.given_name,
        "surname": change.surname,
        "emailaddress": change.email,
    }
    fields = {name: value for name, value in wanted.items() if value is not None}
    body = {"id": whole_number(record.get("id")), **fields}
    if change.given_name is None and change.surname is None:
        return body
    composed = " ".join(names_of(record)).strip()
    if composed and fold(composed) == fold(text_or_none(record.get("name"))):
        body["name"] = " ".join(names_of({**record, **fields})).strip()
    return body
