"""Starts simulators and opens plain httpx clients on them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import trustme

from muster.lab.connectwise import ConnectWiseKnobs, ConnectWiseLab
from muster.lab.http import HttpLab
from muster.lab.itglue import ItGlueKnobs, ItGlueLab


class Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """One authority for all simulators."""
    return trustme.CA()


@pytest.fixture
def clock() -> Clock:
    """The clock of the simulators."""
    return Clock()


@pytest.fixture
def connect(ca: trustme.CA) -> Iterator[Callable[..., httpx.Client]]:
    """Start a simulator and open a client on it; both end with the test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nothing but the authority
    ca.configure_trust(context)
    with ExitStack() as stack:

        def start(lab: HttpLab, root: str = "", **options: object) -> httpx.Client:
            stack.enter_context(lab)
            client = httpx.Client(verify=context, base_url=lab.endpoint + root, **options)  # type: ignore[arg-type]
            return stack.enter_context(client)

        yield start


@pytest.fixture
def open_itglue(
    ca: trustme.CA, clock: Clock, connect: Callable[..., httpx.Client]
) -> Callable[..., tuple[ItGlueLab, httpx.Client]]:
    """Start an IT Glue with the given knobs, and a client with its key."""

    def start(**knobs: object) -> tuple[ItGlueLab, httpx.Client]:
        lab = ItGlueLab(ca=ca, clock=clock, knobs=ItGlueKnobs(**knobs))  # type: ignore[arg-type]
        media = "application/vnd.api+json"
        return lab, connect(lab, headers={"x-api-key": lab.key, "Content-Type": media})

    return start


@pytest.fixture
def open_connectwise(
    ca: trustme.CA, clock: Clock, connect: Callable[..., httpx.Client]
) -> Callable[..., tuple[ConnectWiseLab, httpx.Client]]:
    """Start a ConnectWise with the given knobs, and a client of its own member."""

    def start(**knobs: object) -> tuple[ConnectWiseLab, httpx.Client]:
        lab = ConnectWiseLab(ca=ca, clock=clock, knobs=ConnectWiseKnobs(**knobs))  # type: ignore[arg-type]
        client = connect(
            lab,
            "/v4_6_release/apis/3.0",
            auth=(f"{lab.company_id}+{lab.public_key}", lab.private_key),
            headers={"clientId": lab.client_id},
        )
        return lab, client

    return start
