"""Where HaloPSA's API is, and which authorization server may see the client secret."""

from __future__ import annotations

import httpx

from muster.errors import AccessDenied, SpecError
from muster.transport.options import base_url

_HALO_DOMAINS = ("halopsa.com", "haloitsm.com", "haloservicedesk.com")
"""Domains whose hosts Halo runs: those of the three products whose API the vendor's OpenAPI
describes, HaloPSA, HaloITSM and HaloServiceDesk."""


def rest_root(endpoint: str) -> str:
    """Return the API's root for the address that people know, with or without `/api`.

    Raises:
        SpecError: the endpoint is no plain https address.
    """
    url = base_url(endpoint, "HaloPSA")
    path = url.path.rstrip("/").removesuffix("/api")
    return str(url.copy_with(raw_path=f"{path}/api".encode()))


def authorization_root(named: str) -> str:
    """Return an authorization server's root for what a person wrote, with or without `/token`.

    Raises:
        SpecError: it is no plain https address.
    """
    url = base_url(named, "HaloPSA authorization")
    path = url.path.rstrip("/").removesuffix("/token")
    return str(url.copy_with(raw_path=(path or "/").encode()))


def trusted_authorization(found: str, endpoint: str) -> str:
    """Return the root of the authorization server that the tenant itself names.

    Only the endpoint's own host and port, and hosts that Halo runs, may see the secret.
    A common parent domain is not enough: without a list of public suffixes, `msp.example`
    and `co.example` look alike. Any other server must be written into the settings.

    Raises:
        AccessDenied: the server is another one, or has no TLS; nothing was sent to it.
    """
    try:
        root = httpx.URL(authorization_root(found))
    except SpecError:
        root = httpx.URL()
    if root.host and (_place(root) == _place(httpx.URL(endpoint)) or _is_halos(root)):
        return str(root)
    shown = f"{root.scheme}://{root.host}" if root.host else "no https address"
    raise AccessDenied(
        f"HaloPSA names as its authorization server {shown}, which is neither the endpoint's own"
        " host nor one of Halo's; the client secret is not sent there. If it is right, set"
        " authorizationEndpoint to it."
    )


def _place(url: httpx.URL) -> tuple[str, int]:
    return url.host, url.port or 443


def _is_halos(url: httpx.URL) -> bool:
    return (url.port or 443) == 443 and any(
        url.host == domain or url.host.endswith(f".{domain}") for domain in _HALO_DOMAINS
    )
