"""A sealed value opens with its key, at its place, unaltered; in every other case it does not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.errors import SpecError
from muster.model.secret import Secret
from muster.sealing import BrokenSeal, KeyRing, UnknownKey, context_of, new_key

PLAIN = "planted-Secret-77"
PLACE = context_of("password", "contoso", "jsmith-1", "1")


def ring(*keys: Secret) -> KeyRing:
    """Return a ring of keys, the newest first."""
    return KeyRing.parse(Secret("\n".join(key.reveal() for key in keys)), "the ring")


OLD, NEW = new_key(), new_key()
KEYS = ring(OLD)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=())), st.text(max_size=20))
def test_every_text_comes_back(plain: str, context: str) -> None:
    """What was sealed is opened letter by letter, whatever it is and wherever it lies."""
    sealed = KEYS.seal(Secret(plain), context_of("password", context))
    assert KEYS.open(sealed, context_of("password", context)).reveal() == plain


def test_a_sealed_value_shows_nothing() -> None:
    """Neither the value nor its length can be read, and no two seals are alike."""
    sealed = [KEYS.seal(Secret(text), PLACE) for text in (PLAIN, PLAIN, "x", "y" * 59)]
    assert len(set(sealed)) == 4
    assert {len(one) for one in sealed} == {len(sealed[0])}
    assert PLAIN not in "".join(sealed)
    assert OLD.reveal() not in "".join(sealed)


@pytest.mark.parametrize("part", range(4))
def test_an_altered_value_does_not_open(part: int) -> None:
    """One other character in any part is noticed, in each way of using the value."""
    parts = KEYS.seal(Secret(PLAIN), PLACE).split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    with pytest.raises((BrokenSeal, UnknownKey)) as caught:
        KEYS.open(".".join(parts), PLACE)
    assert PLAIN not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "muster1", "muster1.a.b.c", "muster2.k.AA.AA", "muster1.é.é.é"]
)
def test_what_is_no_sealed_value_is_refused(text: str) -> None:
    """Any other text is named as damaged, not a crash."""
    with pytest.raises((BrokenSeal, UnknownKey)):
        KEYS.open(text, PLACE)


def test_a_value_opens_at_its_place_only() -> None:
    """A sealed value that was moved to another revision, entry or organization does not open."""
    sealed = KEYS.seal(Secret(PLAIN), PLACE)
    for place in (("contoso", "jsmith-1", "2"), ("contoso", "bob-1", "1"), ("f", "jsmith-1", "1")):
        with pytest.raises(BrokenSeal):
            KEYS.open(sealed, context_of("password", *place))
        with pytest.raises(BrokenSeal):
            KEYS.reseal(sealed, context_of("password", *place))


def test_places_do_not_run_together() -> None:
    """Two places whose parts only join to the same text have contexts of their own."""
    assert context_of("password", "a/b", "c") != context_of("password", "a", "b/c")


def test_rotation_wraps_anew_and_leaves_the_value() -> None:
    """After resealing the old key is not needed, and the encrypted value is the same bytes."""
    sealed = KEYS.seal(Secret(PLAIN), PLACE)
    both = ring(NEW, OLD)
    assert both.open(sealed, PLACE).reveal() == PLAIN
    assert both.needs_resealing(sealed)
    again = both.reseal(sealed, PLACE)
    assert not both.needs_resealing(again)
    assert ring(NEW).open(again, PLACE).reveal() == PLAIN
    assert again.rsplit(".", 1)[1] == sealed.rsplit(".", 1)[1]
    with pytest.raises(UnknownKey):
        KEYS.open(again, PLACE)


def test_a_missing_key_is_named_by_its_id() -> None:
    """The error says which key to put back, and that key's id is what the ring showed."""
    sealed = KEYS.seal(Secret(PLAIN), PLACE)
    with pytest.raises(UnknownKey, match=KEYS.key_ids[0]):
        ring(NEW).open(sealed, PLACE)
    assert not ring(NEW).knows_key_of(sealed)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no key"),
        ("\n \n", "holds no key"),
        ("planted-Secret-77", "line 1 is no key"),
        ("é" * 44, "line 1 is no key"),
        (base64.b64encode(b"x" * 31).decode(), "line 1 is no key"),
        (f"{NEW.reveal()}\n{base64.b64encode(b'x' * 33).decode()}", "line 2 is no key"),
        (f"{NEW.reveal()}\n{NEW.reveal()}", "the same key twice"),
    ],
    ids=["empty", "blank", "no base64", "no ASCII", "too short", "too long", "twice"],
)
def test_a_wrong_ring_is_refused_without_showing_it(text: str, says: str) -> None:
    """The error names the line; neither it nor what caused it holds any of the secret."""
    with pytest.raises(SpecError, match=says) as caught:
        KeyRing.parse(Secret(text), "secret vault/keys")
    shown = f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert not [line for line in text.split("\n") if line.strip() and line in shown]


def test_empty_lines_do_not_count() -> None:
    """A ring may have empty lines and Windows line ends."""
    text = f"\r\n{NEW.reveal()}\r\n\r\n{OLD.reveal()}\r\n"
    assert KeyRing.parse(Secret(text), "x").key_ids == ring(NEW, OLD).key_ids
