"""What an API application may do: the probes behind `muster doctor`."""

from __future__ import annotations

from muster.adapters.halopsa import rest
from muster.adapters.halopsa.rest import CLIENTS, USERS
from muster.adapters.halopsa.tokens import EDIT, READ, Grant, Tokens
from muster.adapters.probing import try_probe
from muster.ports import Check
from muster.transport.http import Transport

_SAMPLE = 50


def check(transport: Transport, tokens: Tokens) -> tuple[Check, ...]:
    """Return one line for each right that Muster needs; one alone when nobody can sign in."""
    grants: list[Grant] = []

    def sign_in() -> tuple[bool, str]:
        grants.append(tokens.grant())
        return True, "the API application got a token"

    signed_in = try_probe("HaloPSA sign-in", sign_in, rest.ADVICE)
    if not grants:
        return (signed_in,)
    return (
        signed_in,
        try_probe("HaloPSA scopes", lambda: _scopes(grants[0]), rest.ADVICE),
        try_probe("HaloPSA clients", lambda: _clients(transport), rest.ADVICE),
        try_probe("HaloPSA users", lambda: _users(transport), rest.ADVICE),
        try_probe("HaloPSA edit right", lambda: _edit_right(grants[0]), rest.ADVICE),
    )


def _scopes(grant: Grant) -> tuple[bool, str]:
    if grant.scopes is None:
        return True, "HaloPSA does not say what it granted"
    if not grant.allows(READ):
        return False, f"{READ} was not granted"
    if grant.excess:
        return True, f"more than needed: {', '.join(grant.excess)}; remove what Muster does not use"
    return True, "no more than needed"


def _clients(transport: Transport) -> tuple[bool, str]:
    rows, count = rest.read_page(transport, CLIENTS, _SAMPLE)
    number = len(rows) if count is None else count
    return number > 0, f"the application's agent sees {number} clients"


def _users(transport: Transport) -> tuple[bool, str]:
    rows, _ = rest.read_page(transport, USERS, _SAMPLE)
    if not rows:
        return True, "not tried: there is no user to try it on"
    shown = sum(1 for row in rows if rest.whole_number(row.get("client_id")) is not None)
    return shown == len(rows), f"{shown} of {len(rows)} users show their client"


def _edit_right(grant: Grant) -> tuple[bool, str]:
    match grant.allows(EDIT):
        case None:
            return True, "not known: HaloPSA does not say what it granted"
        case True:
            return True, f"{EDIT} was granted; the agent's role is not tried, as that would write"
        case _:
            return False, f"{EDIT} was not granted; only policies that observe can do without"
