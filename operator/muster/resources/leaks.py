"""Finds text in a tree that is certainly a key, in comments too. The key itself is never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from muster.resources.codes import Code
from muster.resources.files import place_after
from muster.resources.problems import Problem

_KEYS = re.compile(
    r"(?P<private>-----BEGIN [A-Z ]*PRIVATE KEY-----)"
    r"|(?P<itglue>\bITG\.[0-9A-Fa-f]{16,})"
    r"|(?P<token>\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.)"
    r"|(?P<vault>\bhvs\.[A-Za-z0-9_-]{20,})"
)
"""IT Glue's keys begin with ITG., JSON web tokens with eyJ (base64 of `{"`), tokens of HashiCorp
Vault and OpenBao with hvs."""

_NAMES = {
    "private": "a private key",
    "itglue": "an IT Glue API key",
    "token": "an access token",
    "vault": "a Vault token",
}


def find_keys(file: str, text: str) -> Iterator[Problem]:
    """Yield a problem for each key in a file's text."""
    for hit in _KEYS.finditer(text):
        line, column = place_after(text[: hit.start()])
        yield Problem(
            code=Code.SECRET_IN_TREE,
            file=file,
            line=line,
            column=column,
            path="",
            message=f"This looks like {_NAMES[str(hit.lastgroup)]}.",
            advice="Change it, remove it from the history too, and keep it outside of git.",
        )
