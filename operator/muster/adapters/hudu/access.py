"""What a Hudu key may do: the probes behind `muster doctor`. No password is asked for."""

from __future__ import annotations

import re

from muster.adapters.hudu.pages import read_all
from muster.adapters.probing import try_probe
from muster.errors import Rejected
from muster.ports import Check
from muster.transport.http import Transport

ADVICE = (
    "check that the API key is whole, was made with access to passwords, and allows this"
    " machine's address (Hudu: Admin > Basic Information > API Keys)."
)

_UPDATE = "update Hudu; an older one ignores filters that Muster relies on."

_COMPANIES = "give the key every company that Muster is to serve; a new key is needed for that."

_NEVER = "2999-01-01T00:00:00Z,"

_ALWAYS_WHOLE = "; this Hudu does not filter by time of change, so lists are always read whole"

_OLDEST = (2, 1, 5, 7)
"""Source: https://support.getquickpass.com/hc/en-us/articles/4408662234519"""


def check(transport: Transport) -> tuple[Check, ...]:
    """Return one line for each thing that Muster needs; the last only if companies are seen."""
    version = try_probe("Hudu version", lambda: _version(transport), ADVICE, found_wrong=_UPDATE)
    companies = try_probe(
        "Hudu companies", lambda: _companies(transport), ADVICE, found_wrong=_COMPANIES
    )
    if not companies.ok:
        return version, companies
    passwords = try_probe("Hudu password access", lambda: _passwords(transport), ADVICE)
    return version, companies, passwords


def _version(transport: Transport) -> tuple[bool, str]:
    body = transport.get("/api_info").body
    version = str(body.get("version")) if isinstance(body, dict) else "unknown"
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:4])
    return numbers >= _OLDEST, f"version {version}"


def _companies(transport: Transport) -> tuple[bool, str]:
    count = len(read_all(transport, "companies"))
    return count > 0, f"the key sees {count} companies"


def _passwords(transport: Transport) -> tuple[bool, str]:
    """Look whether passwords are listed: one permission of a key covers all that is done to them.

    Nothing was edited in the year 2999: whoever shows an entry of then does not filter by time.

    Source: the vendor's OpenAPI of Hudu 2.44, "Scoping API Keys".
    """
    one = (("page", "1"), ("page_size", "1"))
    try:
        body = transport.get("/asset_passwords", (*one, ("updated_at", _NEVER))).body
        filtered = isinstance(body, dict) and not body.get("asset_passwords")
    except Rejected:
        transport.get("/asset_passwords", one)
        filtered = False
    return True, "the key may read and write passwords" + ("" if filtered else _ALWAYS_WHOLE)
