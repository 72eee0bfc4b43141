"""The MSP's own systems in the lab: one row per product, with what an estate says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import trustme

from muster.lab.autotask.lab import AutotaskLab
from muster.lab.autotask.populate import populate_autotask
from muster.lab.connectwise.lab import ConnectWiseLab
from muster.lab.faults import Faults
from muster.lab.generate.estate import CA, MAIL
from muster.lab.generate.populate import populate_psa, populate_vault
from muster.lab.generate.seeds import PlannedCustomer
from muster.lab.halopsa.lab import HaloPsaLab
from muster.lab.halopsa.populate import populate_halopsa
from muster.lab.http import HttpLab
from muster.lab.hudu.lab import HuduLab
from muster.lab.hudu.populate import populate_hudu
from muster.lab.itglue.lab import ItGlueLab
from muster.lab.mix import PsaMix, VaultMix
from muster.lab.smtp.lab import USER, LabSmtp
from muster.sealing import new_key

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


def hudu(lab: HuduLab) -> LabIntegration:
    """Return the row of a simulated Hudu."""

    def spec() -> dict[str, Any]:
        key = {"name": "hudu", "key": "apiKey"}
        return {"hudu": {"endpoint": lab.endpoint, "apiKeyRef": key, "caRef": dict(CA)}}

    return LabIntegration(
        name="hudu",
        title="Hudu",
        simulator=lab,
        populate=lambda customer: populate_hudu(lab, customer),
        spec=spec,
        secrets={("hudu", "apiKey"): lab.key},
    )


def native_vault() -> LabIntegration:
    """Return the row of the native vault, which is empty: nobody had one before Muster."""
    key = {"name": "vault", "key": "keys"}
    spec = {"nativeVault": {"backend": "Registry", "keyRef": key}}
    return LabIntegration(
        name="vault",
        title="Native vault",
        simulator=None,
        populate=lambda customer: customer.facts.name,
        spec=lambda: spec,
        secrets={("vault", "keys"): new_key().reveal()},
    )


def autotask(lab: AutotaskLab) -> LabIntegration:
    """Return the row of a simulated Autotask."""

    def spec() -> dict[str, Any]:
        body = {
            "endpoint": lab.endpoint,
            "userName": lab.user_name,
            "secretRef": {"name": "autotask", "key": "secret"},
            "integrationCodeRef": {"name": "autotask", "key": "integrationCode"},
            "caRef": dict(CA),
        }
        return {"autotask": body}

    return LabIntegration(
        name="autotask",
        title="Autotask",
        simulator=lab,
        populate=lambda customer: populate_autotask(lab, customer),
        spec=spec,
        secrets={
            ("autotask", "secret"): lab.secret,
            ("autotask", "integrationCode"): lab.integration_code,
        },
    )


def halo_psa(lab: HaloPsaLab) -> LabIntegration:
    """Return the row of a simulated HaloPSA."""

    def spec() -> dict[str, Any]:
        body = {
            "endpoint": lab.endpoint,
            "clientId": lab.client_id,
            "clientSecretRef": {"name": "halopsa", "key": "clientSecret"},
            "caRef": dict(CA),
        }
        return {"haloPsa": body}

    return LabIntegration(
        name="halopsa",
        title="HaloPSA",
        simulator=lab,
        populate=lambda customer: populate_halopsa(lab, customer),
        spec=spec,
        secrets={("halopsa", "clientSecret"): lab.client_secret},
    )


def mail_spec(lab: LabSmtp) -> dict[str, Any]:
    """Return the Integration's spec of a mail server that serves."""
    body = {
        "host": "localhost",
        "port": lab.port,
        "userName": USER,
        "passwordRef": {"name": MAIL, "key": "password"},
        "caRef": dict(CA),
        "from": USER,
        "fromName": "Example IT",
    }
    return {"smtp": body}


def open_vault(
    mix: VaultMix, ca: trustme.CA, faults: Faults, categories: tuple[str, ...]
) -> LabIntegration:
    """Return an empty vault of the product that was asked for."""
    match mix:
        case VaultMix.IT_GLUE:
            return it_glue(ItGlueLab(ca=ca, faults=faults), categories)
        case VaultMix.HUDU:
            return hudu(HuduLab(ca=ca, faults=faults))
        case VaultMix.NATIVE:
            return native_vault()


def open_psa(mix: PsaMix, ca: trustme.CA, faults: Faults) -> LabIntegration:
    """Return an empty PSA of the product that was asked for."""
    match mix:
        case PsaMix.CONNECT_WISE:
            return connect_wise(ConnectWiseLab(ca=ca, faults=faults))
        case PsaMix.AUTOTASK:
            return autotask(AutotaskLab(ca=ca, faults=faults))
        case PsaMix.HALO_PSA:
            return halo_psa(HaloPsaLab(ca=ca, faults=faults))
