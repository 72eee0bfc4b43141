"""What a new user, group or role assignment looks like in Graph.

Source: https://learn.microsoft.com/graph/api/resources/user and
https://learn.microsoft.com/graph/api/resources/group
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from muster.lab.graph.state import Json

_BUSINESS, _FREE = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235"
"""Microsoft 365 Business Premium, and Power BI free, which has no mailbox."""
_MAILBOX, _NO_MAILBOX = (
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c",
    "113feb6c-3fe4-4440-bddc-54d774bf0318",
)
"""EXCHANGE_S_STANDARD and EXCHANGE_S_FOUNDATION."""

USER: Json = {
    "id": "",
    "businessPhones": [],
    "displayName": None,
    "givenName": None,
    "jobTitle": None,
    "mail": None,
    "mobilePhone": None,
    "officeLocation": None,
    "preferredLanguage": None,
    "surname": None,
    "userPrincipalName": "",
    "otherMails": [],
    "proxyAddresses": [],
    "accountEnabled": True,
    "userType": "Member",
    "assignedLicenses": [],
    "assignedPlans": [],
    "onPremisesSyncEnabled": None,
    "onPremisesImmutableId": None,
    "onPremisesSecurityIdentifier": None,
    "onPremisesSamAccountName": None,
    "onPremisesDomainName": None,
    "onPremisesDistinguishedName": None,
    "onPremisesLastSyncDateTime": None,
    "lastPasswordChangeDateTime": None,
    "createdDateTime": None,
}
"""Every property that can be selected, with its value where nothing is said."""

GROUP: Json = {
    "id": "",
    "displayName": None,
    "mail": None,
    "securityEnabled": True,
    "mailEnabled": False,
    "groupTypes": [],
    "membershipRule": None,
    "onPremisesSyncEnabled": None,
    "isAssignableToRole": None,
    "visibility": None,
}


def licences(*, licensed: bool, mailbox: bool) -> Json:
    """Return licences and plans; one without a mailbox has Exchange's foundation plan."""
    if not licensed:
        return {"assignedLicenses": [], "assignedPlans": []}
    plans = [_MAILBOX, _NO_MAILBOX] if mailbox else [_NO_MAILBOX]
    return {
        "assignedLicenses": [{"skuId": _BUSINESS if mailbox else _FREE, "disabledPlans": []}],
        "assignedPlans": [plan(one) for one in plans],
    }


def plan(plan_id: str, *, service: str = "exchange", status: str = "Enabled") -> Json:
    """Return one assigned plan."""
    return {
        "assignedDateTime": "2026-01-05T08:00:00Z",
        "capabilityStatus": status,
        "service": service,
        "servicePlanId": plan_id,
    }


def moment(at: datetime) -> str:
    """Return a time as Graph writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def addresses(mail: str | None, aliases: tuple[str, ...]) -> list[Any]:
    """Return proxyAddresses for a primary address and its aliases."""
    primary = [f"SMTP:{mail}"] if mail else []
    return primary + [f"smtp:{alias}" for alias in aliases]
