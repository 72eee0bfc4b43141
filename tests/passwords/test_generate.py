"""Drawn passwords satisfy the rules, and nothing about them can be foreseen."""

from __future__ import annotations

import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.errors import SpecError
from muster.model.passwords import PasswordPolicy
from muster.passwords.generate import (
    LONGEST,
    SHORTEST,
    Generator,
    Passphrase,
    Random,
    Words,
    _listed,
    generate,
    name_parts,
)

GENERATORS: tuple[Generator, ...] = (
    Random(),
    Random(length=SHORTEST),
    Passphrase(),
    Passphrase(words=Words.SHORT),
)
NAMES = st.lists(
    st.one_of(
        st.text(alphabet=string.ascii_letters + " .-_,#", max_size=20),
        st.sampled_from(
            ["jsmith", "Ab Cde", "an", "Zoë Ångström", "ing.one", "a.b.c", "Acid Rain"]
        ),
    ),
    max_size=3,
)


def classes(text: str) -> set[str]:
    """Return which kinds of characters a text has."""
    kinds = {
        "lower": string.ascii_lowercase,
        "upper": string.ascii_uppercase,
        "digit": string.digits,
    }
    found = {name for name, letters in kinds.items() if set(text) & set(letters)}
    return found | ({"symbol"} if set(text) - set("".join(kinds.values())) else set())


@settings(max_examples=60, deadline=None)
@given(
    generator=st.one_of(
        st.builds(Random, length=st.integers(SHORTEST, LONGEST)),
        st.builds(Passphrase, words=st.sampled_from(Words)),
    ),
    minimum=st.integers(0, 120),
    names=NAMES,
)
def test_every_password_satisfies_the_rules(
    generator: Generator, minimum: int, names: list[str]
) -> None:
    """Long enough, of all four classes, in ASCII, without any part of the names."""
    try:
        drawn = generate(generator, PasswordPolicy(min_length=minimum), tuple(names)).reveal()
    except SpecError as refused:
        # A name of three common letters can leave almost nothing to draw.
        assert "could be drawn" in str(refused)  # noqa: PT017 - it may also not be raised
        return
    assert len(drawn) >= minimum
    if isinstance(generator, Random):
        assert len(drawn) == max(generator.length, minimum)
    assert classes(drawn) == {"lower", "upper", "digit", "symbol"}
    assert drawn.isascii()
    assert drawn.isprintable()
    assert not any(part in drawn.casefold() for part in name_parts(tuple(names)))


@pytest.mark.parametrize("generator", GENERATORS, ids=repr)
def test_no_password_comes_twice(generator: Generator) -> None:
    """Two hundred draws are two hundred passwords."""
    drawn = {generate(generator, PasswordPolicy()).reveal() for _ in range(200)}
    assert len(drawn) == 200


def test_a_passphrase_is_easy_to_read_out() -> None:
    """Four long or five short capitalised words, and two digits; more only where rules demand."""
    for words, count in ((Words.LONG, 4), (Words.SHORT, 5)):
        *drawn, digits = generate(Passphrase(words=words), PasswordPolicy()).reveal().split("-")
        assert len(drawn) == count
        assert all(word.istitle() for word in drawn)
        assert digits.isdigit()
        assert math.log2(len(_listed(words))) * count > 51


def test_characters_that_look_alike_are_left_out() -> None:
    """Who reads a password from paper does not take one character for another."""
    drawn = "".join(generate(Random(length=99), PasswordPolicy()).reveal() for _ in range(20))
    assert not set(drawn) & set("Il1O0o|\"'` \\/")


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("jsmith",), {"jsmith"}),
        (("John  Smith, Jr.",), {"john  smith, jr.", "john", "smith"}),
        (("a.b.c",), {"a.b.c"}),
        (("jo", ""), set()),
        (("MARY-ANN_o'Neil#2",), {"mary-ann_o'neil#2", "mary", "ann", "o'neil"}),
    ],
)
def test_which_parts_of_names_count(names: tuple[str, ...], parts: set[str]) -> None:
    """Parts of three characters and more, between the separators of Windows."""
    assert name_parts(names) == parts


@pytest.mark.parametrize("length", [0, 7, 100])
def test_a_length_out_of_bounds_is_an_error_of_the_resource(length: int) -> None:
    """The message says what is allowed."""
    with pytest.raises(SpecError, match="between 8 and 99"):
        generate(Random(length=length), PasswordPolicy())


def test_names_that_leave_nothing_are_told() -> None:
    """When every word holds a name, nobody draws for ever."""
    every = tuple(a + b + "-" for a in string.ascii_lowercase for b in string.ascii_lowercase)
    with pytest.raises(SpecError, match="another generator"):
        generate(Passphrase(words=Words.SHORT), PasswordPolicy(), every)
