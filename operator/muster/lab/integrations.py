"""The MSP's own systems in the lab: one row per product, with what an estate says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import trustme

from muster.lab.connectwise.lab import ConnectWiseLab
from muster.lab.faults import Faults
from muster.lab.generate.estate import CA
from muster.lab.generate.populate import populate_psa, populate_vault
from muster.lab.generate.seeds import PlannedCustomer
from muster.lab.http import HttpLab
from muster.lab.itglue.lab import ItGlueLab
from muster.lab.mix import PsaMix, VaultMix

Secrets = Mapping[tuple[str, str], str]
"""Values by the name and key of their secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabIntegration:
    """One vault or PSA of the lab, empty at first."""

    name: str
    """The name of its Integration."""
    title: str
    """As people say it."""
    simulator: HttpLab | None
    """None: nothing is served, because the system is Muster's own."""
    populate: Callable[[PlannedCustomer], str]
    """Adds a customer with its records; returns the id of its organization or company."""
    spec: Callable[[], dict[str, Any]]
    """The Integration's spec; known once the simulator serves."""
    secrets: Secrets

    def writes(self) -> int:
        """Return how many writes took effect."""
        return self.simulator.writes() if self.simulator else 0


def it_glue(lab: ItGlueLab, categories: tuple[str, ...]) -> LabIntegration:
    """Return the row of a simulated IT Glue."""
    for category in categories:
        lab.add_category(category)

    def spec() -> dict[str, Any]:
        key = {"name": "it-glue", "key": "apiKey"}
        return {"itGlue": {"endpoint": lab.endpoint, "apiKeyRef": key, "caRef": dict(CA)}}

    return LabIntegration(
        name="it-glue",
        title="IT Glue",
        simulator=lab,
        populate=lambda customer: populate_vault(lab, customer),
        spec=spec,
        secrets={("it-glue", "apiKey"): lab.key},
    )


def connect_wise(lab: ConnectWiseLab) -> LabIntegration:
    """Return the row of a simulated ConnectWise."""

    def spec() -> dict[str, Any]:
        body = {
            "endpoint": lab.endpoint,
            "companyId": lab.company_id,
            "clientId": lab.client_id,
            "publicKeyRef": {"name": "connectwise", "key": "publicKey"},
            "privateKeyRef": {"name": "connectwise", "key": "privateKey"},
            "caRef": dict(CA),
        }
        return {"connectWise": body}

    return LabIntegration(
        name="connectwise",
        title="ConnectWise",
        simulator=lab,
        populate=lambda customer: populate_psa(lab, customer),
        spec=spec,
        secrets={
            ("connectwise", "publicKey"): lab.public_key,
            ("connectwise", "privateKey"): lab.private_key,
        },
    )


def open_vault(
    mix: VaultMix, ca: trustme.CA, faults: Faults, categories: tuple[str, ...]
) -> LabIntegration:
    """Return an empty vault of the product that was asked for."""
    match mix:
        case VaultMix.IT_GLUE:
            return it_glue(ItGlueLab(ca=ca, faults=faults), categories)
        case _:
            raise NotImplementedError(mix)


def open_psa(mix: PsaMix, ca: trustme.CA, faults: Faults) -> LabIntegration:
    """Return an empty PSA of the product that was asked for."""
    match mix:
        case PsaMix.CONNECT_WISE:
            return connect_wise(ConnectWiseLab(ca=ca, faults=faults))
        case _:
            raise NotImplementedError(mix)
