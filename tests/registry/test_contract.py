"""The SQLite registry is a registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.registry.suite import Registries, RegistryContract

from muster.registry.sqlite import SqliteRegistry


class TestSqliteRegistry(RegistryContract):
    """Every test of the contract, on a file."""

    @pytest.fixture
    def registries(self, tmp_path: Path) -> Registries:
        """Return a function that opens the file."""
        return lambda: SqliteRegistry.open(tmp_path / "state.sqlite")
