"""The main job with the native vault in place of IT Glue, against the lab over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Shell, accounts

from muster.lab.lab import Lab
from muster.sealing import new_key


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of one customer, running."""
    with Lab(customers=1, people=12) as running:
        yield running


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Path:
    """The lab's estate, where vaults are native ones and administrators are not to be matched."""
    directory = tmp_path / "estate"
    lab.write_estate(directory)
    for file in directory.rglob("*.yaml"):
        documents = [changed(one) for one in yaml.safe_load_all(file.read_text()) if one]
        file.write_text(yaml.safe_dump_all(documents))
    keys = directory / "secrets" / "vault" / "keys"
    keys.parent.mkdir()
    keys.touch(mode=0o600)
    keys.write_text(new_key().reveal())
    return directory


def changed(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource of the lab's as an MSP without another vault would write it."""
    spec = resource["spec"]
    if "itGlue" in spec:
        del spec["itGlue"]
        spec["nativeVault"] = {"backend": "Registry", "keyRef": {"name": "vault", "key": "keys"}}
    if "accountType" in spec:
        spec["limits"] = {"create": {"percent": 100, "floor": 100}}
    if spec.get("accountType") == "Administrator":
        spec["options"] = {"vault": {"match": False}}
    return resource


def test_administrators_are_kept_whatever_the_policy_says(muster: Shell, lab: Lab) -> None:
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
    assert lab.itglue.writes() == 0
