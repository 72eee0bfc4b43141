"""Options whose vault or PSA a customer does not have: skipped, and the reason is there to see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml
from tests.cli.conftest import Shell, accounts

from muster.lab.lab import Lab
from muster.lab.mix import Mix


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of one customer, running."""
    with Lab(customers=1, people=4, mix=Mix.parse("entra-hudu-halopsa")) as running:
        yield running


@pytest.mark.parametrize(("link", "reason"), [("vault", "NoVault"), ("psa", "NoPsa")])
def test_what_is_not_connected_is_skipped_with_its_reason(
    muster: Shell, lab: Lab, link: str, reason: str
) -> None:
    """Validate warns, the status and the list say why, and the other system is served."""
    page = muster.estate / "customers" / "contoso.yaml"
    customer = yaml.safe_load(page.read_text())
    del customer["spec"][link]
    page.write_text(yaml.safe_dump(customer))
    assert "OptionWithoutIntegration" in muster.ok("validate").out
    muster.ok("apply")
    found = [
        one["status"]
        for one in accounts(muster.ok("get", "accounts", "-o", "json"))
        if one["spec"]["accountType"] == "EndUser"
    ]
    assert {(one[link]["state"], one[link]["reason"]) for one in found} == {("Skipped", reason)}
    other = "psa" if link == "vault" else "vault"
    assert {one[other]["state"] for one in found} & {"Linked", "Created"}
    assert f"Skipped {reason}" in muster.ok("get", "accounts").out
