"""The main job with the native vault, against the lab over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.cli.conftest import Shell, accounts

from muster.lab.lab import Lab
from muster.lab.mix import Mix, VaultMix


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of one customer, running."""
    with Lab(customers=1, people=12, mix=Mix(vault=VaultMix.NATIVE)) as running:
        yield running


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Path:
    """The lab's estate, where administrators are not to be matched."""
    directory = tmp_path / "estate"
    lab.write_estate(directory)
    for file in (directory / "policies").glob("*.yaml"):
        policy = yaml.safe_load(file.read_text())
        policy["spec"]["limits"] = {"create": {"percent": 100, "floor": 100}}
        if policy["spec"]["accountType"] == "Administrator":
            policy["spec"]["options"] = {"vault": {"match": False}}
        file.write_text(yaml.safe_dump(policy))
    return directory


def test_administrators_are_kept_whatever_the_policy_says(muster: Shell) -> None:
    """The plan names the policy whose line is not in force; after apply nothing is left to do."""
    plan = muster.ok("plan", "-o", "json").data
    demanded = {
        change["because"]
        for customer in plan["customers"]
        for change in customer["changes"]
        if change["action"] == "Create" and "administrators" in change["because"]
    }
    assert demanded == {
        "AutomaticImportPolicy/administrators#/spec/options/vault/createWhenMissing"
    }
    # The vault has no names of its own, so that none can differ from the customer's.
    findings = {one["reason"] for customer in plan["customers"] for one in customer["findings"]}
    assert "NameDiffers" not in findings
    assert "AlwaysStored" in muster.ok("validate").out
    muster.ok("apply", "--expect", plan["digest"])
    items = accounts(muster.ok("get", "accounts", "-o", "json"))
    kept = {
        item["status"]["vault"]["id"]
        for item in items
        if item["spec"]["accountType"] == "Administrator"
    }
    listed = {row["entry"] for row in muster.ok("vault", "list", "-o", "json").data}
    assert kept
    assert kept <= listed
    assert [one["changes"] for one in muster.ok("plan", "-o", "json").data["customers"]] == [[]]
