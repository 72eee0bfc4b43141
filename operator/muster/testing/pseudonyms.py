"""Other names for people and places, such that everything that was equal stays equal.

How: a text is cut into words, numbers and what stands between them. Every word becomes another
word of the same length, drawn by a keyed hash of its folded form (`plan.keys.fold`); every number
another number. What stands between stays: dots, @, spaces, invisible characters. Then the word
gets back what is peculiar about it: capitals, full-width letters, decomposed accents. `Müller` and
`Muller` become two words that differ by an accent; a word with Cyrillic look-alikes becomes the
look-alike of the other word. So two texts compare equal afterwards exactly when they did before.

What is lost: likeness that is none of letters (Jon and John), scripts other than Latin, and
words that were parts of others (`smith` in `jsmith`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator

from muster.model.dn import first_value, split
from muster.plan.keys import NAME_LIMIT, SHORTEST_NAME_LIMIT, fold

_PART = re.compile(r"((?:[^\W\d_][\u0300-\u036f]*)+)|(\d+)")
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeoi"
_LOOK_ALIKES = dict(zip("аеоісрхуѕј", "aeoicpxysj", strict=True))
"""Cyrillic letters and the Latin ones that they look like."""
_ALIKE = {latin: cyrillic for cyrillic, latin in _LOOK_ALIKES.items()}
_SYSTEM_PREFIXES = ("healthmailbox", "adsync")
KEPT_WORDS = frozenset(
    {"msol", "aad", "sync", "adtoaadsyncserviceaccount", "dnsadmins", "dnsupdateproxy"}
    | {"healthmailbox", "adsync"}
    | {"active", "directory", "microsoft", "365", "azure", "office"}
)
"""Words by which Muster knows accounts of the system, and that it writes into names itself."""
_MAILBOX_SYSTEM = re.compile(r"sm_[0-9a-f]{12}", re.IGNORECASE)
_TRIES = 50
_SHORT = 3
"""Words of fewer letters may become each other; nobody is known by them."""


def words(text: str) -> Iterator[str]:
    """Yield the folded words of a text, without the prefixes of accounts of the system."""
    for found in _PART.finditer(text):
        if found[1]:
            word = fold(found[1])
            prefix = next((one for one in _SYSTEM_PREFIXES if word.startswith(one)), "")
            yield word.removeprefix(prefix) or word


class Pseudonyms:
    """One renaming; the same salt gives the same names."""

    def __init__(self, salt: bytes, kept: Iterable[str] = (), avoid: Iterable[str] = ()) -> None:
        self._salt = salt
        self._phrases = {fold(phrase): phrase for phrase in kept}
        self._avoid = frozenset(word for word in avoid if len(word) >= _SHORT)
        self._names: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return another text; one that is kept comes back as it is."""
        if fold(text) in self._phrases:
            phrase = self._phrases[fold(text)]
            return text if fold(phrase) == fold(text) else phrase
        system = _MAILBOX_SYSTEM.match(text)
        if system:
            return f"SM_{self._digest(fold(system[0]))[:12]}" + self.text(text[system.end() :])
        return _PART.sub(lambda found: self._part(found[0]), text)

    def person(self, name: str) -> str:
        """Return another name of a person; also its form that was cut to what contacts hold."""
        other = self.text(name)
        for limit in (SHORTEST_NAME_LIMIT, NAME_LIMIT):
            if len(name) > limit:
                self._phrases.setdefault(fold(name[:limit]), other[:limit])
        return other

    def place(self, dn: str) -> str:
        """Return another place; a DN keeps its form, and each of its names is renamed."""
        return ",".join(self._rdn(part) for part in split(dn))

    def _rdn(self, part: str) -> str:
        value = re.sub(r'([\\,+"<>;=])', r"\\\1", self.text(first_value(part)))
        return f"{part.partition('=')[0]}={value}"

    def _part(self, part: str) -> str:
        folded = fold(part)
        if folded in KEPT_WORDS:
            return part
        if part[:1].isdigit():
            return self._drawn(folded, len(part), "0123456789", "0123456789")
        for prefix in _SYSTEM_PREFIXES:
            if folded.startswith(prefix) and len(folded) == len(part) > len(prefix):
                return part[: len(prefix)] + self._part(part[len(prefix) :])
            if folded == prefix:
                return part
        return _styled(part, self._word(folded))

    def _word(self, folded: str) -> str:
        """Return the other word, in lower case."""
        if folded in self._names:
            return self._names[folded]
        plain = _plain(folded)
        if plain is None or plain == folded:
            return self._drawn(folded, len(folded), _CONSONANTS, _VOWELS)
        alike = _as_peculiar(folded, self._word(plain))
        if alike is None or self._taken.get(fold(alike), folded) != folded:
            return self._drawn(folded, len(folded), _CONSONANTS, _VOWELS)
        self._taken[fold(alike)] = folded
        self._names[folded] = alike
        return alike

    def _drawn(self, key: str, length: int, first: str, second: str) -> str:
        """Draw a word that is nobody's yet; a longer one where all of the length are taken."""
        if key in self._names:
            return self._names[key]
        for number in range(_TRIES * 20):
            size = length + number // _TRIES
            digits = int(self._digest(f"{key}/{number}"), 16)
            word = ""
            for position in range(size):
                letters = first if position % 2 == 0 else second
                digits, index = divmod(digits, len(letters))
                word += letters[index]
                digits = digits or int(self._digest(f"{key}/{number}/{position}"), 16)
            if word not in self._taken and word not in self._avoid:
                break
        self._taken[word] = key
        self._names[key] = word
        return word

    def _digest(self, text: str) -> str:
        return hmac.new(self._salt, text.encode(), hashlib.sha256).hexdigest()


def _plain(folded: str) -> str | None:
    """Return a word in plain Latin letters; None where some letter has none it looks like."""
    bare = "".join(
        one for one in unicodedata.normalize("NFD", folded) if not unicodedata.combining(one)
    )
    plain = "".join(_LOOK_ALIKES.get(one, one) for one in bare)
    return plain if plain.isascii() else None


def _as_peculiar(folded: str, word: str) -> str | None:
    """Give a word the accents and look-alikes of another; None where it has no place for them."""
    accents = [one for one in unicodedata.normalize("NFD", folded) if unicodedata.combining(one)]
    letters = list(word)
    if any(one in _LOOK_ALIKES for one in unicodedata.normalize("NFC", folded)):
        place = next((i for i, one in enumerate(letters) if one in _ALIKE), None)
        if place is None:
            return None
        letters[place] = _ALIKE[letters[place]]
    if accents:
        place = next((i for i, one in enumerate(letters) if one in _VOWELS), None)
        if place is None:
            return None
        letters[place] += "".join(accents)
    return fold("".join(letters))


def _styled(original: str, word: str) -> str:
    """Write a word as another one is written: capitals, full-width letters, decomposed accents."""
    letters = unicodedata.normalize("NFC", original)
    if letters.isupper():
        styled = word.upper() if len(letters) > 1 else word.capitalize()
    else:
        styled = "".join(
            one.upper() if letters[place : place + 1].isupper() else one
            for place, one in enumerate(word)
        )
    if any("\uff21" <= one <= "\uff5a" for one in original):
        styled = "".join(
            chr(ord(one) + 0xFEE0) if one.isalpha() and one.isascii() else one for one in styled
        )
    if unicodedata.normalize("NFC", original) != original:
        styled = unicodedata.normalize("NFD", styled)
    return styled if fold(styled) == fold(word) else word
