"""Which of Autotask's zones a user's database lives in, and where that zone's REST root is.

The lookup gets no credentials, and its answer gets none either unless it names an Autotask
zone: whoever could forge it would otherwise be handed the secret.

Source: KelvinTegelaar/AutotaskAPI, Public/Add-AutotaskBaseURI.ps1; KerkhoffTechnologies/
django-autotask, djautotask/api.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from muster.adapters.autotask.verdicts import explain
from muster.errors import AccessDenied, RemoteError, SpecError, Unexpected
from muster.transport.budget import RequestLimit, Usage
from muster.transport.http import Transport
from muster.transport.options import Connection, HttpOptions, Vendor, base_url

VERSION = "/V1.0"
"""The only version (KelvinTegelaar/AutotaskAPI, v1.json)."""

_ROOT = "ATServicesRest"

_ADVICE = "check userName, as it is typed at login, or name the zone's endpoint."


def is_zone(url: httpx.URL) -> bool:
    """Whether an address is one of Autotask's own; zones are added, so none are listed here."""
    return (
        url.scheme == "https"
        and url.host.endswith(".autotask.net")
        and url.port is None
        and not url.userinfo
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDirectory:
    """Who is asked for a user's zone, and which answers are believed."""

    endpoint: str = "https://webservices2.autotask.net/ATServicesRest"
    """Any zone knows all users; this is the host of the vendor's OpenAPI file."""
    trusts: Callable[[httpx.URL], bool] = is_zone


class ZoneLookup:
    """Asks for the zone of one user."""

    def __init__(self, user_name: str, options: HttpOptions, directory: ZoneDirectory) -> None:
        self._user_name = user_name
        self._directory = directory
        connection = Connection(
            endpoint=directory.endpoint, vendor=_VENDOR, auth=httpx.Auth(), options=options
        )
        self._transport = Transport(connection)

    def find(self) -> str:
        """Return the REST root of the user's zone.

        Raises:
            AccessDenied: Autotask does not know the user.
            Unexpected: the answer names no zone, or a place that is none of Autotask's.
        """
        # Without keys: every public client asks so, although the OpenAPI file lists them.
        body = self._transport.get(f"{VERSION}/ZoneInformation", (("user", self._user_name),)).body
        address = body.get("url") if isinstance(body, dict) else None
        if isinstance(address, str) and address:
            return self._trusted(address)
        if isinstance(body, dict) and (explain(body) or body.get("errorMessage")):
            raise AccessDenied(f"Autotask knows no zone for {self._user_name}; {_ADVICE}")
        raise Unexpected(f"Autotask's zone lookup named no address; {_ADVICE}")

    @property
    def usage(self) -> Usage:
        """Requests, retries and waiting time until now."""
        return self._transport.usage

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _trusted(self, address: str) -> str:
        try:
            root = root_of(address)
        except SpecError:
            root = ""
        if root and self._directory.trusts(httpx.URL(root)):
            return root
        raise Unexpected(
            "Autotask's zone lookup named an address that is no https://….autotask.net, which gets"
            " no credentials; name the zone's endpoint if it is right all the same."
        )


def root_of(endpoint: str) -> str:
    """Return the REST root for an address, with or without its path and version.

    Older answers of the lookup hold a double slash (Public/Add-AutotaskBaseURI.ps1).

    Raises:
        SpecError: it is no plain https address.
    """
    url = base_url(endpoint, "Autotask")
    parts = [part for part in url.path.split("/") if part]
    if parts and parts[-1].lower() == VERSION.strip("/").lower():
        parts.pop()
    return str(url.copy_with(path="/" + "/".join(parts or [_ROOT])))


def _verdict(status: int, body: Any) -> type[RemoteError] | None:
    """An unknown user is answered with 500 and JSON (djautotask/api.py)."""
    unknown = status == 500 and isinstance(body, dict) and "unexpected" not in explain(body).lower()
    return AccessDenied if unknown else None


_VENDOR = Vendor(
    name="Autotask's zone lookup",
    limit=RequestLimit(requests=60, window_s=60),  # ours: it is asked once, and after a 401
    explain=explain,
    access_advice=_ADVICE,
    verdict=_verdict,
)
