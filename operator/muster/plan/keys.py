"""The one normalization by which names and addresses are compared.

Unicode NFKC and casefold; spaces and invisible characters are removed at both ends. Nothing is
transliterated: `Müller` is not `Mueller`, and a Cyrillic look-alike of `jsmith` stays
another name, because the letters of different scripts never fold together.
"""

from __future__ import annotations

import re
import unicodedata

NAME_LIMIT = 30
"""Contacts cut given name and surname at 30 characters, so names are compared on the cut form.

Source: ConnectWise PSA OpenAPI 2022.2, Contact.firstName and lastName (maxLength 30).
"""

SHORTEST_NAME_LIMIT = 20
"""No PSA cuts names shorter. Source: Autotask REST API, Contacts entity, firstName and lastName."""

_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
"""Pasted values carry these; people cannot see them. Inside a name they make another name."""

_OUTSIDE = re.compile(rf"^[\s{_INVISIBLE}]+|[\s{_INVISIBLE}]+$")


def fold(text: str | None) -> str:
    """Return the comparable form of a name, username or address; empty for none."""
    if not text:
        return ""
    if text.isascii():
        return text.strip().lower()
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _OUTSIDE.sub("", unicodedata.normalize("NFKC", folded))


def fold_name(text: str | None, limit: int = NAME_LIMIT) -> str:
    """Return the comparable form of a person's name, on the form that contacts can hold."""
    return fold(text[:limit]) if text else ""
