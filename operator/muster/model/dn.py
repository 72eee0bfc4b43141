"""Distinguished names, compared as Active Directory compares them.

Only comparison and cutting live here; a DN is never built from parts of unknown origin.
Escapes follow RFC 4514: `CN=O\\, Brien` and `CN=O\\2C Brien` are the same name.
"""

from __future__ import annotations

import re

_WORDS = r'[^\\,+"<>;= ]+(?: +[^\\,+"<>;= ]+)*'
_PLAIN = re.compile(rf"{_WORDS}={_WORDS}(?:,{_WORDS}={_WORDS})*")
"""Names without anything to escape or to trim; nearly all are, and they need no parsing."""
_TRAILING = re.compile(r"(?<!\\) +$")
_ESCAPE = re.compile(r"((?:\\[0-9a-fA-F]{2})+)|\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"([\\,+\"<>;=])")


def dn_key(dn: str) -> str:
    """Return the canonical form of a DN: equal names have equal keys."""
    if _PLAIN.fullmatch(dn):
        return dn.casefold()
    return ",".join(_rdn_key(rdn) for rdn in split(dn))


def split(dn: str) -> list[str]:
    """Cut a DN at its unescaped, unquoted commas, the object's own name first."""
    parts, start, quoted, escaped = [], 0, False, False
    for position, character in enumerate(dn):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append(dn[start:position])
            start = position + 1
    return [*parts, dn[start:]] if dn else []


def parent_key(key: str) -> str:
    """Return the key of the parent of a canonical DN; empty at the top."""
    if "\\" not in key:
        return key.partition(",")[2]
    return ",".join(split(key)[1:])


def is_below(key: str, ancestor: str) -> bool:
    """Say whether one canonical DN lies anywhere below another."""
    return key.endswith("," + ancestor)


def in_domain(path: str, domain_dn: str) -> str:
    """Return the key of a path that is relative to the domain or already a full DN."""
    key = dn_key(path)
    if any(part.startswith("dc=") for part in split(key)):
        return key
    return f"{key},{dn_key(domain_dn)}"


def first_value(dn: str) -> str:
    """Return the value of the first RDN, unescaped: the object's own name."""
    parts = split(dn)
    return _unescape(parts[0].partition("=")[2].strip()) if parts else ""


def _rdn_key(rdn: str) -> str:
    attribute, _, value = rdn.partition("=")
    plain = _SPECIAL.sub(r"\\\1", _unescape(_TRAILING.sub("", value.lstrip())))
    return f"{attribute.strip()}={plain}".casefold()


def _unescape(value: str) -> str:
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    return _ESCAPE.sub(_unescape_one, value)


def _unescape_one(match: re.Match[str]) -> str:
    if match[1]:
        return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8", "replace")
    return match[2]
