"""What an API user may do and what the tenant asks for: the probes behind `muster doctor`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from muster.adapters.autotask.contacts import NAME_LENGTH, NameLengths
from muster.adapters.autotask.reading import Listing, count_of
from muster.adapters.autotask.session import Session
from muster.adapters.autotask.verdicts import ADVICE
from muster.adapters.autotask.zones import VERSION
from muster.adapters.probing import try_probe
from muster.errors import Unexpected
from muster.ports import Check

_SENT = frozenset({"id", "companyid", "firstname", "lastname", "emailaddress", "isactive"})
"""What a created contact has, and what Autotask fills in."""

_BUSY_PERCENT = 75
"""Above it every call is delayed by a second.

Source: https://kb.clouddepot.com/knowledge/understanding-autotask-api-limits
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probe:
    name: str
    run: Callable[[Session], tuple[bool, str]]
    advice: str = ADVICE


def check(session: Session) -> tuple[Check, ...]:
    """Return one line for each thing that Muster needs; one alone when nothing works."""
    first = _try(_PROBES[0], session)
    if not first.ok:
        return (first,)
    return (first, *(_try(probe, session) for probe in _PROBES[1:]))


def name_lengths(session: Session) -> NameLengths:
    """Return how long the tenant lets names be."""
    lengths = {str(one.get("name")).lower(): one.get("length") for one in _contact_fields(session)}
    return NameLengths(
        given_name=_length(lengths.get("firstname")), surname=_length(lengths.get("lastname"))
    )


def _length(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else NAME_LENGTH


def _try(probe: _Probe, session: Session) -> Check:
    return try_probe(probe.name, lambda: probe.run(session), ADVICE, found_wrong=probe.advice)


def _sign_in(session: Session) -> tuple[bool, str]:
    _threshold(session)
    return True, f"zone {session.zone} accepts the API user"


def _companies(session: Session) -> tuple[bool, str]:
    count = count_of(session, Listing(entity="Companies", fields=("id",)))
    return count > 0, f"the API user sees {count} companies"


def _contacts(session: Session) -> tuple[bool, str]:
    count = count_of(session, Listing(entity="Contacts", fields=("id",)))
    access = _rights(session, ("Query",))["Query"]
    return access in ("All", ""), f"the API user sees {count} contacts{_shown({'query': access})}"


def _writing(session: Session) -> tuple[bool, str]:
    rights = _rights(session, ("Create", "Update"))
    named = {"add": rights["Create"], "edit": rights["Update"]}
    return "None" not in named.values(), f"contacts may be written{_shown(named)}"


def _fields(session: Session) -> tuple[bool, str]:
    """A tenant may require more than Muster sends, and then every create is refused."""
    fields = _contact_fields(session)
    required = sorted(
        name
        for one in fields
        if one.get("isRequired") and not one.get("isReadOnly")
        if (name := str(one.get("name"))).lower() not in _SENT
    )
    if required:
        return False, f"contacts also need {', '.join(required)}, so none can be created"
    lengths = name_lengths(session)
    return True, f"given names hold {lengths.given_name} characters, surnames {lengths.surname}"


def _requests(session: Session) -> tuple[bool, str]:
    used, limit, minutes = _threshold(session)
    detail = f"{used} of {limit} requests used in {minutes} minutes, by all integrations"
    return used * 100 < limit * _BUSY_PERCENT, detail


_PROBES = (
    _Probe(name="Autotask sign-in", run=_sign_in),
    _Probe(name="Autotask companies", run=_companies),
    _Probe(
        name="Autotask contacts",
        run=_contacts,
        advice="set Organization & Contact Access to All in the API user's security level (CRM).",
    ),
    _Probe(
        name="Autotask contact writing",
        run=_writing,
        advice="let the security level add and edit contacts (CRM), unless you only observe.",
    ),
    _Probe(
        name="Autotask contact fields",
        run=_fields,
        advice="make those fields optional, or create contacts by hand.",
    ),
    _Probe(
        name="Autotask requests",
        run=_requests,
        advice="look at Admin > API Activity by Hour, and lower budgetShare if it is Muster.",
    ),
)


def _rights(session: Session, kinds: tuple[str, ...]) -> dict[str, str]:
    """Return `All`, `Restricted` or `None` for each kind of access; empty where it is not told.

    Source: msoukhomlinov/n8n-nodes-autotask. The OpenAPI file leaves the values' form open.
    """
    body = session.get(f"{VERSION}/Contacts/entityInformation")
    info = body.get("info") if isinstance(body, dict) else None
    if not isinstance(info, dict):
        raise Unexpected("Autotask answered no information about contacts.")
    rights = {kind: info.get(f"userAccessFor{kind}") for kind in kinds}
    return {kind: right if isinstance(right, str) else "" for kind, right in rights.items()}


def _shown(rights: dict[str, str]) -> str:
    told = [f"{kind}: {right}" for kind, right in rights.items() if right]
    return f" ({', '.join(told)})" if told else ""


def _contact_fields(session: Session) -> list[dict[str, Any]]:
    body = session.get(f"{VERSION}/Contacts/entityInformation/fields")
    fields = body.get("fields") if isinstance(body, dict) else None
    if not isinstance(fields, list) or not all(isinstance(one, dict) for one in fields):
        raise Unexpected("Autotask answered no information about the fields of contacts.")
    return fields


def _threshold(session: Session) -> tuple[int, int, int]:
    """Return requests used, requests allowed and the window in minutes."""
    body = session.get(f"{VERSION}/ThresholdInformation")
    names = (
        "currentTimeframeRequestCount",
        "externalRequestThreshold",
        "requestThresholdTimeframe",
    )
    values = [body.get(name) if isinstance(body, dict) else None for name in names]
    if not all(isinstance(value, int) for value in values):
        raise Unexpected("Autotask answered no numbers about its request limit.")
    used, limit, minutes = (int(value or 0) for value in values)
    return used, limit, minutes
