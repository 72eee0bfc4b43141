"""From an integration's settings to an open connection: secrets read, options filled in."""

from __future__ import annotations

from dataclasses import replace

from muster.model.connections import Integration, SecretRef
from muster.ports import Secrets
from muster.transport.options import HttpOptions


def http_options(
    integration: Integration, secrets: Secrets, options: HttpOptions | None
) -> HttpOptions:
    """Return the caller's options with the integration's budget and certificates in them.

    Raises:
        SpecError: the CA's secret is missing.
    """
    ca: SecretRef | None = getattr(integration.product, "ca", None)
    return replace(
        options or HttpOptions(),
        budget_share=integration.budget_share,
        ca_pem=secrets.read(ca).reveal() if ca else None,
    )
