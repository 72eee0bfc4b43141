"""Distinguished names as RFC 4514 writes them: split, compare, escape.

Two names are the same when their keys are the same. Letters compare without case. Windows
also ignores accents (MS-ADTS 6.5); the lab does not.
"""

from __future__ import annotations

import re
from functools import lru_cache

DnKey = tuple[str, ...]
"""A name in comparable form, the innermost part first."""

_ESCAPED = re.compile(rb"\\([0-9a-fA-F]{2})|\\(.)", re.DOTALL)
_PIECE = re.compile(r"(?:[^\\,\"]|\\.|\"(?:[^\\\"]|\\.)*\")+", re.DOTALL)


class InvalidName(ValueError):
    """The text is not a distinguished name."""


def fold(text: str) -> str:
    """Return text in the form in which it is compared."""
    return text.lower() if text.isascii() else text.casefold()


def escape_value(value: str) -> str:
    """Escape the value of a name's part the way Active Directory returns it."""
    escaped = re.sub(r'([\\,+"<>;=#])', r"\\\1", value).replace("\n", "\\0A").replace("\0", "\\00")
    if escaped[:1] == " ":
        escaped = "\\" + escaped
    if value.endswith(" ") and len(value) > 1:
        escaped = escaped[:-1] + "\\ "
    return escaped


def split(dn: str) -> tuple[str, ...]:
    """Split a name at its commas; escapes stay as they are. Raises InvalidName."""
    if not dn.strip(" "):
        return ()
    pieces = _PIECE.findall(dn)
    if sum(map(len, pieces)) + len(pieces) - 1 != len(dn):
        raise InvalidName(dn)
    return tuple(map(_trim, pieces))


def parse_part(part: str) -> tuple[str, str]:
    """Return the type and the unescaped value of one part; raises InvalidName."""
    kind, sign, value = part.partition("=")
    if not sign or not kind.strip(" "):
        raise InvalidName(part)
    return kind.strip(" "), _unescape(value.lstrip(" "))


@lru_cache(maxsize=65536)
def key(dn: str) -> DnKey:
    """Return the comparable form of a name; raises InvalidName."""
    pairs = (parse_part(part) for part in split(dn))
    return tuple(f"{kind.lower()}={fold(value)}" for kind, value in pairs)


def _trim(piece: str) -> str:
    trimmed = piece.strip(" ")
    backslashes = len(trimmed) - len(trimmed.rstrip("\\"))
    return trimmed + " " if backslashes % 2 else trimmed  # the blank behind it was escaped


def _unescape(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if "\\" not in value:
        return value
    raw = _ESCAPED.sub(
        lambda match: bytes.fromhex(match[1].decode()) if match[1] else match[2], value.encode()
    )
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise InvalidName(value) from exc
