"""Autotask is a PSA; its own traps are in tests/adapters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme
from tests.contract.psa.suite import PsaContract

from muster.adapters.autotask import ApiKeys, AutotaskPsa, ZoneDirectory
from muster.lab.autotask import AutotaskKnobs, AutotaskLab
from muster.lab.faults import Faults
from muster.model.connections import Autotask, SecretRef
from muster.model.names import RemoteId
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

_REACHED_BY = ("emailAddress", "emailAddress2", "emailAddress3", "phone")


class AutotaskWorld:
    """A simulated Autotask and an adapter that speaks to it, and has found its zone already."""

    list_verb = "POST"
    change_verb = "PATCH"
    lists_every_address = True
    lists_dates = True

    def __init__(self, lab: AutotaskLab, stack: ExitStack, *, looks_up: bool = False) -> None:
        self.lab = lab
        self._stack = stack
        self._looks_up = looks_up
        self.psa = self.open(lab.secret)
        list(self.psa.list_companies())

    def open(self, secret: str, retry_budget_s: float = 1.4) -> AutotaskPsa:
        """Return an adapter with a secret."""
        settings = Autotask(
            user_name=self.lab.user_name,
            secret=SecretRef(name="autotask", key="secret"),
            integration_code=SecretRef(name="autotask", key="integrationCode"),
            endpoint=None if self._looks_up else self.lab.endpoint,
        )
        options = HttpOptions(
            budget_share=100,
            ca_pem=self.lab.ca.cert_pem.bytes().decode(),
            read_timeout_s=0.75,
            retry_budget_s=retry_budget_s,
            first_delay_s=0.02,
        )
        keys = ApiKeys(Secret(secret), Secret(self.lab.integration_code))
        directory = ZoneDirectory(
            endpoint=f"{self.lab.endpoint}/ATServicesRest", trusts=lambda url: True
        )
        psa = AutotaskPsa(settings, keys, options, directory)
        self._stack.callback(psa.close)
        return psa

    @property
    def hasty(self) -> AutotaskPsa:
        """Return an adapter that gives up soon."""
        return self.open(self.lab.secret, retry_budget_s=0.1)

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.lab.faults

    def with_bad_key(self) -> AutotaskPsa:
        """Return an adapter whose secret is wrong."""
        return self.open("wrong")

    def add_company(self, name: str, *, deleted: bool = False) -> RemoteId:
        """Add a company; Autotask deletes none, so an inactive one stands for that."""
        return RemoteId(self.lab.add_company(name, active=not deleted))

    def add_contact(
        self, company: RemoteId, given_name: str, surname: str = "", **more: Any
    ) -> RemoteId:
        """Add a contact."""
        return RemoteId(self.lab.add_contact(company, given_name, surname, **more))

    def add_phone(self, contact: RemoteId, number: str) -> None:
        """Add a phone number."""
        self.lab.edit_contact(contact, phone=number)

    def reached_by(self, company: RemoteId) -> list[tuple[str, ...]]:
        """Return the addresses and phone numbers that the lab stores."""
        return [
            tuple(contact[field] for field in _REACHED_BY if contact[field])
            for contact in self.lab.contacts(company)
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


class TestAutotask(PsaContract):
    """The contract, in a zone that was looked up, with the likeliest habits."""

    @pytest.fixture
    def world(self, ca: trustme.CA) -> Iterator[AutotaskWorld]:
        """Return an Autotask."""
        with ExitStack() as stack:
            lab = stack.enter_context(AutotaskLab(ca=ca))
            yield AutotaskWorld(lab, stack, looks_up=True)


class TestStrictAutotask(PsaContract):
    """The contract, at a named endpoint, where every doubt is settled the other way."""

    @pytest.fixture
    def world(self, ca: trustme.CA) -> Iterator[AutotaskWorld]:
        """Return an Autotask."""
        knobs = AutotaskKnobs(
            says_why_401=True,
            ignores_unknown_operators=False,
            case_sensitive=True,
            unknown_item_is_404=True,
            root_writes=405,
        )
        with ExitStack() as stack:
            yield AutotaskWorld(stack.enter_context(AutotaskLab(ca=ca, knobs=knobs)), stack)
