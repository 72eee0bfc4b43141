"""The examples load, and say what their READMEs say."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.model.names import AccountType, Mode
from muster.model.settings import Estate, ResolvedFrom
from muster.resources import load_estate

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def _load(name: str) -> Estate:
    loaded = load_estate([EXAMPLES / name])
    assert loaded.problems == ()
    return loaded.estate


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_every_example_loads_and_has_a_readme(name: str) -> None:
    """An example is a whole estate without a fault, and somebody explains it."""
    assert _load(name).customers
    assert (EXAMPLES / name / "README.md").read_text(encoding="utf-8").startswith("# ")


def test_the_first_example_writes_nothing() -> None:
    """Who copies the first example and runs it changes nothing anywhere."""
    sources = [
        source
        for one in _load("01-one-customer-active-directory").desired
        for source in one.sources
    ]
    assert len(sources) == 2
    for source in sources:
        assert source.settings.mode is Mode.OBSERVE
        assert not source.settings.options.vault.create_when_missing
        assert not source.settings.options.psa.create_when_missing


@pytest.mark.parametrize(
    ("customer", "origin", "resolved_from"),
    [
        ("contoso", "staff-gold", ResolvedFrom.POLICY),
        ("fabrikam", "staff", ResolvedFrom.DEFAULT),
        ("northwind", "staff", ResolvedFrom.DEFAULT),
        ("tailspin", "tailspin", ResolvedFrom.CUSTOMER),
    ],
)
def test_the_second_example_covers_customers_as_its_table_says(
    customer: str, origin: str, resolved_from: ResolvedFrom
) -> None:
    """Selector, default and the customer's own imports each decide for somebody."""
    (desired,) = [
        one for one in _load("02-many-customers").desired if one.customer.name == customer
    ]
    (source,) = [
        one for one in desired.sources if one.settings.account_type is AccountType.END_USER
    ]
    assert (source.settings.origin.name, source.resolved_from) == (origin, resolved_from)
