"""Translates Graph's users into ours.

Source: https://learn.microsoft.com/graph/api/resources/user
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from muster.adapters.entra.graph import Ask, Graph, Record
from muster.adapters.entra.plans import MAILBOX_PLANS, WORKING
from muster.adapters.json_values import moment_or_none, text_or_none
from muster.errors import AccessDenied, Unexpected
from muster.model.entra import EntraUser
from muster.model.names import AccountId

NEEDS = "User.Read.All"

USER_FIELDS = ",".join(
    (
        "id",
        "userPrincipalName",
        "displayName",
        "givenName",
        "surname",
        "mail",
        "mobilePhone",
        "proxyAddresses",
        "accountEnabled",
        "userType",
        "assignedLicenses",
        "assignedPlans",
        "onPremisesSyncEnabled",
        "onPremisesImmutableId",
        "onPremisesSecurityIdentifier",
        "onPremisesSamAccountName",
        "lastPasswordChangeDateTime",
    )
)

_PRIMARY, _ALIAS = "SMTP:", "smtp:"
_GUEST_MARK = "#EXT#"


def id_of(record: Record) -> str:
    """Return a record's object id, in lower case."""
    found = text_or_none(record.get("id"))
    if found is None:
        raise Unexpected("Microsoft Graph answered a record without an id.")
    return found.lower()


def require_shown(records: Collection[Record]) -> None:
    """Raise AccessDenied when Graph hides who is enabled, as it does with User.ReadBasic.All.

    One user without it is no sign of that: it counts as disabled, and the others go on.
    """
    if records and not any(isinstance(one.get("accountEnabled"), bool) for one in records):
        raise AccessDenied(
            "Microsoft Graph does not show whether users are enabled; grant the application"
            f" {NEEDS} (application permission)."
        )


def user_of(record: Record) -> EntraUser:
    """Return a user."""
    upn = text_or_none(record.get("userPrincipalName"))
    if upn is None:
        raise Unexpected(f"Microsoft Graph shows user {id_of(record)} without a name.")
    addresses = tuple(_texts(record.get("proxyAddresses")))
    return EntraUser(
        id=AccountId(id_of(record)),
        upn=upn,
        display_name=text_or_none(record.get("displayName")),
        given_name=text_or_none(record.get("givenName")),
        surname=text_or_none(record.get("surname")),
        mail=text_or_none(record.get("mail")),
        mobile=text_or_none(record.get("mobilePhone")),
        primary_smtp=next(_stripped(addresses, _PRIMARY), None),
        aliases=tuple(_stripped(addresses, _ALIAS)),
        enabled=record.get("accountEnabled") is True,
        guest=_is_guest(record.get("userType"), upn),
        synced=record.get("onPremisesSyncEnabled") is True,
        immutable_id=text_or_none(record.get("onPremisesImmutableId")),
        on_premises_sid=text_or_none(record.get("onPremisesSecurityIdentifier")),
        on_premises_sam=text_or_none(record.get("onPremisesSamAccountName")),
        mailbox_plan=any(_gives_mailbox(plan) for plan in _rows(record.get("assignedPlans"))),
        licensed=bool(_rows(record.get("assignedLicenses"))),
        password_changed_at=moment_or_none(record.get("lastPasswordChangeDateTime")),
    )


def look_up(graph: Graph, ids: Iterable[str]) -> dict[str, Record]:
    """Return the users of these ids that exist."""
    wanted = sorted(set(ids))
    found = graph.read_many([ask_for(one) for one in wanted])
    return {id_of(record): record for record in found if record is not None}


def ask_for(user: str) -> Ask:
    """Return the request for one user."""
    return Ask(path=f"/users/{user}", parameters=(("$select", USER_FIELDS),), needs=NEEDS)


def _is_guest(kind: Any, upn: str) -> bool:
    """Whether a user is a guest; very old accounts have no userType, and their name says it."""
    return _GUEST_MARK in upn.upper() if kind is None else kind == "Guest"


def _gives_mailbox(plan: Mapping[str, Any]) -> bool:
    return (
        plan.get("service") == "exchange"
        and plan.get("capabilityStatus") in WORKING
        and str(plan.get("servicePlanId")).lower() in MAILBOX_PLANS
    )


def _stripped(addresses: Sequence[str], prefix: str) -> Iterator[str]:
    return (one.removeprefix(prefix) for one in addresses if one.startswith(prefix))


def _texts(value: Any) -> Iterator[str]:
    return (one for one in value or () if isinstance(one, str))


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value or () if isinstance(one, dict)]
