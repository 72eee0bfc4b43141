"""A lab domain controller for each test that wants to break something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.directory.lab_house import (
    LabHouse,
    open_house,
    small_domain,
)

from muster.lab.directory.limits import LdapLimits

SMALL_PAGES = LdapLimits(max_page_size=10, max_value_range=4)


@pytest.fixture
def house() -> Iterator[LabHouse]:
    """Serve the small content in pages of 10 and ranges of 4."""
    with open_house(small_domain(), SMALL_PAGES) as house:
        yield house
