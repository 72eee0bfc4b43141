"""Where ConnectWise's REST root is, for the address that people know."""

from __future__ import annotations

import httpx

from muster.transport.options import base_url

_CLOUD_HOSTS = {
    **{
        f"{region}.myconnectwise.net": f"api-{region}.myconnectwise.net"
        for region in ("na", "eu", "au", "aus", "za")
    },
    "staging.connectwisedev.com": "api-staging.connectwisedev.com",
}
"""Source: KerkhoffTechnologies/django-connectwise, djconnectwise/api.py."""

_ROOT = "/v4_6_release/apis/3.0"
"""`v4_6_release` leads to the tenant's present version, in the cloud and on premises (same)."""


def rest_root(endpoint: str) -> str:
    """Return the REST root for `https://na.myconnectwise.net` or an own host; a path is dropped.

    Raises:
        SpecError: the endpoint is no plain https address.
    """
    url: httpx.URL = base_url(endpoint, "ConnectWise")
    host = _CLOUD_HOSTS.get(url.host, url.host)
    return str(url.copy_with(host=host, raw_path=_ROOT.encode()))
