"""HaloPSA is a PSA; its own traps are in tests/adapters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme
from tests.contract.psa.suite import PsaContract

from muster.adapters.halopsa import HaloPsaAdapter
from muster.lab.faults import Faults
from muster.lab.halopsa import HaloPsaLab
from muster.model.connections import HaloPsa, SecretRef
from muster.model.names import RemoteId
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

_REACHED_BY = ("emailaddress", "email2", "email3", "phonenumber")


class HaloPsaWorld:
    """A simulated HaloPSA and an adapter that speaks to it, and has signed in already."""

    list_verb = "GET"
    change_verb = "POST"
    lists_every_address = False
    lists_dates = False

    def __init__(self, lab: HaloPsaLab, stack: ExitStack) -> None:
        self.lab = lab
        self._stack = stack
        self.psa = self.open(lab.client_secret)
        list(self.psa.list_companies())

    def open(self, secret: str, retry_budget_s: float = 1.4) -> HaloPsaAdapter:
        """Return an adapter with a client secret."""
        settings = HaloPsa(
            endpoint=self.lab.endpoint,
            client_id=self.lab.client_id,
            client_secret=SecretRef(name="halo", key="clientSecret"),
        )
        options = HttpOptions(
            budget_share=100,
            ca_pem=self.lab.ca.cert_pem.bytes().decode(),
            read_timeout_s=0.75,
            retry_budget_s=retry_budget_s,
            first_delay_s=0.02,
        )
        psa = HaloPsaAdapter(settings, Secret(secret), options)
        self._stack.callback(psa.close)
        return psa

    @property
    def hasty(self) -> HaloPsaAdapter:
        """Return an adapter that gives up soon."""
        return self.open(self.lab.client_secret, retry_budget_s=0.1)

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.lab.faults

    def with_bad_key(self) -> HaloPsaAdapter:
        """Return an adapter whose client secret is wrong."""
        return self.open("wrong")

    def add_company(self, name: str, *, deleted: bool = False) -> RemoteId:
        """Add a client; an inactive one is how HaloPSA deletes."""
        return RemoteId(self.lab.add_client(name, inactive=deleted))

    def add_contact(
        self, company: RemoteId, given_name: str, surname: str = "", **more: Any
    ) -> RemoteId:
        """Add a user."""
        return RemoteId(self.lab.add_user(company, given_name, surname, **more))

    def add_phone(self, contact: RemoteId, number: str) -> None:
        """Add a phone number."""
        self.lab.edit_user(contact, phone=number)

    def reached_by(self, company: RemoteId) -> list[tuple[str, ...]]:
        """Return the addresses and phone numbers that the lab stores."""
        return [
            tuple(user[field] for field in _REACHED_BY if user[field])
            for user in self.lab.users(company)
        ]

    def requests(self) -> int:
        """Count the requests."""
        return len(self.lab.requests)

    def writes(self) -> int:
        """Count the writes that took effect."""
        return self.lab.writes()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """One authority for all labs of this file; making one is slow."""
    return trustme.CA()


class TestHaloPsa(PsaContract):
    """The contract, on a tenant with the likeliest habits."""

    @pytest.fixture
    def world(self, ca: trustme.CA) -> Iterator[HaloPsaWorld]:
        """Return a HaloPSA."""
        with ExitStack() as stack:
            yield HaloPsaWorld(stack.enter_context(HaloPsaLab(ca=ca)), stack)
