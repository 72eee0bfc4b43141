"""What is said of a password that a domain refused: the rules that were read, and what is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from muster.model.passwords import PasswordPolicy
from muster.passwords.rules import explain

FILTER = "a password filter on the domain controllers refused it"


@pytest.mark.parametrize(
    ("policy", "problem", "said"),
    [
        (
            PasswordPolicy(min_length=7, complexity=True),
            "",
            ("The domain's policy asks for at least 7 characters and three kinds", f"so {FILTER}"),
        ),
        (PasswordPolicy(), "", ("The domain's policy asks for nothing.", FILTER)),
        (PasswordPolicy(min_length=1), "", ("at least 1 character.",)),
        (
            PasswordPolicy(fine_grained="Strict", min_length=20),
            "It has 9 characters.",
            ('The fine-grained policy "Strict" asks', "It has 9 characters. Choose another one."),
        ),
        (
            PasswordPolicy(history=24, min_age=timedelta(days=1)),
            "",
            ("a history of 24 passwords and a minimum age of 1 day, which do not bind a reset",),
        ),
        (
            PasswordPolicy(resultant_unreadable=True),
            "",
            ("delegate read access", f"so those rules, or {FILTER}"),
        ),
    ],
)
def test_a_refusal_is_told_with_the_rules(
    policy: PasswordPolicy, problem: str, said: tuple[str, ...]
) -> None:
    """Which policy, what it asks for, what it does not, and what else it may be."""
    text = explain(policy, problem)
    assert [part for part in said if part not in text] == []
    assert (FILTER in text) is not bool(problem)
