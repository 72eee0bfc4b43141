"""Samba, read through the adapter, is a directory."""

from __future__ import annotations

import pytest
from tests.contract.directory.suite import DirectoryContract, House
from tests.real.conftest import SambaHouse

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("samba")]


class TestSambaDirectory(DirectoryContract):
    """Every test of the contract, against a real domain controller."""

    @pytest.fixture(scope="class")
    @classmethod
    def house(cls, samba_house: SambaHouse) -> House:
        """Return the session's domain controller."""
        return samba_house
