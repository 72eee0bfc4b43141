"""New passwords: random characters, or words that a person can type.

Decides how a password is drawn so that it satisfies the directory's rules. Every password that
the rules and the form allow is equally likely. The words are the EFF's lists (Bonneau, `Deep
Dive: EFF's New Wordlists for Random Passphrases`, eff.org, CC BY 3.0 US), as xkcdpass keeps them.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from muster.errors import SpecError
from muster.model.passwords import PasswordPolicy
from muster.model.secret import Secret

SHORTEST, LONGEST = 8, 99
"""What may be asked for; a directory that wants more gets more."""

_LOOK_ALIKES = frozenset("Il1O0o|")
_LOWER, _UPPER, _DIGITS = (
    "".join(sorted(set(letters) - _LOOK_ALIKES))
    for letters in (string.ascii_lowercase, string.ascii_uppercase, string.digits)
)
_SYMBOLS = "!#$%&*+-=?@^_"
"""Without quotes, blanks and slashes, which get lost on the way through forms and shells."""
_CLASSES = (_LOWER, _UPPER, _DIGITS, _SYMBOLS)
_ALPHABET = "".join(_CLASSES)

_SEPARATORS = re.compile(r"[,.\-_#\s]+")
SHORTEST_NAME = 3
"""Shorter parts of names are allowed. Source: MS-SAMR 3.1.1.7.2; learn.microsoft.com,
`Password must meet complexity requirements`."""
_MOST_DRAWS = 10_000


class Words(StrEnum):
    """Which words a passphrase is made of."""

    LONG = "Long"
    """Four of 7,772, some seven letters each: 51 bits."""
    SHORT = "Short"
    """Five of 1,295, of three to five letters: 51 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Random:
    """Random characters of all four classes, without those that look alike."""

    length: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Passphrase:
    """Capitalised words, a hyphen between two of them, and two digits at the end."""

    words: Words = Words.LONG


Generator = Random | Passphrase


def generate(generator: Generator, policy: PasswordPolicy, names: tuple[str, ...] = ()) -> Secret:
    """Draw a password that satisfies the policy and holds no part of the account's names.

    It is as long as the policy demands where that is more than was asked for.

    Raises:
        SpecError: a length that may not be asked for, or names that leave nothing to draw.
    """
    forbidden = name_parts(names)
    for _ in range(_MOST_DRAWS):
        drawn = _draw(generator, policy.min_length)
        if not any(part in drawn.casefold() for part in forbidden):
            return Secret(drawn)
    raise SpecError(
        ("No password without the account's names could be drawn. Choose another generator.",)
    )


def name_parts(names: tuple[str, ...]) -> frozenset[str]:
    """Return the parts of names that a password must not hold, in lower case."""
    whole = [name.casefold() for name in names]
    parts = [part for name in whole for part in _SEPARATORS.split(name)]
    return frozenset(part for part in (*whole, *parts) if len(part) >= SHORTEST_NAME)


def _draw(generator: Generator, min_length: int) -> str:
    match generator:
        case Random(length=length):
            if not SHORTEST <= length <= LONGEST:
                raise SpecError(
                    (
                        f"A random password of {length} characters cannot be asked for: "
                        f"set a length between {SHORTEST} and {LONGEST}.",
                    )
                )
            return _random(max(length, min_length))
        case Passphrase(words=words):
            return _passphrase(words, min_length)


def _random(length: int) -> str:
    while True:
        drawn = "".join(secrets.choice(_ALPHABET) for _ in range(length))
        if all(any(one in kind for one in drawn) for kind in _CLASSES):
            return drawn


def _passphrase(words: Words, min_length: int) -> str:
    drawn = [_word(words) for _ in range(4 if words is Words.LONG else 5)]
    digits = "".join(secrets.choice(string.digits) for _ in range(2))
    while len("-".join([*drawn, digits])) < min_length:
        drawn.append(_word(words))
    return "-".join([*drawn, digits])


def _word(words: Words) -> str:
    return secrets.choice(_listed(words)).capitalize()


@cache
def _listed(words: Words) -> tuple[str, ...]:
    name = "eff-long" if words is Words.LONG else "eff-short"
    text = (resources.files("xkcdpass") / "static" / name).read_text()
    # A hyphen inside a word would look like one between two.
    return tuple(word for word in text.split() if word.isalpha())
