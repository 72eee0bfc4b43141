"""The baseline policies are ready to use and safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.model.names import DriftRemediation, Mode
from muster.resources import load_estate

POLICIES = Path(__file__).parents[2] / "policies"


@pytest.mark.parametrize("file", sorted(POLICIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_baseline_policy_loads_and_writes_nothing(file: Path) -> None:
    """Each baseline observes, creates nothing and corrects nothing until somebody says so."""
    (policy,) = load_estate([file]).checked().policies
    settings = policy.settings
    assert policy.name == file.stem
    assert settings.mode is Mode.OBSERVE
    assert not settings.options.vault.create_when_missing
    assert not settings.options.psa.create_when_missing
    assert settings.options.drift_remediation is DriftRemediation.REPORT


def test_the_baseline_policies_go_together() -> None:
    """All of them may stand in one repository."""
    assert len(load_estate([POLICIES]).checked().policies) == 4
