"""Simulated Autotasks and adapters that speak to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme

from muster.adapters.autotask import ApiKeys, AutotaskPsa, ZoneDirectory
from muster.lab.autotask import AutotaskKnobs, AutotaskLab
from muster.model.connections import Autotask, SecretRef
from muster.model.secret import Secret
from muster.transport.options import HttpOptions

StartLab = Callable[..., AutotaskLab]
OpenPsa = Callable[..., AutotaskPsa]


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """One authority for all labs; making one is slow."""
    return trustme.CA()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Return what closes labs and adapters in the end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(ca: trustme.CA, stack: ExitStack) -> StartLab:
    """Return a function that starts an Autotask with chosen quirks."""

    def start_lab(**knobs: Any) -> AutotaskLab:
        return stack.enter_context(AutotaskLab(ca=ca, knobs=AutotaskKnobs(**knobs)))

    return start_lab


@pytest.fixture
def connect(stack: ExitStack) -> OpenPsa:
    """Return a function that opens an adapter: at a named endpoint, or by looking its zone up."""

    def open_psa(lab: AutotaskLab, *, looks_up: bool = False, **other: Any) -> AutotaskPsa:
        settings = Autotask(
            user_name=other.get("user_name", lab.user_name),
            secret=SecretRef(name="autotask", key="secret"),
            integration_code=SecretRef(name="autotask", key="integrationCode"),
            endpoint=None if looks_up else lab.endpoint,
        )
        options = HttpOptions(
            budget_share=100,
            ca_pem=lab.ca.cert_pem.bytes().decode(),
            read_timeout_s=2,
            retry_budget_s=0.5,
            first_delay_s=0.02,
        )
        keys = ApiKeys(Secret(other.get("secret", lab.secret)), Secret(lab.integration_code))
        directory = ZoneDirectory(
            endpoint=f"{lab.endpoint}/ATServicesRest",
            trusts=other.get("trusts", lambda url: True),
        )
        psa = AutotaskPsa(settings, keys, options, directory)
        stack.callback(psa.close)
        return psa

    return open_psa


@pytest.fixture
def lab(start: StartLab) -> AutotaskLab:
    """Return an Autotask with its likeliest quirks."""
    return start()


@pytest.fixture
def psa(lab: AutotaskLab, connect: OpenPsa) -> AutotaskPsa:
    """Return an adapter that speaks to it."""
    return connect(lab)
