"""Names, addresses and distinguished names: what is the same, and what only looks so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from muster.model.dn import dn_key, first_value, in_domain, is_below, parent_key
from muster.plan.keys import fold, fold_name

SAME = [
    ("JSmith", "jsmith"),
    ("  jsmith\t", "jsmith"),
    ("ＪＳｍｉｔｈ", "jsmith"),
    ("STRASSE", "straße"),
    ("Ma\u0308rz", "März"),
    ("\u200bjsmith\ufeff", "jsmith"),
    ("\u200b \u200bjsmith \u200b ", "jsmith"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("J.SMITH@Example.Test", "j.smith@example.test"),
]
DIFFERENT = [
    ("jsmith", "јsmith"),  # Cyrillic je
    ("paypal", "раураl"),  # Cyrillic er, a, u
    ("müller", "mueller"),
    ("müller", "muller"),
    ("jsmith", "j\u200bsmith"),
    ("jsmith", "j smith"),
    ("o'neil", "o’neil"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_name(one: str, other: str) -> None:
    """Case, width, composition and what stands around a name do not matter."""
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_name(one: str, other: str) -> None:
    """Look-alikes of another script, transliterations and inner invisibles are other names."""
    assert fold(one) != fold(other)


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u200b", " \u200b "])
def test_nothing_folds_to_nothing(nothing: str | None) -> None:
    """What people cannot see is no name."""
    assert fold(nothing) == ""


@given(st.text(max_size=12))
@hypothesis_settings(max_examples=200, deadline=None, derandomize=True)
def test_folding_twice_is_folding_once(text: str) -> None:
    """A folded name is its own comparable form."""
    assert fold(fold(text)) == fold(text)


def test_names_are_compared_as_contacts_hold_them() -> None:
    """ConnectWise cuts names at 30 characters, and a cut name is still the person's."""
    long = "Wolfeschlegelsteinhausenbergerdorff"
    assert fold_name(long) == fold_name(long[:30])
    assert fold_name(long) != fold_name(long[:29])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Anna,OU=Staff,DC=x", "cn=ANNA,ou=staff,dc=X"),
        ("CN=Anna, OU=Staff , DC=x", "CN=Anna,OU=Staff,DC=x"),
        ("CN = Anna,DC=x", "CN=Anna,DC=x"),
        ("CN=O\\, Brien,DC=x", "CN=O\\2C Brien,DC=x"),
        ('CN="O, Brien",DC=x', "CN=O\\, Brien,DC=x"),
        ("CN=J\\C3\\BCrgen,DC=x", "CN=Jürgen,DC=x"),
        ("CN=a=b,DC=x", "CN=a\\=b,DC=x"),
        ("CN=a+b,DC=x", "CN=a\\+b,DC=x"),
        ("CN=a;b,DC=x", "CN=a\\;b,DC=x"),
        ("CN=\\#1,DC=x", "CN=#1,DC=x"),
        ("CN=a\\ ,DC=x", "CN=a\\20,DC=x"),
        ("CN=back\\\\slash,DC=x", "CN=back\\5Cslash,DC=x"),
    ],
)
def test_the_same_distinguished_name(one: str, other: str) -> None:
    """Spelling, spacing and escaping of a DN do not matter."""
    assert dn_key(one) == dn_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=a\\,OU=b,DC=x", "CN=a,OU=b,DC=x"),
        ("CN=a,DC=x", "CN=a,DC=y"),
        ("CN=a b,DC=x", "CN=ab,DC=x"),
        ("CN=a\\ ,DC=x", "CN=a,DC=x"),
        ("CN=Muller,DC=x", "CN=Müller,DC=x"),
    ],
)
def test_another_distinguished_name(one: str, other: str) -> None:
    """What an escape hides is part of the name."""
    assert dn_key(one) != dn_key(other)


def test_places_of_a_name() -> None:
    """The parent of a DN and what lies below it are found behind escaped commas too."""
    key = dn_key("CN=O\\, OU=Staff,OU=Real,DC=x")
    assert parent_key(key) == "ou=real,dc=x"
    assert is_below(key, "ou=real,dc=x")
    assert not is_below(key, dn_key("OU=Staff,OU=Real,DC=x"))
    assert not is_below("ou=unreal,dc=x", "ou=real,dc=x")
    assert first_value("CN=O\\, Brien,DC=x") == "O, Brien"


@pytest.mark.parametrize(
    "path", ["OU=Staff", "ou=staff,DC=corp,dc=test", "OU=Staff, DC=corp,DC=test"]
)
def test_a_path_is_relative_or_whole(path: str) -> None:
    """A path of a policy means the customer's own domain unless it names one."""
    assert in_domain(path, "DC=corp,DC=test") == "ou=staff,dc=corp,dc=test"
