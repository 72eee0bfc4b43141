"""What an API member may do: the probes behind `muster doctor`."""

from __future__ import annotations

from collections.abc import Callable

from muster.adapters.connectwise import rest
from muster.adapters.probing import try_probe
from muster.errors import Rejected
from muster.ports import Check
from muster.transport.http import Transport

_SAMPLE = (("pageSize", "50"), ("fields", "id,company/id"))
"""Contacts without any company exist, so more than one is looked at."""

_DEFAULT_EMAIL = (
    ("conditions", "emailFlag=true and defaultFlag=true"),
    ("fields", "id,emailFlag,defaultFlag"),
)


def default_email_type(transport: Transport) -> int:
    """Return the id of the tenant's default e-mail type; ids and names differ per tenant.

    Raises:
        Rejected: there is none, so no address can be written.
    """
    for record in rest.read_list(transport, "/company/communicationTypes", _DEFAULT_EMAIL):
        number = record.get("id")
        if record.get("emailFlag") and record.get("defaultFlag") and isinstance(number, int):
            return number
    raise Rejected(
        "ConnectWise has no default e-mail communication type; choose one in its setup tables"
        " (Communication Type), so that addresses can be written."
    )


def check(transport: Transport, email_type: Callable[[], int]) -> tuple[Check, ...]:
    """Return one line for each right that Muster needs; one alone when nothing works."""
    companies = try_probe("ConnectWise companies", lambda: _companies(transport), rest.ADVICE)
    if not companies.ok:
        return (companies,)
    return (
        companies,
        try_probe("ConnectWise contacts", lambda: _contacts(transport), rest.ADVICE),
        try_probe("ConnectWise e-mail type", lambda: _email_type(email_type), rest.ADVICE),
    )


def _companies(transport: Transport) -> tuple[bool, str]:
    count = rest.count_of(transport, "/company/companies")
    return count > 0, f"the API member sees {count} companies"


def _contacts(transport: Transport) -> tuple[bool, str]:
    records = rest.read_list(transport, "/company/contacts", _SAMPLE)
    if not records:
        return True, "not tried: there is no contact to try it on"
    with_company = sum(1 for record in records if record.get("company"))
    return with_company > 0, f"{with_company} of {len(records)} contacts show their company"


def _email_type(email_type: Callable[[], int]) -> tuple[bool, str]:
    return True, f"addresses are written with type {email_type()}"
