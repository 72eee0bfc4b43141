"""The lab's domain controller, read through the adapter, is a directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.directory.lab_house import full_domain, open_house
from tests.contract.directory.suite import DirectoryContract, House


class TestLabDirectory(DirectoryContract):
    """Every test of the contract, against the lab, which pages and ranges as Windows does."""

    @pytest.fixture(scope="class")
    @classmethod
    def house(cls) -> Iterator[House]:
        """Serve the whole content."""
        with open_house(full_domain()) as house:
            yield house
