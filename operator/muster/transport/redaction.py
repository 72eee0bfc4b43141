"""What may be said about a request: keeps keys and bodies out of messages and logs."""

from __future__ import annotations

import base64
import logging

from muster.errors import SpecError
from muster.model.secret import Secret

_MESSAGE_LIMIT = 200
"""Enough for a vendor's sentence; not enough for a page or a record."""

_TALKATIVE = ("httpx", "httpcore", "stamina")
"""Their loggers write whole URLs, answer headers and arguments; ours write what is fit to read."""


def quiet_libraries() -> None:
    """Keep the libraries below us from logging URLs and headers."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


class Redactor:
    """Makes foreign text fit for a message: one line, short, without any of the known secrets."""

    def __init__(self, secrets: tuple[Secret, ...]) -> None:
        values = (secret.reveal() for secret in secrets)
        # Longest first, so that a secret that holds another one leaves no rest.
        self._values = tuple(sorted(filter(None, values), key=len, reverse=True))

    def clean(self, text: str) -> str:
        """Return the text without secrets and control characters, at most 200 characters."""
        for value in self._values:
            text = text.replace(value, "***")
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
        line = " ".join(printable.split())
        return line if len(line) <= _MESSAGE_LIMIT else line[: _MESSAGE_LIMIT - 1] + "…"


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
