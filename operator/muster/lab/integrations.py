"""The MSP's own systems in the lab: one row per product, with what an estate says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
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

_FIELDS = {"keys": "keyRef"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabIntegration:
    """One vault or PSA of the lab, empty at first."""

    name: str
    """The name of its Integration, and of its secret."""
    title: str
    """As people say it."""
    product: str
    """The field of the Integration's spec that configures it."""
    simulator: HttpLab | None
    """None: nothing is served, because the system is Muster's own."""
    populate: Callable[[PlannedCustomer], str]
    """Adds a customer with its records; returns the id of its organization or company."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What its spec says beside address and secrets."""
    values: Mapping[str, str] = field(repr=False)
    """The values of its secret by key; the spec's field for `apiKey` is `apiKeyRef`.

    A key ring holds several keys, so its one differs (`_FIELDS`).
    """

    def spec(self) -> dict[str, Any]:
        """Return the Integration's spec; known once the simulator serves."""
        served = {"endpoint": self.simulator.endpoint, "caRef": dict(CA)} if self.simulator else {}
        refs = {
            _FIELDS.get(key, f"{key}Ref"): {"name": self.name, "key": key} for key in self.values
        }
        return {self.product: {**served, **self.settings, **refs}}

    @property
    def secrets(self) -> dict[tuple[str, str], str]:
        """The values by the name and key of their secret."""
        return {(self.name, key): value for key, value in self.values.items()}

    def writes(self) -> int:
        """Return how many writes took effect."""
        return self.simulator.writes() if self.simulator else 0


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
            it_glue = ItGlueLab(ca=ca, faults=faults)
            for category in categories:
                it_glue.add_category(category)
            return LabIntegration(
                name="it-glue",
                title="IT Glue",
                product="itGlue",
                simulator=it_glue,
                populate=partial(populate_vault, it_glue),
                values={"apiKey": it_glue.key},
            )
        case VaultMix.HUDU:
            hudu = HuduLab(ca=ca, faults=faults)
            return LabIntegration(
                name="hudu",
                title="Hudu",
                product="hudu",
                simulator=hudu,
                populate=partial(populate_hudu, hudu),
                values={"apiKey": hudu.key},
            )
        case VaultMix.NATIVE:
            return LabIntegration(
                name="vault",
                title="Native vault",
                product="nativeVault",
                simulator=None,
                populate=lambda customer: customer.facts.name,  # nobody had one before Muster
                settings={"backend": "Registry"},
                values={"keys": new_key().reveal()},
            )


def open_psa(mix: PsaMix, ca: trustme.CA, faults: Faults) -> LabIntegration:
    """Return an empty PSA of the product that was asked for."""
    match mix:
        case PsaMix.CONNECT_WISE:
            connectwise = ConnectWiseLab(ca=ca, faults=faults)
            return LabIntegration(
                name="connectwise",
                title="ConnectWise",
                product="connectWise",
                simulator=connectwise,
                populate=partial(populate_psa, connectwise),
                settings={
                    "companyId": connectwise.company_id,
                    "clientId": connectwise.client_id,
                },
                values={
                    "publicKey": connectwise.public_key,
                    "privateKey": connectwise.private_key,
                },
            )
        case PsaMix.AUTOTASK:
            autotask = AutotaskLab(ca=ca, faults=faults)
            return LabIntegration(
                name="autotask",
                title="Autotask",
                product="autotask",
                simulator=autotask,
                populate=partial(populate_autotask, autotask),
                settings={"userName": autotask.user_name},
                values={"secret": autotask.secret, "integrationCode": autotask.integration_code},
            )
        case PsaMix.HALO_PSA:
            halopsa = HaloPsaLab(ca=ca, faults=faults)
            return LabIntegration(
                name="halopsa",
                title="HaloPSA",
                product="haloPsa",
                simulator=halopsa,
                populate=partial(populate_halopsa, halopsa),
                settings={"clientId": halopsa.client_id},
                values={"clientSecret": halopsa.client_secret},
            )
