"""What a secret looks like wherever it may have been written: as it is, or encoded once.

`find` decides only whether a place holds a secret. Which places must hold none is left to others.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Anything shorter stands in many texts by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A secret where it must not be; shows its name and never its value."""

    place: str
    secret: str
    form: str


def forms(secret: str) -> dict[str, bytes]:
    """Return the encodings of a secret by name; one that changes nothing is left out."""
    plain, wide = secret.encode(), secret.encode("utf-16-le")
    texts = {
        "JSON": json.dumps(secret)[1:-1],
        "repr": repr(secret)[1:-1],
        "URL": quote(secret, safe=""),
        "form": quote_plus(secret),
        "HTML": html.escape(secret),
    }
    found = {"plain": plain, "UTF-16": wide} | {name: one.encode() for name, one in texts.items()}
    for name, raw in (("", plain), (" of UTF-16", wide)):
        found[f"hex{name}"] = raw.hex().encode()
        found[f"HEX{name}"] = raw.hex().upper().encode()
        for number, text in enumerate(_base64(raw)):
            found[f"base64{name} at {number}"] = text
            found[f"base64url{name} at {number}"] = text.translate(bytes.maketrans(b"+/", b"-_"))
    return {name: one for name, one in found.items() if one != plain or name == "plain"}


def _base64(raw: bytes) -> Iterator[bytes]:
    """Yield what base64 makes of it wherever it begins, as in `user:password`."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw)
        yield whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]


def find(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[Leak]:
    """Return every secret that a place holds in any form; secrets are values by name."""
    return [
        Leak(place=place, secret=name, form=form)
        for name, secret in secrets.items()
        if len(secret) >= SHORTEST
        for form, needle in forms(secret).items()
        for place, content in places.items()
        if needle in content
    ]
