"""Finds values of others' resources that are named like a secret and can be read.

Only the name tells, so this is a warning. What certainly is a key is left to `leaks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from muster.resources.codes import Code
from muster.resources.problems import Fault, FieldPath, dotted

_NAMED = re.compile(
    r"(?:password|passwd|passphrase|secret|token|(?:api|private|access)[._-]?key)$", re.IGNORECASE
)

_NO_SECRET = re.compile(
    r"|[/$<*.].*"  # nothing, a path, a variable, a place-holder
    r"|(?:\{\{|ENC\[|ref\+|op://|https?://|vault:).*"  # filled in later, encrypted, elsewhere
    r"|true|false|yes|no|on|off|none|null|\d{1,5}",
    re.IGNORECASE | re.DOTALL,
)


def find_readable_secrets(value: Any) -> Iterator[Fault]:
    """Yield a fault for each entry of a ConfigMap, made or generated, and each variable."""
    if not isinstance(value, dict):
        return
    data = value.get("data") if value.get("kind") == "ConfigMap" else None
    for name, text in data.items() if isinstance(data, dict) else ():
        if _is_secret(name, text):
            yield _fault(("data", name))
    yield from _generated(value.get("configMapGenerator"))
    yield from _in_containers(value, ())


def _generated(generators: Any) -> Iterator[Fault]:
    for index, one in enumerate(generators if isinstance(generators, list) else ()):
        literals = one.get("literals") if isinstance(one, dict) else None
        for place, literal in enumerate(literals if isinstance(literals, list) else ()):
            name, _, text = str(literal).partition("=")
            if _is_secret(name, text):
                yield _fault(("configMapGenerator", index, "literals", place))


def _in_containers(value: Any, path: FieldPath) -> Iterator[Fault]:
    """Walk through what holds containers, at whatever depth a kind keeps them."""
    if isinstance(value, dict):
        for field, inner in value.items():
            yield from _in_containers(inner, (*path, field))
    if not isinstance(value, list):
        return
    for index, inner in enumerate(value):
        at = (*path, index)
        if path[-1:] == ("env",) and isinstance(inner, dict):
            if _is_secret(inner.get("name"), inner.get("value")):
                yield _fault((*at, "value"))
        else:
            yield from _in_containers(inner, at)


def _is_secret(name: Any, text: Any) -> bool:
    if not isinstance(name, str) or not isinstance(text, str):
        return False
    return bool(_NAMED.search(name)) and not _NO_SECRET.fullmatch(text.strip())


def _fault(path: FieldPath) -> Fault:
    return Fault(
        code=Code.READABLE_SECRET,
        path=path,
        message=f"`{dotted(path)}` is named like a secret, and everybody can read its value.",
        advice="Keep it in a Secret outside of git, and refer to that; then change it.",
        on_key=True,
    )
