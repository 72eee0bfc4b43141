"""A HaloPSA with chosen habits, and an adapter that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
import trustme

from muster.adapters.halopsa import HaloPsaAdapter
from muster.lab.halopsa import HaloPsaKnobs, HaloPsaLab
from muster.model.connections import HaloPsa, SecretRef
from muster.model.names import RemoteId
from muster.model.records import PsaContact
from muster.model.secret import Secret
from muster.transport.options import HttpOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A running lab, its adapter, and what the adapter was opened with."""

    lab: HaloPsaLab
    psa: HaloPsaAdapter
    settings: HaloPsa
    options: HttpOptions

    def asked(self, path: str) -> int:
        """Count the requests of a path."""
        return sum(1 for seen in self.lab.requests if seen.path == path)

    def contacts(self, client: str) -> list[PsaContact]:
        """Read a client to its end."""
        return list(self.psa.list_contacts(RemoteId(client)))


OpenHalo = Callable[..., World]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of a module; making one is slow."""
    return trustme.CA()


@pytest.fixture
def open_halo(ca: trustme.CA) -> Iterator[OpenHalo]:
    """Return a function that starts a HaloPSA with chosen knobs, and an adapter with settings."""
    with ExitStack() as stack:

        def start(knobs: HaloPsaKnobs | None = None, **chosen: str) -> World:
            lab = stack.enter_context(HaloPsaLab(ca=ca, knobs=knobs))
            settings = HaloPsa(
                endpoint=lab.endpoint,
                client_id=lab.client_id,
                client_secret=SecretRef(name="halo", key="clientSecret"),
            )
            options = HttpOptions(
                budget_share=100,
                ca_pem=ca.cert_pem.bytes().decode(),
                retry_budget_s=1,
                first_delay_s=0.02,
            )
            with_base = {name: text.format(lab.endpoint) for name, text in chosen.items()}
            settings = replace(settings, **with_base)  # type: ignore[arg-type]
            psa = HaloPsaAdapter(settings, Secret(lab.client_secret), options)
            stack.callback(psa.close)
            return World(lab=lab, psa=psa, settings=settings, options=options)

        yield start


@pytest.fixture
def halo(open_halo: OpenHalo) -> World:
    """Return a HaloPSA with the likeliest habits."""
    return open_halo()
