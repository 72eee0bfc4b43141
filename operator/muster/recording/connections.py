"""When two customers' settings lead to the same place, so that one answer serves both."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from muster.model.names import Source
from muster.model.settings import Desired


def connection(source: Source, desired: Desired) -> str:
    """Return what tells a customer's connection from others; empty where there is none.

    An integration's name, budget or suspension change no answer, and do not count.
    """
    settings = _settings(source, desired)
    if settings is None:
        return ""
    text = json.dumps(_without_defaults(settings), sort_keys=True, default=str)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _settings(source: Source, desired: Desired) -> Any:
    customer = desired.customer
    match source:
        case Source.DIRECTORY:
            return customer.active_directory and asdict(customer.active_directory)
        case Source.ENTRA:
            return customer.entra and asdict(customer.entra)
        case Source.VAULT:
            where = customer.vault.organization_id if customer.vault else None
            integration = desired.vault
        case Source.PSA:
            where = customer.psa.company_id if customer.psa else None
            integration = desired.psa
    if where is None or integration is None:
        return None
    product = integration.product
    return {"product": type(product).__name__, "where": where, **asdict(product)}


def _without_defaults(value: Any) -> Any:
    """Leave out what is unset: a field that a later version adds must not change the digest."""
    if isinstance(value, dict):
        return {key: _without_defaults(one) for key, one in value.items() if one}
    return value
