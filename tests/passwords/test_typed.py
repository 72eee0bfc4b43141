"""What is refused of a password that a person chose, before anything is sent."""

from __future__ import annotations

import pytest

from muster.model.accounts import Identity
from muster.model.names import AccountId
from muster.model.passwords import PasswordPolicy
from muster.model.secret import Secret
from muster.passwords.typed import find_problem

JANE = Identity(id=AccountId("1"), sam="adm-jsmith", display_name="Smith, Jane (IT)")
STRICT = PasswordPolicy(min_length=10, complexity=True)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("Harvest-moon-7", ""),
        ("Admiral-1805-x", ""),
        ("It-rains-again-7", ""),
        ("Урожай-луна-7", ""),
        ("月光が照らす夜道-7a", ""),
        ("", "empty"),
        ("Short-7", "7 characters"),
        ("\U0001f600" * 4 + "a", "9 characters"),
        ("harvestmoon7", "three of these kinds"),
        ("x-ADM-jsmith-7", "account name"),
        ("sMITh-in-summer-7", "display name"),
        ("Jane-in-summer-7", "display name"),
    ],
)
def test_a_complex_policy_refuses_what_windows_would(password: str, problem: str) -> None:
    """Length in UTF-16, three kinds of characters, the account name whole, the others in parts."""
    said = find_problem(Secret(password), STRICT, JANE)
    assert problem in said
    assert bool(said) is bool(problem)


def test_names_count_only_where_the_policy_asks_for_complexity() -> None:
    """And a name of two letters never does."""
    simple = PasswordPolicy(min_length=5)
    assert find_problem(Secret("adm-jsmith"), simple, JANE) == ""
    jo = Identity(id=AccountId("2"), sam="jo", display_name="Jo")
    assert find_problem(Secret("Jo-the-first-7"), STRICT, jo) == ""
