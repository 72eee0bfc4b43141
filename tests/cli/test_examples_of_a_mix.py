"""The examples, each pointed at the lab's systems of its mix: read everything, write nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Shell, accounts

from muster.lab.lab import Lab
from muster.lab.mix import Mix

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ROWS = (
    ("01-one-customer-active-directory", "ad-itglue-connectwise", "contoso"),
    ("03-microsoft-365-hudu-halopsa", "entra-hudu-halopsa", "tailspin"),
    ("04-hybrid-hudu-autotask", "hybrid-hudu-autotask", "contoso"),
    ("05-native-vault", "ad-native-halopsa", "fabrikam"),
)


def point_at_lab(example: Path, estate: Path, customer: str) -> None:
    """Replace the lab's resources by the example's; only connections and ids stay the lab's."""
    page = estate / "customers" / f"{customer}.yaml"
    lab: dict[str, Any] = yaml.safe_load(page.read_text())["spec"]
    for folder in ("customers", "policies", "overrides"):
        shutil.rmtree(estate / folder, ignore_errors=True)
        if (example / folder).is_dir():
            shutil.copytree(example / folder, estate / folder)
    document: dict[str, Any] = yaml.safe_load(page.read_text())
    spec = document["spec"]
    assert spec["directories"].keys() == lab["directories"].keys()
    spec["directories"] = lab["directories"]
    for link in ("vault", "psa"):
        if link in spec:
            spec[link] = lab[link]
    page.write_text(yaml.safe_dump(document))


@pytest.mark.parametrize(("name", "mix", "customer"), ROWS, ids=[row[0] for row in ROWS])
def test_an_example_does_what_its_readme_says(
    name: str, mix: str, customer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It selects people of the lab, Observe writes nothing outside, and a second run rests."""
    with Lab(customers=3, people=8, mix=Mix.parse(mix)) as lab:
        lab.write_estate(tmp_path)
        point_at_lab(EXAMPLES / name, tmp_path, customer)
        muster = Shell(tmp_path, capsys)
        (plan,) = muster.ok("plan", "-o", "json").data["customers"]
        assert plan["complete"]
        assert plan["counts"]["selected"] > 0
        assert not {one["action"] for one in plan["changes"]} & {"Create", "Update", "Rotate"}
        muster.ok("apply")
        assert lab.writes() == 0
        found = accounts(muster.ok("get", "accounts", "-o", "json"))
        assert len(found) == plan["counts"]["selected"]
        again = muster.ok("plan", "-o", "json").data["customers"][0]
        assert again["changes"] == []
