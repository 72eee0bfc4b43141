"""Label selectors mean what they mean in Kubernetes."""

from __future__ import annotations

import pytest

from muster.model.settings import LabelRequirement
from muster.resources.labels import labels_fit


def _row(operator: str, *values: str) -> LabelRequirement:
    return LabelRequirement(key="tier", operator=operator, values=values)


@pytest.mark.parametrize(
    ("requirement", "gold", "silver", "absent"),
    [
        (_row("In", "gold", "platinum"), True, False, False),
        (_row("NotIn", "gold"), False, True, True),
        (_row("Exists"), True, True, False),
        (_row("DoesNotExist"), False, False, True),
    ],
    ids=lambda value: value.operator if isinstance(value, LabelRequirement) else "",
)
def test_each_operator(
    requirement: LabelRequirement, gold: bool, silver: bool, absent: bool
) -> None:
    """Each operator fits exactly these labels; NotIn also fits an absent one."""
    assert labels_fit([requirement], {"tier": "gold"}) is gold
    assert labels_fit([requirement], {"tier": "silver"}) is silver
    assert labels_fit([requirement], {"ring": "gold"}) is absent


def test_all_requirements_must_fit() -> None:
    """One requirement that does not fit is enough to leave a customer out."""
    rows = [_row("Exists"), _row("NotIn", "gold")]
    assert labels_fit(rows, {"tier": "silver"})
    assert not labels_fit(rows, {"tier": "gold"})
