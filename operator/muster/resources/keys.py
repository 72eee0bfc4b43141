"""Knows what a key looks like, so that one is found in a tree and never repeated in a message."""

from __future__ import annotations

import re

KEYS = re.compile(
    r"(?P<private>-----BEGIN [A-Z ]*PRIVATE KEY-----)"
    r"|(?P<itglue>\bITG\.[0-9A-Fa-f]{16,})"
    r"|(?P<token>(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.)"
    r"|(?P<vault>\bhvs\.[A-Za-z0-9_-]{20,})"
)
"""IT Glue's keys begin with ITG., JSON web tokens with eyJ (base64 of `{"`), tokens of HashiCorp
Vault and OpenBao with hvs. What stands before a token is no part of it, so that a long text is
searched in linear time."""

NAMES = {
    "private": "a private key",
    "itglue": "an IT Glue API key",
    "token": "an access token",
    "vault": "a Vault token",
}


_STARTS = ("PRIVATE KEY-----", "ITG.", "eyJ", "hvs.")
"""What each of them cannot be without; looking for these is ten times as fast."""


def may_hold_key(text: str) -> bool:
    """Say whether a text may hold a key; False is certain."""
    return any(start in text for start in _STARTS)


_SIGN_IN = re.compile(r"(?<=://)\S*@")
"""Whatever stands before the last `@` of an address: a password may hold any character."""


def hide_keys(text: str) -> str:
    """Return a text with the kind of its first key in place of the key and all that follows.

    Who signs in to an address, and by what password, is left out too.
    """
    text = _SIGN_IN.sub("***@", text)
    hit = KEYS.search(text)
    return f"{text[: hit.start()]}({NAMES[str(hit.lastgroup)]})" if hit else text
