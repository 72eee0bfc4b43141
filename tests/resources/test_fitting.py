"""What Muster reports is made to fit, and what fits already is left alone."""

from __future__ import annotations

from muster.resources.fitting import fit
from muster.resources.schemas import load_schema


def test_labels_survive() -> None:
    """A map with keys of any name keeps them: without labels an account is never found again."""
    labels = {"muster.dev/customer": "contoso", "muster.dev/account-type": "EndUser"}
    account = {"metadata": {"name": "contoso-jsmith-7c1e", "labels": labels}}
    assert fit(account, load_schema("Account")) == account
