"""Every vault and every PSA can be listed, imported from and matched."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from muster.lab.lab import Lab
from muster.lab.mix import Mix, PsaMix, VaultMix

from .conftest import Shell

MIXES = (
    Mix(vault=VaultMix.IT_GLUE, psa=PsaMix.CONNECT_WISE),
    Mix(vault=VaultMix.HUDU, psa=PsaMix.AUTOTASK),
    Mix(vault=VaultMix.NATIVE, psa=PsaMix.HALO_PSA),
)


@pytest.mark.parametrize("mix", MIXES, ids=str)
def test_links_that_were_taken_away_are_found_again(
    mix: Mix, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its links a customer gets the same ones by `match --write`; `import` knows them."""
    with Lab(customers=2, people=1, mix=mix) as lab:
        lab.write_estate(tmp_path)
        muster = Shell(tmp_path, capsys)
        page = tmp_path / "customers" / "contoso.yaml"
        before = yaml.safe_load(page.read_text())
        removed = ("psa",) if mix.vault is VaultMix.NATIVE else ("vault", "psa")
        spec = {key: value for key, value in before["spec"].items() if key not in removed}
        page.write_text(yaml.safe_dump({**before, "spec": spec}, sort_keys=False))
        muster.ok("customers", "match", "--write")
        assert yaml.safe_load(page.read_text()) == before
        for system in removed:
            source = before["spec"][system]["integrationRef"]["name"]
            listed = muster.ok("customers", "import", "--from", source, "-o", "json").data
            states = {one["customer"]: one["state"] for one in listed["organizations"]}
            assert states == {"contoso": "Linked", "fabrikam": "Linked"}
        assert lab.writes() == 0
