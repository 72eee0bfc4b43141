"""Where each national cloud signs applications in, and where its Graph is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muster.model.connections import Cloud, Entra


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Two addresses without a trailing slash."""

    login: str
    graph: str

    @property
    def scope(self) -> str:
        """What an application asks a token for: all that it has consent to, of this Graph."""
        return f"{self.graph}/.default"


CLOUDS: Mapping[Cloud, Addresses] = {
    Cloud.GLOBAL: Addresses(
        login="https://login.microsoftonline.com", graph="https://graph.microsoft.com"
    ),
    Cloud.US_GOVERNMENT: Addresses(
        login="https://login.microsoftonline.us", graph="https://graph.microsoft.us"
    ),
    # Of the two names of this login, the one that instance discovery calls preferred.
    Cloud.CHINA: Addresses(
        login="https://login.partner.microsoftonline.cn",
        graph="https://microsoftgraph.chinacloudapi.cn",
    ),
}
"""Source: microsoft-graph-docs-contrib, concepts/deployments.md. GCC High is UsGovernment; DoD is
too, with `graphEndpoint: https://dod-graph.microsoft.us`."""


def addresses_of(settings: Entra) -> Addresses:
    """Return the addresses of a tenant's cloud, or those that the settings name instead."""
    cloud = CLOUDS[settings.cloud]
    return Addresses(
        login=(settings.login_endpoint or cloud.login).rstrip("/"),
        graph=(settings.graph_endpoint or cloud.graph).rstrip("/"),
    )
