"""What an IT Glue key may do: the probes behind `muster doctor`."""

from __future__ import annotations

from collections.abc import Callable, Sized

from muster.adapters.itglue.entries import is_host_proof
from muster.adapters.itglue.pages import Row, page_of, row_of
from muster.adapters.probing import try_probe
from muster.ports import Check
from muster.transport.http import Transport

ADVICE = (
    "check that the API key is active, of this region, and has Password Access"
    " (IT Glue: Account > Settings > API keys)."
)

_SHOW_PROBES = 3
"""An entry may have an empty password or its own access list, so more than one is tried."""

_ONE_ROW = (("page[size]", "1"),)


def require_working_key(transport: Transport) -> None:
    """Raise AccessDenied when the key cannot even list organizations."""
    transport.get("/organizations", _ONE_ROW)


def check(transport: Transport, list_categories: Callable[[], Sized]) -> tuple[Check, ...]:
    """Return one line for each right that Muster needs; one alone when nothing works."""
    organizations = try_probe("IT Glue organizations", lambda: _organizations(transport), ADVICE)
    if not organizations.ok:
        return (organizations,)
    return (
        organizations,
        try_probe("IT Glue password categories", lambda: _categories(list_categories), ADVICE),
        try_probe("IT Glue Password Access", lambda: _password_access(transport), ADVICE),
    )


def _organizations(transport: Transport) -> tuple[bool, str]:
    total = page_of(transport.get("/organizations", _ONE_ROW)).total
    return total > 0, f"the key sees {total} organizations"


def _categories(list_categories: Callable[[], Sized]) -> tuple[bool, str]:
    count = len(list_categories())
    return count > 0, f"{count} categories"


def _password_access(transport: Transport) -> tuple[bool, str]:
    """Look whether a password is shown; writes are refused to a key that sees none.

    Source: itglue/automation issue 32. The value is compared with nothing and kept nowhere.
    """
    rows = _candidates(transport)
    if not rows:
        return True, "not tried: there is no entry to try it on"
    if any(_shows_password(transport, row) for row in rows):
        return True, "the key may read and write passwords"
    return False, f"no password is shown for {len(rows)} entries that were tried"


def _candidates(transport: Transport) -> tuple[Row, ...]:
    parameters = (("filter[archived]", "false"), ("sort", "id"), ("page[size]", "50"))
    rows = page_of(transport.get("/passwords", parameters)).rows
    usable = [row for row in rows if not is_host_proof(row) and not row.attributes.get("personal")]
    usable.sort(key=lambda row: row.attributes.get("password-updated-at") is None)
    return tuple(usable[:_SHOW_PROBES])


def _shows_password(transport: Transport, row: Row) -> bool:
    answer = transport.get(
        f"/passwords/{row.id}",
        (("show_password", "true"),),
        read_anyway=frozenset({401, 403}),
        with_secrets=True,
    )
    return answer.status == 200 and row_of(answer).attributes.get("password") is not None
