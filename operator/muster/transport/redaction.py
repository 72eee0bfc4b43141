"""What may be said about a request: keeps keys and bodies out of messages and logs."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

from muster.errors import SpecError
from muster.model.secret import Secret

_MESSAGE_LIMIT = 200
"""Enough for a vendor's sentence; not enough for a page or a record."""

_TALKATIVE = ("httpx", "httpcore", "stamina", "pypsrp", "spnego")
"""Their loggers write whole URLs, answer headers and arguments; ours write what is fit to read.

spnego writes the handshake of NTLM, by which a password can be guessed without asking a server.
"""


def quiet_libraries() -> None:
    """Keep the libraries below us from logging URLs, headers and handshakes."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


class Redactor:
    """Makes foreign text fit for a message: one line, short, without any of the known secrets."""

    def __init__(self, secrets: tuple[Secret, ...]) -> None:
        values = (secret.reveal() for secret in secrets)
        # Longest first, so that a secret that holds another one leaves no rest.
        self._values = tuple(sorted(filter(None, values), key=len, reverse=True))

    def also(self, secrets: tuple[Secret, ...]) -> Redactor:
        """Return a redactor that hides these secrets too."""
        return Redactor((*map(Secret, self._values), *secrets)) if secrets else self

    def clean(self, text: str) -> str:
        """Return the text without secrets and control characters, at most 200 characters."""
        for value in self._values:
            text = text.replace(value, "***")
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
        line = " ".join(printable.split())
        return line if len(line) <= _MESSAGE_LIMIT else line[: _MESSAGE_LIMIT - 1] + "…"


def read_json(
    content: bytes, secret_keys: frozenset[str] = frozenset(), *, with_secrets: bool = False
) -> Any:
    """Return parsed JSON in which no secret is left as text.

    A member of `secret_keys` is dropped from every object; where it is asked for, it holds a
    `Secret`, or None for null. A list or an object of such a name stays: in an error it says
    what is wrong with the field.

    Raises:
        ValueError: it is no JSON. The error carries the whole content: leave its handler
            before you raise another one.
    """

    def shown(value: dict[str, Any]) -> dict[str, Any]:
        for key in secret_keys & value.keys():
            one = value[key]
            if with_secrets and isinstance(one, str):
                value[key] = Secret(one)
            elif not (isinstance(one, list | dict) or (with_secrets and one is None)):
                del value[key]
        return value

    return json.loads(content, object_hook=shown if secret_keys else None)


def secrets_in(body: Any) -> Iterator[Secret]:
    """Yield every `Secret` that a request's body holds."""
    if isinstance(body, Secret):
        yield body
    elif isinstance(body, dict | list):
        for one in body.values() if isinstance(body, dict) else body:
            yield from secrets_in(one)


def revealed(body: Any) -> Any:
    """Return a request's body as it is sent: with the texts of its secrets."""
    if isinstance(body, Secret):
        return body.reveal()
    if isinstance(body, dict):
        return {key: revealed(one) for key, one in body.items()}
    return [revealed(one) for one in body] if isinstance(body, list) else body


def header_value(secret: Secret, what: str) -> Secret:
    """Return the secret when it can stand in an HTTP header.

    Raises:
        SpecError: it is empty or holds spaces, line breaks or letters beyond ASCII. The
            HTTP library would put the whole value into its own error text.
    """
    value = secret.reveal()
    if value and value.isascii() and value.isprintable() and " " not in value:
        return secret
    raise SpecError(
        (
            f"{what} is empty or holds spaces, line breaks or letters that no key has;"
            " supply the secret again, exactly as the vendor shows it.",
        )
    )


def basic_token(user: str, password: Secret) -> Secret:
    """Return what HTTP Basic sends, so that it can be redacted too."""
    return Secret(base64.b64encode(f"{user}:{password.reveal()}".encode()).decode())
