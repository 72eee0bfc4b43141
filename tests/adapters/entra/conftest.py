"""A tenant of its own for each test; the certificate authority is made once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import trustme
from tests.adapters.entra.world import EntraWorld

from muster.lab.graph import GraphLab


@pytest.fixture(scope="package")
def ca() -> trustme.CA:
    """One authority for all labs; making one is slow."""
    return trustme.CA()


@pytest.fixture
def world(ca: trustme.CA) -> Iterator[EntraWorld]:
    """A running lab with one tenant that has consented to reading."""
    with ExitStack() as stack:
        yield EntraWorld(stack.enter_context(GraphLab(ca=ca)), stack)
